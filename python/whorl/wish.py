"""
What a caller wants of a stored value besides the value itself: as which type, and which part of it.

Processors make wishes, formats may use them to read less; whoever gets less than all has still everything that was
wished for.  On the arrow: from *bind* to *decode*.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from whorl.bounds import Bounds


@dataclass(frozen=True, slots=True)
class Window:
    """
    A range along one axis of a value, both ends included; an end that is None is open.

    ``names`` are the candidates for the column or dimension: the first that a value has counts.  The ends are texts,
    dates or datetimes, as the caller gave them; ``bounds`` is what they mean.

    Raises ConfigError for an end that is no time.
    """

    names: tuple[str, ...]
    start: object = None
    end: object = None
    bounds: Bounds = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bounds", Bounds.parse(self.start, self.end))


@dataclass(frozen=True, slots=True)
class Wish:
    """
    How a payload is to be read.

    ``engine`` names the type to read into (``pandas.DataFrame``, see ``schema.engines``); empty for the type that was
    stored.  What lies outside of ``windows`` may be left out.
    """

    engine: str = ""
    windows: tuple[Window, ...] = ()


PLAIN = Wish()
