"""
A number in, the text of a module with a stage and so many helpers out; and copies of modules that nobody has seen yet.

Each helper reads a few globals, numpy and the helper before it, as the steps of a pipeline do.
"""

from __future__ import annotations

import importlib.util
import marshal
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_HEAD = """
import numpy as np
import pandas as pd

LIMIT = {number}
NAMES = ("a", "b")
"""
_HELPER = '''
def helper_{index}(values, scale={index}.5):
    """Scale the values up to the limit, and add what the helper before makes of them."""
    total = 0.0
    for number, value in enumerate(values):
        if value is None or number > LIMIT:
            continue
        total += value * scale
    array = np.asarray([total, {number}], dtype=np.float64)
    if np.isnan(array).any():
        raise ValueError(f"not a number: {{values!r}}")
    return {before}float(np.nansum(array)) + len(NAMES)
'''
_STAGE = """
def stage(frame):
    frame = pd.DataFrame(frame)
    result = frame.copy()
{columns}
    return pd.concat([frame, result], axis=1)
"""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A module of a stage, written to a file and compiled, but not run."""

    path: Path
    code: CodeType

    def fresh(self) -> FunctionType:
        """Run a copy of the module, with code objects of its own, and give the stage in it."""
        spec = importlib.util.spec_from_file_location(self.path.stem, self.path)
        assert spec is not None
        module: ModuleType = importlib.util.module_from_spec(spec)
        exec(marshal.loads(marshal.dumps(self.code)), vars(module))
        found: FunctionType = module.stage
        return found


def write_pipeline(folder: Path, *, helpers: int, number: int = 10) -> Pipeline:
    """Write a module whose stage calls so many helpers; another number makes them do something else."""
    before = ("", *(f"helper_{index}(values) + " for index in range(helpers)))
    parts = [_HELPER.format(index=index, number=number, before=before[index]) for index in range(helpers)]
    columns = "\n".join(f"    result['c{index}'] = helper_{index}(frame['x'].tolist())" for index in range(helpers))
    text = "\n".join((_HEAD.format(number=number), *parts, _STAGE.format(columns=columns)))
    path = folder / f"pipeline_{helpers}_{number}.py"
    path.write_text(text, encoding="utf-8")
    return Pipeline(path, compile(text, str(path), "exec"))


def one_by_one(stages: list[FunctionType], use: Callable[[FunctionType], object]) -> Callable[[], object]:
    """Use another stage at each call."""
    waiting = iter(stages)
    return lambda: use(next(waiting))
