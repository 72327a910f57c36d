"""
The text of a URL in, its parts out, and a text that may be shown: what can be told of a URL without asking anybody.

A secret in a URL (a password, a token, a signature) reaches the store that it is for, and no message, log or manifest.
What is secret is told by its name, so a secret under a harmless name is shown.  On the arrow: part of *digest files*.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

HTTP = frozenset({"http", "https"})
HIDDEN = "***"

_URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+(::|://)")
_SECRET = re.compile(
    r"token|secret|passw|pwd|credential|signature|auth|api_?key|access_?key|^x-(amz|goog)-"
    r"|(^|[-_.])(sig|key|code|session|sessionid|jwt|sas|pass)($|[-_.])",
    re.IGNORECASE,
)
# Of names in source code fewer: ``key`` and ``code`` are mostly none.
_NAMES = r"token|secret|passw|pwd|credential|api_?key|access_?key"
_SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
_LITERAL = re.compile(
    rf"""((?:{_NAMES})\w*["']?\]?\s*(?::\s*\w+\s*)?[=:]\s*[rbf]{{0,2}})(["'])(?:(?!\2)[^\\\n]|\\.)*\2""",
    re.IGNORECASE,
)
_QUERY = re.compile(r"([?&;#])([^=&;?#\s'\"<>]+)=([^&;#\s'\"<>]*)")
_USER = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#\s'\"]*)@")
# A link that is signed anew leads to the same object.  These names say so themselves, ...
_SIGNED_ANEW = re.compile(r"^x-(amz|goog)-", re.IGNORECASE)
# ... those of the other ways to sign only together: Azure, S3 of old, Google of old, CloudFront.
_AZURE = frozenset(
    ["sig", "sv", "st", "se", "sr", "sp", "spr", "sip", "ss", "srt", "skoid", "sktid", "skt", "ske", "sks", "skv"]
)
_OLD = frozenset({"Signature", "Expires", "Policy", "Hash-Algorithm"})
_SIGNATURES = (
    (frozenset({"sig", "sv"}), _AZURE),
    *(
        (frozenset({"Signature", signer}), _OLD | {signer})
        for signer in ("AWSAccessKeyId", "GoogleAccessId", "Key-Pair-Id")
    ),
)
_VERSION = "?versionId="


def is_url(text: str) -> bool:
    """Tell a URL from a path: it begins with ``name://`` or ``name::``."""
    return _URL.match(text) is not None


def protocols(url: str) -> list[str]:
    """Name the protocols of a URL and of what it is chained to (``zip://a.csv::s3://…``), outermost first."""
    return [_protocol(part) for part in url.split("::")]


def split_chain(url: str) -> tuple[str, str]:
    """Split a URL into its outermost part and the chain below it, which begins with ``::`` or is empty."""
    first, separator, rest = url.partition("::")
    return first, separator + rest


def has_magic(path: str, protocol: str) -> bool:
    """Tell whether a path is a pattern; ``?`` begins a query on the web and a version on S3."""
    fixed = path.partition("?")[0] if protocol in HTTP else path.partition(_VERSION)[0]
    return re.search(r"[*\[]" if protocol in HTTP else r"[*?\[]", fixed) is not None


def last_segment(path: str, protocol: str) -> str:
    """Give the last segment of a path, without query or version: what the code may parse."""
    from urllib.parse import urlsplit

    plain = urlsplit(path).path if protocol in HTTP else path.partition(_VERSION)[0]
    return PurePosixPath(plain).name


def place_of(path: str, protocol: str) -> str:
    """Name an object within its store, without the user and the signatures that change while the object does not."""
    if protocol not in HTTP:
        return path.partition(_VERSION)[0]
    from urllib.parse import urlsplit

    parts = urlsplit(path)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query=_unsigned(parts.query), fragment="").geturl()


def hide_secrets(text: str) -> str:
    """Put ``***`` for the secrets of the URLs in a text."""
    return _QUERY.sub(_hide_value, _USER.sub(_hide_user, text))


def hide_literals(text: str) -> str:
    """Put ``***`` for the texts that source code gives to names which say that they are secret."""
    return _LITERAL.sub(rf"\1\2{HIDDEN}\2", text)


def is_secret_name(name: str) -> bool:
    """Tell whether a name in source code says that its value is secret."""
    return _SECRET_NAME.search(name) is not None


def _unsigned(query: str) -> str:
    """Leave the parameters of a signature out of a query."""
    items = [(item.partition("=")[0], item) for item in query.split("&") if item]
    names = {name for name, _ in items}
    signed: set[str] = set()
    for told_by, parameters in _SIGNATURES:
        if told_by <= names:
            signed |= parameters
    return "&".join(item for name, item in items if name not in signed and not _SIGNED_ANEW.match(name))


def _protocol(part: str) -> str:
    name, separator, _ = part.partition("://")
    if separator:
        return name.lower()
    return part.lower() if re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", part) else "file"


def _hide_user(found: re.Match[str]) -> str:
    """Hide who asks, where it may be a secret: ``abfs://container@…`` and ``github://owner:repository@…`` are not."""
    protocol, user = found.groups()
    is_secret = protocol.lower() in HTTP or (":" in user and protocol != "github")
    return f"{protocol}://{HIDDEN}@" if is_secret else found[0]


def _hide_value(found: re.Match[str]) -> str:
    mark, name, value = found.groups()
    shown = HIDDEN if value and _SECRET.search(name) else value
    return f"{mark}{name}={shown}"
