"""
``whorl keygen``: make a key that signs what is stored.

Before the arrow.
"""

from __future__ import annotations

import json
import os

import click

from whorl.cli import options
from whorl.cli.screen import out
from whorl.store.signing import ED25519, HMAC, new_key, write_key


@click.command("keygen")
@click.argument("path", type=click.Path(dir_okay=False))
@click.option("--hmac", "is_hmac", is_flag=True, help="Make one secret for a whole team; needs no further package.")
@options.as_json
def command(path: str, *, is_hmac: bool, as_json: bool) -> None:
    """
    Write a new key to PATH, for you alone, and print what belongs into the configuration.

    Without --hmac it is a private key: others need its public part only, to check what you signed and not to sign.
    """
    key, path = new_key(HMAC if is_hmac else ED25519), os.path.abspath(path)
    write_key(key, path)
    trusted = path if is_hmac else key.text
    screen = out()
    if as_json:
        screen.data({"path": path, "scheme": key.scheme, "id": key.id, "sign_with": path, "trusted_keys": [trusted]})
        return
    screen.line(f"wrote {path} · {key.scheme} {key.id[:12]} · keep it to yourself")
    screen.line()
    for line in _settings(path, trusted, is_hmac=is_hmac):
        screen.line(line)


def _settings(path: str, trusted: str, *, is_hmac: bool) -> list[str]:
    """Word what each side writes; JSON's strings are TOML's, too."""
    name = json.dumps(path, ensure_ascii=False)
    if is_hmac:
        return [
            "give the file to your team, over a channel that is safe; each, where the file is, sets",
            "",
            f"WHORL_SIGN_WITH={name}",
        ]
    return [
        "to sign, set it where only you do:",
        "",
        f"WHORL_SIGN_WITH={name}",
        "",
        "to trust what it signed, all write into pyproject.toml:",
        "",
        "[tool.whorl]",
        f"trusted_keys = [{json.dumps(trusted)}]",
    ]
