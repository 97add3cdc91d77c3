"""Locks on files and folders: held by one process, and free when that ends, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


def take(file: IO[Any] | int) -> bool:
    """Have the lock of an open file or folder, if nobody has it, until that is closed."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def share(file: IO[Any] | int) -> None:
    """Have the lock of an open file or folder together with others who share it, until that is closed; nobody takes it
    meanwhile. Waits for who has taken it."""
    fcntl.flock(file, fcntl.LOCK_SH)


def try_share(file: IO[Any] | int) -> bool:
    """As `share`, without waiting; false where somebody has taken it."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def take_named(file: IO[str], name: str | None = None) -> bool:
    """As `take`, for a file opened by "a+", which then holds the name: the process where none is given."""
    if not take(file):
        return False
    file.truncate(0)
    file.write(str(os.getpid()) if name is None else name)
    file.flush()
    return True


@contextmanager
def taking(path: Path) -> Iterator[bool]:
    """Whether this process has the lock of the file, while the context lasts; false also where there is no file."""
    try:
        file = path.open()
    except OSError:
        yield False
        return
    with file:
        yield take(file)


@contextmanager
def waiting_for(path: Path) -> Iterator[None]:
    """One process at a time: the next waits. The file is made."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def find_holder(path: Path) -> str:
    """The process that has the lock; "" where none has. Whoever wants it in this very moment may not get it."""
    if not path.exists():
        return ""
    with path.open() as file:
        return "" if try_share(file) else read_name(file)


def read_name(file: IO[str]) -> str:
    """Who has taken the lock of it by `take_named`."""
    file.seek(0)
    return file.read().strip() or "unknown"
