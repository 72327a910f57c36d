"""Loggers in code: listed as not followed, and no reason for ``strict`` to refuse a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from whorl.errors import UndigestableError
from whorl.fingerprint.code import fingerprint

if TYPE_CHECKING:
    from types import FunctionType

LOGGERS = {
    "a logger": "log = logging.getLogger('a')",
    "the root logger": "log = logging.getLogger()",
    "an adapter": "log = logging.LoggerAdapter(logging.getLogger('a'), {})",
    "a logger of an own object": "class Task:\n    log = logging.getLogger('a')\nlog = Task()",
}


def stage_of(source: str) -> FunctionType:
    namespace: dict[str, object] = {"__name__": "given"}
    exec(compile(f"import logging\n{source}", "given.py", "exec", dont_inherit=True), namespace)
    return namespace["stage"]  # type: ignore[return-value]


@pytest.mark.parametrize("name", LOGGERS)
def test_a_logger_is_listed_and_not_refused(name: str) -> None:
    """What a stage logs is no part of its result."""
    found = fingerprint(stage_of(f"{LOGGERS[name]}\ndef stage(x): return log"), strict=True)
    kinds = [item.what.split()[0] for item in found.not_followed]

    assert kinds in (["logging.Logger"], ["logging.RootLogger"], ["logging.LoggerAdapter"])
    assert all(item.harmless for item in found.not_followed)


def test_a_logger_within_data_counts_by_its_name() -> None:
    """Values that hold a logger are digested as they would be pickled: by the name that finds it again."""
    stages = [stage_of(f"log = {{1: logging.getLogger('{name}')}}\ndef stage(x): return log") for name in "aab"]
    digests = [fingerprint(stage, strict=True).digest for stage in stages]

    assert digests[0] == digests[1] != digests[2]


def test_a_logger_beside_something_else_is_no_excuse() -> None:
    """The refusal names what is in the way, and not the logger."""
    stage = stage_of("log = logging.getLogger('a')\ndef stage(x, n):\n    log.info(n)\n    return getattr(x, n)")
    with pytest.raises(UndigestableError) as raised:
        fingerprint(stage, strict=True)

    assert "getattr" in str(raised.value)
    assert "Logger" not in str(raised.value)


def test_a_handler_is_refused() -> None:
    """What writes is not a logger: a stage that uses a handler itself may read what it wrote."""
    stage = stage_of("handler = logging.StreamHandler()\ndef stage(x): return handler")
    with pytest.raises(UndigestableError, match="StreamHandler"):
        fingerprint(stage, strict=True)
