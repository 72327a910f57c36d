"""
A manifest and whose store it lies in, in; whether its payload may be decoded, or be stored, out.

One rule each for values whose decoding runs code, for signatures and for what a manifest can make this process import.
It is asked before anything of a payload is read.  A store is *own* when nobody but this user can write to it.  On the
arrow: *lookup*, *decode* and *commit*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.errors import SignatureError

if TYPE_CHECKING:
    from collections.abc import Callable

    from whorl.store.manifest import Manifest
    from whorl.store.signing import Key

# The choices of ``settings.PICKLE``, which says what each means.
LOCAL, SIGNED, NEVER, ANY = "local", "signed", "never", "any"
_KEYGEN = "sign what is stored: whorl keygen, then sign_with and trusted_keys"


@dataclass(frozen=True, slots=True)
class Policy:
    """
    What may be decoded.

    ``pickle`` is a choice of ``settings.PICKLE``; ``runs_code`` says of the name of a format whether its decoding runs
    code.  ``keys`` are those whose signatures count, ``signer`` is the one that signs what is stored here.
    """

    runs_code: Callable[[str], bool]
    pickle: str = LOCAL
    require_signature: bool = False
    keys: tuple[Key, ...] = ()
    signer: Key | None = None

    def is_signed(self, manifest: Manifest) -> bool:
        """Whether a manifest has a right signature of a trusted key."""
        signature = manifest.signature
        return signature is not None and any(key.checks(signature) for key in self.keys)

    def trusts(self, manifest: Manifest, *, is_own: bool) -> bool:
        """Whether what a manifest names was written by this user, or by someone whose key is trusted."""
        return is_own or self.is_signed(manifest)

    def refusal(self, manifest: Manifest, *, is_own: bool) -> SignatureError | None:
        """Say why an entry must not be served; None for one that may."""
        if self.require_signature and not self.is_signed(manifest):
            return _refused(manifest, f"{_state(manifest)}, and require_signature is on", _KEYGEN)
        if not self.runs_code(manifest.format) or self._may_run(manifest, is_own=is_own):
            return None
        if self.pickle == NEVER:
            return _refused(manifest, f'decoding {manifest.format} runs code, and pickle = "never"', _other_format())
        why = 'pickle = "signed"' if self.pickle == SIGNED else "the entry is not from a store of your own"
        cause = f"decoding {manifest.format} runs code, and {why}; {_state(manifest)}"
        return _refused(manifest, cause, f"{_KEYGEN}; or {_other_format()}")

    def refusal_to_store(self, manifest: Manifest, *, is_own: bool, is_signed: bool) -> SignatureError | None:
        """Say why an entry must not be written where it would never be served; None for one that may."""
        if not self.runs_code(manifest.format) or self.pickle == ANY:
            return None
        what = f"the result of {manifest.slot.stage} is not stored as {manifest.format}"
        if self.pickle == NEVER:
            return SignatureError(what, 'decoding it runs code, and pickle = "never"', _other_format())
        if is_signed or (is_own and self.pickle == LOCAL):
            return None
        where = 'pickle = "signed"' if is_own else "the store is shared"
        cause = f"decoding it runs code, {where}, and it is not signed"
        return SignatureError(what, cause, f"{_KEYGEN}; or {_other_format()}")

    def _may_run(self, manifest: Manifest, *, is_own: bool) -> bool:
        if self.pickle == ANY:
            return True
        return self.pickle != NEVER and ((is_own and self.pickle == LOCAL) or self.is_signed(manifest))


@dataclass(frozen=True, slots=True)
class Seal:
    """
    The policy as one store applies it to what is written there: what it refuses, and what it signs.

    Nothing is signed that was not made here, or made from what is trusted: a signature vouches for the payload.
    """

    policy: Policy | None = None
    is_own: bool = True

    def for_new(self, manifest: Manifest) -> Key | None:
        """Give the key that signs an entry made by this process; raise ``SignatureError`` where it is refused."""
        signer = self.policy.signer if self.policy else None
        self._check(manifest, is_own=self.is_own, is_signed=signer is not None)
        return signer

    def for_kept(self, manifest: Manifest, source: Manifest) -> Key | None:
        """Give the key for an entry that shares a payload: none where the source of that is not trusted."""
        if self.policy is None or not self.policy.trusts(source, is_own=self.is_own):
            self._check(manifest, is_own=self.is_own, is_signed=False)
            return None
        return self.for_new(manifest)

    def check_copy(self, manifest: Manifest) -> None:
        """Raise ``SignatureError`` for a copy from elsewhere that must not become an entry of this store."""
        # A copy in one's own store would count as one's own: what it was before decides.
        is_signed = self.policy is not None and self.policy.is_signed(manifest)
        self._check(manifest, is_own=False, is_signed=is_signed)

    def _check(self, manifest: Manifest, *, is_own: bool, is_signed: bool) -> None:
        if self.policy is None:
            return
        refusal = self.policy.refusal_to_store(manifest, is_own=is_own, is_signed=is_signed)
        if refusal is not None:
            raise refusal


def _state(manifest: Manifest) -> str:
    return (
        "it is not signed" if manifest.signature is None else "its signature is wrong, or of a key that is not trusted"
    )


def _refused(manifest: Manifest, cause: str, tip: str) -> SignatureError:
    return SignatureError(f"an entry of {manifest.slot.stage} is not used", cause, tip)


def _other_format() -> str:
    return 'store the value in a format that runs no code, as parquet or json (format="json")'
