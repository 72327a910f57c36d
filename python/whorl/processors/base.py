"""
A loaded value and the arguments of its call in, what the caller wants of it out.

A processor is made once, by a decorator, and used by every call in every thread: it keeps nothing of a call.  What it
does to a value never changes what is stored.  On the arrow: after *decode*.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, ClassVar

from whorl.errors import ConfigError, InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from whorl.wish import Window

_NO_HINTS: Mapping[str, Mapping[str, object]] = {}


class Processor:
    """
    A base for processors, which are decorators: of a stage, of a plain function, of what another processor made.

    Override what is needed; nothing here does anything.  Several processors work in the order in which they are
    written.  ``consumes`` names the parameters of the function that only this processor uses: they are no part of a key
    where the function's own code never reads them.
    """

    consumes: ClassVar[tuple[str, ...]] = ()
    leaves_out: ClassVar[bool] = False
    """Whether ``process`` only leaves things out: then the wishes of the processor after it hold for its input too."""

    validate_data: bool = False
    """Whether values are validated where a call does not say."""

    def __call__(self, function: Callable[..., Any]) -> Any:
        """Put this processor before those that a stage, or a plain function, has."""
        if getattr(type(function), "__whorl_stage__", False) is True:
            return function.processed(self)  # type: ignore[attr-defined]
        plain = getattr(function, "__whorl_processed__", None)
        processors = (self, *(plain.processors if plain else ()))
        inner = plain.function if plain else function
        if not callable(inner):
            raise ConfigError(f"{self!r} cannot process {inner!r}", "it is neither a function nor a stage")
        self.check(inspect.signature(inner), getattr(inner, "__qualname__", repr(inner)))
        return _Processed(inner, processors).wrapper()

    def check(self, signature: inspect.Signature, stage: str) -> None:
        """Raise ConfigError where a function lacks what this processor needs; asked when the function is decorated."""

    def check_inputs(self, inputs: Container[str], stage: str) -> None:
        """Raise ConfigError for inputs of a stage that this processor cannot work with; asked as ``check`` is."""

    def arguments(self, arguments: Mapping[str, object]) -> Mapping[str, object]:
        """Give the arguments that the function is called with, by parameter, defaults included."""
        return arguments

    def check_arguments(self, arguments: Mapping[str, object]) -> None:
        """Raise ConfigError for arguments that this processor cannot work with; asked before anything is computed."""

    def wish(self, arguments: Mapping[str, object]) -> tuple[Window, ...]:  # noqa: ARG002 - for those that override it
        """Say what a format may leave out when it reads for a call."""
        return ()

    def hints(self) -> Mapping[str, Mapping[str, object]]:
        """Give options by the names of formats, which make later wishes cheap; what a stage declares comes first."""
        return _NO_HINTS

    def process(self, value: Any, arguments: Mapping[str, object]) -> Any:  # noqa: ARG002
        """Give what the caller wants of a value."""
        return value

    def validate(self, value: Any, arguments: Mapping[str, object]) -> bool:  # noqa: ARG002
        """Whether a processed value is what the call asked for; asked with ``validate_data=True``."""
        return True


def validating(processors: Sequence[Processor], asked: bool | None) -> tuple[Processor, ...]:  # noqa: FBT001 - as asked
    """Give the processors that validate: all or none, as a call says, else those that do so by themselves."""
    return tuple(part for part in processors if (part.validate_data if asked is None else asked))


class _Processed:
    """A plain function with its processors."""

    def __init__(self, function: Callable[..., Any], processors: tuple[Processor, ...]) -> None:
        self.function = function
        self.processors = processors

    def wrapper(self) -> Callable[..., Any]:
        """Make the function that stands for it."""

        @functools.wraps(self.function)
        def processed(*args: Any, validate_data: bool | None = None, **kwargs: Any) -> Any:
            bound = inspect.signature(self.function).bind(*args, **kwargs)
            bound.apply_defaults()
            arguments: Mapping[str, object] = bound.arguments
            for processor in self.processors:
                arguments = processor.arguments(arguments)
            for processor in self.processors:
                processor.check_arguments(arguments)
            bound.arguments.update(arguments)
            value = self.function(*bound.args, **bound.kwargs)
            for processor in self.processors:
                value = processor.process(value, bound.arguments)
            validators = validating(self.processors, validate_data)
            if not all(part.validate(value, bound.arguments) for part in validators):
                raise InvalidValueError(f"the result of {self.function.__qualname__} is not valid")
            return value

        processed.__whorl_processed__ = self  # type: ignore[attr-defined]
        return processed
