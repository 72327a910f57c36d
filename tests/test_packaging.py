"""What is shipped: the wheel's contents, its tags, its versions, and that it works where neither Rust nor pandas is."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import whorl

PROJECT = Path(__file__).parent.parent

PIPELINE = """
import sys

from whorl import observe, options, stage

@stage(cache=True)
def numbers():
    return [1, 2, 3]

@stage(numbers=numbers, cache=True)
def doubled(numbers):
    return [2 * number for number in numbers]

@stage(doubled=doubled, cache=True)
def total(doubled):
    return sum(doubled)

with options(filesystem="store"), observe() as outcomes:
    assert total() == 12
    assert total() == 12
assert [outcome.kind for outcome in outcomes] == ["ran", "ran", "ran", "hit"], outcomes
assert not {"pandas", "numpy", "pyarrow"} & set(sys.modules)
print("works")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as ``make wheel`` does, into a temporary folder."""
    folder = tmp_path_factory.mktemp("dist")
    maturin = Path(sys.executable).with_name("maturin")
    command = [maturin, "build", "--release", "--locked", "--quiet", "--out", folder]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """Every name in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def cargo_version() -> str:
    """The version that the Rust crates share."""
    manifest = tomllib.loads((PROJECT / "Cargo.toml").read_text(encoding="utf-8"))
    return str(manifest["workspace"]["package"]["version"])


def test_one_version_everywhere() -> None:
    """Cargo.toml, pyproject.toml, ``whorl.__version__`` and the newest heading of the changelog name one version."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+)", changelog, re.MULTILINE)

    assert newest is not None
    assert {cargo_version(), project["version"], newest[1]} == {whorl.__version__}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_one_wheel_serves_every_python_from_3_11(wheel: Path) -> None:
    """The stable ABI makes one wheel per platform, not one per Python."""
    assert wheel.name.startswith(f"whorl-{whorl.__version__}-cp311-abi3-")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_wheel_carries_types_stubs_and_licences(names: set[str]) -> None:
    """A type checker and a lawyer find what they need in the wheel."""
    info = f"whorl-{whorl.__version__}.dist-info"

    assert {"whorl/py.typed", "whorl/_core.pyi"} <= names
    assert {f"{info}/licenses/LICENSE-MIT", f"{info}/licenses/LICENSE-APACHE"} <= names
    assert any(re.fullmatch(r"whorl/_core\..*(so|pyd)", name) for name in names)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_wheel_carries_the_package_and_nothing_else(names: set[str]) -> None:
    """Neither tests nor sources of the Rust core nor caches are shipped, and every module is."""
    shipped = {name for name in names if ".dist-info/" not in name}
    modules = {path.relative_to(PROJECT / "python").as_posix() for path in (PROJECT / "python").rglob("*.py")}

    assert modules <= shipped
    assert all(re.fullmatch(r"whorl/([\w/]+\.pyi?|py\.typed|_core\.[\w.-]+)", name) for name in shipped)


@pytest.mark.slow
@pytest.mark.index
@pytest.mark.timeout(900)
def test_a_pipeline_runs_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    """In an empty environment without Rust and pandas the wheel installs and a pipeline of three stages works."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pins = PROJECT / "requirements" / "constraints.txt"
    # Without binaries of their own the requirements would need a compiler: so --only-binary proves that none is used.
    install = [python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--constraint", pins, wheel]
    (tmp_path / "pipeline.py").write_text(PIPELINE, encoding="utf-8")

    subprocess.run(install, check=True, capture_output=True)
    done = subprocess.run([python, "-I", "pipeline.py"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.stdout == "works\n", done.stderr
