"""Stages over libraries that call own code by themselves: what was registered with them, as examples."""

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
    "sqlalchemy's listeners": Example(
        """
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import *
ENGINE = sa.create_engine("sqlite://", isolation_level="SERIALIZABLE")
MAKE = sessionmaker(ENGINE, autoflush=True)
TABLE = sa.Table("t", sa.MetaData(), sa.Column("n", sa.Integer), sa.Column("m", sa.BigInteger))
class Base(DeclarativeBase): pass
class Pair:
    def __init__(self, x, y): self.x, self.y = x, y * 11
    def __composite_values__(self): return self.x, self.y
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    a: Mapped[int]
    b: Mapped[int]
    pair = composite(Pair, "a", "b")
    @hybrid_property
    def more(self): return self.id * 12
class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    user = relationship(User, lazy="select", primaryjoin=lambda: sa.and_(User.id == Post.owner, User.id > 13))
class Plain(Session):
    def extra(self): return 14
@event.listens_for(ENGINE, "connect")
def _connect(connection, record): connection.execute("select 15")
@event.listens_for(ENGINE.pool, "checkout")
def _checkout(connection, record, proxy): record.info["k"] = 16
@event.listens_for(Plain, "before_flush")
def _flush(session, context, instances): session.info["k"] = 17
@event.listens_for(MAKE, "after_flush")
def _flushed(session, context): session.info["k"] = 18
@event.listens_for(Base, "before_insert", propagate=True)
def _insert(mapper, connection, target): target.a = 19
@event.listens_for(User.name, "set", retval=True)
def _set(target, value, old, initiator): return value + "20"
@event.listens_for(TABLE, "before_create")
def _create(table, connection, **_): connection.info["k"] = 21
@event.listens_for(TABLE.c.n, "after_parent_attach")
def _attach(column, table): table.info["k"] = 22
event.listen(TABLE, "after_create", sa.DDL("select 23"))
@compiles(sa.BigInteger, "sqlite")
def _big(element, compiler, **_): return "INTEGER /* 24 */"
QUERY = sa.select(TABLE).where(TABLE.c.n > 25)
def stage(x): return ENGINE, MAKE, TABLE, User, Post, Session, sessionmaker(ENGINE, class_=Plain), QUERY
""",
        "Base.metadata.create_all(ENGINE); TABLE.metadata.create_all(ENGINE); s = MAKE(); "
        "s.add(User(id=1, name='a', pair=Pair(1, 2))); s.commit(); s.scalars(sa.select(User)).all(); User.more; "
        "s.close(); c = ENGINE.connect(); c.execute(QUERY).all(); c.close(); ENGINE.dispose()",
        (
            *((f'k"] = {number}', f'k"] = -{number}') for number in (16, 17, 18, 21, 22)),
            ("* 11", "* 1"),
            ("* 12", "* 2"),
            ("> 13", "> 3"),
            ("return 14", "return 4"),
            ("select 15", "select 5"),
            ("target.a = 19", "target.a = 9"),
            ('"20"', '"0"'),
            ("retval=True", "retval=False"),
            ("select 23", "select 3"),
            ("/* 24 */", "/* 4 */"),
            ("> 25", "> 5"),
            ("autoflush=True", "autoflush=False"),
            ("SERIALIZABLE", "READ UNCOMMITTED"),
            ('lazy="select"', 'lazy="joined"'),
        ),
        "sqlalchemy",
    ),
    "a set of objects of several classes": Example(
        """
class A: pass
class B:
    def f(self): return 1
class C: pass
class D: pass
HELD = {A(), B(), C(), D()}
def stage(x): return HELD
""",
        "len(HELD)",
        (("return 1", "return 2"), ("C(), ", "")),
        "collections",
    ),
}
