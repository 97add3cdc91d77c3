"""Local files and folders: that outlive a power cut, whose names are never absent, and their hashes.

What a program has written is in memory until it is synced; a new name is, until the folder that holds it is synced.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # renameat2(2)
# of a kernel, or of a file system, that cannot
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)


def hash_file(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: str | Path) -> None:
    """Put a file's bytes, or the names in a folder, on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(paths: Iterable[str | Path]) -> None:
    """Sync each of these files and folders once, files first: a name on disk has its bytes there."""
    for path in sorted(set(map(str, paths)), key=os.path.isdir):
        sync(path)


def sync_file_system(path: str | Path) -> None:
    """Put all that anybody has written to the file system of `path` on disk, in one call."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if call is None:
        os.sync()
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if call(descriptor):
            raise OSError(ctypes.get_errno(), "cannot be synced", str(path))
    finally:
        os.close(descriptor)


def make_folder(path: str | Path) -> None:
    """Make a folder and those above it that are missing, each of them on disk."""
    missing = []
    at = Path(path)
    while not at.is_dir():
        missing.append(at)
        at = at.parent
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


def write_synced(path: str | Path, content: bytes) -> None:
    """Write a file whose bytes are on disk afterwards; its name is when its folder is synced."""
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def exchange(one: Path, other: Path) -> bool:
    """Give each of two paths what the other names, in one step. False where the system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    places = (_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other))
    if rename(*places, _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(one), None, str(other))
