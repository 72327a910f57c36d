"""What semantics.md promises of the inputs of a stage: raw inputs, upstreams, parameters, and what replaces them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from whorl import ConfigError, File, Folder, Glob, observe, stage

pytestmark = pytest.mark.usefixtures("whorl_store")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with a few raw files."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.csv", "deep/c.csv"):
        path = tmp_path / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def kinds(outcomes: list[object]) -> dict[str, list[str]]:
    """Tell what happened to each stage, by the last part of its name."""
    told: dict[str, list[str]] = {}
    for outcome in outcomes:
        told.setdefault(outcome.stage.rpartition(".")[2], []).append(outcome.kind)  # type: ignore[attr-defined]
    return told


def test_a_file_is_handed_over_as_it_was_given() -> None:
    """A text stays a text, a Path stays a Path: exactly the path that was digested."""

    @stage(raw="raw/a.csv", path=Path("raw/b.csv"), file=File("raw/a.csv"))
    def f(raw: object, path: object, file: object) -> list[object]:
        return [raw, path, file]

    assert f() == ["raw/a.csv", Path("raw/b.csv"), "raw/a.csv"]


def test_a_folder_is_handed_over_as_its_path() -> None:
    """With or without saying that it is one."""

    @stage(raw="raw", folder=Folder("raw"), cache=True)
    def f(raw: str, folder: str) -> list[object]:
        return [raw, str(folder), sorted(path.name for path in Path(raw).rglob("*.csv"))]

    names = ["a.csv", "b.csv", "c.csv"]
    assert f() == ["raw", "raw", names]
    (Path("raw") / "deep" / "c.csv").write_text("changed")
    with observe() as outcomes:
        f()
    assert kinds(outcomes) == {"f": ["ran"]}


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("raw/*.csv", ["a.csv", "b.csv"]),
        (Glob("raw/*.csv"), ["a.csv", "b.csv"]),
        ("raw/**/*.csv", ["a.csv", "b.csv", "c.csv"]),
        ("raw/[ab].csv", ["a.csv", "b.csv"]),
    ],
)
def test_a_glob_is_handed_over_as_a_sorted_list(given: object, names: list[str]) -> None:
    """A pattern that matches one file is still a list."""

    @stage(raw=given, cache=True)
    def f(raw: list[str]) -> list[str]:
        return [Path(file).name for file in raw]

    assert f() == names


def test_a_file_whose_name_looks_like_a_glob_is_a_file() -> None:
    """A name that exists is that name; `File` says so where it matters."""
    Path("raw/[1].csv").write_text("one")

    @stage(raw="raw/[1].csv", file=File("raw/[1].csv"))
    def f(raw: str, file: str) -> list[str]:
        return [Path(raw).read_text(), Path(file).read_text()]

    assert f() == ["one", "one"]


def test_an_fsspec_url_is_a_raw_input() -> None:
    """A remote object counts by a strong version where there is one, else by content."""
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe_file("/whorl-test/data.txt", b"one")

    @stage(raw="memory://whorl-test/data.txt", cache=True)
    def f(raw: str) -> str:
        with fsspec.open(raw, "rb") as file:
            return file.read().decode()

    try:
        values = [f(), f()]
        memory.pipe_file("/whorl-test/data.txt", b"two")
        with observe() as outcomes:
            values.append(f())
    finally:
        memory.rm("/whorl-test", recursive=True)

    assert values == ["one", "one", "two"]
    assert kinds(outcomes) == {"f": ["ran"]}


def test_a_function_with_keywords_receives_all_inputs() -> None:
    """And `x_file` or `x_path` also as `x`, as LWDP's README reads it."""

    @stage(sales_file="raw/a.csv", data_path=Path("raw/b.csv"), number=3)
    def f(**kwargs: object) -> dict[str, object]:
        return kwargs

    assert f() == {
        "sales_file": "raw/a.csv",
        "sales": "raw/a.csv",
        "data_path": Path("raw/b.csv"),
        "data": Path("raw/b.csv"),
        "number": 3,
    }


def test_a_short_name_never_hides_a_declared_input() -> None:
    """Where `x` is declared, `x_file` is not also passed as `x`."""

    @stage(x_file="raw/a.csv", x=1)
    def f(**kwargs: object) -> dict[str, object]:
        return kwargs

    assert f() == {"x_file": "raw/a.csv", "x": 1}


def test_an_input_may_be_replaced_by_keyword() -> None:
    """A path by a path, an upstream by a value or another stage; all of it counts in the key."""

    @stage(raw="raw/a.csv", cache=True)
    def read(raw: str) -> str:
        return Path(raw).read_text()

    @stage(cache=True)
    def other() -> str:
        return "other"

    @stage(text=read, cache=True)
    def shout(text: str) -> str:
        return text.upper()

    with observe() as outcomes:
        values = [shout(), shout(text="value"), shout(text=other), shout(text="value"), shout(text=read)]

    assert values == ["A.CSV", "VALUE", "OTHER", "VALUE", "A.CSV"]
    assert kinds(outcomes)["shout"] == ["ran", "ran", "ran", "hit", "hit"]
    assert read(raw="raw/b.csv") == "b.csv"
    assert read(raw=Path("raw/b.csv")) == "b.csv"


def test_a_text_that_replaces_an_upstream_is_a_value_not_a_path() -> None:
    """A path would have to say so with `File`."""

    @stage(cache=True)
    def made() -> str:
        return "made"

    @stage(text=made, cache=True)
    def same(text: str) -> str:
        return text

    assert same(text="raw/a.csv") == "raw/a.csv"
    assert same(text=File("raw/a.csv")) == "raw/a.csv"
    Path("raw/a.csv").write_text("changed")
    with observe() as outcomes:
        same(text="raw/a.csv")
        same(text=File("raw/a.csv"))

    assert kinds(outcomes)["same"] == ["hit", "ran"]


def test_an_input_that_the_function_cannot_take_is_an_error_at_decoration() -> None:
    """With the nearest name that it can take."""
    with pytest.raises(ConfigError, match="did you mean 'table'"):

        @stage(tabel="raw/a.csv")
        def f(table: str) -> str:
            return table

    with pytest.raises(ConfigError, match="extra"):

        @stage(extra=1)
        def g() -> None:
            return None


def test_other_parameters_are_given_as_usual() -> None:
    """By position or by keyword, with defaults; a missing one is Python's own TypeError."""

    @stage(raw="raw/a.csv", cache=True)
    def f(raw: str, n: int, *, suffix: str = "!") -> str:
        return Path(raw).read_text() * n + suffix

    assert f(n=2) == "a.csva.csv!"
    assert f(n=1, suffix="?") == "a.csv?"
    with pytest.raises(TypeError, match="n"):
        f()
    with pytest.raises(TypeError, match="unknown"):
        f(n=1, unknown=2)


def test_a_diamond_computes_its_shared_ancestor_once() -> None:
    """Stored or not, serially or side by side."""
    for cache in (True, False):
        for jobs in (None, 3):

            @stage(cache=cache, version=f"{cache} {jobs}")
            def top() -> list[int]:
                return [1]

            @stage(x=top)
            def left(x: list[int]) -> list[int]:
                x.append(2)
                return x

            @stage(x=top)
            def right(x: list[int]) -> list[int]:
                return x

            @stage(a=left, b=right, c=top, jobs=jobs)
            def bottom(a: list[int], b: list[int], c: list[int]) -> list[list[int]]:
                return [a, b, c]

            with observe() as outcomes:
                assert bottom() == [[1, 2], [1], [1]]

            assert kinds(outcomes)["top"].count("ran") == 1


@pytest.mark.timeout(30)
def test_jobs_run_independent_upstreams_side_by_side() -> None:
    """A barrier that needs all of them at once lets none pass otherwise; serial is the default."""
    barrier = threading.Barrier(3)

    @stage(ignore=[barrier])
    def one() -> int:
        barrier.wait(10)
        return 1

    @stage(ignore=[barrier])
    def two() -> int:
        barrier.wait(10)
        return 2

    @stage(ignore=[barrier])
    def three() -> int:
        barrier.wait(10)
        return 3

    @stage(a=one, b=two, c=three, jobs=3)
    def total(a: int, b: int, c: int) -> int:
        return a + b + c

    assert total() == 6


def test_upstreams_run_one_after_the_other_by_default() -> None:
    """Nothing runs in a thread unless asked."""

    @stage
    def one() -> int:
        return threading.get_ident()

    @stage(x=one)
    def two(x: int) -> bool:
        return x == threading.get_ident()

    assert two()


def test_a_stage_as_default_argument_of_a_call_is_no_input() -> None:
    """A stage given for a parameter that is no declared upstream is handed over as it is, and counts by its code."""

    @stage(cache=True)
    def source() -> int:
        return 1

    @stage(cache=True)
    def apply(what: object) -> object:
        return what() if callable(what) else what

    assert apply(source) == 1


def test_the_format_may_be_given_by_either_name() -> None:
    """`format=` is LWDP's decorator word and `cache_format=` the word of its README."""

    def value() -> list[int]:
        return [1, 2]

    for options in ({"format": "pickle"}, {"cache_format": "pickle"}, {"format": "json"}):
        made = stage(cache=True, name=f"made {options}", **options)(value)

        assert [made(), made()] == [[1, 2], [1, 2]]
        assert made.last is not None
        assert made.last.kind == "hit"


def test_relative_paths_follow_the_working_directory_of_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder of the call counts, not the folder of the decorator."""

    @stage(raw="raw/a.csv", cache=True)
    def read(raw: str) -> str:
        return Path(raw).read_text()

    assert read() == "a.csv"
    (tmp_path / "elsewhere" / "raw").mkdir(parents=True)
    (tmp_path / "elsewhere" / "raw" / "a.csv").write_text("other")
    monkeypatch.chdir(tmp_path / "elsewhere")

    assert read() == "other"
