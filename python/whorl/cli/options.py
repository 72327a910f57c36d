"""
Options that several commands share.

Before the arrow: part of reading what a person typed.
"""

from __future__ import annotations

import re

import click

from whorl.errors import ConfigError
from whorl.keywords import parse_ttl
from whorl.settings import parse_bytes

_NUMBER = re.compile(r"\d+(?:\.\d+)?")

as_json = click.option("--json", "as_json", is_flag=True, help="Print data for scripts.")
arguments = click.option(
    "-a", "--argument", "arguments", multiple=True, metavar="NAME=VALUE", help="An argument of the stage; repeat it."
)


class _Duration(click.ParamType):  # type: ignore[type-arg]  # generic for mypy alone, since click 8.3
    """Seconds, from a text such as ``30d`` or ``1h30m``."""

    name = "TIME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        text = str(value)
        try:
            return parse_ttl("a time", float(text) if _NUMBER.fullmatch(text) else text) or 0.0
        except ConfigError:
            self.fail(f"{value!r} is no time such as 30d or 1h30m", param, ctx)


class _Size(click.ParamType):  # type: ignore[type-arg]
    """Bytes, from a text such as ``50GB`` (decimal, as disks are sold) or ``2GiB``."""

    name = "SIZE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return parse_bytes(str(value))
        except ValueError:
            self.fail(f"{value!r} is no size such as 50GB or 512MiB", param, ctx)


DURATION, SIZE = _Duration(), _Size()
