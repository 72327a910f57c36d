"""Stages over common libraries: a module with a stage, something that uses it, and texts whose change must count."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    """
    A module's text.

    ``uses`` is run in its namespace and must change nothing, ``changes`` are pairs of texts, the first of which stands
    in the module once, and ``needs`` names what must be installed.
    """

    source: str
    uses: str
    changes: tuple[tuple[str, str], ...]
    needs: str


EXAMPLES = {
    "numpy": Example(
        """
import numpy as np
made = np.frompyfunc(lambda a: a + 1, 1, 1)
vector = np.vectorize(lambda a: a + 2)
@np.vectorize
def decorated(a): return a + 3
POLY = np.polynomial.Polynomial([1, 4])
KIND = np.dtype([("a", "f4")])
def stage(x): return np.add(x, 1), made(x), vector(x), decorated(x), np.add.reduce(x), POLY(x), x.astype(KIND)
""",
        "made(1), vector([1, 2]), decorated([1]), POLY(2), np.add.reduce([1])",
        (
            ("a + 1", "a - 1"),
            ("a + 2", "a - 2"),
            ("a + 3", "a - 3"),
            ("[1, 4]", "[1, 5]"),
            ("f4", "f8"),
            ("np.add.reduce", "np.multiply.reduce"),
        ),
        "numpy",
    ),
    "pandas": Example(
        """
import pandas as pd
FRAME = pd.DataFrame({"a": [1, 2]})
STEPS = [pd.DataFrame.dropna, pd.Series.abs]
mean = FRAME["a"].mean
def clean(frame): return frame.assign(b=lambda f: f["a"] + 1)
def stage(x): return x.pipe(clean).groupby("a").agg("sum"), FRAME, mean(), [step(x) for step in STEPS]
""",
        "clean(FRAME), mean(), FRAME.groupby('a').sum(), FRAME.index.is_unique",
        (("[1, 2]", "[1, 3]"), ("+ 1", "- 1"), ('agg("sum")', 'agg("mean")'), ("dropna", "fillna"), (".mean", ".sum")),
        "pandas",
    ),
    "xarray": Example(
        """
import xarray as xr
DATA = xr.Dataset({"v": ("t", [1.0, 2.0])}, {"t": [0, 1]})
def part(g): return g.mean() + 1
def stage(x): return xr.apply_ufunc(lambda a: a + 2, x), DATA, x.groupby("t").map(part)
""",
        "stage(DATA), DATA.sel(t=1), DATA.v.values",
        (("2.0", "3.0"), ("mean() + 1", "sum() + 1"), ("a + 2", "a - 2")),
        "xarray",
    ),
    "scikit-learn": Example(
        """
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.base import BaseEstimator, TransformerMixin, clone
class Shift(TransformerMixin, BaseEstimator):
    def __init__(self, by=1): self.by = by
    def fit(self, X, y=None): return self
    def transform(self, X): return X + self.by
MODEL = make_pipeline(StandardScaler(), Shift(by=2), FunctionTransformer(lambda X: X * 2), Ridge(alpha=1.0))
FOREST = RandomForestClassifier(3, random_state=0)
def stage(x, y): return clone(MODEL).fit(x, y).predict(x), clone(FOREST).fit(x, y)
""",
        "stage(np.arange(8.0).reshape(4, 2), [0, 1, 0, 1]), MODEL.get_params(), repr(FOREST)",
        (
            ("alpha=1.0", "alpha=2.0"),
            ("by=2", "by=3"),
            ("X + self.by", "X - self.by"),
            ("X * 2", "X * 3"),
            ("Classifier(3", "Classifier(4"),
        ),
        "sklearn",
    ),
    "numba": Example(
        """
import numba, numpy as np
@numba.njit
def inner(x): return x + 1
@numba.njit(fastmath=False)
def helper(x): return inner(x) * 2
@numba.vectorize
def lazy(x): return x + 3
@numba.vectorize(["float64(float64)"])
def eager(x): return x + 4
@numba.guvectorize(["void(float64[:], float64[:])"], "(n)->()")
def general(x, out): out[0] = x[0] + 5
@numba.stencil
def stencil(a): return a[0] + a[1] + 6
@numba.njit("int64(int64)")
def typed(x): return x + 7
def stage(x): return helper(x), lazy(x), eager(x), general(x), stencil(x), typed(1)
""",
        "stage(np.ones(3)), helper(1), lazy(1)",
        (
            ("x + 1", "x - 1"),
            ("* 2", "* 3"),
            ("fastmath=False", "fastmath=True"),
            ("x + 3", "x - 3"),
            ("x + 4", "x - 4"),
            ("float64(float64)", "float32(float32)"),
            ("x[0] + 5", "x[0] - 5"),
            ("a[1] + 6", "a[-1] + 6"),
            ("x + 7", "x - 7"),
            ("int64(int64)", "float64(float64)"),
        ),
        "numba",
    ),
    "pydantic": Example(
        """
from typing import Annotated, NewType
import pydantic
Age = NewType("Age", int)
class Part(pydantic.BaseModel):
    size: Annotated[int, pydantic.Field(gt=0)] = 1
class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    a: int = 3
    age: Age = Age(1)
    b: list[str] = pydantic.Field(default_factory=list)
    parts: list["Part"] = []
    after: "Later | None" = None
    @pydantic.field_validator("a")
    @classmethod
    def check(cls, v): return v + 1
    @pydantic.model_validator(mode="after")
    def whole(self): return self
    @pydantic.computed_field
    @property
    def double(self) -> int: return self.a * 2
class Later(pydantic.BaseModel):
    n: int = 4
@pydantic.validate_call
def checked(n: int): return n + 5
def stage(x): return Model(a=x), checked(x)
""",
        "m = Model(a=1); m.a = 2; m.model_dump_json(); Model.model_rebuild(); stage(1); Model.model_json_schema()",
        (
            ("a: int = 3", "a: int = 9"),
            ("v + 1", "v - 1"),
            ("self.a * 2", "self.a * 3"),
            ("gt=0", "gt=1"),
            ('"allow"', '"forbid"'),
            ('NewType("Age", int)', 'NewType("Age", str)'),
            ("n: int = 4", "n: int = 5"),
            ("n + 5", "n - 5"),
            ('mode="after"', 'mode="before"'),
        ),
        "pydantic",
    ),
    "sqlalchemy": Example(
        """
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
META = sa.MetaData()
COLUMNS = sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.String(10))
TABLE = sa.Table("t", META, *COLUMNS, info={"k": 1}, sqlite_with_rowid=True)
class Base(DeclarativeBase): pass
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(20))
    posts: Mapped[list["Post"]] = relationship(back_populates="user")
    def hello(self): return 1
class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    user: Mapped["User"] = relationship(back_populates="posts")
def stage(x): return sa.select(TABLE).where(TABLE.c.id == x), sa.select(User), User.hello
""",
        "e = sa.create_engine('sqlite://'); META.create_all(e); Base.metadata.create_all(e); s = Session(e); "
        "s.add(User(id=1, name='a', posts=[Post(id=1)])); s.commit(); s.scalars(sa.select(User)).all(); "
        "s.execute(stage(1)[0]).all(); s.close(); e.dispose()",
        (
            ("sa.String(10)", "sa.String(11)"),
            ('sa.Column("n"', 'sa.Column("m"'),
            ("sa.String(10))", "sa.String(10)), sa.Column('z', sa.Integer)"),
            ('{"k": 1}', '{"k": 2}'),
            ("rowid=True", "rowid=False"),
            ("sa.String(20)", "sa.String(21)"),
            ("    name: ", "    extra: Mapped[int]\n    name: "),
            ("return 1", "return 2"),
            ('"users"', '"people"'),
        ),
        "sqlalchemy",
    ),
    "click": Example(
        """
import click
@click.group()
def cli(): pass
@cli.command()
@click.option("--n", default=1, type=click.IntRange(0, 5))
def run(n): return n + 2
def stage(x): return cli.main(x, standalone_mode=False)
""",
        "stage(['run', '--n', '3'])",
        (("n + 2", "n - 2"), ("default=1", "default=3"), ("(0, 5)", "(0, 6)"), ('"--n"', '"--n", "-m"')),
        "click",
    ),
    "attrs": Example(
        """
import attrs, attr
@attrs.define
class A:
    x: int = attrs.field(default=1)
    y: list = attrs.field(factory=list)
    @x.validator
    def check(self, attribute, value): assert value < 5
@attr.s(auto_attribs=True, frozen=True, cache_hash=True)
class B:
    x: int = attr.ib(default=2, converter=lambda v: v + 3)
VALUE = B(2)
def stage(x): return A(x), VALUE, attrs.evolve(VALUE, x=x)
""",
        "stage(1), hash(VALUE), repr(A(1)), attrs.fields(A)",
        (("default=1", "default=4"), ("< 5", "< 6"), ("v + 3", "v - 3"), ("factory=list", "factory=dict")),
        "attrs",
    ),
    "dataclasses": Example(
        """
import dataclasses, functools
@dataclasses.dataclass(order=True, slots=True)
class A:
    x: int = 1
    y: list = dataclasses.field(default_factory=list, compare=False)
    def __post_init__(self): self.x += 2
VALUE = A(3)
@functools.lru_cache
def cached(x): return x + 4
def stage(x): return A(x), VALUE, cached(x), dataclasses.replace(VALUE, x=x)
""",
        "stage(1), repr(VALUE), dataclasses.asdict(VALUE), cached(2), cached.cache_info()",
        (
            ("x: int = 1", "x: int = 9"),
            ("+= 2", "-= 2"),
            ("A(3)", "A(5)"),
            ("x + 4", "x - 4"),
            ("compare=False", "compare=True"),
            ("order=True", "order=False"),
        ),
        "dataclasses",
    ),
    "modules as of torch": Example(
        """
import collections
class Parameter:
    def __init__(self, data): self.data, self.grad = data, None
class Module:
    def __init__(self):
        object.__setattr__(self, "_parameters", collections.OrderedDict())
        object.__setattr__(self, "_modules", collections.OrderedDict())
        object.__setattr__(self, "_hooks", collections.OrderedDict())
    def __setattr__(self, name, value):
        held = self._parameters if isinstance(value, Parameter) else self._modules
        held[name] = value
    def __getattr__(self, name):
        for held in (self.__dict__["_parameters"], self.__dict__["_modules"]):
            if name in held: return held[name]
        raise AttributeError(name)
    def __call__(self, x): return self.forward(x)
    def forward(self, x): raise NotImplementedError
class Linear(Module):
    def __init__(self, n):
        super().__init__()
        self.weight = Parameter([0.5] * n)
    def forward(self, x): return sum(w * x for w in self.weight.data)
class Net(Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = Linear(2), Linear(3)
    def forward(self, x): return self.second(self.first(x)) + 1
NET = Net()
def stage(x): return NET(x)
""",
        "stage(1), NET.first.weight.data, getattr(NET, 'none', 0)",
        (("[0.5]", "[0.25]"), ("w * x", "w - x"), ("Linear(3)", "Linear(4)"), ("+ 1", "- 1"), ("self.forward(x)", "x")),
        "collections",
    ),
}
