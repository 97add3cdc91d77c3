"""One training of a task at a time in a home: who comes later waits for its turn, or gives up."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_LOOK_S = 1.0


class TakenTurn(RuntimeError):
    """Another training of the task goes on."""


@contextmanager
def take_turn(
    home: Path, task: str, tell: Callable[[str], None], gives_up: bool = False
) -> Iterator[None]:
    """Have the turn while the context lasts; it ends with the process, however that ends. Raises TakenTurn."""
    with _locate(home, task).open("a+") as file:
        told = ""
        while not _lock(file.fileno()):
            file.seek(0)
            words = f"process {file.read().strip()} trains {task} in this home"
            if gives_up:
                raise TakenTurn(words)
            if words != told:
                tell(f"{words}: waiting for its end")
                told = words
            time.sleep(_LOOK_S)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def find_turn(home: Path, task: str) -> str:
    """The process that trains the task now; "" where none does."""
    path = _locate(home, task)
    if not path.exists():
        return ""
    with path.open() as file:
        return "" if _lock(file.fileno()) else file.read().strip()


def _locate(home: Path, task: str) -> Path:
    return home / f"training_{task}_lock"


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
