"""Pieces of work for the pool, and the ways in which their workers end."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from assets.cluster.pool import Seat


@dataclass(frozen=True)
class Square:
    """A number in, its square out. The worker that gets one of `deadly` ends at once, for the first time or always; on
    another machine than that of `folder` so does the machine, from the number `fatal` on."""

    folder: Path
    deadly: tuple[int, ...] = ()
    is_always_deadly: bool = False
    fatal: int | None = None
    name = "squaring"
    uses_gpu = False

    def open(self, seat: Seat) -> Callable[[int], int]:
        """With a word on stdout, and one in the log."""
        print("my places are", seat.home.name, seat.num_threads)
        is_elsewhere = seat.home != self.folder
        if is_elsewhere:
            (self.folder / "elsewhere").touch()

        def square(number: int) -> int:
            with (self.folder / "tries").open("a") as tries:
                print(number, file=tries)
            if is_elsewhere and self.fatal is not None and number >= self.fatal:
                os.kill(os.getppid(), signal.SIGKILL)
                time.sleep(60)
            if number < 0:
                raise ValueError(f"{number} has no root: give another")
            if number in self.deadly:
                seen = self.folder / f"seen-{number}"
                if self.is_always_deadly or not seen.exists():
                    seen.touch()
                    logging.getLogger("daguerre.squares").info(
                        f"{number} is too much, password=abc"
                    )
                    sys.stderr.flush()
                    os.kill(os.getpid(), signal.SIGKILL)
            return number * number

        return square
