"""What Nuthatch calls its backends and their options: one table, read wherever such words may stand."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import whorl
from whorl import ConfigError, FormatError, cache, config
from whorl.call import Binder
from whorl.format_options import OPTIONS
from whorl.formats.base import format_named
from whorl.nuthatch_words import BACKENDS
from whorl.sections import flatten, flatten_nuthatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DOCS = Path(__file__).parent.parent / "docs/from-nuthatch.md"
WORDS = [(backend, word) for backend, known in BACKENDS.items() for word in known.words]
NEEDLESS = [(backend, word) for backend, word in WORDS if BACKENDS[backend].words[word] is None]
SOURCES = (
    "nuthatch.toml",
    "whorl.toml",
    "NUTHATCH_ROOT_",
    "NUTHATCH_",
    "WHORL_ROOT_",
    "parameter",
    "options",
    "configure",
)


# What the format has besides.
OTHERS = {"sql": {"url": "y"}, "zarr": {"compression": "gzip"}, "terracotta": {}, "delta": {}, "deltalake": {}}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give an empty project in which nothing is set; the files and variables of the user do not count."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("")
    monkeypatch.chdir(folder)
    config.forget_files()
    yield folder
    whorl.configure(formats=None)
    whorl.parameters.forget()
    config.forget_files()


def formats_by(source: str, backend: str, word: str, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Any]:
    """Set an option of a backend, and one that its format may have besides, in one of the ways that there are."""
    section = {word: "x", **OTHERS[backend]}
    if source.endswith(".toml"):
        table = "tool.nuthatch" if source.startswith("nut") else None
        header = f"[{table}.root.{backend}]" if table else f"[root.{backend}]"
        Path(source).write_text(
            "\n".join([header, *(f"{key} = {json.dumps(value)}" for key, value in section.items())])
        )
    elif source.isupper():
        for key, value in section.items():
            monkeypatch.setenv(f"{source}{backend}_{key}".upper(), value)
    elif source == "parameter":
        whorl.set_parameter(section, backend=backend)
    elif source == "configure":
        whorl.configure(formats={backend: section})
    else:
        with whorl.options(formats={backend: section}) as settings:
            return settings.formats
    return config.settings().formats


@pytest.mark.parametrize("source", [*SOURCES, "decorator", "call"])
@pytest.mark.parametrize(("backend", "word"), WORDS)
def test_words_are_read_alike_wherever_they_are_given(
    source: str, backend: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a file, a variable, a parameter, a block, for the process, at the decorator and at the call."""
    known = BACKENDS[backend]
    called = known.words.get(word, word)
    given = {word: "x", **OTHERS[backend]}
    if source in ("decorator", "call"):
        declared = {"backend_kwargs": given} if source == "decorator" else {}
        asked = cache(backend=backend, **declared)(nothing).options(**({} if declared else {"backend_kwargs": given}))
        call = Binder(asked._options).bind(asked.definition)
        found: Mapping[str, Any] = {str(call.format): call.format_options}
    else:
        found = formats_by(source, backend, word, monkeypatch)

    assert found == {known.format: {**OTHERS[backend], **({called: "x"} if called else {})}}


def nothing() -> None:
    """Be decorated; nobody calls it."""


@pytest.mark.parametrize(("backend", "word"), [pair for pair in WORDS if pair not in NEEDLESS])
def test_a_word_that_is_taken_over_is_an_option_of_the_format(backend: str, word: str) -> None:
    """Or a setting of it."""
    called = BACKENDS[backend].words[word]
    chosen = format_named(str(BACKENDS[backend].format))
    module: Any = import_module(type(chosen).__module__)
    known = getattr(chosen, "settings_only", None) or module._OPTIONS

    assert called in known


@pytest.mark.parametrize("backend", ["parquet", "delta", "zarr"])
@pytest.mark.parametrize("word", ["hash_table_name", "write_index", "chunk_size", "resampling_method"])
def test_a_word_of_one_backend_is_an_error_for_another(backend: str, word: str) -> None:
    """It was probably meant for something."""

    with pytest.raises(FormatError, match=f"the format {backend} has no option {word!r}"):
        cache(backend=backend, backend_kwargs={word: 3})(nothing)
    with pytest.raises(ConfigError, match=rf"the format {backend} has no option {word!r} \(a file\)"):
        flatten({backend: {word: 3}}, "a file")

    assert flatten_nuthatch({backend: {word: 3}}, "a file") == {"formats": {backend: {}}}


def test_what_is_said_of_the_backend_to_read_from_is_not_said_of_another() -> None:
    """``backend_kwargs`` are for ``backend``, and ``storage_backend_kwargs`` for ``storage_backend``."""

    @cache(
        backend="sql",
        backend_kwargs={"hash_table_name": True},
        storage_backend="parquet",
        storage_backend_kwargs={"compression": "zstd"},
    )
    def frame() -> pd.DataFrame:
        return pd.DataFrame({"a": [1]})

    frame()

    assert [entry.format for entry in frame.entries()] == ["parquet"]
    assert dict(frame.entries()[0].format_options) == {"compression": "zstd"}


@pytest.mark.parametrize("table", [{"sql": {"hash_table_name": True}}, {"deltalake": {}}, {"delta": {}}])
def test_a_stage_is_stored_whatever_its_settings_say_in_nuthatchs_words(table: dict[str, Any]) -> None:
    """What is not needed disturbs nothing, and both names of a backend are one."""
    name = next(iter(table))
    whorl.configure(formats=table)

    @cache(backend=name, name=name)
    def frame() -> pd.DataFrame:
        return pd.DataFrame({"a": [1]})

    frame()

    assert frame.last is not None
    assert frame.last.stored


def test_sections_of_both_names_of_a_backend_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that stands below counts where both say something."""
    monkeypatch.setattr("whorl.sections.OPTIONS", {**OPTIONS, "delta": ("a", "b")})
    monkeypatch.setattr("whorl.settings.OPTIONS", {**OPTIONS, "delta": ("a", "b")})
    table = {"root": {"delta": {"a": 1, "b": 1}, "deltalake": {"b": 2}}}
    split = {"delta": {"a": 1, "b": 1}, "deltalake": {"b": 2}}

    assert flatten(table, "a file") == flatten_nuthatch(table, "a file") == {"formats": {"delta": {"a": 1, "b": 2}}}
    assert flatten(split, "a file") == flatten_nuthatch(split, "a file") == {"formats": {"delta": {"a": 1, "b": 2}}}


def test_a_section_that_is_none_is_refused() -> None:
    """Before anything is computed."""
    with pytest.raises(ConfigError, match="it is a mapping with options of the format"):
        whorl.configure(formats={"sql": 5})


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_word_of_a_backend_has_its_row(backend: str) -> None:
    """One row says of a word that it is the same, or that it is not needed, as the table has it."""
    rows = [line.split("|") for line in DOCS.read_text().splitlines() if f"`{backend}`" in line.partition("|")[2]]
    named = [(cells[1], cells[2]) for cells in rows if f"`{backend}`" in cells[1]]

    assert named
    for word, called in BACKENDS[backend].words.items():
        said = [what for first, what in named if f"`{word}`" in first]
        assert said, word
        assert all(("not needed" in what) == (called is None) for what in said), word
