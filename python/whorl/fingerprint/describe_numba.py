"""
What numba's decorators make in, descriptions out: the function that was written, and how it is to be compiled.

What was compiled by now, and for which types, never counts: the first call must change nothing.  Where the types were
given with the decorator, they decide what arguments become, and count.  On the arrow: inside *digest values*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.fingerprint.description import full_name, node

if TYPE_CHECKING:
    from collections.abc import Callable

    from whorl.fingerprint.description import Describer, Description, Parts


def describer_of(kind: type) -> Describer | None:
    """Return what describes a compiled function of any kind; None for numba's other objects."""
    for base in kind.__mro__:
        parts = _PARTS.get(base.__name__) if base.__module__.startswith("numba.") else None
        if parts is not None:
            return _describe(parts)
    return None


def _describe(parts: Callable[[Any], Parts]) -> Describer:
    def describe(compiled: Any) -> Description:
        return node(full_name(type(compiled)), parts(compiled))

    return describe


def _of_dispatcher(compiled: Any) -> Parts:
    given = [] if compiled._can_compile else list(map(str, compiled.nopython_signatures))  # noqa: SLF001 - numba has no other
    parts: Parts = [(".py_func", compiled.py_func), (".options", _options(compiled.targetoptions))]
    return [*parts, (".locals", _options(compiled.locals)), (".signatures", given)]


def _of_ufunc(compiled: Any) -> Parts:
    inner = compiled._dispatcher  # noqa: SLF001 - numba has no other
    given = list(compiled.types) if compiled._frozen else []  # noqa: SLF001 - numba has no other
    parts: Parts = [(".py_func", inner.py_func), (".options", _options(inner.targetoptions))]
    return [*parts, (".locals", _options(inner.locals)), (".identity", compiled.identity), (".types", given)]


def _of_generalized(compiled: Any) -> Parts:
    builder = compiled.gufunc_builder
    given = list(compiled.types) if compiled._frozen else []  # noqa: SLF001 - numba has no other
    parts: Parts = [(".py_func", builder.py_func), (".signature", builder.signature), (".types", given)]
    return [*parts, (".identity", builder.identity), (".options", _options(builder.targetoptions))]


def _of_stencil(compiled: Any) -> Parts:
    function = compiled.kernel_ir.func_id.func
    return [(".py_func", function), (".mode", compiled.mode), (".options", _options(compiled.options))]


def _of_callback(compiled: Any) -> Parts:
    return [(".py_func", compiled.__wrapped__), (".signature", str(compiled._sig))]  # noqa: SLF001 - numba has no other


def _options(options: dict[str, object]) -> list[tuple[str, object]]:
    """Give options in the order of their names; numba's own objects in them count by their words."""
    plain = (bool, int, float, str, dict, list, tuple, set, type(None))
    return [(name, value if isinstance(value, plain) else str(value)) for name, value in sorted(options.items())]


_PARTS: dict[str, Callable[[Any], Parts]] = {
    "Dispatcher": _of_dispatcher,
    "DUFunc": _of_ufunc,
    "GUFunc": _of_generalized,
    "StencilFunc": _of_stencil,
    "CFunc": _of_callback,
}
