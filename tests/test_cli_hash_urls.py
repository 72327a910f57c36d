"""``whorl hash URL``: the digest of the content, what b3sum prints for a copy, and never the store's token."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import whorl
from remote_servers import Page

if TYPE_CHECKING:
    from pipeline_folder import PipelineFolder
    from remote_servers import Bucket, WebServer


def test_a_url_is_read_whatever_its_server_says(folder: PipelineFolder, web: WebServer, bucket: Bucket) -> None:
    """Strong tags and versions stand for content in keys; a list of digests promises content."""
    web.pages["/a.csv"] = Page(b"abc", {"ETag": '"revision20240001"', "Content-MD5": "kAFQmDzST7DWlj99KOF/cg=="})
    urls = [f"{web.url}/a.csv", bucket.put("a.csv", b"abc"), f"file://{folder.folder}/a.csv"]
    folder.write("a.csv", "abc")
    printed = folder.whorl("hash", *urls, "a.csv")
    digest = whorl.Hasher(b"abc").hexdigest()

    assert printed.stdout.splitlines() == [f"{digest}  {path}" for path in (*urls, "a.csv")]
    assert folder.whorl("hash", "-c", stdin=printed.stdout_bytes).exit_code == 0
    assert {item["digest"] for item in json.loads(folder.whorl("hash", "--json", *urls).stdout)} == {digest}


def test_a_changed_object_does_not_hold(folder: PipelineFolder, web: WebServer) -> None:
    """A list is checked against what the URL gives now."""
    web.pages["/a.csv"] = Page(b"abc", {"ETag": '"revision20240001"'})
    listed = folder.whorl("hash", f"{web.url}/a.csv").stdout_bytes
    web.pages["/a.csv"] = Page(b"abd", {"ETag": '"revision20240001"'})
    checked = folder.whorl("hash", "-c", stdin=listed)

    assert checked.exit_code == 1
    assert checked.stdout == f"{web.url}/a.csv: FAILED\n"


def test_a_url_that_cannot_be_read_is_told_without_its_secrets(folder: PipelineFolder, web: WebServer) -> None:
    """One line each, exit status 1; the others are digested all the same."""
    web.pages["/b.csv?token=s3cr3t"] = Page(b"", status=403)
    web.pages["/c.csv"] = Page(b"abc")
    result = folder.whorl("hash", f"{web.url}/a.csv", f"{web.url}/b.csv?token=s3cr3t", f"{web.url}/c.csv")

    assert result.exit_code == 1
    assert result.stdout == f"{whorl.Hasher(b'abc').hexdigest()}  {web.url}/c.csv\n"
    assert result.stderr.splitlines() == [
        f"error: {web.url}/a.csv: is not there (the server answered 404 Not Found)",
        f"error: {web.url}/b.csv?token=***: cannot be read (the server answered 403 Forbidden)",
    ]


def test_a_folder_of_objects_is_no_file(folder: PipelineFolder, bucket: Bucket) -> None:
    """Nothing else has a digest for it."""
    bucket.put("raw/a.csv", b"abc")
    result = folder.whorl("hash", f"{bucket.url}/raw")

    assert result.exit_code == 1
    assert result.stderr == f"error: {bucket.url}/raw: is a folder (name an object in it)\n"


def test_a_file_whose_name_looks_like_a_url_is_a_file(folder: PipelineFolder) -> None:
    """A name that exists is that name."""
    (folder.folder / "ab::cd").write_bytes(b"abc")

    assert os.path.exists("ab::cd")
    assert folder.whorl("hash", "ab::cd").stdout == f"{whorl.Hasher(b'abc').hexdigest()}  ab::cd\n"
