"""One child process of the image guard, and the images that wait for its answer."""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from assets.capture.child_limits import ITEM_SECONDS
from assets.capture.guard_child import ITEM, LENGTH

_START_SECONDS = 60  # loading the libraries on a busy machine
_STOP_SECONDS = 2
_MAX_ANSWER_BYTES = 1 << 16
_READ_BYTES = 1 << 16
_PIPE_BYTES = 1 << 20  # answers that wait while nobody collects
_ROOT = Path(__file__).resolve().parents[2]

Item = tuple[int, int, int]  # index in its job, offset and length in the shared memory


class ChildFailed(Exception):
    """The child died, or had to be ended, while it worked on one image."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _PipeClosed(Exception):
    """The other side of the pipe is gone."""


class GuardLane:
    """Sends images to one child in order, and receives one answer each in the same order.

    Owns `memory_descriptor`, the file of the memory that the images lie in.
    """

    def __init__(self, memory_descriptor: int, item_seconds: float, memory_bytes: int) -> None:
        self._memory, self._item_seconds, self._memory_bytes = memory_descriptor, item_seconds, memory_bytes
        self._waiting: deque[tuple[object, Item]] = deque()
        self._child: subprocess.Popen[bytes] | None = None
        self._is_ready = False  # the child has loaded its libraries and put on its limits
        self._received = b""
        self._answers: deque[bytes] = deque()

    def start(self) -> None:
        """Start the child where there is none, and do not wait for it."""
        self._child = self._child or self._start()

    def send(self, job: object, items: Sequence[Item]) -> None:
        """Queue images of a job. The first starts the child, and nobody waits for it before an answer is due."""
        if items:
            self._waiting.extend((job, item) for item in items)
            self._post(items if self._child else [item for _, item in self._waiting])

    def next_of(self, job: object) -> int | None:
        """The index in its job of the image that is answered next; None when it is another job's."""
        return self._waiting[0][1][0] if self._waiting and self._waiting[0][0] is job else None

    def receive(self) -> dict[str, Any]:
        """The answer for the image that is next. Raises ChildFailed when there is none: it cost the child its life.

        Raises RuntimeError when the child cannot be started.
        """
        try:
            if self._child is None:
                self._post([item for _, item in self._waiting])
            if not self._is_ready:
                self._await_start()
            answer = self._read_answer(time.monotonic() + self._item_seconds)
        except TimeoutError:
            self._end()
            raise ChildFailed(f"decoder took more than {self._item_seconds:g} s") from None
        except _PipeClosed:
            raise ChildFailed(self._explain_death()) from None
        finally:
            self._waiting.popleft()
        return answer

    def hang_up(self) -> None:
        """Tell the child that nothing more comes, and do not wait for its end."""
        if self._child is not None:
            assert self._child.stdin
            self._child.stdin.close()

    def close(self) -> None:
        """End the child, and let the memory go."""
        self._waiting.clear()
        self.hang_up()
        if self._child is not None:
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(_STOP_SECONDS)
            self._end()
        os.close(self._memory)

    def _post(self, items: Sequence[Item]) -> None:
        """Send the places of images to the child, which is started where none is."""
        self.start()
        assert self._child
        message = LENGTH.pack(len(items)) + b"".join(ITEM.pack(offset, length) for _, offset, length in items)
        with suppress(_PipeClosed, TimeoutError):  # the next answer fails as well, and says which image it was for
            _send(self._child, message, time.monotonic() + _START_SECONDS)

    def _start(self) -> subprocess.Popen[bytes]:
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}
        path = os.pathsep.join(p for p in (str(_ROOT), os.environ.get("PYTHONPATH", "")) if p)
        module = "assets.capture.guard_child"
        command = [sys.executable, "-m", module, str(self._memory_bytes), str(self._memory)]
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, start_new_session=True,
            env={**os.environ, **threads, "PYTHONPATH": path}, pass_fds=(self._memory,),
        )  # fmt: skip
        assert child.stdin and child.stdout
        os.set_blocking(child.stdin.fileno(), False)
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            fcntl.fcntl(child.stdout.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._is_ready, self._received, self._answers = False, b"", deque()
        return child

    def _await_start(self) -> None:
        assert self._child
        try:
            self._read_answer(time.monotonic() + _START_SECONDS)
        except (TimeoutError, _PipeClosed) as error:
            command = " ".join(map(str, self._child.args))  # type: ignore[arg-type]
            self._end()
            raise RuntimeError(f"the image guard did not start: run `{command}` to see why") from error
        self._is_ready = True

    def _end(self) -> int:
        """Kill the child and return its exit status."""
        child, self._child = self._child, None
        assert child and child.stdin and child.stdout
        child.kill()
        status = child.wait()
        child.stdin.close()
        child.stdout.close()
        return status

    def _explain_death(self) -> str:
        assert self._child
        try:
            status = self._child.wait(_STOP_SECONDS)  # its pipe is closed: it is about to end
        except subprocess.TimeoutExpired:
            status = 0
        self._end()
        if status == -signal.SIGXCPU:
            return f"decoder took more than {ITEM_SECONDS} s of processor time"
        return f"decoder died ({f'signal {-status}' if status < 0 else f'exit status {status}'})"

    def _read_answer(self, deadline: float) -> dict[str, Any]:
        assert self._child and self._child.stdout
        while not self._answers:
            _wait(self._child.stdout.fileno(), select.POLLIN, deadline)
            piece = os.read(self._child.stdout.fileno(), _READ_BYTES)
            if not piece:
                raise _PipeClosed
            self._received = self._part_answers(self._received + piece)
        answer: dict[str, Any] = json.loads(self._answers.popleft())
        return answer

    def _part_answers(self, received: bytes) -> bytes:
        """Queue the answers that have come completely; what is left of the next one."""
        at = 0
        while len(received) >= at + LENGTH.size:
            size = LENGTH.unpack_from(received, at)[0]
            if size > _MAX_ANSWER_BYTES:
                raise _PipeClosed  # not our protocol any more
            start = at + LENGTH.size
            if len(received) < start + size:
                break
            self._answers.append(received[start : start + size])
            at = start + size
        return received[at:]


def _send(child: subprocess.Popen[bytes], message: bytes, deadline: float) -> None:
    assert child.stdin
    descriptor, view = child.stdin.fileno(), memoryview(message)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            _wait(descriptor, select.POLLOUT, deadline)
        except BrokenPipeError:
            raise _PipeClosed from None


def _wait(descriptor: int, event: int, deadline: float) -> None:
    """Until the pipe is ready. Raises TimeoutError at the deadline."""
    poll = select.poll()
    poll.register(descriptor, event)
    left_ms = int(max(0.0, deadline - time.monotonic()) * 1000)
    if not poll.poll(left_ms):
        raise TimeoutError
