"""How a value behaves: the own classes and the distributions of what is in it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import sys
import types
from collections import OrderedDict
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from whorl.fingerprint.code import digest_code
from whorl.fingerprint.values import current_behaviour, digest_argument, hash_value

if TYPE_CHECKING:
    from pathlib import Path


@dataclasses.dataclass
class Model:
    weights: object

    def predict(self) -> int:
        return 1


class Outer:
    class Inner:
        """A class in a class."""


def write_module(folder: Path, name: str, body: str) -> None:
    (folder / f"{name}.py").write_text(body, encoding="utf-8")


@pytest.mark.parametrize(
    "value", [None, 1, "x", [1, {"a": (2,)}], dt.date(2020, 1, 1), Decimal(1), OrderedDict(a=1), ValueError("x")]
)
def test_values_of_python_itself_behave_as_python_does(value: object) -> None:
    """Built-in and standard types contribute nothing; the digest is that of the value."""
    assert digest_argument(value, "args/x") == (hash_value(value), ())


def test_own_classes_contribute_their_fingerprint() -> None:
    """At any depth, once each, sorted by name."""
    digest, behaviour = digest_argument({"a": [Model(1), Model(Outer.Inner())]}, "args/x")

    assert digest == hash_value({"a": [Model(1), Model(Outer.Inner())]})
    assert dict(behaviour) == {
        f"{__name__}:Model": digest_code(Model),
        f"{__name__}:Outer.Inner": digest_code(Outer.Inner),
    }
    assert list(behaviour) == sorted(behaviour)


def test_distributions_contribute_their_policy_version() -> None:
    """The first two parts: a patch release runs nothing again."""
    behaviour = dict(digest_argument([np.zeros(1), pd.Series([1]), Model(1)], "args/x")[1])

    assert behaviour["distribution/numpy"] == ".".join(np.__version__.split(".")[:2])
    assert behaviour["distribution/pandas"] == ".".join(pd.__version__.split(".")[:2])


def test_a_recorded_behaviour_can_be_asked_for_again() -> None:
    """By names alone, as they stand in a trace."""
    recorded = dict(digest_argument([Model(1), Outer.Inner(), np.zeros(1)], "args/x")[1])

    assert current_behaviour(recorded) == recorded
    assert current_behaviour([]) == {}


def test_what_cannot_be_found_any_more_is_none() -> None:
    """A class that was renamed, a module that is gone, a library that was removed."""
    names = [
        f"{__name__}:Gone",
        "no_such_module_at_all:Model",
        "distribution/no-such-thing",
        f"{__name__}:write_module",
    ]

    assert current_behaviour(names) == dict.fromkeys(names)


def test_a_module_is_imported_when_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values come out of pickles that no code names."""
    write_module(tmp_path, "whorl_test_models", "class Model:\n    def predict(self):\n        return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = current_behaviour(["whorl_test_models:Model"])["whorl_test_models:Model"]

    assert found == digest_code(sys.modules["whorl_test_models"].Model)


def test_an_edited_method_is_another_behaviour_of_the_same_value() -> None:
    """``predict`` edited, weights equal: whoever calls it must run."""

    def make(result: int) -> type:
        module = types.ModuleType("whorl_test_edited")
        exec(f"class Model:\n    def predict(self):\n        return {result}\n", vars(module))
        return vars(module)["Model"]

    before, after = (digest_argument(make(result)(), "args/x") for result in (1, 2))

    assert before[0] == after[0]
    assert before[1] != after[1]
    assert [name for name, _ in before[1]] == [name for name, _ in after[1]] == ["whorl_test_edited:Model"]


def test_code_in_a_value_is_part_of_its_digest() -> None:
    """A function that is handed over runs."""

    def make(result: int) -> object:
        namespace: dict[str, object] = {}
        exec(f"def f():\n    return {result}\n", namespace)
        return namespace["f"]

    assert hash_value([make(1)]) == hash_value([make(1)]) != hash_value([make(2)])
    assert digest_argument({"key": make(1)}, "args/key")[0] == hash_value({"key": make(1)})
