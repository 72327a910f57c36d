"""
A module, function or type in, its owner out: the user's own code, the standard library, or a distribution.

The owner decides how far code is followed: own code whole, the others by name and version.  It is found by the real
path of the module that owns the code, so that an own function put into a foreign module is still followed, and an
editable installation is own.  On the arrow: *fingerprint*.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, TypeVar, cast

from whorl.config import current_distributions, current_project, find_project
from whorl.digest import hash_file
from whorl.fingerprint.distributions import (
    NO_STAMP,
    Distribution,
    find_distribution,
    installed_version,
    policies_in,
    policy_of,
    site_folder,
    stamp_of,
)
from whorl.fingerprint.kinds import MAINS, is_class, is_function, is_module, module_name_of, name_of_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from importlib.machinery import ModuleSpec

    from whorl.fingerprint.distributions import Policies, Stamp

__all__ = ["OWN", "STDLIB", "Distribution", "Own", "Owner", "Stdlib", "canonical_module", "owner", "policy_version"]


@dataclass(frozen=True, slots=True)
class Own:
    """The user's code: followed."""


@dataclass(frozen=True, slots=True)
class Stdlib:
    """Python itself: counts by its minor version."""


Owner = Own | Stdlib | Distribution

T = TypeVar("T")

OWN = Own()
STDLIB = Stdlib()

_PACKAGE = os.path.realpath(os.path.dirname(os.path.dirname(__file__)))
_WHORL = "whorl"
# Cython keeps the types of its functions in a module without a file, named after its version.
_CYTHON_TYPES = "_cython_"


class View:
    """
    Settings and site-packages as they stand: looked at once, not for each function.

    Serves any number of fingerprints while ``is_current``.
    """

    __slots__ = ("_distributions", "_known", "_stamps", "owners", "policies")

    def __init__(self) -> None:
        self._distributions = dict(current_distributions())
        self.policies = policies_in(self._distributions)
        self._known: dict[tuple[object, ...], tuple[tuple[object, ...], object]] = {}
        self.owners: dict[str, tuple[str | None, tuple[Owner, Stamp]]] = {}
        self._stamps: dict[str, Stamp] = {}

    def once(self, function: Callable[..., T], *arguments: object) -> T:
        """Call a function of the process's state, at most once per view."""
        # By identity, since a metaclass may compare as it likes; the arguments are held, so it cannot pass on.
        key = (function, *(id(argument) if is_class(argument) else argument for argument in arguments))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = (arguments, function(*arguments))
        return cast("T", found[1])

    def stamp(self, site: str) -> Stamp:
        """Return the state of a site-packages folder: it changes when a distribution is installed or removed."""
        found = self._stamps.get(site)
        if found is None:
            found = self._stamps[site] = stamp_of(site)
        return found

    def is_current(self) -> bool:
        """Tell whether settings and folders are still as they were seen."""
        if current_distributions() != self._distributions:
            return False
        return not self._stamps or all(stamp_of(site) == was for site, was in tuple(self._stamps.items()))


_view: ContextVar[View | None] = ContextVar("whorl boundary", default=None)


def current_view() -> View:
    """Return the view of the fingerprint that is being made, or one of this moment."""
    return _view.get() or View()


@contextmanager
def seen_through(view: View) -> Iterator[None]:
    """Let every question about owners inside the block see the same settings and folders."""
    token = _view.set(view)
    try:
        yield
    finally:
        _view.reset(token)


def owner(thing: object) -> Owner:
    """Return who owns a module, a function (by its globals) or a type (by its module)."""
    if is_module(thing):
        return _owner_of_namespace(name_of_module(thing), vars(thing))
    if is_function(thing):
        return _owner_of_namespace(str(thing.__globals__.get("__name__", "")), thing.__globals__)
    return owner_of_name(_module_name(thing))


def owner_of_name(name: str) -> Owner:
    """Return who owns the module of that name, loaded or not."""
    module = sys.modules.get(name)
    if module is not None:
        # What stands for a module may be an object of any class, without a namespace.
        return _owner_of_namespace(name, getattr(module, "__dict__", {}))
    if name.partition(".")[0] in sys.stdlib_module_names:
        return STDLIB
    return _owner_of_path(find_origin(name))


def find_origin(name: str) -> str | None:
    """Return the file that an import of ``name`` would run, without importing anything, packages above it included."""
    spec, folders = None, None
    prefix = ""
    for part in name.split("."):
        prefix = f"{prefix}.{part}" if prefix else part
        loaded = sys.modules.get(prefix)
        spec = _find_spec(prefix, folders) if loaded is None else getattr(loaded, "__spec__", None)
        if spec is None:
            return None
        # A package that extends its path when imported is known by that path only once it is loaded.
        folders = getattr(loaded, "__path__", spec.submodule_search_locations)
    return None if spec is None else _origin_of_spec(spec)


def _find_spec(name: str, folders: Iterable[str] | None) -> ModuleSpec | None:
    if "." in name and folders is None:
        return None
    for finder in sys.meta_path:
        try:
            spec = finder.find_spec(name, None if folders is None else list(folders))
        except KeyError:
            spec = _namespace_spec(name, folders or ())
        except (ImportError, ValueError, AttributeError):
            continue
        if spec is not None:
            return spec
    return None


def _namespace_spec(name: str, folders: Iterable[str]) -> ModuleSpec | None:
    """Find a package without ``__init__.py`` in one that is not loaded: it asks that one where it lies, in vain."""
    from importlib.machinery import ModuleSpec

    places = [os.path.join(folder, name.rpartition(".")[2]) for folder in folders]
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [place for place in places if os.path.isdir(place)]
    return spec if spec.submodule_search_locations else None


def policy_version(distribution: str) -> str | None:
    """Return what counts of an installed distribution's version now; None where it is not installed."""
    if distribution == _WHORL:
        return _whorl().version
    return installed_version(distribution)


def canonical_module(name: str, namespace: dict[str, object] | None = None) -> str:
    """Name a module as an import would: ``__main__`` by its spec, its script's path below the project, its notebook."""
    if name not in MAINS or (namespace is None and name not in sys.modules):
        return name
    main = vars(sys.modules[name]) if namespace is None else namespace
    spec = getattr(main.get("__spec__"), "name", None)
    if isinstance(spec, str):
        return spec.removesuffix(".__main__")
    notebook = main.get("__vsc_ipynb_file__") or main.get("__session__")
    file = notebook or main.get("__file__")
    return _dotted_path(str(file)) if file else name


def _dotted_path(file: str) -> str:
    path = os.path.realpath(file)
    stem = os.path.splitext(path)[0]
    project = find_project_of(path)
    inside = os.path.relpath(stem, project) if project else os.path.basename(stem)
    return inside.replace(os.sep, ".")


def find_project_of(path: str) -> str | None:
    """Return the project folder above a path: the one of the settings if the path lies below it, else its own."""
    current = _real_path(str(current_project()))
    if path.startswith(current + os.sep):
        return current
    return _project_above(os.path.dirname(os.path.realpath(path)))


@lru_cache(maxsize=256)
def _project_above(folder: str) -> str | None:
    from pathlib import Path

    found = find_project(Path(folder))
    return None if found is None else str(found)


def _module_name(thing: object) -> str:
    if is_class(thing):
        return module_name_of(thing)
    name = getattr(thing, "__module__", None)
    if name is None and type(thing) is BuiltinFunctionType:
        return module_name_of(type(thing.__self__))
    return name if isinstance(name, str) else "builtins"


def _owner_of_namespace(name: str, namespace: dict[str, object]) -> Owner:
    spec = namespace.get("__spec__")
    origin = _origin_of_spec(spec) if spec is not None else None
    file = namespace.get("__file__")
    path = file if isinstance(file, str) else origin
    if path is None and (name.startswith(_CYTHON_TYPES) or name.partition(".")[0] in sys.stdlib_module_names):
        return OWN if name in MAINS else STDLIB
    return _owner_of_path(path)


def _origin_of_spec(spec: object) -> str | None:
    origin = getattr(spec, "origin", None)
    if isinstance(origin, str) and origin not in ("namespace", "built-in", "frozen"):
        return origin
    locations = list(getattr(spec, "submodule_search_locations", None) or ())
    return os.path.join(locations[0], "__init__.py") if locations else origin


def _owner_of_path(path: str | None) -> Owner:
    if path is None:
        return OWN
    if path in ("built-in", "frozen"):
        return STDLIB
    view = current_view()
    site, found = view.owners.get(path) or _remembered_owner(path, view.policies)
    if site is not None and view.stamp(site) != found[1]:
        _remembered_owner.cache_clear()
        site, found = _remembered_owner(path, view.policies)
    view.owners[path] = site, found
    return found[0]


@lru_cache(maxsize=16_384)
def _remembered_owner(path: str, policies: Policies) -> tuple[str | None, tuple[Owner, Stamp]]:
    """Return the site-packages folder of a path, its owner, and the state of the folder this was read from."""
    real = _real_path(path)
    if real.startswith(_PACKAGE + os.sep):
        return None, (_whorl(), NO_STAMP)
    site = site_folder(real)
    if site is not None:
        return site, (_owner_in_site(real, site, policies), stamp_of(site))
    return None, (STDLIB if real.startswith(_stdlib_folders()) else OWN, NO_STAMP)


def _owner_in_site(real: str, site: str, policies: Policies) -> Owner:
    found = find_distribution(real, site, policies)
    if found is None:
        # No metadata: the file's content is all that can be known.
        content = hash_file(real).hex() if os.path.isfile(real) else ""
        return Distribution(os.path.relpath(real, site).replace(os.sep, "/"), content, content)
    return OWN if policy_of(found.name, policies) == "follow" else found


@lru_cache(maxsize=4096)
def _real_path(path: str) -> str:
    return os.path.realpath(path)


@lru_cache(maxsize=1)
def _stdlib_folders() -> tuple[str, ...]:
    """Name the folders of Python's own modules; sysconfig knows them too, but reads a Makefile first."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    compiled = os.path.join(sys.base_exec_prefix, sys.platlibdir, version)
    folders = (os.path.dirname(os.__file__), compiled, os.path.join(sys.base_exec_prefix, "DLLs"))
    return tuple(os.path.realpath(folder) + os.sep for folder in folders)


@lru_cache(maxsize=1)
def _whorl() -> Distribution:
    from whorl import __version__

    return Distribution(_WHORL, ".".join(__version__.split(".")[:2]), __version__)
