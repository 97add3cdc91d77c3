"""Tell whether anybody else has the tables of a folder open: only then may an old version be in use.

A process that opens a table holds a shared lock on the folder until it ends. Nothing is written, so who may only read
is counted, too; nobody waits. In a bucket, and on a file system without such locks, others are taken to be there.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock

from assets.locks import take
from assets.tables.durable import is_local

_FLOCK = "hhqqi4x"  # struct flock of fcntl(2): type, whence, start, length, process
_CAN_LOCK = hasattr(fcntl, "F_OFD_SETLK")  # Linux
_MAX_HELD = 16  # folders; of more, the one that was opened first is let go
_held: dict[tuple[int, str, int], int] = {}  # process, path, number -> descriptor
_writing = Counter[str]()  # by folder: the writes that are under way in this process
_guard = Lock()


def announce(uri: str) -> None:
    """Say that this process has the tables there open, until it ends."""
    if _CAN_LOCK and is_local(uri):
        with suppress(OSError):  # there are none yet, or no such locks
            _hold(uri)


@contextmanager
def writing(uri: str) -> Iterator[None]:
    """From the look at a version to the commit on it. Lance finds conflicts by the versions between the two."""
    with _guard:
        _writing[uri] += 1
    try:
        yield
    finally:
        with _guard:
            _writing[uri] -= 1


def is_alone(uri: str, is_said: bool = False) -> bool:
    """Whether no other process has these tables open, and no thread of this one writes to them.

    Who comes later opens versions that are the newest by then. Where it does not show, `is_said` counts.
    """
    has_others = _look_for_others(uri)
    return not _writing[uri] and (is_said if has_others is None else not has_others)


def can_tell(uri: str) -> bool:
    """Whether it shows who else has these tables open."""
    return _look_for_others(uri) is not None


def _look_for_others(uri: str) -> bool | None:
    """Whether another process has these tables open; None where that does not show."""
    if not _CAN_LOCK or not is_local(uri):
        return None
    try:
        found = fcntl.fcntl(_hold(uri), fcntl.F_OFD_GETLK, _describe(fcntl.F_WRLCK))
    except OSError:
        return None
    return bool(struct.unpack(_FLOCK, found)[0] != fcntl.F_UNLCK)


@contextmanager
def being_first(table: str) -> Iterator[bool]:
    """Whether nobody else tidies this table; nobody does while the context lasts. Of a bucket nobody knows: true."""
    if not is_local(table):
        yield True
        return
    folder = os.open(table, os.O_RDONLY)
    try:
        yield take(folder)
    finally:
        os.close(folder)


def _hold(uri: str) -> int:
    """The folder, under the lock. A lock of an open file: to open and close the folder elsewhere does not end it."""
    key = (os.getpid(), uri, os.stat(uri).st_ino)
    with _guard:
        if key not in _held:
            folder = os.open(uri, os.O_RDONLY)
            _held[key] = folder
            fcntl.fcntl(folder, fcntl.F_OFD_SETLK, _describe(fcntl.F_RDLCK))
            if len(_held) > _MAX_HELD:
                os.close(_held.pop(next(iter(_held))))
        return _held[key]


def _describe(kind: int) -> bytes:
    """The lock on a whole file."""
    return struct.pack(_FLOCK, kind, os.SEEK_SET, 0, 0, 0)
