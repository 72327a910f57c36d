"""
Files of the standard library in; out, which of their code objects have another digest when the text is wrapped anew.

Each file is printed from its tree (no comment, no layout of the author's), with one token per line, and in as few lines
as Python allows.  A print that parses to another tree is no re-wrapping and is counted as not printed.  Code in which a
class hands its line number to a variable outside (``nonlocal __firstlineno__``) does depend on lines and is set aside.
"""

from __future__ import annotations

import ast
import io
import tokenize
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proofs.corpus import codes, compiled, is_function, parsed, sources
from proofs.few_lines import in_few_lines
from whorl.fingerprint.references import read_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import CodeType

    from proofs.corpus import Source


_NO_CODE = frozenset((tokenize.COMMENT, tokenize.NL, tokenize.ENDMARKER))
_FORMATTED_START = getattr(tokenize, "FSTRING_START", -1)
_FORMATTED_END = getattr(tokenize, "FSTRING_END", -1)


@dataclass(slots=True)
class Tally:
    """What one way of wrapping showed."""

    files: int = 0
    functions: int = 0
    others: int = 0
    not_printed: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)


def unparsed(source: Source) -> ast.Module:
    """Print a file from its tree."""
    return parsed(ast.unparse(source.tree))


def one_token_per_line(source: Source) -> ast.Module:
    """Break a file between any two tokens of a line."""
    return parsed(broken(source.text))


def few_lines(source: Source) -> ast.Module:
    """Join what may stand on one line."""
    return in_few_lines(parsed(source.text))


WAYS: dict[str, Callable[[Source], ast.Module]] = {
    "printed by ast.unparse": unparsed,
    "one token per line": one_token_per_line,
    "as few lines as can be": few_lines,
}


def measure(*, step: int = 1) -> dict[str, Tally]:
    """Wrap every ``step``-th file in all ways and compare."""
    tallies = {way: Tally() for way in WAYS}
    for source in sources(step=step):
        original = list(codes(compiled(source.tree)))
        expected = ast.dump(source.tree)
        for way, tally in tallies.items():
            _compare(tally, source.name, original, _wrapped(way, source, expected))
    return tallies


def _wrapped(way: str, source: Source, expected: str) -> ast.Module | None:
    try:
        tree = WAYS[way](source)
    except (SyntaxError, ValueError, tokenize.TokenError):
        return None
    return tree if ast.dump(tree) == expected else None


def _compare(tally: Tally, name: str, original: list[CodeType], tree: ast.Module | None) -> None:
    if tree is None:
        tally.not_printed.append(name)
        return
    tally.files += 1
    tally.functions += sum(map(is_function, original))
    tally.others += sum(not is_function(code) for code in original)
    wrapped = codes(compiled(tree))
    # Where lines are the same, the compiler makes one code object of equal functions: each form is compared once.
    left, right = _forms(original), _forms(wrapped)
    tally.different += [f"{name}:{where}" for form, where in left.items() if form not in right]
    if len(left) != len(right) or (left.keys() == right.keys() and list(left) != list(right)):
        tally.different.append(f"{name}: other code objects, or in another order")


def _forms(found: Iterable[CodeType]) -> dict[tuple[object, ...], str]:
    """Name the forms of code objects, in the order in which they are met first."""
    forms: dict[tuple[object, ...], str] = {}
    for code in found:
        if _tells_its_line(code):
            continue
        form = read_code(code)
        forms.setdefault((form.digest, form.references, form.reads), f"{code.co_qualname}:{code.co_firstlineno}")
    return forms


def _tells_its_line(code: CodeType) -> bool:
    return any("__firstlineno__" in inner.co_freevars for inner in codes(code))


def broken(text: str) -> str:
    """Put each token of a file on a line of its own."""
    out, indents, fresh = [], [""], True
    for kind, token in whole_tokens(text):
        if kind == tokenize.INDENT:
            indents.append(token)
        elif kind == tokenize.DEDENT:
            indents.pop()
        elif kind == tokenize.NEWLINE:
            out.append("\n")
            fresh = True
        elif kind not in _NO_CODE:
            out.append((indents[-1] if fresh else " \\\n") + token)
            fresh = False
    return "".join(out)


def whole_tokens(text: str) -> Iterator[tuple[int, str]]:
    """Yield kind and text of each token; a formatted string is one, as it was before Python 3.12."""
    lines = text.splitlines(keepends=True)
    starts: list[tuple[int, int]] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == _FORMATTED_START:
            starts.append(token.start)
        elif token.type == _FORMATTED_END:
            start = starts.pop()
            if not starts:
                yield tokenize.STRING, _between(lines, start, token.end)
        elif not starts:
            yield token.type, token.string


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    """Cut a text out of lines, which count from one."""
    piece = lines[start[0] - 1 : end[0]]
    piece[-1] = piece[-1][: end[1]]
    piece[0] = piece[0][start[1] :]
    return "".join(piece)
