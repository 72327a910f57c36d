"""Decorators of libraries around own functions: what they were given counts, although they bear the function's name."""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING

import pytest

from whorl import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whorl import Digest

# One text for each decorator; what is written in place of $$ decides what the stage does.
SOURCES = {
    "numpy's error state": (
        "import numpy as np\n@np.errstate(divide=$$)\ndef stage(x): return 1 / x\n",
        "'raise'",
        "'warn'",
    ),
    "numpy's error state of a helper": (
        "import numpy as np\n@np.errstate(divide=$$)\ndef h(x): return 1 / x\ndef stage(x): return h(x)\n",
        "'raise'",
        "'warn'",
    ),
    "validated arguments": (
        "from pydantic import validate_call\n@validate_call\ndef stage(x: $$): return x\n",
        "int",
        "float",
    ),
    "how arguments are validated": (
        "from pydantic import validate_call\n@validate_call(config={'strict': $$})\ndef stage(x: int): return x\n",
        "True",
        "False",
    ),
    "a context as decorator": (
        (
            "import contextlib\nclass C(contextlib.ContextDecorator):\n    def __init__(self, a): self.a = a\n"
            "    def __enter__(self): return self\n    def __exit__(self, *_): return False\n"
            "@C($$)\ndef stage(x): return x\n"
        ),
        "0",
        "1",
    ),
    "how such a context ends": (
        (
            "import contextlib\nclass C(contextlib.ContextDecorator):\n    def __enter__(self): return self\n"
            "    def __exit__(self, *_): return $$\n@C()\ndef stage(x): return x\n"
        ),
        "False",
        "True",
    ),
    "a generator's context as decorator": (
        "import contextlib\n@contextlib.contextmanager\ndef within(a): yield a\n@within($$)\ndef stage(x): return x\n",
        "0",
        "1",
    ),
    "numba's types of locals": (
        "import numba\n@numba.njit(locals={'y': numba.$$})\ndef stage(x):\n    y = x\n    return y\n",
        "float32",
        "float64",
    ),
}


@pytest.fixture(autouse=True)
def _no_module_stays() -> Iterator[None]:
    yield
    sys.modules.pop("decorated", None)


def _digest(source: str) -> Digest:
    """Fingerprint the stage of a module, made anew."""
    module = sys.modules["decorated"] = types.ModuleType("decorated")
    module.__file__ = "/elsewhere/decorated.py"
    exec(compile(source, module.__file__, "exec"), vars(module))
    return fingerprint(module.stage).digest


@pytest.mark.parametrize("name", SOURCES)
def test_what_a_librarys_decorator_was_given_counts(name: str) -> None:
    """``functools.wraps`` hands the own name on to the library's wrapper, which must not pass for a known function."""
    source, before, after = SOURCES[name]
    for library in ("pydantic", "numba"):
        if f"import {library}" in source or f"from {library}" in source:
            pytest.importorskip(library)
    first = _digest(source.replace("$$", before))

    assert _digest(source.replace("$$", before)) == first
    assert _digest(source.replace("$$", after)) != first
