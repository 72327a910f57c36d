"""Instances: what of them counts, which way they are taken apart, and which are refused."""

from __future__ import annotations

import asyncio
import collections
import copyreg
import datetime as dt
import fractions
import pathlib
import pickle
import random
import socket
import threading
import types
import uuid
import zoneinfo
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from value_examples import (
    DISTINCT,
    REFUSED,
    Access,
    Colour,
    Digested,
    Failing,
    Foreign,
    Frozen,
    Node,
    Pair,
    Plain,
    Reduced,
    Slotted,
    Stateful,
    Text,
    Words,
    coroutine,
    function,
)
from whorl.digest import Digest
from whorl.errors import InputMissingError, UndigestableError
from whorl.fingerprint.values import digest_argument, hash_value, register_digest, scan_value

if TYPE_CHECKING:
    from collections.abc import Callable


def test_no_two_of_many_values_share_a_digest() -> None:
    """Classes, states, zones, digits and wrapped objects all count."""
    seen: dict[Digest, object] = {}
    for make in DISTINCT:
        value = make()
        digest = hash_value(value)

        assert digest not in seen, (value, seen.get(digest))
        seen[digest] = value


@pytest.mark.parametrize("make", DISTINCT, ids=range(len(DISTINCT)))
def test_a_value_made_again_has_the_same_digest(make: Callable[[], object]) -> None:
    """Addresses, caches and the order of creation do not count."""
    assert hash_value(make()) == hash_value(make())


@pytest.mark.parametrize(
    "value",
    [
        Plain(x=[1, {"y": 2}]),
        Slotted(1, 2),
        Stateful(kept=1),
        Reduced(kept=[1]),
        Colour.RED,
        Access.READ | Access.WRITE,
        Pair(1, Node(2)),
        Frozen(1, 2),
        collections.OrderedDict(a=1),
        collections.Counter("abc"),
        collections.deque([1], 3),
        ValueError("x"),
        OSError(2, "x", "file"),
        dt.datetime(2020, 1, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
        Decimal("1.00"),
        uuid.UUID(int=5),
        random.Random(1),
        types.SimpleNamespace(a=1),
        fractions.Fraction(1, 2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_pickled_value_comes_back_with_its_digest(value: object) -> None:
    """A stored value is the value: what pickle keeps is what counts."""
    assert hash_value(pickle.loads(pickle.dumps(value))) == hash_value(value)


def test_a_circle_of_instances_ends() -> None:
    """An instance that knows itself, or its parent, is walked once."""
    first, second = Plain(x=1), Plain(x=1)
    first.me, second.me = first, second  # type: ignore[attr-defined]
    parent = Node("parent")
    parent.next = [Node("child", parent), Node("child", parent)]

    assert hash_value(first) == hash_value(second) != hash_value(Plain(x=1, me=Plain(x=1)))
    assert isinstance(hash_value(parent), Digest)


def test_a_circle_through_a_set_ends() -> None:
    """Elements of a set that know the set have no order among them."""

    def make() -> Plain:
        owner = Plain()
        owner.members = {Plain(index=index, owner=owner) for index in range(20)}  # type: ignore[attr-defined]
        return owner

    assert hash_value(make()) == hash_value(make())


def test_ten_thousand_linked_instances_are_walked() -> None:
    """A chain is as deep as it is long."""
    chain: object = None
    for index in range(10_000):
        chain = Node(index, chain)

    assert isinstance(hash_value(chain), Digest)


def test_a_mesh_of_instances_in_sets_is_given_up_in_time() -> None:
    """Nobody can put them in order; the error says what to do."""
    mesh = [Plain(index=index) for index in range(12)]
    for one in mesh:
        one.friends = set(mesh)  # type: ignore[attr-defined]
    with pytest.raises(UndigestableError, match="too many ways"):
        hash_value(mesh[0])


def test_state_that_is_left_out_does_not_count() -> None:
    """``__getstate__`` and ``__reduce__`` are the class's word."""
    assert hash_value(Stateful(kept=1, lock=threading.Lock())) == hash_value(Stateful(kept=1, cache=2))
    assert hash_value(Reduced(kept=1, lock=threading.Lock())) == hash_value(Reduced(kept=1))


def test_an_overridden_method_does_not_hide_what_a_list_holds() -> None:
    """Subclasses of built-in types count by what they hold."""
    assert hash_value(Words([1, 2])) != hash_value(Words([1, 3]))


def test_attributes_of_subclasses_of_built_in_types_count() -> None:
    """They are state like any other."""
    one, two = Text("a"), Text("a")
    two.note = "x"
    words = Words([1])
    words.note = 1  # type: ignore[attr-defined]

    assert hash_value(one) != hash_value(two)
    assert hash_value(words) != hash_value(Words([1]))


def test_the_own_order_of_an_ordered_dict_counts() -> None:
    """``move_to_end`` changes what iteration sees."""
    moved = collections.OrderedDict(a=1, b=2)
    moved.move_to_end("a")

    assert hash_value(moved) == hash_value(collections.OrderedDict(b=2, a=1))


def test_a_class_says_how_it_is_digested() -> None:
    """``__whorl_digest__`` comes first; what it returns is digested in turn, and code in it counts."""
    assert hash_value(Digested([1])) == hash_value(Digested([1])) != hash_value(Digested([2]))
    assert scan_value(Digested(function)).refs == (function,)
    digest = hash_value(1)
    assert hash_value(Digested(digest)) == hash_value(Digested(Digest(digest.bytes)))


def test_a_registered_function_says_how_a_type_is_digested() -> None:
    """For types that one cannot change; subclasses too, under their own name."""
    with pytest.raises(UndigestableError):
        hash_value(Foreign(1))
    register_digest(Foreign, lambda obj: obj.value)  # type: ignore[attr-defined]

    class Sub(Foreign):
        pass

    assert hash_value(Foreign(1)) == hash_value(Foreign(1)) != hash_value(Foreign(2))
    assert hash_value(Sub(1)) != hash_value(Foreign(1))


def test_an_error_of_the_users_method_passes() -> None:
    """It is the user's; a note says where it happened."""

    class Missing:
        def __whorl_digest__(self) -> object:
            raise KeyError("x")

    with pytest.raises(KeyError) as raised:
        digest_argument([Missing()], "args/x")
    assert any("args/x[0]" in note for note in raised.value.__notes__)


def test_a_missing_file_in_an_argument_is_a_missing_file() -> None:
    """Errors of whorl keep their kind."""
    from whorl import File

    with pytest.raises(InputMissingError):
        hash_value({"file": File("/nowhere/at/all")})


def test_a_state_that_cannot_be_read_is_refused() -> None:
    """The cause says what was raised."""
    with pytest.raises(UndigestableError, match="no line") as raised:
        hash_value(Plain(x=Failing()))

    assert isinstance(raised.value.__cause__, ConnectionError)


def test_copyreg_is_heard() -> None:
    """What pickle is told holds here too."""

    class Hidden(Plain):
        pass

    copyreg.pickle(Hidden, lambda obj: (Hidden, (), {"kept": obj.kept}))  # type: ignore[arg-type,attr-defined]

    assert hash_value(Hidden(kept=1, other=threading.Lock())) == hash_value(Hidden(kept=1))


@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in REFUSED.items()])
def test_what_has_no_readable_state_is_refused_with_its_path(make: Callable[[], object]) -> None:
    """Never a constant, never a random value: an error that leads to it."""
    with pytest.raises(UndigestableError, match=r"^args/config\.model\.lock: ") as raised:
        digest_argument({"model": Plain(lock=make())}, "args/config")

    assert raised.value.cause
    assert raised.value.tip


def test_open_files_sockets_and_coroutines_are_refused() -> None:
    """They belong to the running process."""
    running = coroutine()
    loop = asyncio.new_event_loop()
    try:
        with open("/dev/null") as file, socket.socket() as connection:
            for value in (file, connection, running, loop):
                with pytest.raises(UndigestableError, match=r"^value\[0\]: "):
                    hash_value([value])
    finally:
        running.close()
        loop.close()


def test_types_are_those_of_the_instances_met() -> None:
    """Own classes decide how an argument behaves; built-in ones do not."""
    scan = scan_value([Plain(a=Node(1)), Node(2), {"x": Colour.RED}, 1, "x"])

    assert scan.types == (Plain, Node, Colour)


def test_what_an_own_path_was_asked_for_does_not_count() -> None:
    """It remembers its text, its parts and its hash, which is another one in each process."""

    class Own(type(pathlib.Path())):  # type: ignore[misc]
        """A path that holds something."""

    path = Own("a/b")
    before = hash_value(path)
    hash(path), str(path), path.parts
    after = hash_value(path)
    path.note = 1

    assert after == before != hash_value(path)
