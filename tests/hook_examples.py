"""Stages over libraries that call own code by themselves: what was registered with them, in the form of the examples."""

from __future__ import annotations

from library_examples import Example

HOOKS = {
    "numba's overloads": Example(
        """
import operator
import numba, numpy as np
from numba import extending, types
def shift(x): return x
@extending.overload(shift, jit_options={"error_model": "python"}, inline="never")
def _shift(x):
    def impl(x): return double(x) + 11
    return impl
def double(x): return x
@extending.overload(double)
def _double(x): return lambda x: x * 12
@extending.overload(np.linalg.cond)
def _cond(x): return lambda x: x[0] + 13
@extending.overload_method(types.Array, "shifted")
def _shifted(a): return lambda a: a + 14
@extending.overload_attribute(types.Array, "extra")
def _extra(a): return lambda a: a.size + 15
@extending.overload_classmethod(types.Array, "made")
def _made(cls, n): return lambda cls, n: n + 16
@extending.overload(operator.matmul)
def _matmul(a, b):
    if isinstance(a, types.UniTuple): return lambda a, b: a[0] + 17
@extending.register_jitable(fastmath=False)
def plain(x): return x + 18
@extending.intrinsic
def added(context, x):
    def codegen(context, builder, signature, arguments):
        return builder.add(arguments[0], context.get_constant(types.int64, 19))
    return types.int64(types.int64), codegen
def typed(x): return x
@extending.type_callable(typed)
def _typed(context): return lambda x: types.int64
@extending.lower_builtin(typed, types.Integer)
def _lowered(context, builder, signature, arguments): return context.get_constant(types.int64, 20)
@numba.njit
def inner(a): return shift(a.size) + np.linalg.cond(a) + a.shifted()[0] + a.extra + plain(1) + added(1) + typed(1)
@numba.njit
def other(a): return (1, 2) @ (3, 4)
@numba.njit
def never(a): return np.ndarray.made(1)
def stage(x): return inner(x), other(x), never
""",
        "stage(np.ones(3))",
        (
            *((f"+ {number}", f"- {number}") for number in (11, 13, 14, 15, 16, 17, 18)),
            ("* 12", "* 2"),
            ("int64, 19", "int64, 9"),
            ("int64, 20", "int64, 0"),
            ("x: types.int64", "x: types.int32"),
            ("fastmath=False", "fastmath=True"),
            ('"python"', '"numpy"'),
            ('"never"', '"always"'),
        ),
        "numba",
    ),
    "numba's objects": Example(
        """
import numba, numpy as np
from numba.experimental import jitclass
@jitclass([("v", numba.float64)])
class Box:
    def __init__(self, v): self.v = v
    def get(self): return self.v + 1
    @property
    def half(self): return self.v / 2
    @staticmethod
    def fixed(): return 3
BOX = Box(4.0)
LIST = numba.typed.List([1, 5])
TABLE = numba.typed.Dict.empty(numba.int64, numba.int64)
TABLE[1] = 6
@numba.cfunc("float64(float64)", fastmath=False, locals={"y": numba.float32})
def callback(x):
    y = x
    return y
@numba.guvectorize(["(float64[:], float64[:])"], "(n)->(n)", writable_args=(0,))
def general(x, out): x[0] = out[0]
@numba.stencil(cval=7.0, neighborhood=((-1, 1),))
def kernel(a): return a[0]
def stage(x): return BOX.get(), Box, LIST, TABLE, callback, general, kernel
""",
        "BOX.get(), BOX.half, Box.fixed(), list(LIST), dict(TABLE), callback.ctypes(1.0), kernel(np.ones(3))",
        (
            ("numba.float64)", "numba.float32)"),
            ("self.v + 1", "self.v - 1"),
            ("self.v / 2", "self.v * 2"),
            ("return 3", "return 4"),
            ("Box(4.0)", "Box(5.0)"),
            ("[1, 5]", "[1, 4]"),
            ("= 6", "= 7"),
            ("fastmath=False", "fastmath=True"),
            ('"y": numba.float32', '"y": numba.float64'),
            (", writable_args=(0,)", ""),
            ("cval=7.0", "cval=8.0"),
            ("(-1, 1)", "(-1, 2)"),
        ),
        "numba",
    ),
}
