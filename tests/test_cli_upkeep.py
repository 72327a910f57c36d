"""``whorl gc``, ``restore``, ``pin``, ``verify`` and ``stats``: looking after a store from the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline_folder import PipelineFolder

LARGE = """
    from pathlib import Path
    from whorl import stage

    @stage(path="raw/numbers.txt", cache=True)
    def large(path):
        return Path(path).read_text() * 20_000

    @stage(large=large, cache=True)
    def length(large):
        return len(large)
"""


@pytest.fixture
def stored(folder: PipelineFolder) -> PipelineFolder:
    """Give a folder whose pipeline has run."""
    folder.write("large.py", LARGE)
    assert folder.whorl("run", "large.py").exit_code == 0
    return folder


def _payloads(folder: PipelineFolder) -> list[Path]:
    return [path for path in (folder.folder / ".whorl/v1/default/o").rglob("*") if path.is_file()]


def _entries(folder: PipelineFolder) -> list[str]:
    return [entry["stage"] for entry in json.loads(folder.whorl("ls", "--json").stdout)]


def test_collecting_needs_a_yes(stored: PipelineFolder) -> None:
    """Without it, what would go is told by stage and reason, with the bytes."""
    told = stored.whorl("gc", "--older-than", "0s")

    assert told.stdout.splitlines()[-1] == "nothing was removed · to remove: the same with --yes"
    assert "would remove 2 entries, and free 0 B now and " in told.stdout
    assert "not used for too long" in told.stdout
    assert len(_entries(stored)) == 2
    done = json.loads(stored.whorl("gc", "--older-than", "0", "--yes", "--json").stdout)
    assert [entry["stage"] for entry in done["entries"]] == ["large.large", "large.length"]
    assert done["removed"] is True
    assert (_entries(stored), len(_payloads(stored))) == ([], 1)


def test_the_local_tier_is_collected_alone(folder: PipelineFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its space is freed, and the root goes on answering; without ``--local`` it is the root that is collected."""
    monkeypatch.setenv("WHORL_LOCAL", str(folder.folder / "near"))
    monkeypatch.setenv("WHORL_FILESYSTEM", str(folder.folder / "far"))
    folder.write("large.py", LARGE)
    folder.whorl("run", "large.py")
    done = folder.whorl("gc", "--local", "--older-than", "0", "--grace", "0", "--yes", "--json")
    near = [path.name for path in (folder.folder / "near/v1/default").rglob("data.*")]
    again = folder.whorl("status", "large.py", "--check")
    root = json.loads(folder.whorl("gc", "--older-than", "0", "--json").stdout)

    assert [entry["stage"] for entry in json.loads(done.stdout)["entries"]] == ["large.large", "large.length"]
    assert near == []
    assert again.exit_code == 0
    assert [entry["stage"] for entry in root["entries"]] == ["large.large", "large.length"]


def test_without_a_grace_space_is_freed_at_once(stored: PipelineFolder) -> None:
    """For those who know that nobody reads."""
    result = stored.whorl("gc", "--older-than", "0", "--grace", "0", "--yes")

    assert result.stdout.startswith("stage ")
    assert _payloads(stored) == []


def test_the_limits_of_collecting_are_read_as_people_write_them(stored: PipelineFolder) -> None:
    """Times and sizes with units; what is none is a misuse."""
    generous = stored.whorl("gc", "--older-than", "30d", "--max-size", "1.5 GB", "--keep-last", "3", "--yes")

    assert generous.stdout.startswith("removed 0 entries, freed 0 B now; ")
    assert len(_entries(stored)) == 2
    for wrong in (
        ["--older-than", "soon"],
        ["--max-size", "big"],
        ["--keep-last", "-1"],
        ["--grace", "-1d"],
        ["nobody"],
    ):
        assert stored.whorl("gc", *wrong).exit_code == 2


def test_collecting_chooses_stages_and_namespaces(stored: PipelineFolder) -> None:
    """By name or target."""
    stored.whorl("gc", "--older-than", "0", "--namespace", "other", "--yes")
    assert len(_entries(stored)) == 2
    stored.whorl("gc", "--older-than", "0", "large.py:length", "--yes")

    assert _entries(stored) == ["large.large"]


def test_a_hit_keeps_an_entry_young(stored: PipelineFolder) -> None:
    """The uses of this machine count; here all is young, so nothing goes."""
    stored.whorl("run", "large.py")
    result = json.loads(stored.whorl("gc", "--older-than", "1h", "--json").stdout)

    assert result["entries"] == []


def test_what_was_removed_is_restored(stored: PipelineFolder) -> None:
    """By target: every entry that went; nothing runs afterwards."""
    removed = stored.whorl("rm", "large.py", "--yes")
    assert (_entries(stored), len(_payloads(stored))) == ([], 1)
    listed = json.loads(stored.whorl("restore", "large.py", "--list", "--json").stdout)
    restored = stored.whorl("restore", "large.py")

    assert removed.stderr == "to bring back within a day: whorl restore large.py\n"
    assert [(each["stage"], each["state"]) for each in listed] == [
        ("large.large", "removed"), ("large.length", "removed"),
    ]  # fmt: skip
    assert restored.exit_code == 0
    assert stored.whorl("status", "large.py", "--check").exit_code == 0
    assert "0 results can be restored" in stored.whorl("restore", "large", "--list").stdout


def test_removing_now_frees_the_space(stored: PipelineFolder) -> None:
    """And nothing can be restored."""
    stored.whorl("rm", "large.py", "--yes", "--now")

    assert _payloads(stored) == []
    assert stored.whorl("restore", "large").exit_code == 2


def test_a_restored_value_leads_what_is_downstream(folder: PipelineFolder) -> None:
    """The earlier result of a stage that gives another one each time: its consumer runs on it."""
    folder.write(
        "pipe.py",
        """
        import time
        from whorl import stage

        @stage(cache=True)
        def fetch():
            return str(time.perf_counter_ns()) * 20_000

        @stage(fetch=fetch, cache=True)
        def first(fetch):
            return fetch[:12]
        """,
    )
    one = folder.load("pipe").first()
    folder.load("pipe").fetch.options(recompute=True)()
    two = folder.load("pipe").first()
    key = json.loads(folder.whorl("ls", "fetch", "--json").stdout)[0]["key"]
    listed = folder.whorl("restore", key, "--list").stdout
    restored = folder.whorl("restore", key[:10])

    assert one != two
    assert "replaced" in listed
    assert (restored.exit_code, restored.stderr[:22]) == (0, "restored pipe.fetch (" + key[0])
    assert folder.whorl("status", "pipe.py:first", "--check").exit_code == 1
    assert folder.load("pipe").first() == one
    assert folder.load("pipe").fetch()[:12] == one


def test_what_is_pinned_is_neither_removed_nor_collected(stored: PipelineFolder) -> None:
    """Until the pin goes, or somebody insists."""
    assert stored.whorl("pin", "large", "--name", "paper").stderr == "the pin paper holds 1 entry\n"
    refused = stored.whorl("rm", "large", "--yes")
    stored.whorl("gc", "--older-than", "0", "--max-size", "0", "--keep-last", "0", "--grace", "0", "--yes")

    assert refused.exit_code == 1
    assert "held by the pin paper" in refused.stderr
    assert "whorl pin --remove --name paper" in refused.stderr
    assert _entries(stored) == ["large.large"]
    listed = json.loads(stored.whorl("pin", "--list", "--json").stdout)
    assert [each["stage"] for each in listed["paper"]] == ["large.large"]
    assert stored.whorl("pin", "--list").stdout.splitlines()[-1] == "1 pin"
    assert stored.whorl("rm", "large", "--yes", "--force").exit_code == 0
    assert _entries(stored) == []
    assert stored.whorl("pin", "--remove", "--name", "paper").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [[], ["large"], ["large", "--list"], ["--remove"], ["--remove", "--name", "none"], ["nobody", "--name", "a"]],
    ids=" ".join,
)
def test_a_pin_that_makes_no_sense_is_a_misuse(stored: PipelineFolder, arguments: list[str]) -> None:
    """Each with a tip."""
    assert stored.whorl("pin", *arguments).exit_code == 2


def test_verifying_finds_and_repairs(stored: PipelineFolder) -> None:
    """With exit status 1 as long as anything is wrong."""
    assert stored.whorl("verify").exit_code == 0
    (payload,) = _payloads(stored)
    payload.write_bytes(b"x" + payload.read_bytes()[1:])
    found = stored.whorl("verify", "large")
    repaired = stored.whorl("verify", "--all", "--repair", "--json")

    assert (found.exit_code, repaired.exit_code) == (1, 1)
    assert "1 thing wrong" in found.stdout
    assert "to move what is damaged aside: whorl verify --repair" in found.stdout
    assert [item["repaired"] for item in json.loads(repaired.stdout)["findings"] if item["is_entry"]] == [True]
    assert json.loads(stored.whorl("stats", "--json").stdout)["damaged"] == 1
    stored.whorl("verify", "--repair")
    assert stored.whorl("verify").exit_code == 0


def test_computing_again_compares_values(folder: PipelineFolder) -> None:
    """A stage whose result changes though nothing that it depends on did is found."""
    folder.write(
        "pipe.py",
        """
        import time
        from whorl import stage

        @stage(cache=True)
        def same(n=1):
            return n

        @stage(cache=True)
        def another():
            return time.perf_counter_ns()

        @stage(cache=True)
        def needs(n):
            return n
        """,
    )
    folder.whorl("run", "pipe.py")
    data = json.loads(folder.whorl("verify", "pipe.py", "--recompute", "5", "--json").stdout)
    result = folder.whorl("verify", "pipe.py:another", "--recompute", "1")

    assert {item["stage"]: item["agrees"] for item in data["recomputed"]} == {"pipe.same": True, "pipe.another": False}
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "1 call computed again, 1 differ"
    assert folder.whorl("verify", "pipe.py:same", "--recompute", "1").exit_code == 0


def test_stats_count_entries_bytes_hits_and_seconds(stored: PipelineFolder) -> None:
    """Hits of this machine; a payload counts once."""
    before = json.loads(stored.whorl("stats", "--json").stdout)
    stored.whorl("run", "large.py")
    after = json.loads(stored.whorl("stats", "--json").stdout)

    assert (before["entries"], before["hits"]) == (2, 0)
    assert after["size"] == before["size"] > 100_000
    assert after["hits"] >= 1
    assert "2 entries, 0 generations, " in stored.whorl("stats").stdout


@pytest.mark.parametrize("command", ["gc", "stats", "verify", "restore x", "pin --list", "gc --yes"])
def test_looking_after_nothing_makes_no_store(folder: PipelineFolder, command: str) -> None:
    """It is said, and the exit status is that of success."""
    result = folder.whorl(*command.split())

    assert result.stderr == "nothing is stored in .whorl\n"
    assert result.exit_code == 0
    assert not (folder.folder / ".whorl").exists()
