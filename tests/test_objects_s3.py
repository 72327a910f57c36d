"""What the kind for S3 asks of a server, and what it makes of servers that know less than Amazon's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fake_clouds import Answer, Cloud, Request
from whorl.errors import StoreError
from whorl.store.objects.opening import open_objects

if TYPE_CHECKING:
    from pathlib import Path

    from remote_servers import Bucket

TIMEOUT = 20.0
MIB = 1 << 20
LONG_AGO = 1_000_000_000.0


def s3(bucket: Bucket, **more: Any) -> Any:
    """Open a folder of a bucket."""
    return open_objects(f"{bucket.url}/root", {**bucket.server.options, **more}, TIMEOUT)


def test_reading_from_s3_is_one_request_and_takes_a_little_of_a_large_object(bucket: Bucket) -> None:
    """A hit is one GET; absence too; and what a hostile object holds beyond the limit is never fetched."""
    objects = s3(bucket)
    objects.put("v1/a", b"x" * (16 * MIB))
    objects.read("v1/none", 10)
    bucket.asked()
    found = objects.read("v1/a", 65536)
    asked = bucket.asked()
    absent = objects.read("v1/none", 65536)

    assert found is not None
    assert len(found.data) == 65537
    assert [line.split("?")[0] for line in asked] == [f"GET /{bucket.name}/root/v1/a"]
    assert absent is None
    assert len(bucket.asked()) == 1


def test_creating_and_replacing_on_s3_is_one_request_each(bucket: Bucket) -> None:
    """The condition travels with the content."""
    objects = s3(bucket)
    objects.now()
    bucket.asked()
    objects.create("v1/a", b"x")
    created = bucket.asked()
    tag = objects.read("v1/a", 10).tag
    bucket.asked()
    objects.replace("v1/a", b"y", tag)

    assert [line.split()[0] for line in created] == ["PUT"]
    assert [line.split()[0] for line in bucket.asked()] == ["PUT"]


def test_unfinished_uploads_to_s3_are_given_up_when_they_are_old(bucket: Bucket) -> None:
    """And only below the root."""
    objects = s3(bucket)
    for key in ("root/v1/o/a", "root/v1/o/b", "elsewhere/c"):
        bucket.client.call_s3("create_multipart_upload", Bucket=bucket.name, Key=key)
    # moto says that every upload began in 2010; test_objects_ceph.py has real dates.
    fresh = objects.abort_unfinished(LONG_AGO)
    old = objects.abort_unfinished(objects.now())
    left = bucket.client.call_s3("list_multipart_uploads", Bucket=bucket.name)["Uploads"]

    assert (fresh, old) == (0, 2)
    assert [item["Key"] for item in left] == ["elsewhere/c"]


def test_an_upload_to_s3_that_fails_leaves_no_parts(bucket: Bucket, tmp_path: Path) -> None:
    """Parts cost money, and nothing shows them."""
    objects, path = s3(bucket), tmp_path / "file"
    path.write_bytes(b"x" * (9 * MIB))
    ask = objects._ask

    def fail_at_the_end(method: str, *rest: Any, **named: Any) -> Any:
        if method == "complete_multipart_upload":
            raise OSError("no")
        return ask(method, *rest, **named)

    objects._ask = fail_at_the_end
    with pytest.raises(StoreError):
        objects.upload("v1/o/a", str(path))

    assert "Uploads" not in bucket.client.call_s3("list_multipart_uploads", Bucket=bucket.name)


def test_a_bucket_that_is_not_there_is_an_error(bucket: Bucket) -> None:
    """Not a store in which everything is absent."""
    objects = open_objects("s3://no-such-bucket-here/root", dict(bucket.server.options), TIMEOUT)

    with pytest.raises(StoreError):
        objects.read("v1/a", 10)
    with pytest.raises(StoreError):
        objects.put("v1/a", b"x")


def test_without_credentials_s3_is_read_only(bucket: Bucket) -> None:
    """A public mirror."""
    options = {"endpoint_url": bucket.server.options["endpoint_url"], "anon": True}
    objects = open_objects(f"{bucket.url}/root", options, TIMEOUT)

    assert not objects.capabilities.writes
    with pytest.raises(StoreError, match="read-only"):
        objects.create("v1/a", b"x")
    with pytest.raises(StoreError, match="read-only"):
        objects.remove(["v1/a"])


class Swift(Cloud):
    """A server of S3 without conditions: it answers 501 to them, as OpenStack Swift does."""

    @property
    def options(self) -> dict[str, Any]:
        """What s3fs has to know of it."""
        return {"endpoint_url": f"http://127.0.0.1:{self.port}", "key": "k", "secret": "s"}

    def answer(self, request: Request) -> Answer:
        """Answer PUT and GET of objects."""
        if not self.holds(request.path, request.conditions()):
            return self.refuse()
        if request.method == "PUT":
            return Answer(200, b"", {"ETag": f'"{self.store(request.path, request.body).version}"'})
        found = self.objects.get(request.path)
        if found is None:
            return Answer(404, b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>")
        return Answer(200, found.data, {"ETag": f'"{found.version}"'})

    def holds(self, path: str, conditions: dict[str, str]) -> bool:
        """Whether a request is done."""
        return not conditions

    def refuse(self) -> Answer:
        """Answer one that is not."""
        return Answer(501, b"<Error><Code>NotImplemented</Code><Message>no conditions</Message></Error>")


class Bare(Swift):
    """A server that compares tags without their quotes, as Ceph 16 does (test_objects_ceph.py)."""

    def holds(self, path: str, conditions: dict[str, str]) -> bool:
        wanted, current = conditions.get("If-Match"), self.objects.get(path)
        return wanted is None or (current is not None and wanted == str(current.version))

    def refuse(self) -> Answer:
        return Answer(412, b"<Error><Code>PreconditionFailed</Code><Message>no</Message></Error>")


def test_a_server_without_conditions_loses_the_capability_and_is_written_to() -> None:
    """Payloads have names of their own, so two winners cost a computation and mix nothing."""
    cloud = Swift()
    try:
        objects = open_objects("s3://bkt/root", cloud.options, TIMEOUT)
        created = [objects.create("v1/a", b"x"), objects.create("v1/a", b"y")]
        tag = objects.read("v1/a", 10).tag  # type: ignore[union-attr]
        replaced = [objects.replace("v1/a", b"z", tag), objects.replace("v1/a", b"w", tag)]
        found, known = objects.read("v1/a", 10), objects.capabilities
        asked = [method for method, _, conditions in cloud.asked if conditions]
    finally:
        cloud.stop()

    assert created == [True, False]
    assert replaced == [True, False]
    assert getattr(found, "data", None) == b"z"
    assert not known.creates_once
    assert not known.replaces_once
    assert asked == ["PUT", "PUT"]


def test_a_server_that_compares_tags_without_quotes_is_asked_so() -> None:
    """First as it gave them; what it wants is remembered."""
    cloud = Bare()
    try:
        objects = open_objects("s3://bkt/root", cloud.options, TIMEOUT)
        objects.put("v1/a", b"0")
        tags = [objects.read("v1/a", 10).tag]  # type: ignore[union-attr]
        replaced = [objects.replace("v1/a", b"1", tags[0]), objects.replace("v1/a", b"2", tags[0])]
        tags.append(objects.read("v1/a", 10).tag)  # type: ignore[union-attr]
        replaced.append(objects.replace("v1/a", b"3", tags[1]))
        found = objects.read("v1/a", 10)
        asked = [conditions["If-Match"] for _, _, conditions in cloud.asked if conditions]
    finally:
        cloud.stop()
    bare = [tag.strip('"') for tag in tags]

    assert replaced == [True, False, True]
    assert getattr(found, "data", None) == b"3"
    assert asked == [tags[0], bare[0], bare[0], bare[1]]
