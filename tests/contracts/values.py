"""Builtin values and arrays that are hard to keep, by what is hard about them."""

from __future__ import annotations

import datetime as dt
import struct
import uuid
import zoneinfo
from collections import OrderedDict
from decimal import Decimal
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np

ODD_NAN = struct.unpack("d", struct.pack("Q", 0x7FF8000000000001))[0]
NEGATIVE_NAN = struct.unpack("d", struct.pack("Q", 0xFFF8000000000000))[0]
ZONE = zoneinfo.ZoneInfo("Europe/Paris")


def plain_values() -> dict[str, object]:
    """Values of builtin types and of the standard library's small types."""
    return _scalars() | _times() | _containers()


def _scalars() -> dict[str, object]:
    return {
        "None": None,
        "True": True,
        "zero": 0,
        "an int of 64 bits": -(2**63),
        "an int of 65 bits": 2**64,
        "an int of 5000 digits": -(10**5000),
        "negative zero": -0.0,
        "the smallest float": 5e-324,
        "the largest float": 1.7976931348623157e308,
        "a third": 1 / 3,
        "infinity": float("inf"),
        "negative infinity": float("-inf"),
        "nan": float("nan"),
        "a negative nan": NEGATIVE_NAN,
        "a nan with a payload": ODD_NAN,
        "complex": complex(-0.0, float("nan")),
        "empty text": "",
        "text": 'é\U0001f600"\\\n\x00\u2028 $ "$"',
        "a dollar": "$",
        "lone surrogates": "a\ud800",
        "surrogates that look like a pair": "\ud83d\ude00",
        "bytes": bytes(range(256)),
        "no bytes": b"",
        "bytearray": bytearray(b"abc"),
        "range": range(10, -(2**70), -3),
        "ellipsis": ...,
        "not implemented": NotImplemented,
        "decimal": Decimal("1.00"),
        "decimal zero": Decimal("-0E-10"),
        "decimal nan": Decimal("NaN123"),
        "decimal snan": Decimal("sNaN"),
        "decimal infinity": Decimal("-Infinity"),
        "uuid": uuid.UUID(int=2**127 + 1),
        "safe uuid": uuid.UUID(int=1, is_safe=uuid.SafeUUID.safe),
        "path": Path("a/b c.txt"),
        "this folder": Path(),
        "posix path": PurePosixPath("/a/\udc80"),
        "windows path": PureWindowsPath(r"C:\a\b"),
    }


def _times() -> dict[str, object]:
    return {
        "date": dt.date(1, 1, 1),
        "datetime": dt.datetime(9999, 12, 31, 23, 59, 59, 999999),  # noqa: DTZ001 - a naive one
        "datetime in UTC": dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
        "datetime in zone UTC": dt.datetime(2020, 1, 1, tzinfo=zoneinfo.ZoneInfo("UTC")),
        "datetime in a fold": dt.datetime(2021, 10, 31, 2, 30, tzinfo=ZONE, fold=1),
        "datetime before a fold": dt.datetime(2021, 10, 31, 2, 30, tzinfo=ZONE),
        "datetime of no hour": dt.datetime(2021, 3, 28, 2, 30, tzinfo=ZONE),
        "datetime of an odd offset": dt.datetime(2020, 1, 1, tzinfo=dt.timezone(dt.timedelta(microseconds=-1))),
        "time": dt.time(1, 2, 3, 4),
        "time in a zone": dt.time(1, tzinfo=dt.timezone(dt.timedelta(hours=2)), fold=1),
        "timedelta": dt.timedelta(days=-999_999_999, microseconds=1),
        "timezone": dt.timezone(dt.timedelta(hours=1)),
        "named timezone": dt.timezone(dt.timedelta(0), "UTC"),
        "UTC": dt.UTC,
        "zone": ZONE,
    }


def _containers() -> dict[str, object]:
    shared = [1, 2]
    return {
        "list": [1, "a", None, 1.5, [], True],
        "list of floats": [0.1, float("nan"), -0.0],
        "tuple": (),
        "nested tuples": ((1,), [(2,)]),
        "dict": {"b": 1, "a": {"c": [1]}},
        "dict with a dollar": {"$": "tuple", "v": [1]},
        "dict with a dollar inside": [{"$": {"$": 1}}],
        "dict of many keys": {
            1: "a",
            "1": "b",
            None: 0,
            1.5: 0,
            (1, "a"): 0,
            b"x": 0,
            frozenset({1}): 0,
            dt.date(2020, 1, 1): 0,
        },
        "dict of odd text": {"\ud800": 1, "": 2},
        "dict of bools": {True: 1, False: 0},
        "empty dict": {},
        "set": {1, "a", None, (1, 2), 2.5},
        "empty set": set(),
        "frozenset": frozenset({frozenset({1}), frozenset()}),
        "shared": [shared, shared, {"again": shared}],
        "decimals in a dict": {"price": [Decimal("1.10"), Decimal(2)]},
    }


def other_values() -> dict[str, object]:
    """Values that only pickle holds."""
    return {
        "an array in a dict": {"a": np.arange(3)},
        "a numpy scalar": np.float64(1.5),
        "a numpy integer": np.int8(3),
        "a numpy text": np.str_("a"),
        "an ordered dict": OrderedDict(a=1),
        "a slice": slice(1, None, 2),
        "a class": dict,
        "a function": len,
        "a zone without a key": _zone_without_key(),
    }


def _zone_without_key() -> zoneinfo.ZoneInfo | None:
    for folder in zoneinfo.TZPATH:
        path = Path(folder) / "Europe" / "Paris"
        if path.exists():
            with path.open("rb") as file:
                return zoneinfo.ZoneInfo.from_file(file)
    return None


def arrays() -> dict[str, object]:
    """Arrays that npy holds."""
    numbers = np.arange(24.0).reshape(2, 3, 4)
    kinds = (
        "?",
        "i1",
        "u8",
        "f2",
        "f4",
        ">f8",
        ">i4",
        "c8",
        "c16",
        "M8[D]",
        "M8[25s]",
        "m8[ns]",
        "S3",
        "U2",
        "V5",
        "S0",
    )
    padded = np.dtype({"names": ["a", "b"], "formats": ["u1", "f8"], "offsets": [0, 8], "itemsize": 24})
    nested = np.dtype([("x", "i4", (2, 2)), ("é", [("y", ">f4"), ("z", "M8[s]")])])
    return {
        **{f"zeros of {kind}": np.zeros(3, kind) for kind in kinds},
        **{f"ones of {kind}": np.ones((2, 2), kind) for kind in ("g", "G")},
        "nans": np.array([0x7FF8000000000001, 0xFFF8000000000000, 0x7FF0000000000001], "u8").view("f8"),
        "NaT": np.array(["NaT", "2020-01-01"], "M8[us]"),
        "Fortran order": np.asfortranarray(numbers),
        "transposed": numbers.T,
        "strided": numbers[:, ::-2, 1:],
        "broadcast": np.broadcast_to(np.arange(3), (4, 3)),
        "no dimension": np.array(3.5),
        "no dates": np.array("NaT", "M8[s]"),
        "empty": np.empty((0, 3), "i2"),
        "empty in between": np.empty((2, 0, 3)),
        "structured": np.zeros(3, nested),
        "padded": np.ones(3, padded),
        "text": np.array(["a", "é\U0001f600", ""]),
        "larger than a map": np.arange(3_000_000.0),
        "larger than a map, in Fortran order": np.asfortranarray(np.arange(3_000_000).reshape(3, -1)),
        "larger than inline": np.arange(200_000),
        "read-only": _read_only(np.arange(4)),
    }


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def refused_arrays() -> dict[str, object]:
    """Arrays whose dtype or class an npy file would lose."""
    return {
        "objects": np.array([1, "a"], dtype=object),
        "objects inside": np.zeros(1, [("a", "O")]),
        "aligned": np.zeros(2, np.dtype([("a", "u1"), ("b", "f8")], align=True)),
        "metadata": np.zeros(2, np.dtype("f8", metadata={"unit": "m"})),
        "records": np.zeros(2, np.dtype((np.record, [("a", "f8")]))),
        "variable text": np.array(["a", "bb"], np.dtypes.StringDType()),
        "masked": np.ma.masked_array([1, 2], [True, False]),
        "matrix subclass": type("Own", (np.ndarray,), {})((2,)),
    }
