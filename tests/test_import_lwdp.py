"""``whorl import lwdp``: a file is adopted where LWDP would still use it, and nowhere else."""

from __future__ import annotations

import json
import os
import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import whorl
from foreign_caches import MADE, lwdp_hash, snapshot

if TYPE_CHECKING:
    from pipeline_folder import PipelineFolder

STORES = Path(__file__).parent / "stores"
READ = textwrap.dedent('''
    @stage(numbers_file="raw/numbers.txt", cache=True, cache_format="parquet")
    def read(**kwargs):
        """Read numbers."""
        return pd.read_csv(kwargs["numbers_file"], names=["n"])
''').lstrip()
LAST = textwrap.dedent("""
    @stage(rows=read, cache=True, cache_format="parquet")
    def last(rows):
        return rows.assign(m=1)
""").lstrip()
TOP = "import pandas as pd\nfrom whorl import stage\n\n"


class Lwdp:
    """A cache of LWDP beside a pipeline of two stages."""

    def __init__(self, folder: PipelineFolder) -> None:
        self.folder = folder
        self.cache = folder.folder / "lwdp"
        self.cache.mkdir()
        folder.write("stages.py", TOP + READ + "\n\n" + LAST)
        os.utime(folder.folder / "raw/numbers.txt", (MADE - 10, MADE - 10))

    def put(self, place: str, name: str, value: pd.DataFrame, kind: str = "parquet") -> Path:
        """Keep a frame."""
        path = self.cache / place / f"{name}.{kind}"
        path.parent.mkdir(exist_ok=True)
        getattr(value, f"to_{kind}")(path)
        os.utime(path, (MADE, MADE))
        return path

    def adopt(self, *more: str) -> dict[str, str]:
        """Adopt the cache; give what became of each file."""
        result = self.folder.whorl("import", "lwdp", "lwdp", "stages.py", "--json", *more)
        assert result.exit_code == 0, result.output
        data = json.loads(result.stdout)
        return {item["entry"].partition("/")[0]: "adopted" for item in data["adopted"]} | {
            item["entry"].partition("/")[0]: item["reason"] for item in data["skipped"]
        }


@pytest.fixture
def lwdp(folder: PipelineFolder) -> Lwdp:
    """Give an empty cache."""
    return Lwdp(folder)


def frame() -> pd.DataFrame:
    """Give a frame that no stage here computes."""
    return pd.DataFrame({"n": [70]})


@pytest.mark.parametrize("dated", [True, False])
def test_a_file_of_the_code_that_is_there_answers(lwdp: Lwdp, dated: bool) -> None:  # noqa: FBT001 - a parameter
    """Of 0.0.5 and of 0.0.4, with all that feeds it; nothing runs."""
    first = lwdp_hash(READ, ("raw/numbers.txt",), dated=dated)
    lwdp.put("stages.read", first, frame())
    lwdp.put("__main__.last", lwdp_hash(LAST, (), (first,), dated=dated), frame().assign(m=2))
    found = lwdp.adopt()
    with whorl.observe() as outcomes:
        value = lwdp.folder.load("stages").last()

    assert found == {"stages.read": "adopted", "__main__.last": "adopted"}
    assert [outcome.kind for outcome in outcomes] == ["hit"]
    pd.testing.assert_frame_equal(value, frame().assign(m=2))


def test_what_was_adopted_leads_to_the_rest(lwdp: Lwdp) -> None:
    """A stage without a file runs on the adopted result of the one before it."""
    lwdp.put("stages.read", lwdp_hash(READ, ("raw/numbers.txt",)), frame())
    lwdp.adopt()
    with whorl.observe() as outcomes:
        value = lwdp.folder.load("stages").last()

    assert [outcome.kind for outcome in outcomes] == ["hit", "ran"]
    assert value["n"].tolist() == [70]


def test_the_source_is_only_read(lwdp: Lwdp) -> None:
    """Not a byte and not a date of it changes."""
    lwdp.put("stages.read", lwdp_hash(READ, ("raw/numbers.txt",)), frame())
    lwdp.put("stages.read", "0" * 32, frame(), "csv")
    before = snapshot(lwdp.cache)
    lwdp.adopt("--lossy", "--pickles")

    assert snapshot(lwdp.cache) == before


def test_a_file_of_other_code_is_not_adopted(lwdp: Lwdp) -> None:
    """Neither of an earlier edit, nor of another stage, nor below an upstream that was edited."""
    first = lwdp_hash(READ, ("raw/numbers.txt",))
    lwdp.put("stages.read", first, frame())
    lwdp.put("stages.last", lwdp_hash(LAST, (), (first,)), frame())
    lwdp.put("stages.gone", first, frame())
    lwdp.folder.edit("stages.py", '["n"]', '["k"]')
    found = lwdp.adopt()

    assert found["stages.read"] == found["stages.last"] == "it is of other code, or of other raw files"
    assert found["stages.gone"] == "there is no stored stage stages.gone"


def test_a_raw_file_that_is_younger_keeps_a_file_out(lwdp: Lwdp) -> None:
    """LWDP 0.0.4 hashes the path alone, so that it would serve what was made from other content."""
    first = lwdp_hash(READ, ("raw/numbers.txt",), dated=False)
    lwdp.put("stages.read", first, frame())
    lwdp.put("stages.last", lwdp_hash(LAST, (), (first,), dated=False), frame())
    os.utime(lwdp.folder.folder / "raw/numbers.txt", (MADE + 1, MADE + 1))
    found = lwdp.adopt()

    assert found["stages.read"] == found["stages.last"] == "the raw file raw/numbers.txt is younger"


def test_a_raw_file_of_another_date_or_size_is_another_for_the_newer_version(lwdp: Lwdp) -> None:
    """As 0.0.5 has it, also where the file is older than the result."""
    lwdp.put("stages.read", lwdp_hash(READ, ("raw/numbers.txt",)), frame())
    os.utime(lwdp.folder.folder / "raw/numbers.txt", (MADE - 99, MADE - 99))

    assert lwdp.adopt() == {"stages.read": "it is of other code, or of other raw files"}


def test_a_change_of_what_feeds_it_runs_what_was_adopted(lwdp: Lwdp) -> None:
    """From the adoption on, contents of raw files count."""
    first = lwdp_hash(READ, ("raw/numbers.txt",))
    lwdp.put("stages.last", lwdp_hash(LAST, (), (first,)), frame())
    lwdp.adopt()
    lwdp.folder.write("raw/numbers.txt", "5\n")

    assert lwdp.folder.load("stages").last()["n"].tolist() == [5]


def test_a_recomputation_upstream_runs_what_was_adopted(lwdp: Lwdp) -> None:
    """Whether the upstream was adopted too or not."""
    first = lwdp_hash(READ, ("raw/numbers.txt",))
    lwdp.put("stages.read", first, frame())
    lwdp.put("stages.last", lwdp_hash(LAST, (), (first,)), frame().assign(m=2))
    lwdp.adopt()
    stages = lwdp.folder.load("stages")
    stages.read(recompute=True)

    assert stages.last()["m"].tolist() == [1]
    assert lwdp.folder.whorl("verify").exit_code == 0


def test_files_that_do_not_keep_types_are_adopted_where_losses_are_allowed(lwdp: Lwdp) -> None:
    """A csv file, LWDP's default, and what was made from one: LWDP hands it on with a column more."""
    lwdp.folder.edit("stages.py", 'cache=True, cache_format="parquet")\ndef read', "cache=True)\ndef read")
    read = READ.replace(', cache_format="parquet"', "")
    first = lwdp_hash(read, ("raw/numbers.txt",))
    lwdp.put("stages.read", first, pd.DataFrame({"n": [0.1, 2.5], "t": ["x", "y"]}), "csv")
    lwdp.put("stages.last", lwdp_hash(LAST, (), (first,)), frame())
    found = lwdp.adopt()

    assert found["stages.read"] == "a csv file does not keep index and types; --lossy takes it as it is read"
    assert "read back of stages.read" in found["stages.last"]
    assert set(lwdp.adopt("--lossy").values()) == {"adopted"}
    pd.testing.assert_frame_equal(lwdp.folder.load("stages").read(), pd.DataFrame({"n": [0.1, 2.5], "t": ["x", "y"]}))


@pytest.mark.parametrize("kind", ["json", "orc", "stata", "xml", "html"])
def test_every_kind_of_file_that_pandas_reads_back_as_one_frame_is_read(lwdp: Lwdp, kind: str) -> None:
    """All by losing something; html gives a list of frames, and is left alone."""
    lwdp.folder.edit("stages.py", '"parquet")\ndef read', f'"{kind}")\ndef read')
    read = READ.replace("parquet", kind)
    lwdp.put("stages.read", lwdp_hash(read, ("raw/numbers.txt",)), frame(), kind)
    (reason,) = lwdp.adopt().values()
    (found,) = lwdp.adopt("--lossy").values()

    assert ("--lossy" in reason, found) == (
        (True, "adopted") if kind != "html" else (False, "a file of html is not adopted")
    )


def test_a_pickle_is_adopted_where_it_is_allowed(lwdp: Lwdp) -> None:
    """Loading one runs what its writer chose."""
    lwdp.folder.edit("stages.py", '"parquet")\ndef read', '"pickle")\ndef read')
    read = READ.replace("parquet", "pickle")
    lwdp.put("stages.read", lwdp_hash(read, ("raw/numbers.txt",)), frame(), "pickle")

    assert "--pickles" in lwdp.adopt()["stages.read"]
    assert lwdp.adopt("--pickles") == {"stages.read": "adopted"}


def test_a_stage_with_arguments_of_its_own_is_not_adopted(lwdp: Lwdp) -> None:
    """LWDP gives one file to all of them."""
    lwdp.folder.edit("stages.py", "def last(rows):", "def last(rows, top=3):")
    last = LAST.replace("(rows)", "(rows, top=3)")
    lwdp.put("stages.last", lwdp_hash(last, (), (lwdp_hash(READ, ("raw/numbers.txt",)),)), frame())

    assert lwdp.adopt() == {"stages.last": "LWDP's hash does not say what top was"}


def test_of_two_files_of_one_call_the_younger_is_adopted(lwdp: Lwdp) -> None:
    """As after running a script, and importing it."""
    name = lwdp_hash(READ, ("raw/numbers.txt",))
    lwdp.put("stages.read", name, frame())
    older = lwdp.put("__main__.read", name, frame().assign(old=1))
    os.utime(older, (MADE - 5, MADE - 5))
    found = lwdp.adopt()

    assert found["stages.read"] == "adopted"
    assert "a younger entry is of the same call: stages.read/" in found["__main__.read"]


def test_what_cannot_be_read_says_why(lwdp: Lwdp) -> None:
    """A damaged file, and a link."""
    first = lwdp_hash(READ, ("raw/numbers.txt",))
    damaged = lwdp.put("stages.read", first, frame())
    damaged.write_bytes(b"PAR1")
    elsewhere = lwdp.put("stages.last", "f" * 32, frame())
    link = elsewhere.with_name(lwdp_hash(LAST, (), (first,)) + ".parquet")
    link.symlink_to(elsewhere)
    elsewhere.rename(lwdp.folder.folder / "elsewhere.parquet")
    found = lwdp.adopt()

    assert "cannot be read" in found["stages.read"]
    assert found["stages.last"] == "it is a link"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nowhere", "there is no folder nowhere"),
        ("raw", "raw is no cache of LWDP"),
        ("stages.py", "there is no folder"),
    ],
)
def test_a_command_that_makes_no_sense_says_so(lwdp: Lwdp, path: str, said: str) -> None:
    """Exit status 2, as for every command."""
    result = lwdp.folder.whorl("import", "lwdp", path, "stages.py")

    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr


def test_an_empty_cache_is_no_error(lwdp: Lwdp) -> None:
    """There is just nothing in it."""
    result = lwdp.folder.whorl("import", "lwdp", "lwdp", "stages.py")

    assert (result.exit_code, result.stdout) == (0, "adopted 0 entries of lwdp, 0 B · skipped 0\n")


@pytest.mark.parametrize("version", ["0.0.4", "0.0.5"])
def test_a_cache_that_lwdp_wrote_is_adopted(folder: PipelineFolder, version: str) -> None:
    """With one line of its pipeline changed; raw files as they were, dates included."""
    shutil.copytree(STORES / f"lwdp-{version}", folder.folder / "lwdp")
    text = (STORES / "lwdp_pipeline.py").read_text(encoding="utf-8")
    folder.write("lwdp_pipeline.py", text.replace("from lwdp.stage import", "from whorl import"))
    for name, content in (("numbers.csv", "n,t\n1,x\n-2,y\n3,z\n"), ("other.txt", "other\n")):
        os.utime(folder.write(f"raw/{name}", content), (MADE, MADE))
    result = folder.whorl("import", "lwdp", "lwdp", "lwdp_pipeline.py", "--lossy", "--pickles", "--json")
    stages = folder.load("lwdp_pipeline")
    with whorl.observe() as outcomes:
        values = stages.read(), stages.count(), stages.kept()
    expected = stages.kept(recompute=True)

    assert len(json.loads(result.stdout)["adopted"]) == 3
    assert [outcome.kind for outcome in outcomes] == ["hit"] * 3
    assert values[0].columns.tolist() == ["n", "t"]
    assert values[1].to_dict("list") == {"rows": [2], "share": [2 / 3]}
    pd.testing.assert_frame_equal(values[2], expected)
