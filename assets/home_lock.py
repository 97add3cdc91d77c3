"""Who erases in a home, and who copies it: one process erases at a time, and none while a backup is made.

A backup that was made beside an erasure would hold half of it, and nobody could say which. The lock is on a file of the
home; where the tables lie in a bucket, homes of other machines over the same tables see it there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from assets.locks import find_holder, read_name, take_named, try_share
from assets.storage import Folder, announcing

LOCK_NAME = "erasure_lock"
PLACE = "_at_work"  # below the tables of a bucket
_ERASING, _COPYING = "erasing", "copying"
_COPIED = "a backup is being made of this home: wait for its end, and call this again"
_ERASED = "process {holder} erases in this home: wait for its end, and call this again"
Require = Callable[[], None]


@contextmanager
def erasing(home: Path, tables: Folder | None = None) -> Iterator[Require]:
    """Be the one who erases in a home, and in its tables where these lie elsewhere. Raises ValueError where another
    process does, or makes a backup.

    Yields what raises ValueError where others took this process for gone, to be called before each step.
    """
    path = home / LOCK_NAME
    with path.open("a+") as file:
        if not take_named(file):
            holder = find_holder(path)
            raise ValueError(_ERASED.format(holder=holder) if holder else _COPIED)
        try:
            with _among_homes(tables, _ERASING, (_ERASING, _COPYING)) as require:
                yield require
        finally:
            file.truncate(0)


@contextmanager
def copying(home: Path, tables: Folder | None = None) -> Iterator[Require]:
    """Be one of those who copy it. Raises ValueError while somebody erases; yields as `erasing`, to be called before
    the copy counts."""
    with (
        _sharing(home / LOCK_NAME),
        _among_homes(tables, _COPYING, (_ERASING,), may_only_read=True) as require,
    ):
        yield require


@contextmanager
def _sharing(path: Path) -> Iterator[None]:
    """In a home where nobody ever has erased there is no lock to hold."""
    try:
        file = path.open("a+" if not path.exists() else "r")
    except (FileNotFoundError, PermissionError):
        yield
        return
    with file:
        if not try_share(file):
            raise ValueError(_ERASED.format(holder=read_name(file)))
        yield


@contextmanager
def _among_homes(
    tables: Folder | None, act: str, bars: Collection[str], may_only_read: bool = False
) -> Iterator[Require]:
    """Homes share tables in a bucket; those of a folder are one home's."""
    if tables is None or tables.is_local:
        yield lambda: None
        return
    place = Folder(f"{tables.uri}/{PLACE}", tables.options)
    with announcing(place, act, bars, may_only_read) as require:
        yield require
