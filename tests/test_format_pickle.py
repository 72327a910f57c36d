"""The pickle format beyond the suite: large buffers, classes that lose something, and scripts."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from contracts.datasets import datasets, refused_datasets
from contracts.payload import new_payload, through
from whorl.errors import FormatError, UndigestableError
from whorl.fingerprint.values import hash_value
from whorl.formats.base import format_named

if TYPE_CHECKING:
    from pathlib import Path


class Model:
    """What a stage may well return."""

    def __init__(self, weights: np.ndarray) -> None:
        self.weights = weights
        self.name = "model"


class Forgetful(Model):
    """Does not come back as it was."""

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state, name="")


class Unreadable(Model):
    """Its pickle cannot be read."""

    def __setstate__(self, state: object) -> None:
        raise RuntimeError("no")


class Handle:
    """Has no digest, but a pickle."""

    def __init__(self) -> None:
        self.numbers = iter([1, 2, 3])


def test_an_instance_comes_back_with_what_it_shares(tmp_path: Path) -> None:
    """Identity within a value is kept: two names of one array are one array."""
    weights = np.arange(4.0)
    decoded = through("pickle", {"model": Model(weights), "weights": weights}, tmp_path)

    assert isinstance(decoded, dict)
    assert decoded["model"].weights is decoded["weights"]
    assert hash_value(decoded) == hash_value({"model": Model(weights), "weights": weights})


def test_large_buffers_are_files_of_their_own(tmp_path: Path) -> None:
    """They are written without a copy and can be mapped; small ones stay in the pickle."""
    value, payload = {"large": np.zeros(200_000), "small": np.zeros(10)}, new_payload(tmp_path)
    format_named("pickle").encode(value, payload, {})
    decoded = format_named("pickle").decode(payload, {})

    assert payload.names == ("buffer-0.bin", "data.pickle")
    assert payload.size("buffer-0.bin") == 1_600_000
    assert payload.size("data.pickle") < 1000
    assert isinstance(decoded, dict)
    assert decoded["large"].flags.writeable
    assert decoded["small"].flags.writeable


@pytest.mark.parametrize("rows", [10, 3_000_000])
def test_a_frame_of_a_subclass_is_pickled(rows: int, tmp_path: Path) -> None:
    """What the table formats refuse, in place of a DataFrame."""
    frame = pd.DataFrame({"a": np.arange(rows), "x": pd.Series(["a"] * rows, dtype=object)})
    frame.attrs["model"] = Model(np.arange(3))
    decoded = through("pickle", frame, tmp_path)

    assert hash_value(decoded) == hash_value(frame)


def test_a_class_whose_pickle_loses_something_is_refused(tmp_path: Path) -> None:
    """A hit would give another value than the run did."""
    with pytest.raises(FormatError, match="it comes back as another value"):
        through("pickle", [Forgetful(np.arange(3))], tmp_path)
    with pytest.raises(FormatError, match="it comes back as another value"):
        through("pickle", np.ma.masked_array([1, 2], [True, False], hard_mask=True), tmp_path)
    with pytest.raises(FormatError, match="it cannot be read back: RuntimeError: no"):
        through("pickle", Unreadable(np.arange(3)), tmp_path)


class Refusing:
    """Its own code fails."""

    def __reduce__(self) -> tuple[object, ...]:
        raise RuntimeError("not today, pickle")


NO_PICKLE = {"own": Refusing(), "lambda": lambda: 1, "lock": threading.Lock(), "generator": (n for n in "ab")}


@pytest.mark.parametrize("value", NO_PICKLE.values(), ids=NO_PICKLE)
def test_what_has_no_pickle_is_refused(value: object, tmp_path: Path) -> None:
    """With pickle's own words."""
    payload = new_payload(tmp_path)
    with pytest.raises(FormatError, match=r"the format pickle cannot hold this .* exactly\ncause: .*pickle"):
        format_named("pickle").encode(value, payload, {})

    assert payload.names == ()


def test_a_value_without_a_digest_is_kept_as_pickle_gives_it(tmp_path: Path) -> None:
    """There is nothing to compare; it counts by its attempt."""
    decoded = through("pickle", Handle(), tmp_path)

    assert isinstance(decoded, Handle)
    assert list(decoded.numbers) == [1, 2, 3]


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from contracts.payload import FolderPayload
from whorl.formats.base import format_named

class Model:
    class Part:
        pass

def helper():
    return 1

def main(action):
    payload = FolderPayload(Path({folder!r}))
    if action == "write":
        model = Model()
        model.part = Model.Part()
        format_named("pickle").encode([model, Model, helper], payload, {{}})
    decoded = format_named("pickle").decode(payload, {{}})
    assert type(decoded[0]) is Model and type(decoded[0].part) is Model.Part and decoded[1:] == [Model, helper]

if __name__ == "__main__":
    main(sys.argv[1])
"""


def test_what_a_script_pickled_is_read_by_its_importers_and_the_other_way_round(tmp_path: Path) -> None:
    """``python pipeline.py`` and ``whorl run pipeline.py`` share entries, though the script is ``__main__`` in one."""
    payload = new_payload(tmp_path)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "pipeline.py").write_text(
        SCRIPT.format(tests=str(__file__.rpartition("/")[0]), folder=str(payload.folder))
    )
    script = [sys.executable, "pipeline.py"]
    module = [sys.executable, "-c", "import sys, pipeline; pipeline.main(sys.argv[1])"]

    for writer, reader in ((script, module), (module, script)):
        subprocess.run([*writer, "write"], cwd=tmp_path, check=True)
        subprocess.run([*reader, "read"], cwd=tmp_path, check=True)


OF_XARRAY = {
    **datasets(),
    **{name: value for name, value in refused_datasets().items() if name != "a subclass"},
    "a tree": xr.DataTree.from_dict({"/": xr.Dataset({"a": 1}), "/b": xr.Dataset({"c": ("x", [1.0])})}),
    "a variable": xr.Variable("x", [1, 2], {"units": "m"}, {"dtype": "i2"}),
    "coordinates": xr.Dataset(coords={"x": [1, 2]}).coords,
}


@pytest.mark.parametrize("name", OF_XARRAY)
def test_what_is_xarrays_keeps_its_digest(name: str, tmp_path: Path) -> None:
    """So that it need not be compared, which would compute a plan in it a second time; else it is refused."""
    value = [OF_XARRAY[name]]
    try:
        digest, found = hash_value(value), through("pickle", value, tmp_path)
    except UndigestableError:
        pytest.skip("it has no digest")
    except FormatError:
        pytest.skip("it is refused")

    assert hash_value(found) == digest
