"""
Lines of Python in, one JSON reply per line out: a process that uses whorl as a user's process would.

``project.py`` starts it in a project folder; nothing of pytest is loaded here.
"""

from __future__ import annotations

import ast
import atexit
import importlib
import json
import os
import socket
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable


def prepare(source: str) -> Callable[[], object]:
    """Compile statements, and import the project's modules that they name; a call gives the value of the last one."""
    tree = ast.parse(source)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    known = [name for name in used if name in {"whorl", "os"} or Path(f"{name}.py").exists()]
    names = {name: importlib.import_module(name) for name in sorted(known)} | {"__name__": "call"}
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else ast.parse("None").body[0]
    first, then = compile(tree, "<call>", "exec"), compile(ast.Expression(last.value), "<call>", "eval")

    def call() -> object:
        exec(first, names)
        return eval(then, names)

    return call


def reload_project() -> None:
    """Reload the project's modules in the order in which their imports ended: what others import comes first."""
    for name, module in list(sys.modules.items()):
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
            call = prepare(str(request["code"]))
            for _ in range(int(str(request["times"]))):
                with observe() as outcomes:
                    reply["value"] = call()
        except BaseException as error:  # noqa: BLE001 - the reply carries it
            notes = list(getattr(error, "__notes__", []))
            kinds = [kind.__name__ for kind in type(error).__mro__]
            reply["error"] = {"types": kinds, "message": str(error), "notes": notes}
    reply["outcomes"] = [describe(outcome) for outcome in outcomes]
    reply["warnings"] = [[kind.__name__, str(one.message)] for one in seen for kind in [one.category]]
    return reply


def work(requests: TextIO, replies: TextIO) -> None:
    """Answer requests in the current folder until there are no more."""
    sys.path.insert(0, os.getcwd())
    for line in requests:
        replies.write(json.dumps(run(json.loads(line)), default=repr) + "\n")
        replies.flush()


def nurse(path: str) -> None:
    """
    Import whorl once, and give each connection a process forked from there: nothing was called in it before.

    A connection begins with the environment to work in.
    """
    import whorl.stage  # noqa: F401 - every fork starts with it

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        os.write(1, b"ready\n")
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                live(connection)
            connection.close()
            while reap():
                pass


def reap() -> bool:
    """Bury a child that has ended, if there is one."""
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def live(connection: socket.socket) -> None:
    """Live as a forked process until the connection ends."""
    requests, replies = connection.makefile("r"), connection.makefile("w")
    birth = json.loads(requests.readline())
    replies.write(f"{os.getpid()}\n")
    replies.flush()
    os.environ.clear()
    os.environ.update(birth["environment"])
    os.chdir(birth["folder"])
    sys.path[0:1] = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    work(requests, replies)
    atexit._run_exitfuncs()
    os._exit(0)


def main() -> None:
    """Nurse if a path for a socket was given; else serve the pipe, and keep what stages print out of it."""
    if len(sys.argv) > 1:
        nurse(sys.argv[1])
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    work(sys.stdin, replies)


if __name__ == "__main__":
    main()
