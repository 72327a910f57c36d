"""Raw inputs behind URLs in general: in memory, by ``file://``, in archives; test_inputs_web.py and _s3.py go on."""

from __future__ import annotations

import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from remote_digests import content_digest, digest, plain
from whorl import File, InputMissingError, hash_file
from whorl.fingerprint.inputs import RawInput, digest_input, hand_over
from whorl.fingerprint.remote_inputs import hash_url
from whorl.fingerprint.remote_tokens import find_token
from whorl.fingerprint.urls import hide_secrets, place_of, protocols

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def memory() -> Iterator[object]:
    """Give fsspec's memory, with a few objects."""
    import fsspec

    system = fsspec.filesystem("memory")
    system.pipe({"/inputs/a.csv": b"a", "/inputs/b.csv": b"b", "/inputs/deep/c.csv": b"c"})
    yield system
    system.rm("/inputs", recursive=True)


def test_an_object_in_memory_counts_by_content_and_name(memory: object) -> None:
    """A store that gives no token is read; a file, a pattern and a folder see the change."""
    urls = ("memory://inputs/a.csv", "memory://inputs/*.csv", "memory://inputs", "memory://inputs/**/*.csv")
    before = [digest_input(RawInput(url)) for url in urls]
    memory.pipe("/inputs/a.csv", b"A")  # type: ignore[attr-defined]
    after = [digest_input(RawInput(url)) for url in urls]

    assert [found.kind for found in before] == ["url"] * 4
    assert all(one.digest != other.digest for one, other in zip(before, after, strict=True))
    assert before[0].files[0].digest.hex() == plain(b"a")
    assert before[1].handed == ["memory://inputs/a.csv", "memory://inputs/b.csv"]
    assert [file.name for file in before[2].files] == ["a.csv", "b.csv", "deep/c.csv"]
    assert digest_input(File(urls[0])).digest == after[0].digest
    with pytest.raises(InputMissingError, match=r"memory://inputs/none\.csv"):
        digest(f"{urls[2]}/none.csv")


def test_readers_of_one_object_in_memory_do_not_disturb_each_other(memory: object) -> None:
    """Fsspec hands all of them the same stream, with one position."""
    data = bytes(40 << 20)
    memory.pipe("/inputs/big", data)  # type: ignore[attr-defined]
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(hash_url, ["memory://inputs/big"] * 12))

    assert {one.hex() for one in found} == {plain(data)}


def test_a_file_url_is_the_file(tmp_path: Path) -> None:
    """``file:///x`` and ``/x`` name one file: one digest; what is handed over is what was written."""
    (tmp_path / "a.csv").write_bytes(b"a")
    (tmp_path / "b.csv").write_bytes(b"b")
    for name in ("a.csv", "", "*.csv"):
        url, path = f"file://{tmp_path}/{name}", f"{tmp_path}/{name}"

        assert digest(url) == digest(path)
        assert digest_input(RawInput(url)).handed == hand_over(RawInput(url))
    assert hand_over(RawInput(f"file://{tmp_path}/a.csv")) == f"file://{tmp_path}/a.csv"
    assert hand_over(RawInput(f"file://{tmp_path}/*.csv")) == [f"file://{tmp_path}/{name}.csv" for name in "ab"]
    assert digest_input(File(f"local://{tmp_path}/a.csv")).digest == digest_input(File(tmp_path / "a.csv")).digest
    assert hash_url(f"file://{tmp_path}/a.csv") == hash_file(tmp_path / "a.csv")
    with pytest.raises(InputMissingError, match=r"did you mean 'a\.csv'"):
        digest(f"file://{tmp_path}/a.cvs")


def test_an_archive_on_disk_is_read_through(tmp_path: Path) -> None:
    """A chain may end in a path."""
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("in/a.csv", b"a")

    assert content_digest(f"zip://in/a.csv::{tmp_path}/all.zip") == plain(b"a")
    assert digest_input(RawInput(f"zip://in::file://{tmp_path}/all.zip")).files[0].name == "a.csv"


@pytest.mark.parametrize(
    ("protocol", "info", "key"),
    [
        ("s3", {"VersionId": "v", "ETag": '"e"'}, "VersionId"),
        ("s3", {"VersionId": "null", "ETag": '"e"'}, "ETag"),
        ("s3", {"VersionId": None, "ETag": '"e"'}, "ETag"),
        ("s3", {"VersionId": "", "ETag": ""}, None),
        ("gs", {"md5Hash": "m", "generation": "1", "etag": "e", "crc32c": "c"}, "md5Hash"),
        ("gs", {"generation": "1", "crc32c": "c"}, "generation"),
        ("gs", {"crc32c": "c"}, None),
        ("abfs", {"etag": "0x8D", "content_settings": {"content_md5": b"m"}}, "etag"),
        ("https", {"ETag": '"revision20240001"', "Content-MD5": "m"}, "Content-MD5"),
        ("https", {"Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT", "size": 3}, None),
        ("github", {"sha": "s"}, "sha"),
        ("sftp", {"mtime": 1, "size": 3, "ETag": '"e"'}, None),
        ("memory", {"created": 1.0, "generation": "1"}, None),
    ],
)
def test_each_store_is_believed_what_it_promises(protocol: str, info: dict[str, object], key: str | None) -> None:
    """What a store that is not known says of itself is not believed; keys in a fixed order."""
    found = find_token(info, "bucket/a.csv", protocol)

    assert (found.key if found else None) == key


@pytest.mark.parametrize(
    ("tag", "size"),
    [
        ('"6553f100-2d"', 45),
        ('"6553f100-2ffffffff"', 0x2FFFFFFFF),
        ('"2d-6553f100-gzip"', 45),
        ('"5a1f-2d-60a24181e4000"', 45),
        ('"s44we819"', 45),
        ('"s44we84ldqpao"', 9_999_999_888),
        ('"s44we84ldqpao-gzip"', None),
        ('"cwyvpelgpse84ldqpao"', 9_999_999_888),
        ('"1700000000"', 45),
        ('"1700000000-45"', 45),
        ('"1700000000.0-45-3487634098"', 45),
        ('"1700000000.25-45-3487634098"', 45),
        ('"1700000000_45_0123456789abcdef0123456789abcdef"', 45),
        ('"17000000009999999888"', 9_999_999_888),
        ('"6553F1002540BE380"', 0x2540BE380),
        ('"1700000000000-45"', 45),
        ('"1700000000000000:45"', 45),
        ('"1700000000000000000/45"', 45),
        ('"18bcfe56800-45"', 45),
        ('"20231114221320"', 45),
        ('"v20231114T221320Z-45"', 45),
        ('"2023-11-14T22:13:20Z"', 45),
        ('"Tue, 14 Nov 2023 22:13:20 GMT"', 45),
        ('"3487634098"', 45),
        ('"34876340"', 45),
        ('"release-v1.12"', 45),
        ('""', 45),
        ('"0"', 45),
        ('"v1"', 45),
        ('"abcde"', 45),
        ("1700000000-45", 45),
        ('"5a1f3b-2ffffffff"', 0x2FFFFFFFF),
        ('W/"0123456789abcdef0123456789abcdef"', 45),
        ('w/"0123456789abcdef0123456789abcdef"', 45),
    ],
)
def test_a_tag_that_may_hold_a_date_in_whole_seconds_is_no_token(tag: str, size: int | None) -> None:
    """In decimal, hexadecimal, base 36 or of the calendar, with the size before, behind or glued on."""
    assert find_token({"ETag": tag, "size": size}, "https://h/a.csv", "https") is None


@pytest.mark.parametrize(
    ("tag", "size"),
    [
        ('"0123456789abcdef0123456789abcdef"', None),
        ('"0123456789ABCDEF0123456789ABCDEF-3"', None),
        ('"6553f1000123456789abcdef0123456789abcdef"', 45),
        ('"0123456789abcdef0123456789abcdef-gzip"', None),
        ('"550e8400-e29b-41d4-a716-446655440000"', None),
        ('"2d-2jmj7l5rSw0yVb/vlWAYkK/YBwk"', 45),
        ('"kAFQmDzST7DWlj99KOF/cg=="', None),
        ('"-CKih16GjycICEAE="', 45),
        ('"0x8DB1234ABCDEF00"', 45),
        ('"53dbd5819f62d61:0"', 45),
        ('"5a1f-2d-60b2c3d4e5f60"', 45),
        ('"6553f100-60b2c3d4e5f60"', 0x6553F100),
        ('"revision20240001"', 45),
        ('"cwyvpeni7w9h19"', 45),
    ],
)
def test_a_tag_that_holds_no_such_date_is_a_token(tag: str, size: int | None) -> None:
    """Checksums and UUIDs as they are; others that are long enough, where the size shows that it is not glued on."""
    found = find_token({"ETag": tag, "size": size}, "https://h/a.csv", "https")

    assert found is not None
    assert (found.key, found.text) == ("ETag", tag)


def test_parts_of_urls() -> None:
    """Chains, users and signatures."""
    assert protocols("zip://a.csv::simplecache::s3://b/c.zip") == ["zip", "simplecache", "s3"]
    assert protocols("zip://a.csv::/tmp/c.zip") == ["zip", "file"]
    assert place_of("https://u:p@h/a?x=1&X-Amz-Date=2#f", "https") == "https://h/a?x=1"
    assert place_of("bucket/a?versionId=1", "s3") == "bucket/a"


@pytest.mark.parametrize(
    "signature",
    [
        "X-Amz-Date={0}&X-Amz-Signature={0}",
        "X-Goog-Date={0}&X-Goog-Signature={0}",
        "sv=2024-11-0{0}&st={0}&se={0}&sr=b&sp=r&spr=https&skoid={0}&sktid={0}&skt={0}&ske={0}&sks=b&skv={0}&sig={0}",
        "sv=2024-11-0{0}&ss=b&srt=o&sip={0}&se={0}&sp=r&sig={0}",
        "AWSAccessKeyId={0}&Expires={0}&Signature={0}",
        "GoogleAccessId={0}&Expires={0}&Signature={0}",
        "Expires={0}&Signature={0}&Key-Pair-Id={0}",
        "Policy={0}&Signature={0}&Key-Pair-Id={0}&Hash-Algorithm=SHA256",
    ],
)
def test_a_signature_is_no_part_of_a_place(signature: str) -> None:
    """What is signed anew lies where it lay; what else the query says counts."""
    for number in (1, 2):
        link = f"https://h/a?year=1&{signature.format(number)}&snapshot=3"

        assert place_of(link, "https") == "https://h/a?year=1&snapshot=3"


@pytest.mark.parametrize("query", ["sp=1&sr=2&se=3", "sig=1&se=2", "Expires=1&Policy=2", "Signature=1&Expires=2"])
def test_names_of_signatures_count_where_nothing_is_signed(query: str) -> None:
    """Two objects of a service that has parameters of these short names are two."""
    assert place_of(f"https://h/a?{query}", "https") == f"https://h/a?{query}"


def test_a_secret_is_told_by_its_name() -> None:
    """Passwords, tokens and signatures are hidden; containers, repositories, years and versions are not."""
    shown = {
        "https://user:pa@ss@host/a?token=x&year=2020": "https://***@host/a?token=***&year=2020",
        "ftp://user:pass@host/a": "ftp://***@host/a",
        "abfs://container@account.dfs.core.windows.net/a": "abfs://container@account.dfs.core.windows.net/a",
        "github://owner:repository@branch/a": "github://owner:repository@branch/a",
        "https://host/a#access_token=x&state=1": "https://host/a#access_token=***&state=1",
        "https://host/a?Policy=x&Key-Pair-Id=y&sig=z": "https://host/a?Policy=x&Key-Pair-Id=***&sig=***",
        "https://host/a#chapter=1": "https://host/a#chapter=1",
        "s3://bucket/a?versionId=abc": "s3://bucket/a?versionId=abc",
        "zip://a::https://host/b?X-Goog-Credential=x": "zip://a::https://host/b?X-Goog-Credential=***",
        "url: /a?AWSAccessKeyId=x&Signature=y (Caused by …)": "url: /a?AWSAccessKeyId=***&Signature=*** (Caused by …)",
    }

    assert {text: hide_secrets(text) for text in shown} == shown
