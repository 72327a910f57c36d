"""
A stage in, what other tools call it, and the stages that its results were made from out.

What another tool read back of them went into its results, with whatever their files did not keep.  Beside the arrow:
before an entry is offered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whorl.definition import all_behind, is_stage
from whorl.fingerprint.code import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whorl.definition import Definition


def bare_name(definition: Definition) -> str:
    """Name a stage's function as other tools do: without its module and class."""
    return definition.qualname.rpartition(".")[2]


def stages_behind(definition: Definition, *, fed: bool = True) -> Iterator[Definition]:
    """Yield every stage behind another, at any depth, each once; without ``fed`` those that code refers to alone."""

    def sources(current: Definition) -> list[Definition]:
        code = fingerprint(current.function, depends_on=current.depends_on, ignore=current.ignore)
        feeding = filter(is_stage, current.inputs.values()) if fed else ()
        return [stage.definition for stage in (*code.stages, *feeding)]

    return all_behind(definition, sources)
