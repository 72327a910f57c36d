"""Raw inputs on S3: what counts, what is read, and that nothing old is believed (a moto server, through s3fs)."""

from __future__ import annotations

import asyncio
import io
import os
import re
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from remote_digests import digest
from whorl import ConfigError, File, Folder, Glob, Hasher, InputChangedError, InputMissingError, observe, stage
from whorl.fingerprint.inputs import RawInput, digest_input, hand_over
from whorl.fingerprint.remote_inputs import hash_url

if TYPE_CHECKING:
    from pathlib import Path

    from remote_servers import Bucket


def reads(requests: list[str], bucket: Bucket) -> list[str]:
    """Pick the requests that asked for the content of an object."""
    return [line for line in requests if re.match(rf"GET /{bucket.name}/[^?]", line)]


@pytest.mark.parametrize("has_versions", [False, True])
def test_an_unchanged_object_is_not_read_and_a_changed_one_of_the_same_size_is_another(
    bucket: Bucket, *, has_versions: bool
) -> None:
    """The store's token stands for the content."""
    bucket.version(on=has_versions)
    url = bucket.put("a.csv", b"first")
    bucket.asked()
    seen = [digest(url), digest(url)]
    asked = bucket.asked()
    hash_url(url)
    asked_for_content = bucket.asked()
    bucket.put("a.csv", b"other")

    assert seen[0] == seen[1]
    assert asked
    assert reads(asked, bucket) == []
    assert len(reads(asked_for_content, bucket)) == 1
    assert digest(url) != seen[0]


@pytest.mark.parametrize("name", ["raw/a.csv", "raw"])
def test_a_version_called_null_is_none(bucket: Bucket, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Objects written while versions are off or suspended all have the version ``null``, which listings tell."""
    import fsspec

    monkeypatch.setitem(fsspec.config.conf, "s3", {**bucket.server.options, "version_aware": True})
    bucket.put("raw/a.csv", b"first")
    url = f"{bucket.url}/{name}"
    before = digest(url)
    bucket.version()
    switched_on = digest(url)
    bucket.version(on=False)
    bucket.put("raw/a.csv", b"other")
    suspended = digest(url)
    bucket.put("raw/a.csv", b"third")

    assert switched_on == before
    assert len({before, suspended, digest(url)}) == 3


def test_an_object_uploaded_in_parts_counts_by_its_token(bucket: Bucket) -> None:
    """Its entity tag is no checksum of the content, and changes with it."""
    path = f"{bucket.name}/big.bin"
    seen = []
    for letter in (b"a", b"b"):
        with bucket.client.open(path, "wb", block_size=5 << 20) as stream:
            for _ in range(3):
                stream.write(letter * (5 << 20))
        bucket.asked()
        seen.append(digest(f"s3://{path}"))

    assert "-3" in bucket.client.info(path)["ETag"]
    assert reads(bucket.asked(), bucket) == []
    assert seen[0] != seen[1]


def test_a_url_of_a_version_stays_when_the_object_changes(bucket: Bucket) -> None:
    """What is read is that version, also when its content is asked for."""
    bucket.version()
    url = bucket.put("a.csv", b"first")
    version = bucket.client.info(f"{bucket.name}/a.csv")["VersionId"]
    pinned = f"{url}?versionId={version}"
    before = digest_input(RawInput(pinned))
    bucket.put("a.csv", b"other")

    assert digest_input(RawInput(pinned)) == before
    assert before.files[0].name == "a.csv"
    assert hash_url(pinned).hex() == Hasher(b"first").hexdigest()
    assert hash_url(url).hex() == Hasher(b"other").hexdigest()


def test_a_folder_takes_one_listing(bucket: Bucket) -> None:
    """A listing of S3 has the tokens: no request for each object."""
    for number in range(30):
        bucket.put(f"raw/deep/{number}.csv", b"x")
    bucket.client.touch(f"{bucket.name}/raw/empty/")
    bucket.asked()
    before = digest_input(RawInput(f"{bucket.url}/raw"))
    asked = bucket.asked()
    bucket.put("raw/deep/7.csv", b"y")
    changed = digest(f"{bucket.url}/raw")
    bucket.put("raw/new.csv", b"y")

    assert len(asked) <= 3
    assert {"deep/0.csv", "deep/29.csv"} < {file.name for file in before.files}
    assert len({before.digest.hex(), changed, digest(f"{bucket.url}/raw")}) == 3
    assert digest_input(Folder(f"{bucket.url}/raw")).digest == digest_input(RawInput(f"{bucket.url}/raw/")).digest


def test_a_pattern_hands_over_sorted_urls(bucket: Bucket) -> None:
    """As a local glob does with paths; a name that looks like a pattern and exists is that name."""
    for key in ("raw/b.csv", "raw/a.csv", "raw/c.txt", "raw/[1].csv"):
        bucket.put(key, key.encode())
    urls = [f"{bucket.url}/raw/{name}.csv" for name in ("[1]", "a", "b")]

    assert digest_input(RawInput(f"{bucket.url}/raw/*.csv")).handed == urls
    assert hand_over(Glob(f"{bucket.url}/raw/?.csv")) == urls[1:]
    assert digest_input(RawInput(urls[0])).digest == digest_input(File(urls[0])).digest
    assert digest_input(Glob(f"{bucket.url}/raw/[ab].csv")).handed == urls[1:]
    with pytest.raises(InputMissingError, match="no object matches"):
        digest(f"{bucket.url}/raw/*.parquet")


def test_what_the_users_own_client_remembers_is_not_believed(bucket: Bucket) -> None:
    """A client with cached listings in this process gives the old size and tag; the digest is of the new object."""
    import fsspec

    url = bucket.put("raw/a.csv", b"first")
    theirs = fsspec.filesystem("s3")
    theirs.ls(f"{bucket.name}/raw")
    before = digest(url), digest(f"{bucket.url}/raw")
    bucket.put("raw/a.csv", b"other, longer")

    assert theirs.info(f"{bucket.name}/raw/a.csv")["size"] == 5
    assert digest(url) != before[0]
    assert digest(f"{bucket.url}/raw") != before[1]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda url: RawInput(f"{url}/none.csv"), r"none\.csv is not there"),
        (lambda _: RawInput("s3://no-such-bucket/a.csv"), "no-such-bucket/a.csv is not there"),
        (lambda url: File(f"{url}/raw"), "is a folder, a file was meant"),
        (lambda url: Folder(f"{url}/raw/a.csv"), "is not a folder"),
    ],
)
def test_what_is_not_there_is_named(bucket: Bucket, make: object, said: str) -> None:
    """A missing object is never an empty one."""
    bucket.put("raw/a.csv", b"a")
    with pytest.raises(InputMissingError, match=said):
        digest_input(make(bucket.url))  # type: ignore[operator]


def zipped(**members: bytes) -> bytes:
    """Pack an archive; all of its dates are the same."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return memory.getvalue()


def test_an_object_in_an_archive_counts_by_content(bucket: Bucket) -> None:
    """The chain is read through, and anew each time."""
    url = bucket.put("all.zip", zipped(a=b"first", b=b"b"))
    before = digest_input(RawInput(f"zip://a::{url}"))
    content = hash_url(f"zip://a::{url}")
    bucket.put("all.zip", zipped(a=b"other", b=b"b"))

    assert content.hex() == Hasher(b"first").hexdigest()
    assert before.files[0].digest == content
    assert digest(f"zip://a::{url}") != before.digest.hex()
    assert digest_input(RawInput(f"zip://*::{url}")).handed == [f"zip://a::{url}", f"zip://b::{url}"]
    with pytest.raises(InputMissingError):
        digest(f"zip://none::{url}")


# MMapCache of fsspec leaves the file that it keeps blocks in open.
@pytest.mark.filterwarnings("ignore:unclosed file <_io.BufferedRandom:ResourceWarning")
@pytest.mark.filterwarnings("ignore:Exception ignored in. <_io.FileIO:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("cache", ["simplecache", "filecache", "blockcache"])
def test_a_url_through_a_local_cache_is_refused(bucket: Bucket, cache: str) -> None:
    """These caches go on handing out what the object was: the function's result would be kept under the new digest."""
    import fsspec

    url = bucket.put("a.csv", b"first")
    cached, path = fsspec.core.url_to_fs(f"{cache}::{url}")
    first = cached.cat_file(path)
    bucket.put("a.csv", b"other")

    assert cached.cat_file(path) == first
    for chained in (f"{cache}::{url}", f"zip://a::{cache}::{url}"):
        with pytest.raises(ConfigError, match="through a local cache"):
            digest(chained)
        with pytest.raises(ConfigError, match="through a local cache"):
            hash_url(chained)


def test_content_is_that_of_one_version_while_someone_writes(bucket: Bucket) -> None:
    """Read in ranges, an object that is replaced meanwhile would be a mixture: it is read again, or given up."""
    versions = [letter * (20 << 20) for letter in (b"a", b"b")]
    url = bucket.put("big.bin", versions[0])
    known = {Hasher(version).hexdigest() for version in versions}
    seen = set()
    with ThreadPoolExecutor(1) as pool:
        for number in range(3):
            writing = pool.submit(bucket.put, "big.bin", versions[number % 2 - 1])
            try:
                seen.add(hash_url(url).hex())
            except InputChangedError:
                seen.add("changed")
            writing.result()

    assert seen <= {*known, "changed"}
    assert hash_url(url).hex() in known


def test_event_loops_threads_and_forks_do_not_matter(bucket: Bucket) -> None:
    """Digests are the same from a running loop, from several threads and in a forked child."""
    url = bucket.put("a.csv", b"first")
    before = digest(url)

    async def inside() -> str:
        return digest(url)

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(digest, [url] * 8)) == {before}
    assert asyncio.run(inside()) == before
    assert asyncio.run(asyncio.wait_for(asyncio.to_thread(digest, url), 30)) == before
    script = (
        "import os, sys\n"
        "from whorl.fingerprint.inputs import RawInput, digest_input\n"
        f"first = digest_input(RawInput({url!r}))\n"
        "child = os.fork()\n"
        f"if child == 0: os._exit(digest_input(RawInput({url!r})) != first)\n"
        "sys.exit(os.waitpid(child, 0)[1])"
    )
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", script], timeout=60, check=False).returncode == 0


def test_a_stage_that_reads_an_object_is_a_hit_until_it_is_overwritten(bucket: Bucket, whorl_store: Path) -> None:
    """From the declaration to the store: the second call reads nothing, the third one runs."""
    url = bucket.put("numbers.txt", b"1 2 3")

    @stage(raw=url, cache=True)
    def total(raw: str) -> int:
        import fsspec

        with fsspec.open(raw, "rt") as stream:
            return sum(map(int, stream.read().split()))

    results = []
    for content in (None, None, b"1 2 4"):
        if content is not None:
            bucket.put("numbers.txt", content)
        bucket.asked()
        with observe() as outcomes:
            results.append((total(), outcomes[-1].kind, len(reads(bucket.asked(), bucket))))

    assert [result[:2] for result in results] == [(6, "ran"), (6, "hit"), (7, "ran")]
    assert results[0][2] > 0
    assert results[1][2] == 0
    assert any(whorl_store.iterdir())


def test_a_stage_says_which_input_is_missing(bucket: Bucket, whorl_store: Path) -> None:
    """The stage, the parameter and the URL."""

    @stage(raw=f"{bucket.url}/none.csv", cache=True)
    def f(raw: str) -> str:
        return raw

    with pytest.raises(InputMissingError, match=rf"f: input 'raw': s3://{bucket.name}/none\.csv is not there"):
        f()
    assert os.path.basename(whorl_store) == "whorl-store"
