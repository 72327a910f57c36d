"""Memos: what stages put into globals for themselves costs no result, and what others put there counts."""

from __future__ import annotations

import gc
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fresh_modules import fresh_module
from whorl import NotFollowedWarning, UndigestableError, observe
from whorl.fingerprint.data import state_of_value
from whorl.fingerprint.nodes import Place
from whorl.fingerprint.settled import Change, Writing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("whorl_store")


MEMO = """
import io, threading
import dask.dataframe as dd, pandas as pd, polars as pl
from whorl import stage

CLIENTS = {}
NESTED = {"inner": {}}
LOG = io.StringIO()
class Holder: ...
HOLDER = Holder()
HOLDER.kept = {}

def client(name):
    return CLIENTS.setdefault(name, threading.Lock())

@stage(cache=True)
def asking(name="a"):
    return str(client(name))

@stage(cache=True)
def planning():
    CLIENTS["plan"] = pl.DataFrame({"a": [1]}).lazy()
    return 1

@stage(cache=True)
def nesting():
    NESTED["inner"].update(lock=threading.Lock(), number=1)
    return 1

@stage(cache=True)
def holding():
    HOLDER.kept["lock"] = threading.Lock()
    return 1

@stage(cache=True)
def logging():
    LOG.write("ran")
    return 1

class Sensor:
    def __init__(self, gain):
        self.gain, self.lock = gain, threading.Lock()
    def read(self, x):
        return x * self.gain

REGISTRY = {}
PLAIN = {}

@stage(cache=True)
def setting_up(gain):
    REGISTRY["sensor"] = Sensor(gain)
    PLAIN["gain"] = gain
    return gain

@stage(cache=True)
def measuring(x):
    return REGISTRY["sensor"].read(x)

@stage(cache=True)
def scaling(x):
    return PLAIN["gain"] * x

POOL = {"default": threading.Lock()}
STATE = {"lock": threading.Lock(), "connection": None, "calls": 0}
class Service:
    def __init__(self):
        self.lock, self.connection = threading.Lock(), None
    def connect(self):
        if self.connection is None:
            self.connection = threading.Lock()
        return 1
SERVICE = Service()

@stage(cache=True)
def pooling():
    POOL.setdefault("mine", threading.Lock())
    return 1

@stage(cache=True)
def connecting():
    with STATE["lock"]:
        if STATE["connection"] is None:
            STATE["connection"] = threading.Lock()
        STATE["calls"] += 1
    return 1

@stage(cache=True)
def serving():
    return SERVICE.connect()

@stage(cache=True)
def framing():
    if "frame" not in CLIENTS:
        CLIENTS["frame"] = dd.from_pandas(pd.DataFrame({"a": [1, 2]}), npartitions=1)
    return int(CLIENTS["frame"].a.sum().compute())
"""


FILLING = [
    "asking", "planning", "nesting", "holding", "logging", "pooling", "connecting", "serving", "framing",
]  # fmt: skip


@pytest.fixture
def memos(tmp_path: Path) -> Iterator[Any]:
    """Give a module whose stages put things without a digest into its globals."""
    with fresh_module(MEMO, tmp_path) as module:
        yield module


@pytest.mark.parametrize("name", FILLING)
def test_what_a_stage_puts_into_a_memo_costs_no_result(name: str, memos: Any) -> None:
    """A dictionary of clients is filled in each process: the first result of each is stored, and found by the next."""
    call = getattr(memos, name)
    with observe() as outcomes:
        with pytest.warns(NotFollowedWarning, match="the value at first use counts"):
            call()
        call()

    assert [outcome.kind for outcome in outcomes] == ["ran", "hit"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("connecting", ["STATE['calls']", "STATE['connection']"]), ("serving", ["SERVICE.connection"])],
)
def test_the_warning_names_what_changed_as_people_find_it(name: str, expected: list[str], memos: Any) -> None:
    """The item or the attribute, in the global that holds it."""
    with pytest.warns(NotFollowedWarning) as warned:
        getattr(memos, name)()
    places = ", ".join(f"{memos.__name__}.{place}" for place in expected)

    assert [str(each.message) for each in warned] == [
        f"the stage itself changes {places}: the value at first use counts"
    ]


def test_a_memo_that_grows_is_named_once(memos: Any) -> None:
    """Not with each of a thousand clients in it."""
    with pytest.warns(NotFollowedWarning) as warned:
        memos.asking("a")
    memos.asking("b")  # a warning would be an error here

    assert [str(each.message) for each in warned] == [
        f"the stage itself changes {memos.__name__}.CLIENTS: the value at first use counts"
    ]


@pytest.mark.filterwarnings("ignore::whorl.NotFollowedWarning")
def test_a_memo_may_grow_and_become_readable_again(memos: Any) -> None:
    """Whatever the stage itself puts into it later; another argument is another result all the while."""
    with observe() as outcomes:
        memos.asking("a")
        memos.asking("b")
        memos.asking("a")
        memos.asking("b")
        memos.CLIENTS.clear()
        memos.asking("a")

    assert [outcome.kind for outcome in outcomes] == ["ran", "ran", "hit", "hit", "hit"]


@pytest.mark.filterwarnings("ignore::whorl.NotFollowedWarning")
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("asking", 'CLIENTS["a"] = threading.Lock()'),
        ("asking", 'CLIENTS["rate"] = 3'),
        ("nesting", 'NESTED["inner"].update(more=1)'),
        ("holding", "HOLDER.kept.update(rate=3)"),
        ("holding", "setattr(HOLDER, 'rate', 3)"),
        ("logging", "LOG.write('by somebody else')"),
    ],
)
def test_what_somebody_else_puts_into_a_memo_counts(name: str, change: str, memos: Any) -> None:
    """The stage's own things stand for nothing any more once somebody else has been there."""
    call = getattr(memos, name)
    with observe() as outcomes:
        call()
        exec(change, vars(memos))
        call()

    assert [outcome.kind for outcome in outcomes] == ["ran", "ran"]


@pytest.mark.filterwarnings("ignore::whorl.NotFollowedWarning")
@pytest.mark.parametrize(("name", "expected"), [("measuring", [20, 30]), ("scaling", [20, 30])])
def test_who_only_reads_sees_what_others_have_put_there(name: str, expected: list[int], memos: Any) -> None:
    """What one stage fills and another reads counts for the reader as it is."""
    found = []
    for gain in (2, 3):
        memos.setting_up(gain)
        found.append(getattr(memos, name)(10))

    assert found == expected


@pytest.mark.filterwarnings("ignore::whorl.NotFollowedWarning")
def test_a_plan_in_a_memo_that_is_changed_in_place_is_not_served(memos: Any) -> None:
    """The same object, and other numbers in it."""
    first = memos.framing()
    memos.CLIENTS["frame"]["a"] *= 100

    assert first == 3
    with pytest.raises(UndigestableError):
        memos.framing()


def test_data_that_cannot_be_read_is_never_what_it_was() -> None:
    """Nobody sees what is changed in place there: an array with a lock in it, or at it."""

    class Own(np.ndarray):  # type: ignore[type-arg]
        lock: object = None

    tied: Any = np.arange(3).view(Own)
    tied.lock = threading.Lock()
    within = np.array([threading.Lock(), 1], object)

    assert state_of_value({"a": tied}) != state_of_value({"a": tied})
    assert state_of_value([within]) != state_of_value([within])


def test_a_memo_of_objects_that_refer_to_each_other_is_walked_once() -> None:
    """Every object is looked at once, however many ways lead to it, and however long the chain."""
    peers: list[Any] = [{"lock": threading.Lock(), "peers": []} for _ in range(12)]
    for peer in peers:
        peer["peers"].extend(peers)
    chain: Any = {"lock": threading.Lock()}
    for _ in range(2 * sys.getrecursionlimit()):
        chain = {"next": chain}

    assert state_of_value(peers) == state_of_value(peers)
    assert state_of_value(chain) == state_of_value(chain)


def test_what_was_decided_for_a_stage_goes_with_it() -> None:
    """Stages may be made in a loop: nothing that is remembered of a place holds them."""
    change = Change(place=Place({}, "K"), name="K", by=Writing(("K",)))

    def root() -> None:
        K.append(1)  # type: ignore[name-defined] # noqa: F821

    decided = change.decide(root, [root.__code__])
    kept = len(change.decisions)
    del root
    gc.collect()

    assert (decided, kept, len(change.decisions)) == (True, 1, 0)
