"""
One object in, its description for the walk out: a code object, a leaf, a node with named parts, or a block of memory.

The way is chosen by the type, and remembered: the object's own ``__whorl_digest__``, then a registered function, then
the function that an installed distribution brings for it, then what is known of built-in, standard and scientific
types, then the state of an instance.  On the arrow: inside *digest values*; the walk calls this for everything but
exact built-in types.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from whorl.errors import WhorlError
from whorl.fingerprint.describe_instance import describer_of_instances, opaque, refusal_of, refuse
from whorl.fingerprint.describe_standard import STANDARD, describe_enum, describe_path
from whorl.fingerprint.description import Described, Inner, code, full_name, node
from whorl.fingerprint.kinds import (
    MAINS,
    class_attribute,
    is_bound_stage,
    is_hashed,
    module_name_of,
    order_of,
    qualified_name_of,
    top_of,
)
from whorl.plugins import load_or_skip, scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from importlib.metadata import EntryPoint

    from whorl.fingerprint.description import Describer, Description

ENTRY_POINTS = "whorl.digests"

registered: dict[type, Callable[[object], object]] = {}

# Each has a module describe_<name> beside this one, imported when the first such object is met.
_OF_DATA = (
    *("geopandas", "shapely"),  # before pandas, which knows less of their arrays
    *("numpy", "pandas", "polars", "pyarrow", "xarray", "zarr", "dask", "scipy"),
)
_FAMILIES = (*_OF_DATA, "numba", "pydantic", "sqlalchemy", "click", "matplotlib", "ctypes")
_CODE = (
    FunctionType,
    ModuleType,
    type,
    MethodDescriptorType,
    WrapperDescriptorType,
    ClassMethodDescriptorType,
    GetSetDescriptorType,
    MemberDescriptorType,
    type(lru_cache(lambda: None)),
)

_describers: WeakKeyDictionary[type, Describer] = WeakKeyDictionary()


def describe(obj: object) -> Description:
    """Describe an object; raises UndigestableError for what has no readable state."""
    if type(obj) is Described:
        return obj.description
    if type(obj) is Inner:
        obj = obj.value
    kind = type(obj)
    describer: Describer | None = None
    try:
        describer = _describers.get(kind) if is_hashed(kind) else None
        if describer is None:
            describer = _describer_of(kind)
            if is_hashed(kind):
                _describers[kind] = describer
        return describer(obj)
    except WhorlError:
        raise
    except Exception as error:
        if isinstance(describer, _Custom):
            raise
        fault = refuse if is_data(kind) else opaque
        raise fault(kind, f"reading it raised {error!r}") from error


def is_data(kind: type) -> bool:
    """Tell a type of which is known how its objects hold their contents: a frame, an array, a plan to make one."""
    return _describer_in(_OF_DATA, kind) is not None


def forget_types() -> None:
    """Choose anew for every type: something was registered."""
    _describers.clear()


def forget_plugins() -> None:
    """Look for plugins anew: something was installed."""
    _plugins.cache_clear()
    _loaded.cache_clear()
    _describers.clear()


def _describer_of(kind: type) -> Describer:
    method = class_attribute(kind, "__whorl_digest__")
    if method is not None:
        return _Custom(method)  # type: ignore[arg-type]
    for base in kind.__mro__:
        function = (registered.get(base) if is_hashed(base) else None) or _brought(base)
        if function is not None:
            return _Custom(function)
    if class_attribute(kind, "__whorl_stage__") is True:
        return STANDARD["builtins", "method"] if is_bound_stage(kind) else _describe_stage
    if issubclass(kind, _CODE):
        return code
    if issubclass(kind, BuiltinFunctionType):
        return _describe_builtin
    return _describer_of_known(kind) or refusal_of(kind) or describer_of_instances(kind)


def _brought(kind: type) -> Callable[[object], object] | None:
    """Find what an installed distribution brings for a type; types of Python and known families are left out."""
    module = module_name_of(kind)
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top in _FAMILIES or top in MAINS:
        return None
    entry = _plugins().get(f"{module}:{qualified_name_of(kind)}")
    return None if entry is None else _loaded(entry)


@cache
def _plugins() -> dict[str, EntryPoint]:
    return {_type_named(entry.name): entry for entry in scan(ENTRY_POINTS)}


def _type_named(name: str) -> str:
    """Read the name of an entry point: ``package.module:Type``, or with ``.`` where an installer allows no colon."""
    module, _, qualname = name.rpartition("." if ":" not in name else ":")
    return f"{module}:{qualname}"


@cache
def _loaded(entry: EntryPoint) -> Callable[[object], object] | None:
    return load_or_skip(entry, "digest", _checked)


def _checked(loaded: object) -> Callable[[object], object]:
    if not callable(loaded):
        raise TypeError(f"{loaded!r} is no function")
    return loaded


def _describer_of_known(kind: type) -> Describer | None:
    module = module_name_of(kind)
    found = STANDARD.get((module, qualified_name_of(kind)))
    if found is not None and getattr(sys.modules.get(module), kind.__name__, kind) is kind:
        return found
    chosen = _describer_in(_FAMILIES, kind)
    if chosen is not None:
        return chosen
    tops = _tops_of(kind)
    if "enum" in tops and issubclass(kind, sys.modules["enum"].Enum):
        return describe_enum
    if "pathlib" in tops and issubclass(kind, sys.modules["pathlib"].PurePath):
        return describe_path
    return None


def _describer_in(families: Iterable[str], kind: type) -> Describer | None:
    """Find the describer of the first family that knows a type or what it was made from."""
    tops = _tops_of(kind)
    for family in families:
        if family in tops:
            chosen: Describer | None = import_module(f"whorl.fingerprint.describe_{family}").describer_of(kind)
            if chosen is not None:
                return chosen
    return None


def _tops_of(kind: type) -> frozenset[str]:
    return frozenset(top_of(base) for base in order_of(kind))


@dataclass(frozen=True, slots=True)
class _Custom:
    """Describes objects by what the user's method or function says of them; its exceptions pass."""

    function: Callable[[object], object]

    def __call__(self, obj: object) -> Description:
        return node(full_name(type(obj)), [("", self.function(obj))])


def _describe_stage(stage: object) -> Description:
    """Describe a stage as its code, with what else counts of it; one that has nothing else is its code alone."""
    counted = getattr(stage, "counted", ())
    if not counted:
        return code(stage)
    return node("stage", [("", Described(code(stage))), *((f".{name}", value) for name, value in counted)])


def _describe_builtin(function: BuiltinFunctionType) -> Description:
    bound = function.__self__
    if bound is None or isinstance(bound, ModuleType | type):
        return code(function)
    return node("method", [(".__name__", function.__name__), (".__self__", bound)])
