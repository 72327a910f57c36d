"""Keys and signatures: who can make one, who can check one, and what a key file must be like."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from store_examples import digest
from whorl.cli.commands import program
from whorl.errors import ConfigError, StoreError
from whorl.store.signing import ED25519, HMAC, new_key, public_key, read_key, write_key

if TYPE_CHECKING:
    from pathlib import Path

OF = digest("the bytes of a manifest")
SCHEMES = [ED25519, HMAC]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_key_comes_back_from_its_file_and_checks_what_it_signed(tmp_path: Path, scheme: str) -> None:
    """The file is new, and for its owner alone."""
    key, path = new_key(scheme), tmp_path / "key"
    write_key(key, str(path))

    assert path.stat().st_mode & 0o777 == 0o600
    assert read_key(str(path)) == key
    assert read_key(str(path)).checks(key.sign(OF))
    with pytest.raises(StoreError):
        write_key(key, str(path))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_signature_is_right_for_its_key_and_its_bytes_alone(scheme: str) -> None:
    """Another key, other bytes, another scheme's name, a changed bit or another's id: each is wrong."""
    key, other = new_key(scheme), new_key(scheme)
    made = key.sign(OF)
    changed = bytes((made.value[0] ^ 1, *made.value[1:]))
    wrong = [
        replace(made, of=digest("other bytes")),
        replace(made, value=changed),
        replace(made, value=made.value[:-1]),
        replace(made, scheme="hmac-sha256" if scheme == ED25519 else ED25519),
        replace(made, signer=other.id),
    ]

    assert key.checks(made)
    assert not other.checks(made)
    assert not other.checks(replace(made, signer=other.id))
    assert not any(key.checks(each) for each in wrong)


def test_a_public_key_checks_and_does_not_sign() -> None:
    """It is what stands in everybody's configuration."""
    key = new_key(ED25519)
    public = public_key(key.text, "a test")

    assert public.checks(key.sign(OF))
    assert public.id == key.id
    assert key.secret.hex() not in key.text
    with pytest.raises(StoreError, match="public"):
        public.sign(OF)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_repr_shows_a_secret(scheme: str) -> None:
    """Keys travel inside policies and stores, which appear in tracebacks."""
    key = new_key(scheme)

    assert key.secret.hex() not in repr(key)
    assert repr(key.secret) not in repr(key)
    assert pickle.loads(pickle.dumps(key)) == key


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o620])
def test_a_secret_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    """It may be known already, or not be the one that was made."""
    path = tmp_path / "key"
    write_key(new_key(HMAC), str(path))
    path.chmod(mode)

    with pytest.raises(ConfigError, match="not secret") as caught:
        read_key(str(path))
    assert "chmod 600" in caught.value.tip


NO_KEYS = {
    "empty": b"",
    "long": b"x" * 5000,
    "not text": b"\xff\xfe",
    "short": b"ed25519:00",
    "no digits": b"ed25519:zz",
    "no scheme": b"whorl-private-key x 00",
    "short secret": b"whorl-private-key ed25519 00",
    "wrong word": b"whorl-shared-secret ed25519 " + b"0" * 64,
}


@pytest.mark.parametrize("content", NO_KEYS.values(), ids=NO_KEYS)
def test_what_is_no_key_is_refused_without_showing_it(tmp_path: Path, content: bytes) -> None:
    """The wrong file may hold another secret."""
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(ConfigError) as caught:
        read_key(str(path))
    assert "xxxx" not in str(caught.value)
    assert "keygen" in caught.value.tip


def test_a_key_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """So is a folder."""
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(ConfigError):
            read_key(str(path))


def test_without_the_package_an_error_names_what_to_install() -> None:
    """Signing by HMAC needs nothing."""
    code = (
        "import sys; sys.modules['cryptography'] = None\n"
        "from whorl.store.signing import new_key\n"
        "new_key('hmac-sha256')\n"
        "try: new_key('ed25519')\n"
        "except Exception as error: print(type(error).__name__, error.tip)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.startswith('ConfigError pip install "whorl[sign]"')


def test_the_package_is_imported_by_those_who_sign_alone() -> None:
    """A hit of an unsigned entry must not pay for it."""
    code = "import sys, whorl.engine, whorl.store.signing; print('cryptography' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("arguments", [(), ("--hmac",)])
def test_keygen_says_what_belongs_into_the_configuration(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """The secret itself is nowhere in the output; a file that is there is never overwritten."""
    path = tmp_path / "key"
    shown = CliRunner().invoke(program, ["keygen", *arguments, str(path)])
    secret = path.read_text().split()[-1]
    again = CliRunner().invoke(program, ["keygen", *arguments, str(path)])
    as_json = CliRunner().invoke(program, ["keygen", *arguments, "--json", str(tmp_path / "other")])
    told = json.loads(as_json.stdout)

    assert shown.exit_code == 0
    assert "WHORL_SIGN_WITH" in shown.stdout
    assert secret not in shown.stdout
    assert again.exit_code == 1
    assert path.read_text().split()[-1] == secret
    assert read_key(told["sign_with"]).id == told["id"]
