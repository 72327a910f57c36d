import builtins
import pathlib
from collections.abc import Callable, Sequence
from os import PathLike
from typing import ClassVar, Protocol, Self, TypeAlias, final

from typing_extensions import Buffer

__all__ = [
    "Conditions",
    "Digest",
    "Elements",
    "Encoder",
    "HashedMemory",
    "Hasher",
    "Leaves",
    "OpcodeTable",
    "StatTable",
    "copy_plain",
    "digest_arrow",
    "digest_arrow_type",
    "digest_graph",
    "digest_value",
    "encode_value",
    "hash_file",
    "hash_memories",
    "hash_paths",
    "hash_stream",
    "hash_tree",
    "is_absent",
    "read_small",
    "scan_files",
    "scan_tree",
    "walk_value",
]

_Path: TypeAlias = str | PathLike[str]

class _Readable(Protocol):
    def read(self, size: int, /) -> Buffer: ...

class _ArrowArray(Protocol):
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...

class _ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

class _ArrowType(Protocol):
    def __arrow_c_schema__(self) -> object: ...

@final
class Digest:
    def __new__(cls, data: builtins.bytes, /) -> Self: ...
    @staticmethod
    def from_hex(text: str) -> Digest: ...
    @property
    def bytes(self) -> builtins.bytes: ...
    @property
    def short(self) -> str: ...
    def hex(self) -> str: ...
    def __bytes__(self) -> builtins.bytes: ...
    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __lt__(self, other: Digest, /) -> bool: ...
    def __le__(self, other: Digest, /) -> bool: ...
    def __gt__(self, other: Digest, /) -> bool: ...
    def __ge__(self, other: Digest, /) -> bool: ...
    def __reduce__(self) -> tuple[type[Digest], tuple[builtins.bytes]]: ...

@final
class Hasher:
    def __new__(cls, data: Buffer | None = None, /) -> Self: ...
    name: ClassVar[str]
    digest_size: ClassVar[int]
    block_size: ClassVar[int]
    def update(self, data: Buffer, /) -> None: ...
    def digest(self) -> bytes: ...
    def hexdigest(self) -> str: ...
    def copy(self) -> Hasher: ...

@final
class Encoder:
    def __new__(cls, kind: str) -> Self: ...
    def text(self, text: str) -> Self: ...
    def bytes(self, data: Buffer) -> Self: ...
    def integer(self, number: int) -> Self: ...
    def digest(self, digest: Digest) -> Self: ...
    def none(self) -> Self: ...
    def finish(self) -> Digest: ...

def copy_plain(value: object, is_fixed: Callable[[type], bool], /) -> object: ...
def digest_arrow(obj: _ArrowArray | _ArrowStream, /) -> Digest: ...
def digest_arrow_type(obj: _ArrowType, /) -> Digest: ...

@final
class StatTable:
    def __new__(cls, path: _Path) -> Self: ...
    @property
    def path(self) -> pathlib.Path: ...
    def flush(self) -> None: ...
    def counts(self) -> dict[str, int]: ...

def hash_file(
    path: _Path,
    *,
    threads: int | None = None,
    mmap: bool = False,
    table: StatTable | None = None,
    always: bool = False,
    progress: Callable[[int, int | None], object] | None = None,
) -> Digest: ...
def hash_paths(paths: Sequence[_Path], *, table: StatTable | None = None, always: bool = False) -> list[Digest]: ...
def hash_stream(stream: _Readable, *, progress: Callable[[int, int | None], object] | None = None) -> Digest: ...
def hash_tree(
    path: _Path,
    *,
    include: Sequence[str],
    exclude: Sequence[str],
    follow_symlinks: bool = False,
    threads: int | None = None,
    table: StatTable | None = None,
    always: bool = False,
    progress: Callable[[int, int | None], object] | None = None,
) -> Digest: ...
def is_absent(path: _Path, /) -> bool: ...
def read_small(path: _Path, limit: int, /) -> builtins.bytes | None: ...
def scan_files(
    paths: Sequence[_Path], *, table: StatTable | None = None, always: bool = False
) -> list[tuple[int, Digest]]: ...

@final
class Leaves:
    def __len__(self, /) -> int: ...
    def __getitem__(self, index: int, /) -> tuple[str, int, Digest]: ...

def scan_tree(
    path: _Path, *, follow_symlinks: bool = False, table: StatTable | None = None, always: bool = False
) -> tuple[Digest, Leaves]: ...

@final
class HashedMemory:
    def __new__(cls, length: int, digest: Digest, /) -> Self: ...

def hash_memories(memories: Sequence[Buffer], /, swap: int = 0) -> list[HashedMemory]: ...

@final
class Elements:
    def __new__(cls, array: Buffer, /) -> Self: ...

def digest_value(
    value: object,
    describe: Callable[[object], tuple[object, ...]],
    order: Callable[[object], Digest | str],
    with_code: Callable[[Digest, list[object]], Digest],
    /,
) -> Digest: ...
def encode_value(
    value: object,
    describe: Callable[[object], tuple[object, ...]],
    path: str = "",
    *,
    order: Callable[[object], Digest | str] | None = None,
) -> tuple[Digest, list[object]]: ...
def walk_value(
    value: object,
    describe: Callable[[object], tuple[object, ...]],
    path: str = "",
    *,
    order: Callable[[object], Digest | str] | None = None,
) -> tuple[Digest, list[object], list[type]]: ...

@final
class OpcodeTable:
    def __new__(cls, minor: int, numbers: Sequence[tuple[int, str, int]] | None = None) -> Self: ...
    def normalize(
        self,
        code: bytes,
        handlers: bytes,
        names: Sequence[str],
        locals: Sequence[str],  # noqa: A002 - the word of Rust's signature
        free: int,
        constants: Sequence[tuple[Digest, bool]],
        *,
        class_body: bool,
    ) -> (
        tuple[
            Digest,
            list[int],
            list[int],
            list[tuple[str, bool, tuple[str, ...], int]],
            list[tuple[str, int, int, list[tuple[str, str, bool]], int]],
            list[str],
        ]
        | None
    ): ...

def digest_graph(kind: str, labels: Sequence[Digest], successors: Sequence[Sequence[int]], root: int) -> Digest: ...

@final
class Conditions:
    def __new__(
        cls,
        items: Sequence[tuple[object, str, object]],
        attributes: Sequence[tuple[object, str, object]],
        cells: Sequence[tuple[object, object]],
        sizes: Sequence[tuple[object, int]],
        values: Sequence[tuple[object, Sequence[object]]],
        missing: object,
    ) -> Self: ...
    def hold(self) -> bool: ...
