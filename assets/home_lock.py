"""Who erases in a home, and who copies it: one process erases at a time, and none while a backup is made.

A backup that was made beside an erasure would hold half of it, and nobody could say which. The lock is on a file of the
home: on other machines that have a home of their own over the same stores it does not show.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assets.locks import find_holder, read_name, take_named, try_share

LOCK_NAME = "erasure_lock"
_COPIED = "a backup is being made of this home: wait for its end, and call this again"
_ERASED = "process {holder} erases in this home: wait for its end, and call this again"


@contextmanager
def erasing(home: Path) -> Iterator[None]:
    """Be the one who erases. Raises ValueError where another process does, or makes a backup."""
    path = home / LOCK_NAME
    with path.open("a+") as file:
        if not take_named(file):
            holder = find_holder(path)
            raise ValueError(_ERASED.format(holder=holder) if holder else _COPIED)
        try:
            yield
        finally:
            file.truncate(0)


@contextmanager
def copying(home: Path) -> Iterator[None]:
    """Be one of those who copy it. Raises ValueError while somebody erases; in a home where nobody ever has there is
    no lock to hold."""
    path = home / LOCK_NAME
    try:
        file = path.open("a+" if not path.exists() else "r")
    except (FileNotFoundError, PermissionError):
        yield
        return
    with file:
        if not try_share(file):
            raise ValueError(_ERASED.format(holder=read_name(file)))
        yield
