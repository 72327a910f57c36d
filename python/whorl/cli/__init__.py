"""
The command line: arguments in, exit statuses out; what is said comes from ``report``, what is done from the engine.

Exit status 0 is success, 1 a failure or a check that does not hold, 2 a command or setting that makes no sense, 130 an
interruption.  A command's module is imported when the command is used, so that ``whorl --help`` stays quick.  Before
the arrow: where a person's call comes from.
"""

from __future__ import annotations

from whorl.cli.commands import main

__all__ = ["main"]
