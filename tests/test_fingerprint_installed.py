"""An own package installed from a wheel, and the same one as an editable installation."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = str(Path(__file__).resolve().parents[1] / "python")
TEXTS = {
    "__init__.py": "from ownpackage.steps import scale\nFACTOR = 2\n",
    "steps.py": "from . import tables\nimport ownpackage\ndef scale(x): return x * ownpackage.FACTOR + tables.SHIFT\n",
    "tables.py": "import re\nSHIFT = 1\nPATTERN = re.compile('a')\nclass Model:\n    def predict(self, x): return x\n",
}
PIPELINE = """
import ownpackage
from ownpackage.tables import Model
def stage(x):
    from ownpackage import tables
    return ownpackage.scale(x), Model().predict(x), tables.PATTERN
"""
PRINT = """
import whorl.fingerprint.values
from whorl.fingerprint.code import fingerprint
from own_pipeline import stage
found = fingerprint(stage)
print(found.digest.hex(), [item.name for item in found.distributions])
"""
FOLLOW = '[tool.whorl.distributions]\nownpackage = "follow"\n'


def write_package(folder: Path, **changed: str) -> Path:
    """Write the package below a folder, some of its files changed."""
    package = folder / "ownpackage"
    package.mkdir(parents=True, exist_ok=True)
    for name, text in TEXTS.items():
        (package / name).write_text(changed.get(name.removesuffix(".py"), text))
    return folder


def write_metadata(site: Path, version: str, recorded: list[str]) -> None:
    """Write what an installer leaves beside a package."""
    info = site / f"ownpackage-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: ownpackage\nVersion: {version}\n")
    (info / "INSTALLER").write_text("pip\n")
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in recorded))


def wheel(folder: Path, version: str = "1.2.3", **changed: str) -> Path:
    """Install the package as a wheel is: its files lie in site-packages."""
    site = write_package(folder / "site-packages", **changed)
    write_metadata(site, version, [f"ownpackage/{name}" for name in TEXTS])
    return site


def editable(folder: Path, **changed: str) -> Path:
    """Install the package as ``pip install -e`` does: a .pth file leads from site-packages to the checkout."""
    checkout = write_package(folder / "checkout" / "src", **changed)
    site = folder / "site-packages"
    write_metadata(site, "1.2.3", ["__editable__.ownpackage.pth"])
    (site / "__editable__.ownpackage.pth").write_text(f"{checkout}\n")
    return site


def fingerprinted(project: Path, site: Path, settings: str) -> tuple[str, str]:
    """Fingerprint the pipeline in a new process; return the digest and the distributions that count."""
    project.mkdir(exist_ok=True)
    (project / "pyproject.toml").write_text(settings)
    (project / "own_pipeline.py").write_text(PIPELINE)
    code = f"import site\nsite.addsitedir({str(site)!r}){PRINT}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((SOURCE, str(project)))}
    command = [sys.executable, "-B", "-c", code]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    digest, _, distributions = done.stdout.strip().partition(" ")
    return digest, distributions


CHANGED = {"steps": TEXTS["steps.py"].replace("*", "+"), "tables": TEXTS["tables.py"].replace("return x", "return -x")}


def test_a_wheel_that_is_followed_is_the_editable_installation(tmp_path: Path) -> None:
    """The code is the same, wherever it was installed from; the version does not count then."""
    places = (wheel(tmp_path / "a"), editable(tmp_path / "b"), wheel(tmp_path / "c", version="2.0"))
    found = [fingerprinted(tmp_path / "project", site, FOLLOW) for site in places]

    assert found[0] == found[1] == found[2]
    assert "ownpackage" not in found[0][1]


@pytest.mark.parametrize("name", CHANGED)
def test_a_change_in_a_wheel_that_is_followed_is_seen(tmp_path: Path, name: str) -> None:
    """Without a new version, as in the editable installation, and both agree on what it is now."""
    changed = {name: CHANGED[name]}
    places = (wheel(tmp_path / "a"), wheel(tmp_path / "b", **changed), editable(tmp_path / "c", **changed))
    found = [fingerprinted(tmp_path / "project", site, FOLLOW)[0] for site in places]

    assert found[0] != found[1] == found[2]


def test_a_wheel_that_is_not_followed_counts_by_its_version(tmp_path: Path) -> None:
    """A change of code without one of the version is not seen, a new minor version is."""
    places = (
        wheel(tmp_path / "a"),
        wheel(tmp_path / "b", steps=CHANGED["steps"]),
        wheel(tmp_path / "c", version="1.2.4"),
        wheel(tmp_path / "d", version="1.3.0"),
    )
    found = [fingerprinted(tmp_path / "project", site, "") for site in places]

    assert found[0] == found[1] == found[2] != found[3]
    assert "ownpackage" in found[0][1]


def test_an_editable_installation_is_followed_without_a_word(tmp_path: Path) -> None:
    """Its files lie outside site-packages; with or without ``follow`` it is the project's own code."""
    said = fingerprinted(tmp_path / "project", editable(tmp_path / "a"), FOLLOW)
    unsaid = fingerprinted(tmp_path / "project", editable(tmp_path / "b"), "")
    changed = fingerprinted(tmp_path / "project", editable(tmp_path / "c", steps=CHANGED["steps"]), "")

    assert said == unsaid
    assert changed[0] != unsaid[0]
