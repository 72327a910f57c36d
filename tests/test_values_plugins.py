"""The entry-point group ``whorl.digests``: installed distributions say how types of others are digested."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import TYPE_CHECKING

import pytest

from whorl.errors import UndigestableError, WhorlWarning
from whorl.fingerprint import describe
from whorl.fingerprint.values import digest_argument, hash_value, register_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LIBRARY = """
import threading
class Outer:
    class Model:
        def __init__(self, weight):
            self.weight, self.lock = weight, threading.Lock()
class Sub(Outer.Model):
    pass
class Own(Outer.Model):
    def __whorl_digest__(self):
        return "own"
"""
PLUGIN = """
calls = []
def digest(model):
    calls.append(model)
    return {"weight": model.weight}
"""
NAME = "whorl_test_library:Outer.Model"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Lay out a library, and a plugin for it with this entry point, as an installer would."""

    def lay_out(entry: str) -> None:
        meta = tmp_path / "whorl_test_plugin-1.0.dist-info"
        meta.mkdir()
        (meta / "METADATA").write_text("Metadata-Version: 2.1\nName: whorl-test-plugin\nVersion: 1.0\n")
        (meta / "entry_points.txt").write_text(f"[whorl.digests]\n{entry}\n")
        (tmp_path / "whorl_test_library.py").write_text(LIBRARY)
        (tmp_path / "whorl_test_plugin.py").write_text(PLUGIN)
        monkeypatch.syspath_prepend(str(tmp_path))
        describe.forget_plugins()

    before = dict(describe.registered)
    yield lay_out
    describe.registered.clear()
    describe.registered.update(before)
    monkeypatch.undo()
    for name in ("whorl_test_library", "whorl_test_plugin"):
        sys.modules.pop(name, None)
    describe.forget_plugins()


def test_a_plugin_says_how_a_type_is_digested(install: Callable[[str], None]) -> None:
    """By the name of the type; subclasses too, under their own name."""
    install(f"{NAME} = whorl_test_plugin:digest")
    from whorl_test_library import Outer, Sub

    assert hash_value(Outer.Model(1)) == hash_value(Outer.Model(1)) != hash_value(Outer.Model(2))
    assert hash_value(Sub(1)) != hash_value(Outer.Model(1))


def test_a_name_without_a_colon_is_understood(install: Callable[[str], None]) -> None:
    """Some tools allow none in the names of entry points."""
    install("whorl_test_library.Sub = whorl_test_plugin:digest")
    from whorl_test_library import Outer, Sub

    assert hash_value(Sub(1)) != hash_value(Sub(2))
    with pytest.raises(UndigestableError):
        hash_value(Outer.Model(1))


def test_what_is_said_nearer_comes_first(install: Callable[[str], None]) -> None:
    """The type's own method, then what was registered in the process, then the plugin."""
    install(f"{NAME} = whorl_test_plugin:digest")
    from whorl_test_library import Outer, Own

    assert hash_value(Own(1)) == hash_value(Own(2))
    by_plugin = hash_value(Outer.Model(1))
    register_digest(Outer.Model, lambda model: model.weight % 2)

    assert hash_value(Outer.Model(1)) == hash_value(Outer.Model(3)) != by_plugin


def test_a_plugin_is_imported_when_its_type_is_met(install: Callable[[str], None]) -> None:
    """Installing it costs nothing that does not use it."""
    install(f"{NAME} = whorl_test_plugin:digest")
    import whorl_test_library

    class Other:
        pass

    hash_value([Other(), {"a": 1}])
    assert "whorl_test_plugin" not in sys.modules
    hash_value(whorl_test_library.Outer.Model(1))
    assert len(sys.modules["whorl_test_plugin"].calls) == 1


@pytest.mark.parametrize("value", ["no_such_module_at_all:digest", "whorl_test_plugin:calls", "whorl_test_plugin:gone"])
def test_a_broken_plugin_warns_and_is_skipped(install: Callable[[str], None], value: str) -> None:
    """It must not keep anyone from working: the value is digested, or refused, as if it were not there."""
    install(f"{NAME} = {value}")
    from whorl_test_library import Outer, Sub

    skipped = pytest.warns(WhorlWarning, match=r"the digest plugin 'whorl_test_library:Outer.Model' .* is skipped")
    with skipped, pytest.raises(UndigestableError, match=r"^args/model\.lock: "):
        digest_argument(Outer.Model(1), "args/model")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UndigestableError):
            hash_value(Sub(1))


def test_plain_values_look_for_no_plugins() -> None:
    """Neither are plugins looked for, nor is what looks for them imported; own classes look, and import nothing."""
    code = """
import sys, datetime, decimal
from whorl.fingerprint import describe
from whorl.fingerprint.values import hash_value
hash_value([1, {"a": datetime.date(2020, 1, 1)}, decimal.Decimal(1)])
assert describe._plugins.cache_info().misses == 0
Own = type("Own", (), {"__module__": "somewhere"})
hash_value(Own())
assert describe._plugins.cache_info().misses == 1
assert "importlib.metadata" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
