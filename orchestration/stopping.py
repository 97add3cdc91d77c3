"""Which signal a command was told to stop by, whoever handled it: Dagster maps SIGTERM to what it does on Ctrl-C.

Belongs here: hearing it, and the exit code. Does not: ending what is under way.
"""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 128 + signal.SIGINT  # what a shell calls a command that Ctrl-C ended
GOES_ON = (
    "interrupted: what was stored before stays, and the same command does the rest"
)
_STOPS = (signal.SIGINT, signal.SIGTERM)
_heard: list[int] = []
_ears: list[socket.socket] = []


@contextmanager
def hear_signals() -> Iterator[None]:
    """Note each signal that a handler of Python is called for, within the context."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ear, mouth = socket.socketpair()
    ear.setblocking(False)
    mouth.setblocking(False)
    former = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    _heard.clear()
    _ears.append(ear)
    try:
        yield
    finally:
        _ears.remove(ear)
        _heard.clear()
        signal.set_wakeup_fd(former)
        ear.close()
        mouth.close()


def find_stop() -> int | None:
    """The first signal that told this command to stop; None where none did, and where nobody listens."""
    for ear in _ears:
        try:
            _heard.extend(ear.recv(4096))
        except BlockingIOError:
            continue
    return next((signum for signum in _heard if signum in _STOPS), None)


def choose_exit_code(exit_code: int | None) -> int:
    """That of a command that was interrupted says by which signal."""
    signum = find_stop()
    if exit_code == INTERRUPTED and signum is not None:
        return 128 + signum
    return exit_code or 0


def was_interrupted(exit_code: int) -> bool:
    """Whether a command ended because it was told to, before it had done its work."""
    return exit_code in {128 + signum for signum in _STOPS}
