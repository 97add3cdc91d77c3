"""Bytes that are too many for memory, on their way: aside in a folder, once it is known to have room for them.

The folder is Python's for temporary files, which `DAGUERRE_SPILL` names for all that Daguerre starts.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Any, BinaryIO, cast

MEMORY_BYTES = 64 << 20  # up to here they stay in memory
SETTING = "DAGUERRE_SPILL"


class NoRoom(OSError):
    """A folder has not the room for what is to pass through it."""

    def __init__(self, folder: str, num_bytes: int, free_bytes: int) -> None:
        what = f"{num_bytes} bytes are to lie in {folder} for a while, and {free_bytes} are free there"
        super().__init__(f"{what}: make room, or name another folder in {SETTING}")
        self.errno = errno.ENOSPC


def require_room(num_bytes: int, folder: str | None = None) -> str:
    """The folder, by default that of temporary files. Raises NoRoom where so many bytes do not fit into it."""
    place = folder or tempfile.gettempdir()
    free_bytes = shutil.disk_usage(place).free
    if num_bytes > free_bytes:
        raise NoRoom(place, num_bytes, free_bytes)
    return place


def open_spill(num_bytes: int) -> BinaryIO:
    """A place for so many bytes, which is gone when it is closed. Raises NoRoom."""
    if num_bytes <= MEMORY_BYTES:
        return BytesIO()
    return cast(BinaryIO, tempfile.TemporaryFile(dir=require_room(num_bytes)))


def open_growing_spill() -> BinaryIO:
    """A place for bytes that nobody has counted. Writing to it raises NoRoom."""
    return cast(BinaryIO, _Growing(max_size=MEMORY_BYTES))


@contextmanager
def open_aside(num_bytes: int, folder: str | None = None) -> Iterator[BinaryIO]:
    """A place for so many bytes: in memory, or a file with a name, to be moved or to be removed. Raises NoRoom."""
    if num_bytes <= MEMORY_BYTES:
        yield BytesIO()
        return
    place = require_room(num_bytes, folder)
    descriptor, path = tempfile.mkstemp(prefix=".", suffix=".part", dir=place)
    os.close(descriptor)
    try:
        with open(path, "w+b") as file:
            yield file
    finally:
        with suppress(FileNotFoundError):
            os.unlink(path)


class _Growing(tempfile.SpooledTemporaryFile[bytes]):
    """Looks for room whenever it has grown by MEMORY_BYTES: for what it has in memory then, and as much again."""

    _num_looks = 0

    def write(self, data: Any) -> int:
        if (self.tell() + len(data)) // MEMORY_BYTES > self._num_looks:
            self._num_looks += 1
            require_room(2 * MEMORY_BYTES)
        return int(super().write(data))
