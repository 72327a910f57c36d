"""Values of built-in types: what counts in their digests, and how far the walk goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectors.whorl_vectors import VECTORS, digest_value
from whorl.digest import Digest, encode_value
from whorl.errors import UndigestableError
from whorl.fingerprint.values import hash_value, scan_value

if TYPE_CHECKING:
    from collections.abc import Callable

PINNED = json.loads(VECTORS.read_text(encoding="utf-8"))["values"]
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.text(), st.binary(), st.just(...)
)
HASHABLE = st.deferred(lambda: LEAVES | st.lists(HASHABLE, max_size=3).map(tuple) | st.frozensets(HASHABLE, max_size=3))
VALUES: st.SearchStrategy[object] = st.deferred(
    lambda: (
        HASHABLE
        | st.lists(VALUES, max_size=4)
        | st.dictionaries(HASHABLE, VALUES, max_size=4)
        | st.sets(HASHABLE, max_size=4)
    )
)


def shape(value: object) -> object:
    """Write a value so that two texts are equal only if code cannot tell the values apart."""
    if isinstance(value, float):
        return f"float {value.hex()} {str(value)[0]}"
    if isinstance(value, complex):
        return [shape(value.real), shape(value.imag), "complex"]
    if isinstance(value, dict):
        return ["dict", *([shape(key), shape(held)] for key, held in value.items())]
    if isinstance(value, set | frozenset):
        return [type(value).__name__, *sorted(map(str, map(shape, value)))]
    if isinstance(value, list | tuple):
        return [type(value).__name__, *map(shape, value)]
    return f"{type(value).__name__} {value!r}"


def copied(value: object) -> object:
    """Build a value again, sharing nothing and adding to sets in another order."""
    if isinstance(value, dict):
        return {copied(key): copied(held) for key, held in value.items()}
    if isinstance(value, set | frozenset):
        return type(value)(sorted(map(copied, value), key=repr, reverse=True))
    if isinstance(value, list | tuple):
        return type(value)(map(copied, value))
    return value


@pytest.mark.parametrize("entry", PINNED, ids=lambda entry: entry["python"][-40:])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_values_have_their_pinned_digest(entry: dict) -> None:
    """Arguments in keys are made of these; one that changes needs a new scheme number."""
    assert digest_value(entry["python"]).hex() == entry["digest"]


@given(VALUES, VALUES)
def test_two_values_share_a_digest_only_if_code_cannot_tell_them_apart(left: object, right: object) -> None:
    """Types, order, bits and borders count."""
    assert (hash_value(left) == hash_value(right)) == (shape(left) == shape(right))


@given(VALUES)
def test_a_copy_has_the_same_digest(value: object) -> None:
    """Sharing and the order in which a set was filled do not count."""
    assert hash_value(copied(value)) == hash_value(value)
    assert hash_value([value, value]) == hash_value([value, copied(value)])


def test_types_that_compare_equal_are_different_values() -> None:
    """``1 == True == 1.0``, and yet code can tell them apart."""
    alike = [1, True, 1.0, 1 + 0j, "1", b"1", bytearray(b"1"), (1,), [1], {1}, frozenset({1}), {1: 1}, [[1]], [(1,)]]

    assert len({hash_value(value) for value in alike}) == len(alike)


def test_zeros_and_nans_count_by_their_bits() -> None:
    """``-0.0`` is not ``0.0``, and a NaN is itself."""
    assert hash_value(-0.0) != hash_value(0.0)
    assert hash_value(float("nan")) == hash_value(float("nan")) != hash_value(-float("nan"))


def test_the_order_of_a_dict_counts_and_that_of_a_set_does_not() -> None:
    """Code that iterates sees the one and must not rely on the other."""
    assert hash_value({"a": 1, "b": 2}) != hash_value({"b": 2, "a": 1})
    assert hash_value({8, 0, 16}) == hash_value({16, 8, 0})


@pytest.mark.parametrize("size", [65535, 65536, 65537, 1 << 20, (2 << 20) + 1, 5_000_000])
def test_long_text_and_bytes_differ_by_one_character(size: int) -> None:
    """They are hashed in place, in parallel; every part counts."""
    text = "x" * size
    digests = {hash_value(text), hash_value(text + "x"), hash_value(text[:-1] + "y"), hash_value("y" + text[1:])}

    assert len(digests | {hash_value(text.encode()), hash_value(bytearray(text.encode()))}) == 6
    assert hash_value([text, text]) == hash_value([text, "".join(["x"] * size)])


@pytest.mark.parametrize("bits", [7, 8, 63, 64, 65, 1000, 100_000])
def test_integers_of_any_size_have_a_digest(bits: int) -> None:
    """There is no word size in Python."""
    numbers = [sign * (2**bits + offset) for sign in (1, -1) for offset in (-1, 0, 1)]

    assert len({hash_value(number) for number in numbers}) == 6


def test_lone_surrogates_are_text() -> None:
    """File names that are not UTF-8 hold them."""
    assert len({hash_value(text) for text in ["\ud800", "\udfff", "a\ud800", "?"]}) == 4
    assert hash_value("\ud800" * 70_000) != hash_value("\ud801" * 70_000)


@pytest.mark.parametrize(
    "wrap",
    [lambda x: [x], lambda x: (x,), lambda x: {1: x}, lambda x: frozenset([x]), lambda x: [(x,)]],
    ids=["list", "tuple", "dict", "frozenset", "both"],
)
def test_nesting_has_no_limit(wrap: Callable[[object], object]) -> None:
    """100,000 levels do not touch the stack of the machine."""
    value: object = ()
    for _ in range(100_000):
        value = wrap(value)

    assert hash_value(value) != hash_value(wrap(value))


def test_a_list_that_holds_itself_twice_over_is_walked_once() -> None:
    """Two to the hundredth power of visits would take forever."""
    value: list[object] = [1]
    other: list[object] = [2]
    for _ in range(100):
        value, other = [value, value], [other, other]

    assert hash_value(value) != hash_value(other)


def test_circles_have_digests() -> None:
    """A list that holds itself is one value, whoever built it."""
    first: list[object] = []
    first.append(first)
    second: list[object] = []
    second.append(second)
    longer: list[object] = [[]]
    longer[0].append(longer)  # type: ignore[attr-defined]

    assert hash_value(first) == hash_value(second) != hash_value(longer)
    assert hash_value([first, first]) == hash_value([first, second])


def test_circles_through_every_container_end() -> None:
    """Mutable containers close circles; what lies between does not matter."""
    dictionary: dict[str, object] = {}
    through: list[object] = [((dictionary,),)]
    dictionary["list"] = through
    dictionary["self"] = dictionary

    assert hash_value(dictionary) != hash_value(through)


def test_where_a_circle_leads_back_to_counts() -> None:
    """The inner or the outer list: code can tell."""
    inner: list[object] = [[]]
    inner[0].append(inner[0])  # type: ignore[attr-defined]
    outer: list[object] = [[]]
    outer[0].append(outer)  # type: ignore[attr-defined]

    assert hash_value(inner) != hash_value(outer)


def test_a_mesh_of_lists_that_all_know_each_other_is_walked_in_time() -> None:
    """There are more ways through it than could ever be walked."""
    mesh: list[list[object]] = [[index] for index in range(1000)]
    for one in mesh:
        one.extend(mesh)

    assert hash_value(mesh) == hash_value(mesh)


def test_digests_do_not_depend_on_the_seed_of_python() -> None:
    """Two processes agree on sets, on sets in sets, and on sets of functions."""
    script = textwrap.dedent("""
        from whorl.fingerprint.values import hash_value
        def one(): return 1
        def two(): return 2
        words = ["w" + str(index) for index in range(50)]
        print(hash_value([{*words}, {frozenset(words[:9]), frozenset(words[9:])}, {one, two, len}, {one: {two}}]))
    """)
    printed = {
        subprocess.run(
            [sys.executable, "-c", script],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("0", "1", "2", "random")
    }

    assert len(printed) == 1


def test_a_container_that_changes_while_it_is_walked_is_an_error() -> None:
    """What ``describe`` runs may do anything; a digest of some mixture would be a lie."""
    values: list[object] = [object(), 1]

    def describe(_: object) -> tuple[object, ...]:
        values.append(1)
        return ("leaf", "thing", None)

    with pytest.raises(UndigestableError, match="changed its size"):
        encode_value(values, describe)


def test_the_path_in_an_error_leads_to_the_value() -> None:
    """Attributes, keys and positions, as one would write them."""
    bad = iter([])
    with pytest.raises(UndigestableError, match=r"^args/config\.models\[1\]\[\"a b\"\]\[7\]: "):
        scan_value({"models": [0, {"a b": {7: bad}}]}, "args/config")
    with pytest.raises(UndigestableError, match=r"^value\{…\}\[0\]: "):
        scan_value({(bad,)})
    with pytest.raises(UndigestableError, match=r"the key"):
        scan_value({bad: 1})


def test_an_undigestable_error_says_what_to_do() -> None:
    """Message, cause and tip; it is a TypeError, and survives pickling."""
    with pytest.raises(UndigestableError) as raised:
        hash_value(iter([]))

    assert isinstance(raised.value, TypeError)
    assert raised.value.cause
    assert "__whorl_digest__" in raised.value.tip


def test_code_objects_are_handed_back_in_the_order_they_were_met() -> None:
    """In the digest they are ordinals; equal ones share theirs."""

    def one() -> None: ...
    def two() -> None: ...

    scan = scan_value([one, {"k": two}, one])

    assert scan.refs == (one, two)
    assert scan.digest == scan_value([two, {"k": one}, two]).digest != scan_value([one, {"k": two}, two]).digest


def test_sets_of_code_objects_have_no_order() -> None:
    """They are handed back in an order that does not depend on addresses."""

    def one() -> int:
        return 1

    def two() -> int:
        return 2

    assert scan_value({one, two}) == scan_value({two, one})
    assert hash_value({one, two}) != hash_value({one})
    assert isinstance(hash_value({(one, 1), (two, 1)}), Digest)
