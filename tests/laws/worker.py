"""
Lines of Python in on stdin, one JSON reply per line out: a process that uses whorl as a user's process would.

``project.py`` starts it in a project folder; nothing of pytest is loaded here.
"""

from __future__ import annotations

import ast
import importlib
import json
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable


def imported(tree: ast.AST) -> dict[str, object]:
    """Import the modules that the names of a piece of code stand for."""
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    known = [name for name in names if name in {"whorl", "os"} or Path(f"{name}.py").exists()]
    return {name: importlib.import_module(name) for name in sorted(known)} | {"__name__": "call"}


def evaluate(source: str) -> object:
    """Execute statements; give the value of the last one if it is an expression."""
    tree = ast.parse(source)
    names = imported(tree)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<call>", "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), "<call>", "eval"), names)


def reload_project() -> None:
    """Reload the project's modules, the ones imported last first: those are what the others import."""
    for name, module in reversed(list(sys.modules.items())):
        file = getattr(module, "__file__", None)
        if name != "__main__" and file and Path(file).parent == Path.cwd():
            importlib.reload(module)


def describe(outcome: object) -> dict[str, object]:
    """Make plain data of an outcome."""
    fields = {name: getattr(outcome, name) for name in ("stage", "kind", "stored")}
    return fields | {"key": str(outcome.key)}  # type: ignore[attr-defined]


def run(request: dict[str, object]) -> dict[str, object]:
    """Do one request: reload if asked, evaluate as often as asked, and tell what happened in the last evaluation."""
    from whorl import observe

    outcomes: list[object] = []
    reply: dict[str, object] = {}
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            if request["reload"]:
                reload_project()
            for _ in range(int(str(request["times"]))):
                with observe() as outcomes:
                    reply["value"] = evaluate(str(request["code"]))
        except BaseException as error:  # noqa: BLE001 - the reply carries it
            notes = list(getattr(error, "__notes__", []))
            kinds = [kind.__name__ for kind in type(error).__mro__]
            reply["error"] = {"types": kinds, "message": str(error), "notes": notes}
    reply["outcomes"] = [describe(outcome) for outcome in outcomes]
    reply["warnings"] = [[kind.__name__, str(one.message)] for one in seen for kind in [one.category]]
    return reply


def serve(requests: TextIO, answer: Callable[[str], object]) -> None:
    """Answer requests until there are no more."""
    for line in requests:
        answer(json.dumps(run(json.loads(line)), default=repr) + "\n")


def main() -> None:
    """Keep the pipe for replies to ourselves: what stages print must not get in between."""
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    sys.dont_write_bytecode = True
    sys.path.insert(0, os.getcwd())
    serve(sys.stdin, replies.write)


if __name__ == "__main__":
    main()
