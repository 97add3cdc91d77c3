"""Locks on files of a home: held by one process, and free when that ends, however it ends."""

import fcntl
import os
from pathlib import Path
from typing import IO


def lock(file: IO[str]) -> bool:
    """Have the lock, if nobody has it, until the file is closed; this process is named in it (open it by "a+")."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return True


def find_holder(path: Path) -> str:
    """The process that has the lock; "" where none has. Whoever wants it in this very moment may not get it."""
    if not path.exists():
        return ""
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return file.read().strip() or "unknown"
    return ""
