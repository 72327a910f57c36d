"""Secrets reach the stores that they are for, and nothing that whorl writes, shows or says: a search for canaries."""

from __future__ import annotations

import base64
import json
import logging
import os
import traceback
import warnings
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from pipeline_folder import WHORL
from remote_servers import Page
from store_examples import child_environment
from whorl import config, stage
from whorl.access import open_access
from whorl.errors import WhorlError
from whorl.fingerprint.urls import hide_literals
from whorl.opening import open_place, places, policy_of
from whorl.store.signing import ED25519, HMAC, new_key, read_key, write_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from remote_servers import Bucket, WebServer

# One for each place that a secret can stand in, so that a find names where it came from.
PLACES = (
    "url-user",
    "url-query",
    "storage-key",
    "storage-secret",
    "environment",
    "mirror-option",
    "mirror-url",
    "in-code",
)
CANARIES = {place: f"CANARY/{place}+of=a secret" for place in PLACES}
QUIET = {place: f"CANARY-{place}-secret" for place in PLACES}  # where a slash would be another URL
SECRETS = {**QUIET, **{f"{place}, with signs": text for place, text in CANARIES.items()}}

PIPELINE = """
import logging
from fractions import Fraction
from whorl import stage

logging.getLogger("whorl").addHandler(logging.FileHandler({log!r}))
logging.getLogger("whorl").setLevel(logging.DEBUG)
API_TOKEN = {written!r}

@stage(page={url!r}, cache=True, env=["API_TOKEN"])
def fetched(page):
    password = {written!r}
    return str(len(page) + len(password) + len(API_TOKEN)) * 20_000

@stage(fetched=fetched, cache=True)
def third(fetched):
    return Fraction(1, 3)
"""


def _spellings(secret: str) -> Iterator[bytes]:
    """Write a secret as it may appear: plain, quoted for a URL, escaped for JSON, in base 64 and as digits."""
    plain = secret.encode()
    yield from (plain, quote(secret, safe="").encode(), quote(secret).encode(), json.dumps(secret)[1:-1].encode())
    yield from (base64.b64encode(plain).rstrip(b"="), plain.hex().encode())


def _found_in(content: bytes, secrets: dict[str, str]) -> list[str]:
    return [name for name, secret in secrets.items() if any(each in content for each in _spellings(secret))]


def _files(*roots: Path) -> Iterator[tuple[str, bytes]]:
    for root in roots:
        yield from ((str(path), path.read_bytes()) for path in root.rglob("*") if path.is_file())


def _search(found: Any, secrets: dict[str, str]) -> dict[str, list[str]]:
    return {name: hits for name, content in found if (hits := _found_in(name.encode() + content, secrets))}


def test_the_search_finds_each_spelling() -> None:
    """A search that finds nothing must be one that could."""
    secret = {"it": CANARIES["url-user"]}

    assert all(_found_in(b"x" + each + b"y", secret) == ["it"] for each in _spellings(secret["it"]))
    assert _found_in(b"CANARY", secret) == []


COMMANDS = (
    ("run", "canary.py"),
    ("run", "canary.py"),
    ("ls",),
    ("ls", "--json"),
    ("status", "canary.py", "--json"),
    ("why", "canary.py"),
    ("doctor",),
    ("doctor", "--json"),
    ("verify", "--json"),
    ("stats", "--json"),
    ("gc", "--older-than", "0s"),
    ("push",),
    ("pull", "--json"),
    # Of a URL that can be read the line repeats what was typed, so that --check finds it again.
    ("hash", "{gone}"),
    ("hash", "--json", "{gone}"),
    ("init", "{bad_root}"),
)
WITHOUT_A_SERVER = (("run", "canary.py"), ("doctor", "--json"), ("push",), ("ls", "--json"))


def _run(folder: Path, environment: dict[str, str], words: list[str]) -> bytes:
    import subprocess

    done = subprocess.run([*WHORL, *words], cwd=folder, env=environment, capture_output=True, check=False, timeout=100)
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "is_reachable"), [(ED25519, True), (HMAC, False)])
def test_no_secret_is_written_or_shown(
    tmp_path: Path, bucket: Bucket, web: WebServer, scheme: str, *, is_reachable: bool
) -> None:
    """Stores, ledger, index, caches, logs, messages, listings: whole processes, with and without their servers."""
    path = f"/a.txt?token={quote(QUIET['url-query'])}"
    web.pages[path] = Page(b"1")
    url = f"http://user:{QUIET['url-user']}@127.0.0.1:{web.port}{path}"
    project, home, keys = (tmp_path / name for name in ("project", "home", "keys"))
    for each in (project, home, keys):
        each.mkdir()
    key = new_key(scheme)
    write_key(key, str(keys / "it"))
    log = str(project / "whorl.log")
    (project / "canary.py").write_text(PIPELINE.format(log=log, url=url, written=QUIET["in-code"]))
    endpoint = bucket.server.options["endpoint_url"] if is_reachable else "http://127.0.0.1:9"
    options = {"endpoint_url": endpoint, "key": CANARIES["storage-key"], "secret": CANARIES["storage-secret"]}
    mirror = {"filesystem": f"http://user:{QUIET['mirror-url']}@127.0.0.1:{web.port}/mirror",
              "filesystem_options": {"headers": {"Authorization": QUIET["mirror-option"]}}}  # fmt: skip
    environment = {
        **child_environment(),
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "TMPDIR": str(home),
        "AWS_MAX_ATTEMPTS": "1",
        "WHORL_FILESYSTEM": f"{bucket.url}/root",
        "WHORL_FILESYSTEM_OPTIONS": json.dumps(options),
        "WHORL_MIRRORS": json.dumps({"lab": mirror}),
        "WHORL_LOCAL": str(project / "near"),
        "WHORL_SIGN_WITH": str(keys / "it"),
        "WHORL_NETWORK_TIMEOUT": "5",
        "WHORL_STAT_TABLE": "on",
        "API_TOKEN": CANARIES["environment"],
        "AWS_SESSION_TOKEN": "",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment.pop("FSSPEC_S3", None)
    given = {"gone": f"{url}&gone=1", "bad_root": f"s3://{QUIET['url-user']}:{QUIET['mirror-url']}@nowhere/x"}
    said = [
        (" ".join(words), _run(project, environment, [word.format(**given) for word in words]))
        for words in (COMMANDS if is_reachable else WITHOUT_A_SERVER)
    ]
    secrets = {**SECRETS, "signing": key.secret.hex()}
    (project / "canary.py").unlink()  # it has them by right
    objects = [(name, bucket.client.cat_file(name)) for name in bucket.client.find(bucket.name)]
    written = list(_files(project, home))

    assert [name.encode() for name, text in said if b"Traceback" in text] == []
    assert _search(said, secrets) == {}
    assert _search(written, secrets) == {}
    assert _search(objects, secrets) == {}
    assert key.secret not in b"".join(content for _, content in (*written, *objects))
    assert any("/m/canary.third/" in name for name, _ in (objects if is_reachable else written))
    assert any("/m/" in name for name, _ in written)
    assert os.path.getsize(log) > 0


@stage(cache=True)
def small() -> int:
    return 1


def test_no_repr_error_or_warning_shows_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Settings, stores, tiers, places, policies and keys appear in tracebacks; errors and warnings in logs."""
    monkeypatch.setattr("whorl.access._warned", set())
    caplog.set_level(logging.DEBUG, "whorl")
    key = new_key(HMAC)
    write_key(key, str(tmp_path / "key"))
    options = {
        "key": CANARIES["storage-key"],
        "secret": CANARIES["storage-secret"],
        "endpoint_url": "http://127.0.0.1:9",
    }
    mirrors = {"lab": {"filesystem": f"http://u:{QUIET['mirror-url']}@127.0.0.1:9/x", "filesystem_options": options}}
    shown: list[object] = []
    with (
        config.options(
            filesystem=f"s3://{QUIET['url-user']}:{QUIET['url-query']}@bucket/root", filesystem_options=options
        ),
        config.options(mirrors=mirrors, local=str(tmp_path / "near"), sign_with=str(tmp_path / "key")),
        config.options(network_timeout=2.0),
        warnings.catch_warnings(record=True) as told,
    ):
        warnings.simplefilter("always")
        assert small() == 1
        settings = config.settings()
        access = open_access(settings)
        shown += [settings, access, access.store, access.policy, policy_of(settings), read_key(str(tmp_path / "key"))]
        for place in places(settings):
            shown += [place, open_place(settings, place), vars(access.store)]
            shown += [getattr(open_place(settings, place), "objects", None)]
        with config.options(strict=True), pytest.raises(WhorlError) as raised:
            small.options(recompute=True)()
    shown += ["".join(traceback.format_exception(raised.value)), *(str(each.message) for each in told), caplog.text]
    secrets = {**SECRETS, "signing": key.secret.hex(), "signing bytes": repr(key.secret)[2:-1]}

    assert _search([(type(each).__name__, f"{each!r} {each!s}".encode()) for each in shown], secrets) == {}
    assert told


WRONG: dict[str, dict[str, Any]] = {
    "a local tier that is a URL": {"local": f"s3://u:{QUIET['url-user']}@bucket/x"},
    "a number": {"filesystem": 5, "filesystem_options": f"key={QUIET['storage-key']}"},
    "options that are text": {"filesystem_options": f"key={QUIET['storage-key']}"},
    "mirrors that are text": {"mirrors": QUIET["mirror-option"]},
    "a mirror without a place": {"mirrors": {"lab": {"secret": QUIET["mirror-option"]}}},
    "a secret as a key": {"trusted_keys": [f"hmac-sha256:{QUIET['storage-key']}"]},
    "a secret as a file": {"trusted_keys": [f"ed25519:{QUIET['storage-key']}"]},
    "a store within another": {"filesystem": f"zip://a::http://u:{QUIET['url-user']}@127.0.0.1:9/x"},
    "no kind of store": {"filesystem": f"odd://u:{QUIET['url-user']}@x?token={QUIET['url-query']}"},
}


@pytest.mark.parametrize("name", WRONG)
def test_settings_that_make_no_sense_are_refused_without_their_secrets(name: str, tmp_path: Path) -> None:
    """What is wrong with a setting is told by its name."""
    with pytest.raises(WhorlError) as caught, config.options(**WRONG[name], network_timeout=2.0):
        small()

    assert "CANARY" not in "".join(traceback.format_exception(caught.value))


def test_a_file_of_settings_that_cannot_be_read_is_not_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is a variable that is no JSON."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "whorl.toml").write_text(f'filesystem_options = {{ key = "{QUIET["storage-key"]}" ')
    with pytest.raises(WhorlError) as first:
        config.settings()
    (tmp_path / "whorl.toml").write_text("")
    config.forget_files()
    monkeypatch.setenv("WHORL_FILESYSTEM_OPTIONS", f"key={QUIET['storage-key']}")
    with pytest.raises(WhorlError) as second:
        config.settings()

    assert "CANARY" not in str(first.value) + str(second.value)


WRITTEN = {
    'TOKEN = "abc"': 'TOKEN = "***"',
    "password: str = 'it\\'s'": "password: str = '***'",
    'open(user="me", passwd="abc", mode="r")': 'open(user="me", passwd="***", mode="r")',
    '{"api_key": "abc", "key": "k"}': '{"api_key": "***", "key": "k"}',
    'os.environ["AWS_SECRET"] = f"abc"': 'os.environ["AWS_SECRET"] = f"***"',
    'tokens = text.split(" ")': 'tokens = text.split(" ")',
    'if kind == "secret": return "x"': 'if kind == "secret": return "x"',
}


@pytest.mark.parametrize("text", WRITTEN)
def test_literals_of_secret_names_are_not_shown(text: str) -> None:
    """Source code is kept to explain what has changed; what stands beside such a name is left out of it."""
    assert hide_literals(text) == WRITTEN[text]
