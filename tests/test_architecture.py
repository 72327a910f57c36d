"""The structure that docs/architecture.md draws is the one that lint-imports checks and that the modules have."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parent.parent
PACKAGE = PROJECT / "python" / "whorl"
MODULES = sorted(PACKAGE.rglob("*.py"))
SOURCES = sorted([*MODULES, *(PROJECT / "rust").rglob("*.rs")])
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


def without(word: str) -> set[str]:
    """List the modules whose docstring lacks a word; a package and a module without code of its own need not say it."""
    spoken = {place(path): ast.get_docstring(tree(path)) or "" for path in MODULES if not path.stem.startswith("__")}
    return {name for name, docstring in spoken.items() if word not in docstring}


def test_a_module_says_what_it_is_for() -> None:
    """The docstring of each module is its first paragraph of documentation."""
    assert {place(path) for path in MODULES if not ast.get_docstring(tree(path))} == set()


def test_a_module_says_its_place_on_the_arrow() -> None:
    """Whoever opens a file learns which step of the arrow it serves."""
    assert without("arrow") == set()


def test_a_file_is_short_enough_to_be_read() -> None:
    """A file that grows beyond 400 lines holds two subjects."""
    lengths = {str(path.relative_to(PROJECT)): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}

    assert {name: length for name, length in lengths.items() if length > LARGEST_FILE} == {}


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
    """Tell whether a module takes something out of os.environ; to recognise it in a user's code is another thing."""
    taken = (node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute | ast.Subscript))
    calls = (node.func for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
    named = imported(path) & {"os.environ", "os.getenv"}
    environ = bool(named) or any(
        isinstance(node, ast.Attribute) and node.attr in {"environ", "environb"} for node in taken
    )
    return environ or any(isinstance(node, ast.Attribute) and node.attr == "getenv" for node in calls)


def test_only_config_reads_the_environment() -> None:
    """A setting has one way in, so that its origin can be told and nothing else of the environment counts."""
    assert {place(path) for path in MODULES if reads_environment(path)} <= {"config.py"}


def test_only_config_files_reads_toml() -> None:
    """Files of settings are read in one place."""
    assert {place(path) for path in MODULES if "tomllib" in imported(path)} <= {"config_files.py"}


def test_a_rust_file_says_what_it_is_for() -> None:
    """Each Rust file opens with its module documentation."""
    files = [path for path in SOURCES if path.suffix == ".rs"]

    assert files
    assert [path.name for path in files if not path.read_text(encoding="utf-8").startswith("//! ")] == []
