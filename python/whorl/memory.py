"""
Values in, under keys, and private copies of them out: the tier in memory, bounded by the bytes that they really take.

What the caller does to a value that it put or got never changes what another gets.  Values whose data a cluster holds,
or will compute (dask's), are persisted there and counted apart.  The least recently used go first.  On the arrow: the
first tier of *look up*.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from whorl.private import UncopyableError, copy_to_keep, private_copy
from whorl.sizes import is_dask_backed, size_of

if TYPE_CHECKING:
    from collections.abc import Hashable

MISSING = object()
LOCAL_LIMIT, REMOTE_LIMIT = 2 * 10**9, 32 * 10**9

_log = logging.getLogger("whorl")


@dataclass(slots=True)
class _Pool:
    """Values of one kind in the order of their last use; ``limit`` and ``used`` are in bytes."""

    limit: int
    used: int = 0
    values: OrderedDict[Hashable, tuple[Any, int]] = field(default_factory=OrderedDict)

    def find(self, key: Hashable) -> Any:
        held = self.values.get(key)
        if held is None:
            return MISSING
        self.values.move_to_end(key)
        return held[0]

    def add(self, key: Hashable, value: Any, size: int) -> None:
        self.discard(key)
        self.values[key] = (value, size)
        self.used += size
        self.shrink()

    def discard(self, key: Hashable) -> None:
        held = self.values.pop(key, None)
        if held is not None:
            self.used -= held[1]

    def shrink(self) -> None:
        while self.used > self.limit:
            _, (_, size) = self.values.popitem(last=False)
            self.used -= size


class Memory:
    """
    Values by keys, in two pools: ``local`` for what lies in this process, ``remote`` for what dask holds.

    Any thread may use it.  A forked child has what its parent had.
    """

    def __init__(self, local: int = LOCAL_LIMIT, remote: int = REMOTE_LIMIT) -> None:
        self._local, self._remote = _Pool(local), _Pool(remote)
        self._lock = threading.Lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def get(self, key: Hashable, *, copy: bool = True) -> Any:
        """
        Give a private copy of a value; MISSING where there is none.

        ``copy=False`` shares the value with everyone else who does so: whoever changes it changes it for all.
        """
        with self._lock:
            value = self._local.find(key)
            if value is MISSING:
                value = self._remote.find(key)
        return value if value is MISSING or not copy else private_copy(value)

    def put(self, key: Hashable, value: Any) -> bool:
        """
        Keep a copy of a value, dask's after ``persist()``; tell whether it is kept.

        One that is larger than its pool, or that has no private copy, is not.
        """
        is_remote = is_dask_backed(value)
        pool = self._remote if is_remote else self._local
        try:
            kept = copy_to_keep(value if is_remote else _loaded(value))
        except UncopyableError as error:
            _log.debug("not kept in memory: %s", error)
            return False
        size = size_of(kept)
        if size > pool.limit:
            _log.debug("not kept in memory: %d bytes are more than %d", size, pool.limit)
            return False
        with self._lock:
            pool.add(key, kept, size)
        return True

    def holds(self, key: Hashable) -> bool:
        """Whether there is a value; asking is no use of it."""
        with self._lock:
            return key in self._local.values or key in self._remote.values

    def discard(self, key: Hashable) -> None:
        """Forget a value, if there is one."""
        with self._lock:
            self._local.discard(key)
            self._remote.discard(key)

    def clear(self) -> None:
        """Forget every value."""
        with self._lock:
            for pool in (self._local, self._remote):
                pool.values.clear()
                pool.used = 0

    def limit(self, local: int, remote: int) -> None:
        """Set how many bytes each pool may take; what is over goes, the least recently used first."""
        with self._lock:
            for pool, bytes_ in ((self._local, local), (self._remote, remote)):
                pool.limit = bytes_
                pool.shrink()

    def usage(self) -> tuple[int, int]:
        """Tell how many bytes the local and the remote pool hold."""
        with self._lock:
            return self._local.used, self._remote.used

    def _renew(self) -> None:
        self._lock = threading.Lock()  # it may have been held at the fork


def _loaded(value: Any) -> Any:
    """Read what an xarray object would read from its store later: it is kept in memory to be there at once."""
    module = type(value).__module__.partition(".")[0]
    return value.copy(deep=False).load() if module == "xarray" else value


MEMORY = Memory()
