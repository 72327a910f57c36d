"""The structure that docs/architecture.md draws is the one that lint-imports checks and that the modules have."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
PACKAGE = PROJECT / "python" / "whorl"
MODULES = sorted(PACKAGE.rglob("*.py"))
LARGEST_FILE = 400  # lines, as style.md has it


def place(path: Path) -> str:
    """Name a module by its path below the package."""
    return path.relative_to(PACKAGE).as_posix()


def tree(path: Path) -> ast.Module:
    """Parse a module."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def drawn_layers() -> list[set[str]]:
    """Read the layers in the diagram of docs/architecture.md."""
    page = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawing = re.search(r"^## Layers$.*?^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)

    assert drawing is not None
    return [set(line.split(" | ")) for line in drawing[1].splitlines()]


def checked_layers() -> list[set[str]]:
    """Read the layers in the contract that lint-imports checks."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (item for item in project["tool"]["importlinter"]["contracts"] if item["id"] == "layers")

    assert contract["exhaustive"]
    return [{name.strip("() ") for name in layer.split("|")} for layer in contract["layers"]]


def test_the_diagram_is_what_the_contracts_check() -> None:
    """Docs and lint name the same layers in the same order."""
    assert drawn_layers() == checked_layers()


def test_every_module_has_its_place_in_the_diagram() -> None:
    """A new module is drawn when it is made."""
    drawn = set().union(*drawn_layers())
    children = {path.stem for path in PACKAGE.glob("*.py")} | {
        path.parent.name for path in PACKAGE.glob("*/__init__.py")
    }

    assert children - {"__init__"} <= drawn


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    """The docstring of each module is its first paragraph of documentation."""
    assert ast.get_docstring(tree(path))


@pytest.mark.parametrize("path", [path for path in MODULES if not path.stem.startswith("__")], ids=place)
def test_a_module_says_its_place_on_the_arrow(path: Path) -> None:
    """Whoever opens a file learns which step of the arrow it serves."""
    assert "arrow" in (ast.get_docstring(tree(path)) or "")


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_a_module_is_short_enough_to_be_read(path: Path) -> None:
    """A file that grows beyond 400 lines holds two subjects."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LARGEST_FILE


def imported(path: Path) -> set[str]:
    """List the modules that a file imports, anywhere in it."""
    nodes = list(ast.walk(tree(path)))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return plain | {f"{node.module}.{alias.name}" for node in froms for alias in node.names}


def test_only_digest_imports_the_rust_module() -> None:
    """One module knows the compiled one, which import-linter cannot see."""
    importers = {place(path) for path in MODULES if any(name.startswith("whorl._core") for name in imported(path))}

    assert importers == {"digest.py"}


def reads_environment(path: Path) -> bool:
    """Tell whether a module mentions os.environ or os.getenv."""
    attributes = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute))
    named = imported(path) & {"os.environ", "os.getenv"}
    return bool(named) or any(node.attr in {"environ", "environb", "getenv"} for node in attributes)


def test_only_config_reads_the_environment() -> None:
    """A setting has one way in, so that its origin can be told and nothing else of the environment counts."""
    assert {place(path) for path in MODULES if reads_environment(path)} <= {"config.py"}


def test_only_config_reads_toml() -> None:
    """pyproject.toml is read in one place."""
    assert {place(path) for path in MODULES if "tomllib" in imported(path)} <= {"config.py"}


@pytest.mark.parametrize(
    "path", sorted((PROJECT / "rust").rglob("*.rs")), ids=lambda path: f"{path.parent.name}-{path.name}"
)
def test_a_rust_file_says_what_it_is_for(path: Path) -> None:
    """Each Rust file opens with its module documentation."""
    assert path.read_text(encoding="utf-8").startswith("//! ")
