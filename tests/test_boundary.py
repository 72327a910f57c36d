"""Whose code is it: the user's, Python's, or a distribution's; and how far its version counts."""

from __future__ import annotations

import importlib
import json
import logging
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

import whorl
from whorl.config import options
from whorl.fingerprint.boundary import OWN, STDLIB, Distribution, canonical_module, find_origin, owner, policy_version
from whorl.fingerprint.code import fingerprint


class Site:
    """A site-packages folder of its own, on the path while a test runs."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "site-packages"
        self.folder.mkdir()
        self.monkeypatch = monkeypatch
        monkeypatch.syspath_prepend(str(self.folder))
        monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def install(
        self, name: str, version: str, module: str, text: str, direct_url: dict[str, object] | None = None
    ) -> None:
        """Write a distribution as pip would, in place of an earlier version of it."""
        import shutil

        for old in self.folder.glob(f"{name}-*.dist-info"):
            shutil.rmtree(old)
        info = self.folder / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        file = self.folder / module / "__init__.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        (info / "RECORD").write_text(f"{module}/__init__.py,sha256={hash(text)},{len(text)}\n{info.name}/METADATA,,\n")
        if direct_url is not None:
            (info / "direct_url.json").write_text(json.dumps(direct_url))
        self.forget(module)

    def forget(self, module: str) -> None:
        self.monkeypatch.delitem(sys.modules, module, raising=False)
        importlib.invalidate_caches()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(tmp_path, monkeypatch)


def stage_using(module: str) -> types.FunctionType:
    namespace: dict[str, object] = {"__name__": "own", "lib": importlib.import_module(module)}
    exec("def stage(x): return lib.f(x)", namespace)
    stage = namespace["stage"]
    assert isinstance(stage, types.FunctionType)
    return stage


@pytest.mark.parametrize("name", ["json", "sys", "math", "os.path", "_socket", "collections.abc", "encodings.utf_8"])
def test_pythons_own_modules_belong_to_python(name: str) -> None:
    """Written in Python, in C, built in or frozen."""

    assert owner(importlib.import_module(name)) == STDLIB


def test_an_installed_distribution_owns_its_modules_functions_and_types() -> None:
    """Found by the file, named as on PyPI, with two parts of its version."""
    import numpy as np
    from dateutil import parser

    found = owner(np)

    assert isinstance(found, Distribution)
    assert (found.name, found.version, found.exact) == (
        "numpy",
        ".".join(np.__version__.split(".")[:2]),
        np.__version__,
    )
    assert owner(np.mean.__wrapped__) == owner(np.ndarray) == owner(np.linalg) == found
    assert getattr(owner(parser), "name", "") == "python-dateutil"


def test_what_is_not_installed_is_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts, notebooks, modules beside the script, and functions of no module at all."""
    (tmp_path / "boundary_own.py").write_text("def f(): pass")
    monkeypatch.syspath_prepend(str(tmp_path))
    made: dict[str, object] = {"__name__": "nowhere"}
    exec("def f(): pass", made)

    assert owner(importlib.import_module("boundary_own")) == OWN
    assert owner(made["f"]) == OWN
    assert owner(sys.modules[__name__]) == OWN


def test_an_own_module_may_have_the_name_of_one_of_pythons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path of the file decides, not the name."""
    (tmp_path / "this.py").write_text("def f(): pass")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "this", raising=False)

    assert owner(importlib.import_module("this")) == OWN
    monkeypatch.delitem(sys.modules, "this")


def test_whorl_itself_is_never_followed() -> None:
    """A stage that names a whorl type does not run again because whorl was edited."""
    found = owner(fingerprint)

    assert isinstance(found, Distribution)
    assert found.name == "whorl"
    assert policy_version("whorl") == found.version


def test_a_patch_release_counts_for_nothing(site: Site) -> None:
    """The first two parts of a version count; a team's year of work survives a bug fix."""
    digests = []
    for version in ("1.2.0", "1.2.9", "1.3.0"):
        site.install("boundarylib", version, "boundarylib", f"def f(x): return {version!r}")
        digests.append(fingerprint(stage_using("boundarylib")).digest)

    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(("policy", "same"), [("exact", False), ("minor", True), ("ignore", True), ("follow", False)])
def test_settings_say_how_a_version_counts(site: Site, policy: str, same: bool) -> None:  # noqa: FBT001 - a parameter
    """All of it, two parts, nothing, or the code itself."""
    digests = []
    for version in ("1.2.0", "1.2.1"):
        site.install("boundarylib", version, "boundarylib", f"def f(x): return {version!r}")
        with options(distributions={"boundarylib": policy}):
            digests.append(fingerprint(stage_using("boundarylib")).digest)

    assert (digests[0] == digests[1]) is same


def test_a_setting_for_all_gives_way_to_one_for_a_name(site: Site) -> None:
    """``"*"`` means every distribution that is not named."""
    site.install("boundarylib", "1.2.3", "boundarylib", "def f(x): return x")
    with options(distributions={"*": "exact"}):
        everyone = owner(importlib.import_module("boundarylib"))
    with options(distributions={"*": "exact", "boundarylib": "minor"}):
        named = owner(importlib.import_module("boundarylib"))

    assert getattr(everyone, "version", "") == "1.2.3"
    assert getattr(named, "version", "") == "1.2"


def test_a_setting_is_seen_at_the_next_call(site: Site) -> None:
    """The re-check of unchanged code notices another policy."""
    site.install("boundarylib", "1.2.3", "boundarylib", "def f(x): return x")
    stage = stage_using("boundarylib")
    before = fingerprint(stage).digest
    with options(distributions={"boundarylib": "exact"}):
        exact = fingerprint(stage).digest

    assert exact != before
    assert fingerprint(stage).digest == before


def test_another_installation_is_seen_at_the_next_call(site: Site) -> None:
    """A distribution that was upgraded on disk counts by what stands there now."""
    site.install("boundarylib", "1.2.3", "boundarylib", "def f(x): return x")
    stage = stage_using("boundarylib")
    before = fingerprint(stage).digest
    site.install("boundarylib", "1.4.0", "boundarylib", "def f(x): return x")

    assert fingerprint(stage).digest != before
    assert policy_version("boundarylib") == "1.4"


@pytest.mark.parametrize(
    "origin", [{"url": "file:///x", "dir_info": {}}, {"url": "https://x", "vcs_info": {"vcs": "git"}}]
)
def test_an_installation_whose_version_does_not_move_counts_by_its_record(
    site: Site, origin: dict[str, object]
) -> None:
    """Installed from a folder or a repository, one version may stand for any content."""
    digests = []
    for text in ("def f(x): return 1", "def f(x): return 2"):
        site.install("boundarylib", "1.2.0", "boundarylib", text, origin)
        digests.append(fingerprint(stage_using("boundarylib")).digest)

    assert digests[0] != digests[1]


def test_a_module_without_metadata_counts_by_its_content(site: Site) -> None:
    """A file dropped into site-packages belongs to nobody who could give it a version."""
    digests = []
    for text in ("def f(x): return 1", "def f(x): return 2"):
        (site.folder / "boundaryfile.py").write_text(text)
        site.forget("boundaryfile")
        (site.folder / f"touch{len(text)}{text[-1]}").write_text("")
        digests.append(fingerprint(stage_using("boundaryfile")).digest)

    assert digests[0] != digests[1]


def test_a_link_that_leads_elsewhere_is_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environments are switched by one link; packagers give every folder the same date."""
    for version in ("1.0", "2.0"):
        (tmp_path / version / f"bound_linked-{version}.dist-info").mkdir(parents=True)
        os.utime(tmp_path / version, (1, 1))
    link = tmp_path / "current"
    monkeypatch.syspath_prepend(str(link))
    found = []
    for version in ("1.0", "2.0", "1.0"):
        link.unlink(missing_ok=True)
        link.symlink_to(tmp_path / version)
        found.append(policy_version("bound-linked"))

    assert found == ["1.0", "2.0", "1.0"]


def test_the_first_on_the_path_counts_under_any_spelling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an import finds it; an installation or a removal is seen at the next question."""
    first, second = tmp_path / "first", tmp_path / "second"
    (first / "Bound.Twice-1.0.dist-info").mkdir(parents=True)
    (second / "bound_twice-2.0.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(second))
    monkeypatch.syspath_prepend(str(first))
    found = [policy_version("bound-twice")]
    (first / "Bound.Twice-1.0.dist-info").rmdir()
    found.append(policy_version("Bound_Twice"))
    (second / "bound_twice-2.0.dist-info").rmdir()
    found.append(policy_version("bound-twice"))

    assert found == ["1.0", "2.0", None]


def test_two_distributions_may_share_a_package(site: Site) -> None:
    """A namespace package's files belong to whoever recorded them."""
    for name in ("alpha", "beta"):
        info = site.folder / f"bound_{name}-{len(name)}.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: bound-{name}\nVersion: {len(name)}.0\n")
        (info / "RECORD").write_text(f"boundaryspace/{name}.py,,\n")
        (site.folder / "boundaryspace").mkdir(exist_ok=True)
        (site.folder / "boundaryspace" / f"{name}.py").write_text("def f(x): return x")
    importlib.invalidate_caches()
    owners = [owner(importlib.import_module(f"boundaryspace.{name}")) for name in ("alpha", "beta")]

    assert [getattr(item, "name", "") for item in owners] == ["bound-alpha", "bound-beta"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("top_level.txt", "boundaryother\nboundaryshort\n"),
        ("RECORD", "boundaryother/__init__.py,,\nboundaryshort.py,sha256=a,1\n"),
        ("RECORD", "boundaryshort.cpython-311-x86_64-linux-gnu.so,,\r\n"),
        ("RECORD", '"boundaryshort/a,b.py",,\n'),
    ],
)
def test_a_distribution_claims_what_it_lists(site: Site, file: str, text: str) -> None:
    """A module is claimed under its whole name, however it was written down; one that begins alike is not."""
    info = site.folder / "bound_claims-1.0.dist-info"
    info.mkdir()
    (info / file).write_text(text, newline="")
    owners = {}
    for module in ("boundaryshort", "boundaryshorter", "boundaryshor"):
        (site.folder / f"{module}.py").write_text("def f(x): return x")
        importlib.invalidate_caches()
        owners[module] = getattr(owner(importlib.import_module(module)), "name", "")
        site.forget(module)

    assert owners.pop("boundaryshort") == "bound-claims"
    assert "bound-claims" not in owners.values()


def test_an_own_function_put_into_a_foreign_module_is_followed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A patched library is not the library."""
    site.install("boundarylib", "1.0", "boundarylib", "def f(x): return x")
    stage = stage_using("boundarylib")
    digests = [fingerprint(stage).digest]
    for number in (1, 2):
        patch: dict[str, object] = {"__name__": "own"}
        exec(f"def f(x): return {number}", patch)
        monkeypatch.setattr(sys.modules["boundarylib"], "f", patch["f"])
        digests.append(fingerprint(stage).digest)

    assert len(set(digests)) == 3


def test_a_module_is_found_without_being_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking where an import would lead runs nothing."""
    package = tmp_path / "not_to_be_imported"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError")
    (package / "clock.py").touch()
    monkeypatch.syspath_prepend(tmp_path)

    assert find_origin("not_to_be_imported.clock") == str(package / "clock.py")
    assert "not_to_be_imported" not in sys.modules


SCRIPT = """
import sys
from whorl.fingerprint.boundary import canonical_module
from whorl.fingerprint.code import fingerprint
import whorl.fingerprint.values

def stage(x):
    class Inner:
        def m(self): return __name__
    return Inner().m(), K

K = 3
if __name__ == "__main__":
    print(canonical_module(__name__), fingerprint(stage).digest.hex())
"""


def test_a_script_is_the_module_it_would_be_imported_as(tmp_path: Path) -> None:
    """Run by path, run with -m and imported: one name, one fingerprint."""
    package = tmp_path / "steps"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "clean.py").write_text(SCRIPT)
    (tmp_path / "pyproject.toml").write_text("")
    show = "import steps.clean as m; print(m.canonical_module(m.__name__), m.fingerprint(m.stage).digest.hex())"
    source = str(Path(__file__).resolve().parents[1] / "python")
    lines = {
        subprocess.run(
            [sys.executable, "-B", *arguments],
            cwd=tmp_path,
            env={"PYTHONPATH": f"{source}:{tmp_path}", "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for arguments in (["steps/clean.py"], ["-m", "steps.clean"], ["-c", show])
    }

    assert len(lines) == 1
    assert lines.pop().startswith("steps.clean ")


def test_a_plain_name_is_canonical() -> None:
    """Only ``__main__`` needs another name."""

    assert canonical_module("pandas.io") == "pandas.io"


@pytest.mark.usefixtures("whorl_store")
def test_a_hit_from_another_exact_version_says_so(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """A patch release runs nothing again, and the log's INFO line tells which version made the result."""
    lines = []
    for version in ("1.2.3", "1.2.3", "1.2.4"):
        site.install("bound_patch", version, "bound_patch", "def f(x): return x\n")
        cached = whorl.stage(cache=True, name="patched")(stage_using("bound_patch"))
        with caplog.at_level(logging.INFO, logger="whorl"):
            caplog.clear()
            cached(1)
            lines.append(caplog.messages[-1])

    assert [line.split()[1] for line in lines] == ["ran", "hit", "hit"]
    assert "bound-patch" not in lines[1]
    assert lines[2].endswith("made with bound-patch 1.2.3 (now 1.2.4)")
