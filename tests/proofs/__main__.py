"""
Words on the command line in; a table of what each proof of the code fingerprint showed out, on this Python.

``make proof`` runs all three: re-wrapped text has the same digest, changed code has another one, and no function of
installed packages stops a fingerprint.  The status is that of the worst verdict.
"""

from __future__ import annotations

import argparse
import difflib
import platform
import sys
import time
from typing import TYPE_CHECKING

from proofs import packages, rewrapping, verdicts
from proofs.mutants import mutants

if TYPE_CHECKING:
    from proofs.mutants import Mutant

# From small ones to whole libraries; those below are followed for so many seconds each, and named alone for all.
PACKAGES = (
    *("pandas", "dask", "networkx", "sympy", "click", "numpy", "scipy", "xarray", "sqlalchemy", "pyarrow", "polars"),
    *("matplotlib", "zarr", "numcodecs", "joblib", "fsspec", "s3fs", "toolz", "cloudpickle", "mpmath", "PIL", "yaml"),
    *("hypothesis", "pydantic", "attr", "jinja2", "flask", "werkzeug", "requests", "urllib3", "aiohttp", "botocore"),
    *("boto3", "moto", "docker", "cfnlint", "jsonschema", "IPython", "jedi", "parso", "prompt_toolkit", "traitlets"),
    *("rich", "pygments", "fontTools", "pyparsing", "psutil", "regex", "pip"),
)
FUNCTIONS_WANTED = 20_000


def main() -> int:
    """Run the proofs that are named, all by default."""
    parser = argparse.ArgumentParser(prog="python -m proofs", description="prove the code fingerprint")
    parser.add_argument("proofs", nargs="*", default=list(_PROOFS), help=", ".join(_PROOFS))
    parser.add_argument("--mutants", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--step", type=int, default=1, help="take every so many files of the library")
    parser.add_argument("--seconds", type=float, default=20, help="for each package")
    words = parser.parse_args()
    _say(f"Python {platform.python_version()}")
    results = []
    for name in words.proofs:
        started = time.monotonic()
        _say(f"\n== {name} ==")
        results.append(_PROOFS[name](words))
        _say(f"{'proved' if results[-1] else 'NOT PROVED'} in {time.monotonic() - started:.0f} s")
    return 0 if all(results) else 1


def _rewrapping(words: argparse.Namespace) -> bool:
    tallies = rewrapping.measure(step=words.step)
    _say(f"{'way':26}{'files':>8}{'functions':>11}{'modules, classes':>18}{'not printed':>13}{'different':>11}")
    for way, tally in tallies.items():
        counts = f"{tally.files:8,}{tally.functions:11,}{tally.others:18,}{len(tally.not_printed):13,}"
        _say(f"{way:26}{counts}{len(tally.different):11,}")
    for way, tally in tallies.items():
        for name in tally.different:
            _say(f"DIFFERENT {way}: {name}")
        for name in tally.not_printed:
            _say(f"not printed, {way}: {name}")
    return not any(tally.different for tally in tallies.values())


def _mutants(words: argparse.Namespace) -> bool:
    tally = verdicts.judge(mutants(words.mutants, words.seed, step=words.step))
    total = sum(tally.changes.values())
    _say(f"seed {words.seed}, {len(tally.changes)} kinds of changes")
    rows = [("mutants", total), ("told by the fingerprint", tally.detected)]
    rows += [(f"not told, explained: {rule}", count) for rule, count in sorted(tally.explained.items())]
    rows += [("not told, UNEXPLAINED", len(tally.unexplained)), ("told, but the same steps (MISS)", len(tally.missed))]
    for name, count in rows:
        _say(f"{name:42}{count:9,}")
    for word, found in (("UNEXPLAINED", tally.unexplained), ("MISS", tally.missed)):
        for mutant in found:
            _say(_shown(word, mutant))
    return total == words.mutants and not tally.unexplained and not tally.missed


def _shown(word: str, mutant: Mutant) -> str:
    lines = (mutant.before.splitlines(), mutant.after.splitlines())
    changed = "\n".join(difflib.unified_diff(*lines, "before", "after", lineterm="", n=len(lines[0])))
    return f"{word} {mutant.origin}, {mutant.change}\n{changed}"


def _packages(words: argparse.Namespace) -> bool:
    clean, followed = True, 0
    for policy, limit, seconds in (("follow", 2_000, words.seconds), ("minor", 10_000, 4 * words.seconds)):
        header = f"{'functions':>11}{'tried':>8}{'exceptions':>12}{'slow':>6}{'crashes':>9}{'most nodes':>12}"
        _say(f"{'as ' + ('own' if policy == 'follow' else 'foreign') + ' code':16}{header}{'slowest':>10}{'> 1 s':>7}")
        total = 0
        for tally in packages.measure(PACKAGES, policy, limit=limit, seconds=seconds):
            _say(_row(tally))
            clean, total = clean and tally.is_clean, total + tally.tried
        _say(f"{'all':16}{'':11}{total:8,}\n")
        followed = followed or total
    return clean and followed >= FUNCTIONS_WANTED


def _row(tally: packages.Tally) -> str:
    errors = sum(len(found) for found in tally.errors.values())
    counts = f"{tally.functions:11,}{tally.tried:8,}{errors:12,}{len(tally.slow):6,}{len(tally.crashes):9,}"
    lines = [f"{tally.package:16}{counts}{tally.nodes:12,}{tally.slowest:8.2f} s{tally.above_a_second:7,}"]
    lines += [f"  NOT RUN: {tally.failed}"] * bool(tally.failed)
    lines += [f"  SLOW {name}" for name in tally.slow] + [f"  CRASH {name}" for name in tally.crashes]
    for error, found in tally.errors.items():
        lines.append(f"  EXCEPTION, {len(found)} times, first in {found[0].name}: {error}\n{found[0].trace}")
    return "\n".join(lines)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


_PROOFS = {"rewrapping": _rewrapping, "mutants": _mutants, "packages": _packages}

if __name__ == "__main__":
    sys.exit(main())
