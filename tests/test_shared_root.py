"""One root in a bucket, several users: what one has computed, the others are given, with a network and without."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from bad_network import BadNetwork, Kind, Trouble, always

if TYPE_CHECKING:
    from pathlib import Path

    from remote_servers import Bucket

PIPELINE = """
    import logging, sys, time
    from pathlib import Path
    from whorl import stage

    logging.basicConfig(format="%(name)s %(message)s", stream=sys.stdout)
    logging.getLogger("whorl").setLevel(logging.INFO)

    @stage(path="raw.txt", cache=True)
    def read(path):
        return Path(path).read_text().split()

    @stage(words=read, cache=True)
    def count(words):
        return len(words)

    @stage(words=read, cache=True)
    def large(words):
        return words * 20_000

    if __name__ == "__main__":
        for _ in range(int(sys.argv[1])):
            print(count(), len(large()))
"""
# ``large`` finds what ``count`` had made.
FIRST = ["ran", "ran", "hit", "ran"]
UNREACHABLE = {"endpoint_url": "http://127.0.0.1:1", "key": "test", "secret": "test"}


class User:
    """Someone with a folder of their own, on a machine of their own."""

    def __init__(self, folder: Path, bucket: Bucket) -> None:
        folder.mkdir()
        (folder / "whorl.toml").write_text("")
        (folder / "raw.txt").write_text("a b c")
        (folder / "pipeline.py").write_text(textwrap.dedent(PIPELINE))
        self.folder = folder
        self.environment = {
            **os.environ,
            "WHORL_FILESYSTEM": f"{bucket.url}/team",
            "WHORL_FILESYSTEM_OPTIONS": json.dumps(bucket.server.options),
        }

    def cut(self) -> None:
        """Take the network away."""
        self.environment["WHORL_FILESYSTEM_OPTIONS"] = json.dumps(UNREACHABLE)

    def python(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python there."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )

    def run(self, times: int = 1, **environment: str) -> list[str]:
        """Run the pipeline and give what happened, one word for each line that the logger or the script prints."""
        done = self.python("pipeline.py", str(times), **environment)
        assert done.returncode == 0, done.stderr
        self.said = done.stderr
        return done.stdout.splitlines()


@pytest.fixture
def users(tmp_path: Path, bucket: Bucket) -> tuple[User, User]:
    return User(tmp_path / "first", bucket), User(tmp_path / "second", bucket)


def _outcomes(lines: list[str]) -> list[str]:
    return [line.split()[2] for line in lines if line.startswith("whorl ")]


def test_a_second_user_is_given_all_that_the_first_computed(users: tuple[User, User]) -> None:
    """Two folders, one root: nothing runs twice."""
    first, second = users

    assert _outcomes(first.run()) == FIRST
    assert _outcomes(second.run()) == ["hit", "hit"]
    assert second.said == ""


def test_a_warm_hit_is_one_request(users: tuple[User, User], bucket: Bucket) -> None:
    """The manifest holds a small value: one GET, and the ledger is asked for every five seconds at most."""
    first, _ = users
    first.run()
    (first.folder / "warm.py").write_text(
        "import sys, urllib.request\n"
        "from pipeline import count\n"
        "count()\n"
        "urllib.request.urlopen(sys.argv[1]).read()\n"
        "count()\n"
        "count()\n"
    )
    # What the server is asked beside its own interface marks where the list of ``asked`` begins.
    done = first.python("warm.py", f"http://127.0.0.1:{bucket.server.port}/moto-api/?warm")
    warm = [line for line in bucket.asked() if "%2Fr%2F" not in line]

    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in warm] == ["GET", "GET"]
    assert all("/m/pipeline.count/" in line for line in warm)


def test_what_was_pulled_is_served_without_a_network(users: tuple[User, User]) -> None:
    """``offline`` asks nobody."""
    first, second = users
    first.run()
    pulled = second.python("-m", "whorl", "pull")
    second.cut()

    assert pulled.stdout.startswith("pulled 3 entries")
    assert _outcomes(second.run(WHORL_MODE="offline")) == ["hit", "hit"]
    assert second.said == ""


def test_without_a_network_results_are_computed_with_one_warning(users: tuple[User, User]) -> None:
    """The mode ``write`` goes on after one failure, and leaves the root alone for a while."""
    first, _ = users
    first.cut()
    lines = first.run(3, WHORL_NETWORK_TIMEOUT="5")

    assert [line for line in lines if not line.startswith("whorl ")] == ["3 60000"] * 3
    assert first.said.count("StoreWarning") == 1


def test_a_network_that_stalls_costs_one_timeout_and_one_warning(users: tuple[User, User], bucket: Bucket) -> None:
    """Connections are made and nothing is ever said: ``network_timeout`` is waited for once, then all is computed."""
    first, _ = users
    network = BadNetwork(bucket.server.port, always(Trouble(Kind.STALL))).start()
    options = {**bucket.server.options, "endpoint_url": f"http://127.0.0.1:{network.port}"}
    first.environment["WHORL_FILESYSTEM_OPTIONS"] = json.dumps(options)
    (first.folder / "timed.py").write_text(
        "import time\n"
        "from pipeline import count, large\n"
        "began = time.monotonic()\n"
        "values = [(count(), len(large())) for _ in range(3)]\n"
        "print(set(values), time.monotonic() - began)\n"
    )
    done = first.python("timed.py", WHORL_NETWORK_TIMEOUT="3")
    network.stop()
    values, _, seconds = done.stdout.splitlines()[-1].rpartition(" ")

    assert done.returncode == 0, done.stderr
    assert values == "{(3, 60000)}"
    assert 3 <= float(seconds) < 3 + 3
    assert done.stderr.count("StoreWarning") == 1


def test_a_local_tier_keeps_what_the_root_could_not_take(users: tuple[User, User]) -> None:
    """Computed without a network, pushed when there is one."""
    first, second = users
    options = first.environment["WHORL_FILESYSTEM_OPTIONS"]
    first.environment["WHORL_LOCAL"] = str(first.folder / "near")
    first.cut()
    before = _outcomes(first.run(WHORL_NETWORK_TIMEOUT="5"))
    again = _outcomes(first.run(WHORL_NETWORK_TIMEOUT="5"))
    first.environment["WHORL_FILESYSTEM_OPTIONS"] = options
    pushed = first.python("-m", "whorl", "push")

    assert (before, again) == (FIRST, ["hit", "hit"])
    assert pushed.stdout.startswith("pushed 3 entries"), pushed.stderr
    assert _outcomes(second.run()) == ["hit", "hit"]


def test_a_hit_is_copied_into_the_local_tier(users: tuple[User, User], bucket: Bucket) -> None:
    """The second time nothing is fetched, whatever its size."""
    first, second = users
    first.run()
    second.environment["WHORL_LOCAL"] = str(second.folder / "near")
    second.run()
    bucket.asked()
    again = second.run()
    fetched = [line for line in bucket.asked() if "/m/" in line or "/o/" in line]

    assert _outcomes(again) == ["hit", "hit"]
    assert fetched == []


def test_a_changed_input_of_one_user_runs_for_that_user_alone(users: tuple[User, User]) -> None:
    """Two versions live side by side; each gets hits for its own."""
    first, second = users
    first.run()
    (second.folder / "raw.txt").write_text("a b c d")

    assert _outcomes(second.run()) == FIRST
    assert _outcomes(first.run()) == ["hit", "hit"]
    assert _outcomes(second.run()) == ["hit", "hit"]


def test_a_store_is_made_looked_at_and_named(users: tuple[User, User], bucket: Bucket) -> None:
    """``init`` tries what the bucket guarantees, ``doctor`` says what was recorded and what is failing."""
    first, _ = users
    made = first.python("-m", "whorl", "init", f"{bucket.url}/team")
    told = first.python("-m", "whorl", "doctor", "--json")
    first.cut()
    failing = first.python("-m", "whorl", "doctor")

    assert made.returncode == 0, made.stderr
    assert "creates once, replaces once" in made.stdout
    assert f'filesystem = "{bucket.url}/team"' in made.stdout
    assert [(tier["name"], tier["state"]) for tier in json.loads(told.stdout)] == [
        ("local", "not there yet"),
        ("root", "ready"),
    ]
    assert failing.returncode == 1
    assert "root     failing" in failing.stdout
