"""
A command's name in, the command out, imported when it is used; exceptions in, exit statuses out.

Before the arrow: the frame around every command.
"""

from __future__ import annotations

import errno
import os
import sys
import warnings
from importlib import import_module
from typing import TYPE_CHECKING

import click

from whorl import __version__
from whorl.cli.screen import err, log_is_shown, show_warning
from whorl.errors import ConfigError, StoreError, WhorlError
from whorl.settings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FAILED, MISUSED, INTERRUPTED = 1, 2, 130
_FULL = (errno.ENOSPC, errno.EDQUOT)

# What ``--help`` says of each, so that it need not be imported for that.
_COMMANDS: Mapping[str, str] = {
    "run": "Bring stages up to date: run what changed.",
    "status": "Say what is fresh, stale or waiting.",
    "why": "Say why a stage would run, difference by difference.",
    "ls": "List what is stored.",
    "hash": "Print digests of files, as b3sum does.",
    "stats": "Say what the store holds, and what it saved.",
    "gc": "Remove what is old, expired or too much.",
    "rm": "Remove entries from the store.",
    "restore": "Make an earlier result current again.",
    "import": "Adopt what Nuthatch or LWDP has cached.",
    "init": "Make a store that a team can share.",
    "keygen": "Make a key that signs what is stored.",
    "config": "Show the settings and where they came from.",
    "doctor": "Look at every store that the settings name.",
    "push": "Copy entries of the local tier to the shared store.",
    "pull": "Copy shared entries to the local tier.",
    "pin": "Hold entries, whatever is collected.",
    "verify": "Check entries against their digests.",
}
# A module cannot have the name of a keyword.
_MODULES: Mapping[str, str] = {"import": "importing"}


class TargetImportError(Exception):
    """A user's file or module raised while it was imported; the exception is the cause."""


class _Commands(click.Group):
    """Finds commands by name without importing the others, and turns exceptions into exit statuses."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command = import_module(f"whorl.cli.{_MODULES.get(cmd_name, cmd_name)}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            raise ConfigError(f"there is no command {args[0]!r}", tip=did_you_mean(args[0], _COMMANDS))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: object) -> object:  # type: ignore[override]
        """Run a command and leave with its exit status."""
        extra["standalone_mode"] = False
        with warnings.catch_warnings(), log_is_shown():
            warnings.showwarning = show_warning
            sys.exit(self._status(args, prog_name or "whorl", extra))

    def _status(self, args: Sequence[str] | None, prog_name: str, extra: dict[str, object]) -> int:
        try:
            status = super().main(args, prog_name, **extra)  # type: ignore[call-overload]
            sys.stdout.flush()
        except (KeyboardInterrupt, click.Abort):
            return INTERRUPTED
        except WhorlError as error:  # first: a StoreError is an OSError as well
            return complain(error)
        except OSError as error:
            return _complain_of_output(error)
        except click.ClickException as error:
            return _complain_of_usage(error)
        except TargetImportError as error:
            return _complain_of_import(error)
        return status if isinstance(status, int) else 0

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # click would print an empty line first
            err().line("interrupted; what was finished is kept")
            ctx.exit(INTERRUPTED)


def _complain_of_output(error: OSError) -> int:
    """Give the exit status for output that nobody takes; anything else that the system said passes."""
    if error.errno not in (errno.EPIPE, *_FULL):
        raise error
    # The interpreter shall find nothing left to write when it ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if error.errno == errno.EPIPE:  # whoever read our output has seen enough
        return FAILED
    return complain(StoreError("the output cannot be written", os.strerror(error.errno)))


def complain(error: WhorlError, place: str = "") -> int:
    """Show one of whorl's own errors and give the exit status for it."""
    from whorl.report.failures import draw_error

    for line in draw_error(error, place=place, paint=err().paint):
        err().line(line)
    return MISUSED if isinstance(error, ConfigError) else FAILED


def _complain_of_import(error: TargetImportError) -> int:
    """Show what a user's file raised: a declaration that makes no sense with its place, anything else whole."""
    from whorl.report.failures import draw_traceback, find_place

    cause = error.__cause__
    assert cause is not None
    if isinstance(cause, WhorlError):
        complain(cause, find_place(cause))
        return MISUSED
    err().line(draw_traceback(cause))
    err().line(f"{err().paint('error:', 'red')} {error} cannot be imported")
    return FAILED


def _complain_of_usage(error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "whorl"
    return complain(ConfigError(error.format_message().rstrip("."), tip=f"{command} --help"))


@click.command("whorl", cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="whorl %(version)s")
def program() -> None:
    """Fingerprint what results depend on, keep them, and run again exactly what changed."""


def main() -> None:
    """Run the command line."""
    program.main()
