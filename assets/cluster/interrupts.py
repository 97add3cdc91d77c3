"""How a process that waits for Ray is told to stop.

Ray looks for signals while it waits, and passes on KeyboardInterrupt alone: what the handler of another library raises,
as Dagster's does, does not end the wait, and a SystemExit comes out with another code. Its start puts a handler
of its own, in C, over that of SIGTERM, which aborts the process.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def heed_signals() -> Iterator[Callable[[], None]]:
    """Gives what is to be called once Ray is up: from then to the end of the context SIGINT and SIGTERM raise
    KeyboardInterrupt in the main thread, and the former handlers are back after that.

    Where nobody handled SIGTERM before, it leaves the context as SystemExit with what a shell calls it, 143: what is
    under way is put away on the way out.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    known = {one: signal.getsignal(one) for one in _SIGNALS}
    former = {one: handler for one, handler in known.items() if handler is not None}
    told: list[int] = []

    def stop(signum: int, _: object) -> None:
        told.append(signum)
        raise KeyboardInterrupt

    def take_over() -> None:
        for one, handler in former.items():
            if handler is not signal.SIG_IGN:
                signal.signal(one, stop)

    try:
        yield take_over
    except KeyboardInterrupt:
        if told and former[signal.Signals(told[0])] is signal.SIG_DFL:
            raise SystemExit(128 + told[0]) from None
        raise
    finally:
        for one, handler in former.items():
            signal.signal(one, handler)
