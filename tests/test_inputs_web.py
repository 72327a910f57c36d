"""Raw inputs on the web: what is trusted, what is read, and what is said when it fails (a server of the test's own)."""

from __future__ import annotations

import base64
import hashlib
import itertools
import socket
import traceback
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from remote_digests import content_digest, digest, plain
from remote_servers import Page
from whorl import (
    Folder,
    Glob,
    InputChangedError,
    InputMissingError,
    InputUnreadableError,
    StaleWarning,
    WhorlError,
    observe,
    stage,
)
from whorl.fingerprint.inputs import RawInput, digest_input
from whorl.fingerprint.remote_inputs import hash_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from remote_servers import WebServer

DATE = formatdate(1_700_000_000, usegmt=True)


def md5(data: bytes) -> str:
    """Give the MD5 of bytes as headers have it."""
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def sha256(data: bytes) -> str:
    """Give the SHA-256 of bytes as headers have it."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


@pytest.mark.parametrize(
    "headers",
    [
        lambda data: {"ETag": f'"{hashlib.sha1(data).hexdigest()}"'},
        lambda data: {"Content-MD5": md5(data)},
        lambda data: {"Digest": f"adler32=1,SHA-256={sha256(data)}", "ETag": 'W/"1"'},
        lambda data: {"ETag": f'"{len(data):x}-{0x60B2C3D4E5F60 + data[0]:x}"', "Last-Modified": DATE},
    ],
    ids=["strong tag", "md5", "digest", "tag of microseconds"],
)
def test_a_strong_token_stands_for_the_content(web: WebServer, headers: object) -> None:
    """The object is asked about and not read; another token, though of the same size, is another digest."""
    seen = []
    for data in (b"first", b"first", b"other"):
        web.pages["/a.csv"] = Page(data, headers(data))  # type: ignore[operator]
        seen.append(digest(f"{web.url}/a.csv"))

    assert web.asked() == ["HEAD /a.csv"] * 3
    assert seen[0] == seen[1] != seen[2]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Last-Modified": DATE},
        {"ETag": 'W/"strong-looking"'},
        {"ETag": f'"{1_700_000_000:x}-5"', "Last-Modified": DATE},
        {"ETag": f'"a-5-{1_700_000_000:x}"'},
        {"ETag": f'"{1_700_000_000:x}-5-gzip"'},
        {"ETag": '"3487634098"'},
        {"Digest": "crc32c=AAAAAA=="},
    ],
    ids=["nothing", "date", "weak tag", "nginx", "with inode", "zipped", "32 bits", "crc"],
)
def test_without_a_strong_token_the_content_counts(web: WebServer, headers: dict[str, str]) -> None:
    """The headers stay the same when the content changes, as they do within a second."""
    web.pages["/a.csv"] = Page(b"first", headers)
    before = content_digest(f"{web.url}/a.csv")
    web.pages["/a.csv"] = Page(b"other", headers)

    assert before == plain(b"first")
    assert content_digest(f"{web.url}/a.csv") == plain(b"other")


def test_a_tag_tells_versions_of_one_resource_apart(web: WebServer) -> None:
    """Two resources may have the same tag, size and name; a checksum is the same everywhere."""
    for path in ("/1/a.csv", "/2/a.csv", "/a.csv?year=1", "/a.csv?year=2"):
        web.pages[path] = Page(b"12345", {"ETag": '"revision20240001"'})
    web.pages["/3/a.csv"] = web.pages["/4/a.csv"] = Page(b"12345", {"Content-MD5": md5(b"12345")})
    tagged = {digest(web.url + path) for path in ("/1/a.csv", "/2/a.csv", "/a.csv?year=1", "/a.csv?year=2")}

    assert len(tagged) == 4
    assert digest(f"{web.url}/3/a.csv") == digest(f"{web.url}/4/a.csv")


def test_a_link_that_is_signed_anew_leads_to_the_same_object(web: WebServer) -> None:
    """The query of a signed link changes while the object does not; nothing of it is in the name of the file."""
    links = [f"/a.csv?X-Amz-Date={date}&X-Amz-Signature=f00{date}" for date in (1, 2)]
    for link in links:
        web.pages[link] = Page(b"first", {"ETag": '"revision20240001"'})
    found = [digest_input(RawInput(web.url + link)) for link in links]

    assert found[0].digest == found[1].digest
    assert found[0].files[0].name == "a.csv"


def test_a_token_is_not_the_content(web: WebServer) -> None:
    """One object has two digests: by what the server says, and by what it holds."""
    web.pages["/a.csv"] = Page(b"first", {"ETag": '"revision20240001"'})

    assert content_digest(f"{web.url}/a.csv") != plain(b"first")
    assert hash_url(f"{web.url}/a.csv").hex() == plain(b"first")


@pytest.mark.parametrize("size", [0, 1, 9_000_000])
@pytest.mark.parametrize("has_size", [True, False])
def test_content_is_read_to_its_end(web: WebServer, size: int, *, has_size: bool) -> None:
    """Whether or not the server says how long it is, and also where it knows no HEAD."""
    data = bytes(range(250)) * (size // 250 + 1)
    web.pages["/a"] = Page(data[:size], has_size=has_size)
    web.pages["/b"] = Page(data[:size], no_head=True)

    assert hash_url(f"{web.url}/a").hex() == hash_url(f"{web.url}/b").hex() == plain(data[:size])
    assert digest_input(RawInput(f"{web.url}/a")).files[0].size == size


def test_a_redirect_is_followed(web: WebServer) -> None:
    """The name is that of the URL that was given."""
    web.pages["/a.csv"] = Page(b"", {"Location": "/moved/b.csv"}, status=302)
    web.pages["/moved/b.csv"] = Page(b"first")
    found = digest_input(RawInput(f"{web.url}/a.csv"))

    assert (found.files[0].name, found.files[0].digest.hex()) == ("a.csv", plain(b"first"))


def changing(times: int) -> Iterator[Page]:
    """Give pages that are another one at each of so many looks; then the last one for ever."""
    for number in itertools.count():
        last = min(number, times)
        yield Page(b"%03d" % last, {"Last-Modified": formatdate(1_700_000_000 + last, usegmt=True)})


class Changing(dict[str, Page]):
    """The pages of a server whose one page changes with each request."""

    def __init__(self, times: int) -> None:
        self.states = changing(times)

    def get(self, *_: object) -> Page:  # type: ignore[override]
        return next(self.states)


def test_an_object_that_changes_while_it_is_read_is_read_again(web: WebServer) -> None:
    """What is digested is a state that stood still around the reading."""
    web.pages = Changing(4)

    assert hash_url(f"{web.url}/a.csv").hex() == plain(b"004")


def test_an_object_that_never_stands_still_is_given_up(web: WebServer) -> None:
    """After three readings the error says so."""
    web.pages = Changing(1000)
    with pytest.raises(InputChangedError, match=r"a\.csv changed each time") as raised:
        hash_url(f"{web.url}/a.csv")

    assert raised.value.tip
    assert sum(line.startswith("GET") for line in web.asked()) == 3


def test_an_answer_that_breaks_off_is_no_content(web: WebServer) -> None:
    """Half of an object has no digest, and is asked for three times."""
    web.pages["/a.csv"] = Page(b"half", announced=8)
    with pytest.raises(InputUnreadableError, match="broke off each time") as raised:
        digest(f"{web.url}/a.csv")

    assert raised.value.cause
    assert web.asked().count("GET /a.csv") == 3


def test_an_answer_of_another_length_than_was_announced_is_no_content(web: WebServer) -> None:
    """HEAD said five bytes, and GET gave three, with nothing wrong in itself."""

    class Shorter(dict[str, Page]):
        def get(self, *_: object) -> Page:  # type: ignore[override]
            return Page(b"12345" if web.requests[-1].startswith("HEAD") else b"123")

    web.pages = Shorter()
    with pytest.raises(InputUnreadableError, match="broke off") as raised:
        hash_url(f"{web.url}/a.csv")

    assert raised.value.cause == "5 bytes were announced, 3 came"


@pytest.mark.parametrize(
    ("status", "error", "tip"),
    [
        (404, InputMissingError, "check the URL"),
        (410, InputMissingError, "check the URL"),
        (401, InputUnreadableError, "credentials"),
        (403, InputUnreadableError, "credentials"),
        (500, InputUnreadableError, "reached"),
    ],
)
def test_a_refusal_is_told_from_a_missing_object(
    web: WebServer, status: int, error: type[WhorlError], tip: str
) -> None:
    """A server that fails for a moment must not look as if the object were gone."""
    web.pages["/a.csv"] = Page(b"", status=status)
    with pytest.raises(WhorlError) as raised:
        digest(f"{web.url}/a.csv")

    assert type(raised.value) is error
    assert str(status) in raised.value.cause
    assert tip in raised.value.tip


def test_a_server_that_does_not_answer_is_unreadable() -> None:
    """No connection, no host, no such protocol, no library: never a missing object."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        urls = [f"http://127.0.0.1:{bound.getsockname()[1]}/a.csv", "nosuchprotocol://a/b", "gs://bucket/a.csv"]
        for url in urls:
            with pytest.raises(InputUnreadableError) as raised:
                digest(url)

            assert not isinstance(raised.value, FileNotFoundError)
            assert raised.value.cause


SECRET = "s3cr3t-of-the-user"


@pytest.mark.parametrize(
    ("path", "page"),
    [
        (f"/a.csv?token={SECRET}", Page(status=404)),
        (f"/a.csv?X-Amz-Signature={SECRET}", Page(status=403)),
        (f"/a.csv?x=1&api_key={SECRET}", Page(b"half", announced=8)),
        ("/a.csv", Page(b"", {"Location": f"/gone?sig={SECRET}"}, status=302)),
    ],
)
def test_secrets_of_a_url_are_not_shown(web: WebServer, path: str, page: Page) -> None:
    """Neither in the message nor in the traceback, nor where the object is printed; those of a redirect included."""
    web.pages[path] = page
    for raw in (RawInput(web.url + path), RawInput(web.url.replace("//", f"//user:{SECRET}@") + path)):
        with pytest.raises(WhorlError) as raised:
            digest_input(raw)

        assert SECRET not in "".join(traceback.format_exception(raised.value))
        assert SECRET not in repr(raw)


def test_a_secret_is_not_stored(web: WebServer, whorl_store: Path) -> None:
    """A stage that is given such a URL by another one leaves no trace that could be checked: the caller runs again."""
    url = f"{web.url}/a.txt?token={SECRET}"
    web.pages[url.removeprefix(web.url)] = Page(b"1")
    web.pages["/b.txt"] = Page(b"2")

    @stage(raw=f"{web.url}/b.txt", cache=True)
    def length(raw: str) -> int:
        return len(raw)

    @stage(cache=True)
    def outer() -> int:
        return length(raw=url)

    kinds = []
    for _ in range(2):
        with observe() as outcomes, pytest.warns(StaleWarning, match=r"not stored: it read .*token=\*\*\*"):
            outer()
        kinds.append({outcome.stage.rpartition(".")[2]: outcome.kind for outcome in outcomes})
    stored = [path.read_bytes() for path in whorl_store.rglob("*") if path.is_file()]

    assert kinds[0] == {"length": "ran", "outer": "ran"}
    assert kinds[1] == {"length": "hit", "outer": "ran"}
    assert stored
    assert not any(SECRET.encode() in content for content in stored)


def test_a_page_of_links_is_a_folder_where_it_is_declared_one(web: WebServer) -> None:
    """Objects below it are asked about side by side; links that sort the page are none of them."""
    links = "".join(f'<a href="{name}">{name}</a>' for name in ("a.csv", "b.csv", "c.txt", "?C=N;O=D", "../"))
    web.pages["/raw/"] = web.pages["/raw"] = Page(links.encode(), {"Content-Type": "text/html"})
    web.pages["/raw/a.csv"] = Page(b"first")
    web.pages["/raw/b.csv"] = Page(b"b", {"ETag": '"revision20240001"'})
    web.pages["/raw/c.txt"] = Page(b"c")
    before = digest_input(Folder(f"{web.url}/raw/"))
    web.asked()
    matched = digest_input(Glob(f"{web.url}/raw/*.csv"))
    asked = web.asked()
    web.pages["/raw/a.csv"] = Page(b"other")

    assert [file.name for file in before.files] == ["a.csv", "b.csv", "c.txt"]
    assert matched.handed == [f"{web.url}/raw/a.csv", f"{web.url}/raw/b.csv"]
    assert "GET /raw/a.csv" in asked
    assert "GET /raw/b.csv" not in asked
    assert digest_input(Folder(f"{web.url}/raw/")).digest != before.digest
    with pytest.raises(InputMissingError, match="is not a folder"):
        digest_input(Folder(f"{web.url}/raw/c.txt"))


def test_one_bad_object_of_many_is_named(web: WebServer) -> None:
    """Nothing is left out, and nobody waits for the others."""
    names = [f"{number:02d}.csv" for number in range(40)]
    web.pages["/raw"] = Page("".join(f'<a href="{name}"></a>' for name in names).encode())
    web.pages.update({f"/raw/{name}": Page(name.encode()) for name in names})
    whole = digest_input(Folder(f"{web.url}/raw"))
    web.pages["/raw/07.csv"] = Page(b"", status=503)

    assert [file.name for file in whole.files] == names
    assert [file.digest.hex() for file in whole.files] == [plain(name.encode()) for name in names]
    with pytest.raises(InputUnreadableError, match=r"/raw/07\.csv cannot be read"):
        digest_input(Folder(f"{web.url}/raw"))


def test_a_query_is_no_pattern(web: WebServer) -> None:
    """``?`` stands for a character in names of files, and begins a query on the web."""
    web.pages["/a.csv?x=1&y=*"] = Page(b"first")

    assert content_digest(f"{web.url}/a.csv?x=1&y=*") == plain(b"first")
