"""What is done to a stage's value on the way to its user counts for the user; what else a review found."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import whorl
from whorl import cache, config, stage, timeseries
from whorl.errors import StoreWarning

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def store(tmp_path: Path) -> Iterator[None]:
    """Give each test a store of its own, and an empty memory."""
    whorl.clear_memoizer()
    with config.options(filesystem=str(tmp_path / "store")):
        yield
    whorl.clear_memoizer()


def double(value: int) -> int:
    return value * 2


def triple(value: int) -> int:
    return value * 3


@cache()
def base() -> int:
    return 10


doubled, tripled = base.options(post_processors=[double]), base.options(post_processors=[triple])


def kinds(call: Any) -> dict[str, str]:
    """Tell what happened to each stage of a call."""
    with whorl.observe() as outcomes:
        call()
    return {outcome.stage.rpartition(".")[2]: outcome.kind for outcome in outcomes}


@stage(value=doubled, cache=True)
def consumer(value: int) -> int:
    return value


def test_post_processors_of_an_upstream_are_part_of_the_key() -> None:
    """Of what is made from it."""
    assert consumer() == 20
    assert consumer(value=tripled) == 30


def test_options_of_a_stage_in_a_global_are_part_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of whatever calls it."""
    module = sys.modules[__name__]

    def make() -> Any:
        @cache(name="user")
        def user() -> int:
            return doubled()

        return user

    first = make().key()
    monkeypatch.setattr(module, "doubled", tripled)
    assert make().key() != first


SCRIPT = """
import pandas as pd, whorl
from whorl import cache
@cache(engine="ENGINE", name="nested")
def nested():
    return pd.DataFrame({"a": [1]})
@cache(name="caller")
def caller():
    return type(nested()).__module__.partition(".")[0]
print(caller())
"""


def test_the_engine_of_a_nested_stage_is_part_of_the_key(tmp_path: Path) -> None:
    """Across processes."""
    (tmp_path / "pyproject.toml").write_text("")
    found = []
    for engine in ("pandas", "polars"):
        (tmp_path / "job.py").write_text(SCRIPT.replace("ENGINE", engine))
        environment = os.environ | {"WHORL_FILESYSTEM": str(tmp_path / "shared")}
        done = subprocess.run(
            [sys.executable, "job.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        found.append(done.stdout.strip())

    assert found == ["pandas", "polars"]


@timeseries()
@cache(cache_args=["days"], memoize=True)
def daily(start_time: str | None = None, end_time: str | None = None, days: int = 10) -> pd.DataFrame:
    frame = pd.DataFrame({"time": pd.date_range("2020-01-01", periods=10), "a": range(10)})
    return frame if (start_time, end_time) != ("", "") else frame[:0]


def test_memory_tells_windows_apart_that_no_key_has() -> None:
    """The code reads them, and cache_args leaves them out."""
    assert daily("2020-01-01", "2020-01-03")["a"].tolist() == [0, 1, 2]
    assert daily("2020-01-05", "2020-01-06")["a"].tolist() == [4, 5]


@cache()
def source() -> int:
    return 1


@stage(value=source, cache=True)
def middle(value: int) -> int:
    return value


@stage(value=middle, cache=True)
def final(value: int) -> int:
    return value


def test_a_name_reaches_declared_upstreams_below_stored_ones() -> None:
    """What lies between is kept, since the same came back."""
    final()
    found = kinds(final.options(recompute=["source"]))

    assert found["source"] == "ran"
    assert found["middle"] == "kept"
    assert found["final"] == "ran"


@stage(memoize=True)
def remembered() -> int:
    return source() + 1


@cache()
def above() -> int:
    return remembered() + 1


def test_a_name_reaches_below_what_is_in_memory_alone() -> None:
    """By the same rules as below what is stored."""
    above()

    assert kinds(above.options(recompute=["source"]))["source"] == "ran"


@cache(memoize=True)
def frames() -> dict[str, pd.DataFrame]:
    return {"a": pd.DataFrame({"x": pd.Series([[1], [2]], dtype=object)})}


def test_objects_in_frames_in_containers_are_not_shared() -> None:
    """Pandas shares them when a frame is copied as a part of something."""
    frames()
    frames()["a"].loc[0, "x"].append(99)

    assert frames()["a"]["x"].tolist() == [[1], [2]]


def plain() -> pd.DataFrame:
    return pd.DataFrame({"time": pd.date_range("2020-01-01", periods=3)})


def test_one_function_may_be_two_stages() -> None:
    """With a processor and without; what calls one of them is stored."""

    def both(start_time: str | None = None, end_time: str | None = None) -> pd.DataFrame:
        return plain()

    raw = cache(name="both")(both)
    view = timeseries()(raw)

    @cache(name="uses-raw")
    def user() -> int:
        return len(raw())

    assert len(view("2020-01-02")) == 2
    user()
    assert kinds(user) == {"uses-raw": "hit"}


@cache(upsert_keys=["id"], cache_args=["name"])
def table(name: str, number: int = 1) -> pd.DataFrame:
    return pd.DataFrame({"id": [number], "text": [name]})


def test_a_table_that_cannot_be_read_for_a_moment_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rows would be lost."""
    import pyarrow.parquet as pq

    table("a")
    table.options(upsert=True)("a", 2)
    with monkeypatch.context() as patch:

        def fail(*_: object, **__: object) -> None:
            raise MemoryError

        patch.setattr(pq, "ParquetFile", fail)
        with pytest.warns(StoreWarning, match="cannot be read"):
            table.options(upsert=True)("a", 3)

    assert table("a")["id"].tolist() == [1, 2]
