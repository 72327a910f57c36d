"""
Outcomes, explanations, statuses and manifests in, plain data for ``--json`` out.

Names of fields are part of what scripts rely on: fields are added, never renamed.  Beyond the arrow: pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whorl.changes import Change, FileChange
    from whorl.explain import Explanation, Status
    from whorl.fingerprint.parts import Difference
    from whorl.outcome import Outcome
    from whorl.store.manifest import Manifest, RawFile


def outcome_data(outcome: Outcome, reason: str, explanation: Explanation | None) -> dict[str, object]:
    """Give one outcome of a run; times are in seconds, sizes in bytes."""
    manifest = outcome.manifest
    return {
        "stage": outcome.stage,
        "outcome": outcome.kind,
        "key": outcome.key.hex() if outcome.key else None,
        "reason": reason,
        "changes": changes_data(explanation),
        "seconds": outcome.seconds,
        "seconds_saved": outcome.saved,
        "stored": outcome.stored,
        "format": manifest.format if manifest else None,
        "size": manifest.size if manifest else None,
        "namespace": manifest.slot.namespace if manifest else None,
    }


def status_data(status: Status) -> dict[str, object]:
    """Give how one stage stands."""
    entry = status.explanation.entry if status.explanation else None
    return {
        "stage": status.stage,
        "status": status.state,
        "reason": status.reason,
        "changes": changes_data(status.explanation),
        "compared_with": entry.slot.key.hex() if entry else None,
    }


def entry_data(entry: Manifest) -> dict[str, object]:
    """Give one stored entry; moments are seconds since 1970."""
    return {
        "stage": entry.slot.stage,
        "namespace": entry.slot.namespace,
        "key": entry.slot.key.hex(),
        "created": entry.created,
        "computed": entry.computed,
        "expires": entry.expires,
        "format": entry.format,
        "type": entry.type,
        "size": entry.size,
        "files": [[file.name, file.size, file.digest.hex()] for file in entry.files],
        "seconds_computing": entry.seconds_computing,
        "seconds_encoding": entry.seconds_encoding,
        "content_key": entry.content_key.hex(),
        "attempt": entry.attempt,
        "payload": entry.payload,
        "adopted_from": entry.adopted_from or None,
    }


def explanation_data(explanation: Explanation) -> dict[str, object]:
    """Give why one stage would run; without changes it is fresh."""
    entry = explanation.entry
    return {
        "stage": explanation.stage,
        "fresh": not explanation.changes,
        "changes": changes_data(explanation),
        "same": list(explanation.same),
        "not_followed": list(explanation.not_followed),
        "compared_with": entry.slot.key.hex() if entry else None,
    }


def changes_data(explanation: Explanation | None) -> list[dict[str, object]]:
    """Give every difference that an explanation names."""
    return [_change_data(change) for change in explanation.changes] if explanation else []


def _change_data(change: Change) -> dict[str, object]:
    data: dict[str, object] = {"component": change.component, "reason": change.reason}
    if change.files:
        data["files"] = [_file_data(file) for file in change.files]
    if change.code:
        data["code"] = [_difference_data(difference) for difference in change.code]
    return data


def _file_data(file: FileChange) -> dict[str, object]:
    return {"name": file.name, "old": _content_data(file.old), "new": _content_data(file.new)}


def _content_data(file: RawFile | None) -> dict[str, object] | None:
    return {"size": file.size, "digest": file.digest.hex()} if file else None


def _difference_data(difference: Difference) -> dict[str, object]:
    return {
        "part": difference.name,
        "where": difference.where,
        "change": difference.change,
        "old": difference.old,
        "new": difference.new,
    }
