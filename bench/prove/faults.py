"""What befalls a worker from inside: it dies, or waits to be stopped, at one write; its clock is off; its disk is full.

Writes are announced at the outermost edge, the public methods of the real stores: "before put", "after merge frames".
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

Announce = Callable[[str], None]

TABLE_WRITES = ("merge", "append", "upsert", "delete")
BLOB_WRITES = ("put",)
LEDGER_WRITES = ("claim", "commit", "record")


@dataclass(frozen=True)
class Fault:
    """What a worker does when it passes `point` for the `occurrence`-th time; and what is wrong with its machine."""

    point: str = ""
    occurrence: int = 1
    action: str = "none"  # "kill" itself, or "pause" until a line comes in
    clock_skew_s: float = 0.0
    max_file_bytes: int = 0  # 0: no limit


class Failpoints:
    """Counts the points that a worker passes, and acts at one of them."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.passed: Counter[str] = Counter()
        self._lock = threading.Lock()

    def announce(self, point: str) -> None:
        with self._lock:
            self.passed[point] += 1
            is_here = (
                point == self.fault.point
                and self.passed[point] == self.fault.occurrence
            )
        if is_here and self.fault.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if is_here and self.fault.action == "pause":
            print(f"paused at {point}", flush=True)
            sys.stdin.readline()


def wrap(store: object, writes: tuple[str, ...], announce: Announce) -> None:
    """Announce each of the store's writes that it has, before and after. `store` is an object, a class or a module."""
    for name in writes:
        if hasattr(store, name):
            setattr(store, name, _announced(getattr(store, name), name, announce))


def suffer(fault: Fault) -> None:
    """Put this process under the limits of the fault."""
    if fault.clock_skew_s:
        real = time.time
        # the worker's clock, and nobody else's
        time.time = lambda: real() + fault.clock_skew_s
    if fault.max_file_bytes:
        import resource

        # a write beyond fails with an error, like one to a full disk
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(
            resource.RLIMIT_FSIZE, (fault.max_file_bytes, resource.RLIM_INFINITY)
        )


def _announced(
    write: Callable[..., object], name: str, announce: Announce
) -> Callable[..., object]:
    def call(*args: object, **options: object) -> object:
        what = f"{name} {_find_table(args)}" if name in TABLE_WRITES else name
        announce(f"before {what}")
        result = write(*args, **options)
        announce(f"after {what}")
        return result

    return call


def _find_table(args: tuple[object, ...]) -> str:
    """The table that a write is for: the writer's own, or the first argument that is a name."""
    return next(
        name
        for name in (getattr(args[0], "name", None), *args)
        if isinstance(name, str)
    )
