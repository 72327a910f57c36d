"""
Commands of click in, descriptions out: their state without the help option, which is made when it is first asked for.

On the arrow: inside *digest values*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.fingerprint.describe_instance import state_of
from whorl.fingerprint.description import full_name, node

if TYPE_CHECKING:
    from whorl.fingerprint.description import Describer, Description

_MADE_LATER = "._help_option"


def describer_of(kind: type) -> Describer | None:
    """Return what describes commands and groups; None for everything else of click."""
    bases = ((base.__module__, base.__name__) for base in kind.__mro__)
    return _describe_command if ("click.core", "Command") in bases else None


def _describe_command(command: Any) -> Description:
    return node(full_name(type(command)), [part for part in state_of(command) if part[0] != _MADE_LATER])
