"""
What numba's decorators make in, descriptions out: the function that was written, and how it is to be compiled.

What was compiled by now, and for which types, never counts: the first call must change nothing.  Where the types were
given with the decorator, they decide what arguments become, and count.  So does what own code has registered for names
that the function reads (``numba_extensions``).  On the arrow: inside *digest values*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.fingerprint.description import full_name, node
from whorl.fingerprint.numba_extensions import extensions_of, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from whorl.fingerprint.description import Describer, Description, Parts


def describer_of(kind: type) -> Describer | None:
    """Return what describes a compiled function of any kind; None for numba's other objects."""
    for base in kind.__mro__:
        module = base.__module__
        if module.startswith(("numba.", "_box")):
            # Types of lists and lists have one name.
            parts = (_TYPED if module.startswith("numba.typed.") else _PARTS).get(base.__name__)
            if parts is not None:
                return _describe(parts)
    return None


def _describe(parts: Callable[[Any], Parts]) -> Describer:
    def describe(compiled: Any) -> Description:
        return node(full_name(type(compiled)), parts(compiled))

    return describe


def _of_dispatcher(compiled: Any) -> Parts:
    given = [] if compiled._can_compile else list(map(text_of, compiled.nopython_signatures))  # noqa: SLF001 - numba has no other
    parts = _of_function(compiled.py_func, compiled.targetoptions, compiled.locals)
    return [*parts, (".signatures", given)]


def _of_function(function: object, options: dict[str, object], types: dict[str, object]) -> Parts:
    """List what everything compiled has: the function, how it is compiled, and what that is told by own code."""
    parts: Parts = [(".py_func", function), (".options", _options(options)), (".locals", _options(types))]
    return [*parts, (".extensions", list(map(tuple, extensions_of(function))))]


def _of_ufunc(compiled: Any) -> Parts:
    inner = compiled._dispatcher  # noqa: SLF001 - numba has no other
    given = list(compiled.types) if compiled._frozen else []  # noqa: SLF001 - numba has no other
    parts = _of_function(inner.py_func, inner.targetoptions, inner.locals)
    return [*parts, (".identity", compiled.identity), (".types", given)]


def _of_generalized(compiled: Any) -> Parts:
    builder = compiled.gufunc_builder
    given = list(compiled.types) if compiled._frozen else []  # noqa: SLF001 - numba has no other
    parts = _of_function(builder.py_func, builder.targetoptions, builder.nb_func.locals)
    parts += [(".signature", builder.signature), (".types", given), (".identity", builder.identity)]
    return [*parts, (".writable", builder.writable_args)]


def _of_stencil(compiled: Any) -> Parts:
    parts = _of_function(compiled.kernel_ir.func_id.func, compiled.options, {})
    return [*parts, (".mode", compiled.mode)]


def _of_callback(compiled: Any) -> Parts:
    compiler = compiled._compiler  # noqa: SLF001 - numba has no other
    parts = _of_function(compiled.__wrapped__, compiler.targetoptions, compiler.locals)
    return [*parts, (".signature", text_of(compiled._sig))]  # noqa: SLF001 - numba has no other


def _of_intrinsic(intrinsic: Any) -> Parts:
    options = _options({**intrinsic._ctor_kwargs, "prefer_literal": intrinsic._prefer_literal})  # noqa: SLF001
    return [(".definition", intrinsic._defn), (".options", options)]  # noqa: SLF001 - numba has no other


def _of_jitted_class(kind: Any) -> Parts:
    """Describe the type behind a class by its fields and methods: its own name holds an address."""
    fields = [(name, text_of(held)) for name, held in kind.struct.items()]
    parts: Parts = [(".fields", fields), (".methods", dict(kind.jit_methods)), (".properties", dict(kind.jit_props))]
    return [*parts, (".static_methods", dict(kind.jit_static_methods))]


def _of_jitted_instance(instance: Any) -> Parts:
    kind = instance._numba_type_
    return [(".class", kind.class_type), *((f".{name}", getattr(instance, name)) for name in kind.struct)]


def _of_list(held: Any) -> Parts:
    return [(".type", text_of(held._numba_type_) if held._typed else ""), ("", list(held) if held._typed else [])]  # noqa: SLF001


def _of_mapping(held: Any) -> Parts:
    return [(".type", text_of(held._numba_type_) if held._typed else ""), ("", dict(held) if held._typed else {})]  # noqa: SLF001


def _options(options: dict[str, object]) -> list[tuple[str, object]]:
    """Give options in the order of their names; numba's own objects in them count by their words."""
    plain = (bool, int, float, str, dict, list, tuple, set, type(None))
    return [(name, value if isinstance(value, plain) else text_of(value)) for name, value in sorted(options.items())]


_PARTS: dict[str, Callable[[Any], Parts]] = {
    "Dispatcher": _of_dispatcher,
    "DUFunc": _of_ufunc,
    "GUFunc": _of_generalized,
    "StencilFunc": _of_stencil,
    "CFunc": _of_callback,
    "_Intrinsic": _of_intrinsic,
    "ClassType": _of_jitted_class,
    "Box": _of_jitted_instance,
}
_TYPED: dict[str, Callable[[Any], Parts]] = {"List": _of_list, "Dict": _of_mapping}
