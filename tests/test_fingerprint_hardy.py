"""Strange values, and values that other threads change meanwhile, neither break a fingerprint nor leave an old one."""

from __future__ import annotations

import datetime as dt
import functools
import statistics
import sys
import threading
from types import FunctionType
from typing import TYPE_CHECKING, Any

import pytest

from whorl.fingerprint.code import fingerprint
from whorl.fingerprint.shown import short_text

if TYPE_CHECKING:
    from collections.abc import Callable


def stage_over(value: object, body: str = "return V") -> FunctionType:
    """Make a stage that reads a value as a global."""
    namespace: dict[str, Any] = {"__name__": "hardy", "V": value}
    exec(f"def stage():\n    {body}\n", namespace)
    stage = namespace["stage"]
    assert isinstance(stage, FunctionType)
    return stage


def digest(value: object, body: str = "return V") -> str:
    """Fingerprint a stage that reads a value."""
    return fingerprint(stage_over(value, body)).digest.hex()


class Locked(dict[str, object]):
    """A dictionary that cannot be digested whole."""

    def __init__(self, **items: object) -> None:
        super().__init__(**items)
        self.lock = threading.Lock()


class LockedList(list[int]):
    """A list that cannot be digested whole."""

    def __init__(self, *items: int) -> None:
        super().__init__(items)
        self.lock = threading.Lock()


class LockedTuple(tuple[int, ...]):  # noqa: SLOT001 - it has a namespace
    """A tuple that cannot be digested whole."""

    lock: object


class LockedSet(set[int]):
    """A set that cannot be digested whole."""

    lock: object


class Slotted:
    """An object with a slot beside its namespace."""

    __slots__ = ("__dict__", "a")

    def __init__(self, a: int) -> None:
        self.a, self.lock = a, threading.Lock()


def with_lock(value: Any) -> Any:
    """Give an object a lock."""
    value.lock = threading.Lock()
    return value


class Key:
    """A key that is told by its value alone."""

    def __init__(self, number: int) -> None:
        self.number = number


PARTLY: dict[str, Callable[[int], object]] = {
    "dict": lambda n: Locked(a=n),
    "list": LockedList,
    "tuple": lambda n: with_lock(LockedTuple((n,))),
    "set": lambda n: with_lock(LockedSet((n,))),
    "slots": Slotted,
    "keys": lambda n: {"lock": threading.Lock(), Key(n): 1},
    "long keys": lambda n: {"lock": threading.Lock(), "a" * 200 + str(n) + "b" * 200: 1},
}


@pytest.mark.parametrize("name", PARTLY)
def test_what_stands_beside_a_lock_counts(name: str) -> None:
    """One part without a digest does not hide the others."""
    make = PARTLY[name]

    assert digest(make(1)) == digest(make(1))
    assert digest(make(1)) != digest(make(2))


def test_a_change_beside_a_lock_is_seen_in_a_living_process() -> None:
    """The parts are asked again at each re-check."""
    held = Locked(a=1)
    stage = stage_over(held, "return V['a']")
    before = fingerprint(stage).digest
    held["a"] = 2

    assert fingerprint(stage).digest != before


STRANGE: dict[str, Callable[[], object]] = {
    "a number of many digits": lambda: 10**5000,
    "a namespace with another key": lambda: FunctionType((lambda: 1).__code__, {"__name__": "strange", 5: 1}),
    "a class with another key": lambda: type("Made", (), {5: 1}),  # type: ignore[dict-item]
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_value_has_a_fingerprint(name: str) -> None:
    """Nothing that a program can make stops a stage."""
    assert digest(STRANGE[name]()) != digest(None)


def test_what_stands_for_a_module_has_a_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    """An object with slots may stand in the table of modules."""
    monkeypatch.setitem(sys.modules, "hardy_slotted", object.__new__(type("Made", (), {"__slots__": ()})))  # type: ignore[arg-type]

    assert digest(None, "import hardy_slotted; return V")


def test_function_attributes_with_another_key_have_a_fingerprint() -> None:
    """Attributes are put in order, whatever their names are."""
    function = stage_over(1)
    vars(function)[5] = 1  # type: ignore[index]
    vars(function)["a"] = 1

    assert fingerprint(function).digest


def test_showing_a_value_that_changes_does_not_raise() -> None:
    """What is shown is for people: it may be incomplete."""
    shrinking: dict[object, int] = {}

    class Vanishing:
        def __lt__(self, _: object) -> bool:
            shrinking.clear()
            return True

    shrinking.update({Vanishing(): 1, Vanishing(): 2})

    assert short_text(shrinking)


def test_filled_keyword_defaults_are_seen() -> None:
    """The dictionary is watched while it is empty, too."""

    def stage(*, a: int) -> int:
        return a

    stage.__kwdefaults__ = {}
    before = fingerprint(stage).digest
    stage.__kwdefaults__["a"] = 1

    assert fingerprint(stage).digest != before


def test_replaced_attributes_of_a_function_are_seen() -> None:
    """A function takes another namespace whole."""
    stage = stage_over(1)
    stage.__dict__ = {"a": 1}
    before = fingerprint(stage).digest
    stage.__dict__ = {"a": 2}

    assert fingerprint(stage).digest != before


class Zone(dt.tzinfo):
    """A zone that changes."""

    def __init__(self) -> None:
        self.hours = 1

    def utcoffset(self, _: object) -> dt.timedelta:
        """Give the hours."""
        return dt.timedelta(hours=self.hours)

    def dst(self, _: object) -> None:
        """Give nothing."""

    def tzname(self, _: object) -> str:
        """Give a name."""
        return "zone"

    def __getinitargs__(self) -> tuple[()]:
        return ()


def test_a_zone_that_changes_in_place_is_seen() -> None:
    """A time is fixed as long as its zone is."""
    zone = Zone()
    stage = stage_over(dt.datetime(2020, 1, 1, tzinfo=zone))
    before = fingerprint(stage).digest
    zone.hours = 2

    assert fingerprint(stage).digest != before


ENUM = """
import enum
class E(float, enum.Enum):
    def __new__(cls, value, weight):
        made = float.__new__(cls, weight)
        made._value_ = value
        return made
    A = 1, {weight}
def stage(): return E.A + 0
"""


def test_the_data_type_of_an_enum_member_counts() -> None:
    """A member is more than its value: here a float that the value does not tell."""
    stages = []
    for weight in (1.5, 1.5, 2.5):
        namespace: dict[str, Any] = {"__name__": "hardy"}
        exec(ENUM.format(weight=weight), namespace)
        stages.append(namespace["stage"])
    first, same, other = (fingerprint(stage).digest for stage in stages)

    assert first == same
    assert first != other


def test_code_that_changes_while_it_is_described_is_seen_afterwards() -> None:
    """What was described is what is watched: a switch of threads between leaves no old state for good."""
    helper = stage_over(1, "return 1")
    stage = stage_over(helper, "return V()")
    new = stage_over(1, "return 2").__code__

    def switch(frame: Any, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_name == "dotted_name" and frame.f_locals["function"] is helper:
            helper.__code__ = new

    sys.setprofile(switch)
    try:
        during = fingerprint(stage).digest
    finally:
        sys.setprofile(None)
    after = fingerprint(stage).digest

    assert during != after
    assert after.hex() == digest(stage_over(1, "return 2"), "return V()")


def test_values_that_other_threads_change_have_a_fingerprint() -> None:
    """Objects and dictionaries are read while they grow and shrink."""
    growing: dict[object, object] = {}
    held = Slotted(1)
    stages = [stage_over(growing), stage_over(held)]
    done = threading.Event()

    def change() -> None:
        number = 0
        while not done.is_set():
            growing[number] = [number]
            growing.pop(number - 50, None)
            setattr(held, f"a{number}", number)
            vars(held).pop(f"a{number - 20}", None)
            number += 1

    thread = threading.Thread(target=change)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        found = [fingerprint(stage).digest for _ in range(200) for stage in stages]
    finally:
        done.set()
        thread.join()
        sys.setswitchinterval(interval)

    assert len(found) == 400


def test_what_libraries_register_with_a_library_does_not_count() -> None:
    """It depends on what was imported by now; what own code registers there counts."""
    generic = functools.singledispatch(statistics.mean)
    stage = stage_over(generic, "return V(1)")
    before = fingerprint(stage).digest
    generic.register(int, statistics.median)
    with_foreign = fingerprint(stage).digest
    generic.register(str, lambda _: 1)

    assert with_foreign == before
    assert fingerprint(stage).digest != before


def test_values_that_hold_each_other_and_have_parts_without_digest_end() -> None:
    """Whose project a value belongs to is asked along those that hold it, who may go round in a circle."""
    namespace: dict[str, object] = {"__name__": "circle"}
    text = (
        "import threading\nclass A: pass\nA.left, A.right = A(), A()\n"
        "for one, other in ((A.left, A.right), (A.right, A.left)):\n"
        "    one.path, one.other, one.lock = ['/data'], other, threading.Lock()\n"
        "def stage(x): return A.left.path\n"
    )
    exec(compile(text, "<circle>", "exec"), namespace)

    assert fingerprint(namespace["stage"]).digest == fingerprint(namespace["stage"]).digest


def test_a_session_maker_that_is_given_another_engine_is_seen() -> None:
    """As many parts as before, and another one among them."""
    sqlalchemy = pytest.importorskip("sqlalchemy")
    orm = pytest.importorskip("sqlalchemy.orm")
    first, second = (sqlalchemy.create_engine("sqlite://", json_serializer=each) for each in (repr, str))
    session = orm.sessionmaker(first)

    def stage() -> object:
        return session()

    digests = []
    for engine in (first, second, first):
        session.configure(bind=engine)
        digests.append(fingerprint(stage).digest)

    assert digests[0] == digests[2] != digests[1]
