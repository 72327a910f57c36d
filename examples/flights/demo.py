"""
Tell the story of whorl on the flights of New York: edits in, and after each one, what ran again and what did not.

Everything happens in a scratch copy that is removed at the end.  The commands are real ones, their output is printed
as it is, and each claim of the story is checked: the first that does not hold ends the demo with status 1.

    python examples/flights/demo.py
"""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from time import perf_counter

SOURCES = ("pipeline.py", "clean.py", "delays.py", "chart.py", "prepare.py", "pyproject.toml")
TARGET = "pipeline.py:picture"
STAGES = 11
LEAST_SPEEDUP = 3.0  # second run against first, as whole processes
MOST_SECONDS_INSIDE = 0.2  # of the second run, spent inside whorl
MOST_SECONDS = 0.3  # the same with the import of whorl

# All that whorl adds to a warm script, in processor time (which other programs do not stretch): its import, the
# decorators, digests, one lookup and the decoding of the picture.
WARM_SCRIPT = """
import pandas
from time import process_time
start = process_time()
import pipeline
pipeline.picture()
print(process_time() - start)
"""


class ClaimError(AssertionError):
    """A step of the story did not show what it must."""


def claim(text: str, *, holds: bool) -> None:
    """Print the claim if it holds, and end the demo if not."""
    if not holds:
        raise ClaimError(text)
    print(f"  ✔ {text}", flush=True)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a command printed, and its seconds as a whole process."""

    text: str
    seconds: float

    def stages(self, outcome: str) -> Counter[str]:
        """Count the stages that ended with this outcome, by name; the line with the check mark is the summary."""
        return Counter(re.findall(rf"^[^✓] (\w+) +{outcome}\b", self.text, re.MULTILINE))

    def seconds_in_whorl(self) -> float:
        """Read from the summary what whorl says of itself."""
        found = re.search(r"([\d.]+) (ms|s) of it in whorl", self.text)
        if found is None:
            raise ClaimError("the summary names the seconds in whorl")
        return float(found[1]) / (1000 if found[2] == "ms" else 1)


@dataclass(frozen=True, slots=True)
class Scratch:
    """A copy of this folder in which files are edited and commands run."""

    folder: Path

    def python(self, *arguments: str) -> Shown:
        """Run Python in the scratch copy, quietly."""
        start = perf_counter()
        done = subprocess.run(  # noqa: S603 - our own interpreter on our own files
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        seconds = perf_counter() - start
        if done.returncode:
            raise ClaimError(f"{' '.join(arguments)} ended with status {done.returncode}:\n{done.stdout}")
        return Shown(done.stdout, seconds)

    def whorl(self, *arguments: str) -> Shown:
        """Run one command of whorl and show it as a user would see it."""
        print(f"$ whorl {' '.join(arguments)}", flush=True)
        shown = self.python("-m", "whorl", *arguments)
        print(shown.text, end="", flush=True)
        return shown

    def environment(self) -> dict[str, str]:
        """Leave out the settings of whorl that the user's shell may hold, and keep digests in the scratch copy."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("WHORL_", "NUTHATCH_"))}
        return kept | {"XDG_CACHE_HOME": str(self.folder / "cache"), "PYTHONIOENCODING": "utf-8"}

    def edit(self, name: str, before: str, after: str) -> None:
        """Replace a text that stands in the file once, and say so."""
        path = self.folder / name
        text = path.read_text()
        claim(f"{name}: {before.strip()!r} → {after.strip()!r}", holds=text.count(before) == 1)
        path.write_text(text.replace(before, after))


@contextmanager
def scratch_copy() -> Iterator[Scratch]:
    """Copy the sources, write the raw files and warm up the libraries, so that times compare like with like."""
    with TemporaryDirectory(prefix="whorl-flights-") as folder:
        scratch = Scratch(Path(folder))
        for name in SOURCES:
            copyfile(Path(__file__).parent / name, scratch.folder / name)
        heading("The raw files: all flights that left New York in 2013")
        print(scratch.python("prepare.py").text, end="")
        scratch.python(
            "-c", "import pandas, pyarrow.parquet, whorl, whorl.cli, matplotlib.figure, matplotlib.font_manager"
        )
        yield scratch


def heading(text: str) -> None:
    """Print what the next step is about."""
    print(f"\n== {text}", flush=True)


def first_and_second_run(scratch: Scratch) -> None:
    """Show that everything is computed once, and that one lookup answers then."""
    heading("The first run computes everything")
    first = scratch.whorl("run", TARGET)
    claim(f"all {STAGES} stages ran", holds=len(first.stages("ran")) == STAGES)

    heading("The second run computes nothing")
    second = scratch.whorl("run", TARGET)
    claim(
        "the picture is a hit, and nothing ran", holds=second.stages("hit")["picture"] == 1 and not second.stages("ran")
    )
    speedup = first.seconds / second.seconds
    claim(
        f"as a whole process: {first.seconds:.2f} s, then {second.seconds:.2f} s, {speedup:.1f} times faster",
        holds=speedup >= LEAST_SPEEDUP,
    )
    inside = second.seconds_in_whorl()
    claim(f"of the second, {inside:.3f} s were spent inside whorl", holds=inside <= MOST_SECONDS_INSIDE)
    script = min(float(scratch.python("-c", WARM_SCRIPT).text) for _ in range(3))
    claim(f"to a script that uses the picture, whorl with its import adds {script:.2f} s", holds=script <= MOST_SECONDS)


def comment(scratch: Scratch) -> None:
    """Show that nothing runs where Python would run the same."""
    heading("A comment in a helper: nothing runs")
    scratch.edit("clean.py", "    credible = ", "    # The anemometers of 2013 had their moments.\n    credible = ")
    shown = scratch.whorl("run", TARGET)
    claim("nothing ran", holds=shown.stages("hit")["picture"] == 1 and not shown.stages("ran"))


def constant_without_effect(scratch: Scratch) -> None:
    """Show that a stage runs, gives the same result, and that all after it is kept."""
    heading("A helper's constant, with the same result: one stage runs, what follows is kept")
    scratch.edit("clean.py", "STRONGEST_WIND = 100 ", "STRONGEST_WIND = 150 ")
    scratch.whorl("status", "pipeline.py")
    shown = scratch.whorl("run", TARGET)
    claim("only weather ran", holds=set(shown.stages("ran")) == {"weather"})
    claim("departures and the picture were kept", holds={"departures", "picture"} <= set(shown.stages("kept")))


def constant_with_effect(scratch: Scratch) -> None:
    """Show that stages run whose code reads the constant, and what follows from another result."""
    heading("Another constant, with another result: only what depends on it runs")
    scratch.edit("delays.py", "FEWEST_FLIGHTS = 100 ", "FEWEST_FLIGHTS = 365 ")
    shown = scratch.whorl("run", TARGET)
    claim(
        "by_hour, by_destination and the picture ran",
        holds=set(shown.stages("ran")) == {"by_hour", "by_destination", "picture"},
    )


def changed_month(scratch: Scratch) -> None:
    """Show that one of twelve months is read again, and the tables beside it are not."""
    heading("One month's file changes: one month is read again")
    july = scratch.folder / "raw" / "flights-2013-07.csv"
    header, _first, *others = july.read_bytes().splitlines(keepends=True)
    july.write_bytes(b"".join([header, *others]))
    print("  raw/flights-2013-07.csv: the first flight is gone")
    shown = scratch.whorl("run", TARGET)
    ran = shown.stages("ran")
    claim("month ran once", holds=ran["month"] == 1)
    claim(
        "so did the year, the join and the summaries",
        holds={"flights", "departures", "by_carrier", "by_hour"} <= set(ran),
    )
    claim("weather and planes did not", holds=not {"weather", "planes"} & set(ran))


def look_around(scratch: Scratch) -> None:
    """Show what is fresh, and what the store holds."""
    heading("What is fresh, and what the store holds")
    scratch.whorl("status", "pipeline.py", "--check")
    scratch.whorl("ls")
    print("$ python pipeline.py")
    print(scratch.python("pipeline.py").text, end="")


def main() -> int:
    """Tell the story; 0 if every claim held."""
    try:
        with scratch_copy() as scratch:
            for step in (first_and_second_run, comment, constant_without_effect, constant_with_effect, changed_month):
                step(scratch)
            look_around(scratch)
    except ClaimError as error:
        print(f"  ✘ {error}", file=sys.stderr)
        return 1
    print("\nEvery claim held.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
