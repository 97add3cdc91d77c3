"""Start a child process that decodes foreign bytes, talk to it without waiting forever, and end it."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from assets.sandbox.child_limits import ITEM_SECONDS

START_SECONDS = 60  # loading the libraries on a busy machine
SILENCE_SECONDS = 60  # without any answer: a whole machine may stall, so the limit that counts is on processor time
STOP_SECONDS = 2
_PIECE_BYTES = 1 << 20  # that a pipe holds, and that are read at once
RETIRED = 64  # exit status of a child that has worked long enough, and ends between two images
_ROOT = Path(__file__).resolve().parents[2]
# what Python and its libraries need to start, of the environment: the rest holds secrets, and is not handed on
_KEPT = (
    "PYTHONHOME",
    "PYTHONPYCACHEPREFIX",
    "PYTHONDONTWRITEBYTECODE",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
)
_THREADS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
}
# for glibc, which would give the memory of a picture back to the system after each, to fetch and clear it for the next
_MEMORY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),  # the most that it takes
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}

Child = subprocess.Popen[bytes]
# until a descriptor is ready for a poll event; raises TimeoutError
Wait = Callable[[int, int], None]


class ChildGone(Exception):
    """The child has closed its pipe, or sent what the protocol does not know."""


def start_child(
    module: str, arguments: Sequence[object], descriptors: Sequence[int] = ()
) -> Child:
    """Run a module of ours with one thread a library, its input and output as pipes, and `descriptors` as they are.

    Of the environment it has what it takes to start.
    """
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", module, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        start_new_session=True,
        env=make_environment(),
        pass_fds=tuple(descriptors),
    )
    assert child.stdin
    os.set_blocking(child.stdin.fileno(), False)
    return child


def make_environment() -> dict[str, str]:
    """Of a child that decodes foreign bytes."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    path = (str(_ROOT), os.environ.get("PYTHONPATH", ""))
    paths = os.pathsep.join(filter(None, path))
    return {**kept, **_THREADS, **_MEMORY, "PYTHONPATH": paths}


def send(child: Child, data: bytes, wait: Wait) -> None:
    """Write all of it. Raises ChildGone, and what `wait` raises."""
    assert child.stdin
    descriptor = child.stdin.fileno()
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            wait(descriptor, select.POLLOUT)
        except BrokenPipeError:
            raise ChildGone from None


def receive(child: Child, size: int, wait: Wait) -> bytearray:
    """The next bytes of its answers, so many. Raises ChildGone, and what `wait` raises."""
    assert child.stdout
    descriptor = child.stdout.fileno()
    data = bytearray(size)
    rest = memoryview(data)
    while rest:
        wait(descriptor, select.POLLIN)
        num_bytes = os.readv(descriptor, [rest[:_PIECE_BYTES]])
        if not num_bytes:
            raise ChildGone
        rest = rest[num_bytes:]
    return data


def widen(pipe: IO[bytes]) -> None:
    """Let more lie in a pipe before who writes to it has to wait, where the system can."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIECE_BYTES)


def is_ready(descriptor: int, event: int, seconds: float) -> bool:
    """Whether the pipe is ready within that time."""
    poll = select.poll()
    poll.register(descriptor, event)
    return bool(poll.poll(max(0, int(seconds * 1000))))


def measure_used_s(child: Child) -> float:
    """Processor time that the child has taken; where the system does not tell, the time that went by."""
    try:
        # what clock_getcpuclockid(3) of Linux gives
        return time.clock_gettime(~child.pid << 3 | 2)
    except OSError:
        return time.monotonic()


def end_child(child: Child) -> int:
    """Kill it and return its exit status."""
    assert child.stdin and child.stdout
    child.kill()
    status = child.wait()
    child.stdin.close()
    child.stdout.close()
    return status


def explain_end(child: Child) -> str:
    """What a child did that has closed its pipe or said nonsense; it is ended."""
    try:
        status = child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        return "broke the protocol"
    finally:
        end_child(child)
    if status == -signal.SIGXCPU:
        return f"took more than {ITEM_SECONDS} s of processor time"
    return f"died ({f'signal {-status}' if status < 0 else f'exit status {status}'})"
