"""
A computed value in, a committed entry out, and an entry's value back.

What was made from things that changed meanwhile is not stored; what was computed anew with another value gets a new
revision before its manifest.  On the arrow: *encode*, *commit* and *decode*.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from whorl.encoding import encode
from whorl.entry import MISSING, Judge, Resolution, build_manifest, raw_files
from whorl.errors import ConfigError, CorruptEntryError, FormatError, StaleWarning, StoreError, WhorlError, warn
from whorl.fingerprint.lazy import is_lazy
from whorl.formats.base import decode_as, digests_stored, format_named, gives_back, with_types
from whorl.formats.schema.polars_tables import is_lazy_frame
from whorl.plans import as_raised
from whorl.trace import earliest, find_secret, trace_holds
from whorl.wish import PLAIN, Wish

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from whorl.access import Access
    from whorl.call import Call
    from whorl.derive import Derived, Snapshot
    from whorl.digest import Digest
    from whorl.encoding import Encoded
    from whorl.fingerprint.code import Fingerprint
    from whorl.store.base import Store
    from whorl.store.manifest import Manifest, Slot, Trace

_log = logging.getLogger("whorl")
# The copy of an entry that was found damaged, and is out of the way now.
DAMAGED = object()
_kept_trees: set[tuple[str, str, Digest]] = set()


@dataclass(frozen=True, slots=True)
class Earlier:
    """
    The entry whose value is computed anew, by wish or for repair; None where nothing is known of it.

    ``is_exact`` is for a value that was made from that very entry: no other is replaced.
    """

    manifest: Manifest | None
    is_exact: bool = False

    def gives_way(self, existing: Manifest) -> bool:
        """Whether an entry that is there is to be replaced."""
        return not self.is_exact or (self.manifest is not None and existing.attempt == self.manifest.attempt)


def decode(access: Access, manifest: Manifest, call: Call, snapshot: Snapshot, wish: Wish = PLAIN) -> object:
    """
    Decode an entry that answers a call as it is wished for, or give MISSING for one that cannot be read.

    A damaged copy is moved aside, and that of the next tier is decoded.  Where the payload went while it was read, the
    manifest is read again, once: an entry that has taken its place and has the same value serves as well.  Instances
    are made of the classes that the stage's code refers to, and of no others but by pickle.
    """

    def types() -> Mapping[str, type]:
        return snapshot.derive(call).fingerprint.classes

    tried: Manifest | None = manifest
    while tried is not None:
        value = _decode_copy(access, tried, types, wish)
        if value is not DAMAGED:
            return value
        there = list(access.candidates(manifest.slot))
        copies = (copy for copy in there if copy.attempt == tried.attempt)
        others = (other for other in there if tried.attempt == manifest.attempt and _has_value_of(other, manifest))
        tried = next(copies, None) or next(others, None)
    return MISSING


def _has_value_of(other: Manifest, manifest: Manifest) -> bool:
    """Whether another entry of the key has the same value; one with another value has a revision of its own."""
    return manifest.value_digest is not None and other.value_digest == manifest.value_digest


def _decode_copy(access: Access, manifest: Manifest, types: Callable[[], Mapping[str, type]], wish: Wish) -> object:
    try:
        assert access.store is not None
        if not access.admits(manifest):  # it was current when another value was to be committed
            return MISSING
        reader = access.store.reader(manifest)
        chosen = format_named(manifest.format)
        options = {**access.formats.get(chosen.name, {}), **manifest.format_options}
        return decode_as(chosen, reader, with_types(chosen, options, types), wish)
    except CorruptEntryError as error:
        reason = error.message

        def move_aside(store: Store) -> object:
            store.quarantine(manifest, reason)
            return DAMAGED

        return access.attempt(move_aside, MISSING)
    except StoreError as error:
        access.complain(error)
    except FormatError:
        if wish.engine:  # the value is there: that it cannot be had as this type is for the caller to hear
            raise
        _log.warning("the entry of %s has a format that is not known here, it is computed again", manifest.slot.stage)
    except Exception as error:  # noqa: BLE001 - a class that is gone, a library that reads no more: the value is computed
        if wish.windows:
            _log.warning("the entry of %s cannot be read in part, it is read whole: %r", manifest.slot.stage, error)
            return _decode_copy(access, manifest, types, Wish(wish.engine))
        _log.warning("the entry of %s cannot be decoded, it is computed again: %r", manifest.slot.stage, error)
    return MISSING


def is_digested_when_stored(format_name: str | None, value: object) -> bool:
    """Whether a value gets its digest from what is stored of it: one that is computed by that, or leads to it."""
    if format_name is not None and digests_stored(format_named(format_name)):
        return True
    return is_lazy(value) or is_lazy_frame(value)


def is_unchanged(
    before: Derived, snapshot: Snapshot, judge: Judge, result: Resolution, *, is_shared: bool = False
) -> bool:
    """
    Derive the key again from what things are now; warn if it differs or something used cannot be checked.

    ``is_shared`` is for a call whose arguments are in others' hands: they are digested again, too.
    """
    now, name = snapshot.again(), judge.call.definition.name
    if is_shared:
        now.arguments.pop(judge.call, None)
    if secret := find_secret(result.trace, result.inherited):
        warn_unstored(name, f"it read {secret}, and secrets are not kept")
        return False
    try:
        again = now.derive(judge.call)
    except (WhorlError, OSError) as error:
        changed = [str(error)]
    else:
        was = {component.name: component.digest for component in before.all_components}
        changed = [part.name for part in again.all_components if was.get(part.name) != part.digest]
        project = judge.settings.project
        if not changed and not (
            trace_holds(result.trace, now, project) and trace_holds(result.inherited, now, project)
        ):
            changed = ["something that it called"]
        if not result.complete:
            changed.append("a call that could not be recorded")
    if changed:
        warn_unstored(name, f"{', '.join(changed)} changed while it ran")
    return not changed


def warn_unstored(stage: str, cause: str) -> None:
    """Warn that a result is not kept, and say why."""
    warn(f"the result of {stage} is not stored: {cause}", StaleWarning)


def commit_result(
    access: Access,
    judge: Judge,
    derived: Derived,
    result: Resolution,
    content: Digest,
    earlier: Earlier | None,
    holds: Callable[[], bool],
) -> Resolution:
    """
    Store a result, or adopt the entry that another stored meanwhile.

    A lazy one is computed by being written: its digest is that of what was written, and ``holds`` tells whether what it
    was made from is still what it was.  Raises FormatError, with the value in it, where the format cannot hold the
    value.
    """
    if access.store is None:
        return result
    is_written_first, before = not result.digested, result.continued
    try:
        encoded = encode(access.store, judge, derived, result)
        try:
            if is_written_first:
                result.add_digest(encoded.format.decode(encoded.attempt.reader(), encoded.options))
            if (is_written_first or result.continued > before) and not holds():
                return result
            manifest = _describe(access.store, judge, derived, result, content, earlier, encoded)
            current = access.store.commit(encoded.attempt, manifest, replace=partial(_gives_way, judge, earlier))
        finally:
            encoded.attempt.abandon()
    except StoreError as error:
        access.complain(error)
        return result
    _keep_tree(access, manifest.slot.namespace, derived.fingerprint)
    settled = Resolution.of_entry("ran", current)
    # A value without a digest could not be compared by its format: what is returned now must be what a hit returns.
    # A lazy one is read from there, not computed a second time.
    exact = gives_back(encoded.format, encoded.options) and result.digest is not None and not is_written_first
    value = result.value if current.attempt == encoded.attempt.nonce and exact else MISSING
    return replace(settled, value=value, seconds=result.seconds)


def commit_converted(access: Access, judge: Judge, derived: Derived, found: Manifest, value: object) -> Manifest:
    """
    Store the value of an entry in the format that a call asks for; all else of the entry stays as it is.

    Gives the entry that answers now: the one that was found where the store fails.  Raises FormatError where the format
    cannot hold the value.
    """
    if access.store is None:
        return found
    try:
        encoded = as_raised(partial(encode, access.store, judge, derived, Resolution("hit", value=value)))
        try:
            manifest = replace(
                found,
                format=encoded.format.name,
                format_options=encoded.kept,
                files=(),
                inline=None,
                created=time.time(),
                seconds_encoding=encoded.seconds,
            )
            return access.store.commit(
                encoded.attempt, manifest, replace=lambda existing: existing.attempt == found.attempt
            )
        finally:
            encoded.attempt.abandon()
    except StoreError as error:
        access.complain(error)
        return found


def _gives_way(judge: Judge, earlier: Earlier | None, existing: Manifest) -> bool:
    return (earlier is not None and earlier.gives_way(existing)) or not judge.answers(existing)


def _describe(
    store: Store,
    judge: Judge,
    derived: Derived,
    result: Resolution,
    content: Digest,
    earlier: Earlier | None,
    encoded: Encoded,
) -> Manifest:
    revisions = _revisions(store, encoded.attempt.slot, content, result, earlier)
    return build_manifest(
        judge,
        derived,
        result,
        content,
        revisions=revisions,
        format=encoded.format.name,
        format_options=encoded.kept,
        seconds_computing=result.seconds,
        seconds_encoding=encoded.seconds,
    )


def _keep_tree(access: Access, namespace: str, code: Fingerprint) -> None:
    """Store the named parts of the code once, so that a later change of it can be named."""
    known = (access.root, namespace, code.digest)
    if known in _kept_trees:
        return

    def keep(store: Store) -> None:
        if store.read_tree(namespace, code.digest) is None:
            data = json.dumps(code.parts.to_json(), ensure_ascii=False, separators=(",", ":"))
            store.write_tree(namespace, code.digest, data.encode("utf-8", "surrogatepass"))

    access.attempt(keep, None)
    _kept_trees.add(known)


def refuse_secrets(call: Call) -> None:
    """Refuse, before anything is computed, an option that a manifest must not have: it belongs into the settings."""
    for name in call.format_options if call.format else ():
        if name in getattr(format_named(str(call.format)), "settings_only", ()):
            tip = f"set it where no entry has it: [tool.whorl.root.{call.format}]"
            raise ConfigError(f"{name} cannot be an option of a stage or a call", "it would be stored", tip)


def _revisions(
    store: Store, slot: Slot, content: Digest, result: Resolution, earlier: Earlier | None
) -> tuple[tuple[Digest, str], ...]:
    """Choose the revisions to commit under; another value than the entry's before gets new ones, on disk first."""
    keys = (slot.key, content)
    repaired = earlier is None and store.lookup(slot) is None and store.damaged(slot)
    if repaired or (earlier is not None and _differs(earlier.manifest, result)):
        return tuple(store.revise(slot.namespace, keys).items())
    return tuple(store.revisions_of(slot.namespace, keys).items())


def _differs(earlier: Manifest | None, result: Resolution) -> bool:
    return earlier is None or earlier.value_digest is None or earlier.value_digest != result.digest


def commit_kept(
    access: Access,
    judge: Judge,
    derived: Derived,
    source: Manifest,
    inherited: Trace,
    expires: float | None,
    revision: str,
    *,
    writes: bool,
) -> Manifest | None:
    """
    Put an entry with equal content under this call's key; its own ttl still counts from when it was computed.

    ``revision`` is the call key's from before the source was looked up; the content key's is the one that the source
    was committed under: a recomputation meanwhile must not make the old value current.  None where the source's payload
    has gone.
    """
    own = judge.own_expiry(source)
    content = source.content_key
    manifest = replace(
        source,
        slot=judge.slot(derived),
        components=derived.all_components,
        code=derived.fingerprint.digest,
        raw_files=raw_files(derived),
        inherited=inherited,
        created=time.time(),
        own_expires=own,
        expires=earliest(own, expires),
        revisions=((derived.key, revision), (content, dict(source.revisions)[content])),
    )
    if not writes or access.store is None:
        return manifest
    try:
        return access.store.commit_kept(manifest, source, replace=lambda existing: not judge.answers(existing))
    except CorruptEntryError:
        return None
    except StoreError as error:
        access.complain(error)
        return manifest
