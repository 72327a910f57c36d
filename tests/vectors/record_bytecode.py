"""
Record code objects of this Python for the Rust tests: ``python3.X tests/vectors/record_bytecode.py``.

Writes ``bytecode_3X.tsv`` beside this file: one line per code object with a group and a name, then code, exception
table, names, locals, number of free variables and constants.  Groups ``same`` hold two lines per name, which must
normalize to one digest; lines of the group ``different`` all differ.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAIRS = HERE.parent / "pairs"


def blocks(file: str) -> dict[str, str]:
    """Read a file of named blocks."""
    text = (PAIRS / file).read_text().strip().removeprefix("## ")
    return {block.partition("\n")[0]: block.partition("\n")[2].strip("\n") for block in text.split("\n## ")}


def functions(source: str) -> list[types.CodeType]:
    """Compile a module; the code of its functions that holds no further code."""
    try:
        module = compile(source, "", "exec", dont_inherit=True)
    except SyntaxError:  # written for a newer Python
        return []
    codes = [constant for constant in module.co_consts if isinstance(constant, types.CodeType)]
    return [code for code in codes if not any(isinstance(item, types.CodeType) for item in code.co_consts)]


def line(group: str, name: str, code: types.CodeType) -> str:
    """Word a code object as one line."""
    variables = [
        *code.co_varnames,
        *(cell for cell in code.co_cellvars if cell not in code.co_varnames),
        *code.co_freevars,
    ]
    fields = [
        group,
        name,
        code.co_code.hex(),
        code.co_exceptiontable.hex(),
        ",".join(code.co_names),
        ",".join(variables),
    ]
    constants = [
        repr(sorted(map(repr, item))) if isinstance(item, frozenset) else repr(item) for item in code.co_consts
    ]
    return "\t".join([*fields, str(len(code.co_freevars)), "\x1f".join(constants)])


def record() -> str:
    """Word all recorded code objects."""
    lines = []
    for name, text in blocks("same.txt").items():
        before, after = (functions(half) for half in text.split("\n--\n"))
        if len(before) == len(after) == 1:
            lines += [line("same", name, before[0]), line("same", name, after[0])]
    for name, text in blocks("bodies.txt").items():
        body = "".join(f"    {statement}\n" for statement in text.split("\n"))
        found = functions(f"def stage(a, b, c, d=None, e=None):\n{body}")
        lines += [line("different", name, code) for code in found]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (HERE / f"bytecode_3{sys.version_info.minor}.tsv").write_text(record())
