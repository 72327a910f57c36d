"""
A Python file or a module's name in, the loaded module and its stages out.

A file is loaded as ``python file.py`` would run it, its folder first on the path, but under the name that an import
would give it: stages are named the same whichever way they are called.  Before the arrow: where stages come from.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec
from typing import TYPE_CHECKING

from whorl.cli.commands import TargetImportError
from whorl.definition import is_stage
from whorl.errors import ConfigError
from whorl.fingerprint.boundary import canonical_module
from whorl.settings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from whorl.stage import Stage


class _Source(SourceFileLoader):
    """Compiles a file each time, as Python does with a script: bytecode kept beside it may be of an earlier edit."""

    def get_code(self, fullname: str) -> object:  # type: ignore[override]
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def load_file(path: str) -> ModuleType:
    """
    Load a Python file, a script or a module of a package.

    Raises ConfigError where there is none, and TargetImportError from what it raises itself.
    """
    file = os.path.abspath(path)
    if not os.path.isfile(file):
        raise ConfigError(f"there is no file {path}", f"looked in {os.path.dirname(file)}", _similar_file(file))
    package = _package_root(file)
    if package is not None:
        name = os.path.splitext(os.path.relpath(file, package))[0].replace(os.sep, ".")
        return load_module(name.removesuffix(".__init__"), package)
    name = canonical_module("__main__", {"__file__": file, "__spec__": None})
    put_first(os.path.dirname(file))
    loaded = sys.modules.get(name)
    if loaded is None:
        return _execute(name, file)
    if os.path.realpath(getattr(loaded, "__file__", None) or "") != os.path.realpath(file):
        raise ConfigError(f"{path} has the name of a module that is loaded already", name, "rename the file")
    return loaded


def load_module(name: str, folder: str) -> ModuleType:
    """Import a module by its name, with a folder first on the path; errors as in ``load_file``."""
    put_first(folder)
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise ConfigError(f"there is no module {name}", str(error), "name its file: FILE.py:STAGE") from error
        raise TargetImportError(name) from error
    except Exception as error:
        raise TargetImportError(name) from error


def stages_of(module: ModuleType) -> dict[str, Stage[..., object]]:
    """Give the stages that a module defines, by their names in it, in the order of the file."""
    return {
        name: value
        for name, value in vars(module).items()
        if is_stage(value) and value.definition.module == module.__name__ and not value.bound
    }


def find_stage(module: ModuleType, name: str, shown: str) -> Stage[..., object]:
    """Find a stage by its name in a module, by its last name or by its whole name; ``shown`` is the module's."""
    found: object = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if is_stage(found) and not found.bound:  # type: ignore[attr-defined]
        return found  # type: ignore[return-value]
    stages = stages_of(module)
    named = [stage for stage in stages.values() if stage.definition.name == name]
    if named:
        return named[0]
    if found is not None:
        kind = f"it is of type {type(found).__name__}"
        raise ConfigError(f"{name} in {shown} is not a stage", kind, "decorate it with @stage")
    raise ConfigError(f"there is no stage {name!r} in {shown}", tip=_similar_stage(name, stages))


def _execute(name: str, file: str) -> ModuleType:
    loader = _Source(name, file)
    spec = ModuleSpec(name, loader, origin=file)
    spec.has_location = True
    spec._initializing = True  # type: ignore[attr-defined]  # noqa: SLF001 - what import does: tells duplicates from reloads
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if not isinstance(error, Exception):
            raise
        raise TargetImportError(os.path.relpath(file)) from error
    finally:
        spec._initializing = False  # type: ignore[attr-defined]  # noqa: SLF001
    return module


def _package_root(file: str) -> str | None:
    """Give the folder that a package's import starts from; None for a file that is in no package."""
    folder = os.path.dirname(file)
    if not os.path.isfile(os.path.join(folder, "__init__.py")):
        return None
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder = os.path.dirname(folder)
    return folder


def put_first(folder: str) -> None:
    """Let imports look into a folder before all others."""
    if folder not in sys.path[:1]:
        sys.path.insert(0, folder)


def _similar_file(file: str) -> str:
    folder, name = os.path.split(file)
    known = [other for other in os.listdir(folder) if other.endswith(".py")] if os.path.isdir(folder) else []
    return did_you_mean(name, known) if known else ""


def _similar_stage(name: str, stages: Mapping[str, object]) -> str:
    return did_you_mean(name, stages) if stages else "decorate a function of it with @stage"
