"""One training of a task at a time in a home: who comes later waits for its turn, or gives up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from assets.locks import find_holder, take_named

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
        while not take_named(file):
            file.seek(0)
            words = f"process {file.read().strip()} trains {task} in this home"
            if gives_up:
                raise TakenTurn(words)
            if words != told:
                tell(f"{words}: waiting for its end")
                told = words
            time.sleep(_LOOK_S)
        yield


def find_turn(home: Path, task: str) -> str:
    """The process that trains the task now; "" where none does."""
    return find_holder(_locate(home, task))


def _locate(home: Path, task: str) -> Path:
    return home / f"training_{task}_lock"
