"""One child process of the image guard, and the images that wait for its answer."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from assets.sandbox.child_answers import LENGTH
from assets.sandbox.child_limits import ImageLimits
from assets.sandbox.child_process import (
    RETIRED,
    START_SECONDS,
    STOP_SECONDS,
    Child,
    ChildGone,
    Wait,
    end_child,
    explain_end,
    is_ready,
    send,
    start_child,
    widen,
)
from assets.sandbox.guard_child import COUNT, ITEM

_MAX_ANSWER_BYTES = 1 << 16
_READ_BYTES = 1 << 16

Item = tuple[int, int, int]  # index in its job, offset and length in the shared memory


class ChildFailed(Exception):
    """The child died, or had to be ended, while it worked on one image."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _ChildRetired(ChildFailed):
    """The child has worked long enough. Another one answers."""


class GuardLane:
    """Sends images to one child in order, and receives one answer each in the same order.

    Owns `memory_descriptor`, the file of the memory that the images lie in.
    """

    def __init__(
        self, memory_descriptor: int, silence_s: float, limits: ImageLimits
    ) -> None:
        self._memory = memory_descriptor
        self._silence_s = silence_s
        self._limits = limits
        self._waiting: deque[tuple[object, Item]] = deque()
        self._child: Child | None = None
        # the child has loaded its libraries and put on its limits
        self._is_ready = False
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
        return (
            self._waiting[0][1][0]
            if self._waiting and self._waiting[0][0] is job
            else None
        )

    def receive(self) -> dict[str, Any]:
        """The answer for the image that is next. Raises ChildFailed when there is none: it cost the child its life.

        Raises RuntimeError when the child cannot be started.
        """
        try:
            try:
                return self._receive()
            except (
                _ChildRetired
            ):  # one that says so of each image is not believed twice
                return self._receive()
        finally:
            self._waiting.popleft()

    def _receive(self) -> dict[str, Any]:
        try:
            if self._child is None:
                self._post([item for _, item in self._waiting])
            if not self._is_ready:
                self._await_start()
            return self._read_answer(self._silence_s)
        except TimeoutError:
            self._end()
            raise ChildFailed(
                f"decoder gave no answer in {self._silence_s:g} s"
            ) from None
        except ChildGone:
            child = self._child
            self._child = None
            assert child
            reason = f"decoder {explain_end(child)}"
            kind = _ChildRetired if child.returncode == RETIRED else ChildFailed
            raise kind(reason) from None

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
                self._child.wait(STOP_SECONDS)
            self._end()
        os.close(self._memory)

    def _post(self, items: Sequence[Item]) -> None:
        """Send the places of images to the child, which is started where none is."""
        self.start()
        assert self._child
        message = COUNT.pack(len(items)) + b"".join(
            ITEM.pack(offset, length) for _, offset, length in items
        )
        # the next answer fails as well, and says which image it was for
        with suppress(ChildGone, TimeoutError):
            send(self._child, message, _until(START_SECONDS))

    def _start(self) -> Child:
        child = start_child(
            "assets.sandbox.guard_child",
            (
                self._memory,
                self._limits.memory_bytes,
                self._limits.pixels,
                self._limits.side_px,
                self._limits.child_seconds,
            ),
            (self._memory,),
        )
        assert child.stdout
        widen(child.stdout)  # answers wait while nobody collects
        self._is_ready = False
        self._received = b""
        self._answers = deque()
        return child

    def _await_start(self) -> None:
        assert self._child
        try:
            self._read_answer(START_SECONDS)
        except (TimeoutError, ChildGone) as error:
            command = " ".join(map(str, self._child.args))  # type: ignore[arg-type]
            self._end()
            raise RuntimeError(
                f"the image guard did not start: run `{command}` to see why"
            ) from error
        self._is_ready = True

    def _end(self) -> None:
        child = self._child
        self._child = None
        assert child
        end_child(child)

    def _read_answer(self, seconds: float) -> dict[str, Any]:
        assert self._child and self._child.stdout
        wait = _until(seconds)
        while not self._answers:
            wait(self._child.stdout.fileno(), select.POLLIN)
            piece = os.read(self._child.stdout.fileno(), _READ_BYTES)
            if not piece:
                raise ChildGone
            self._received = self._part_answers(self._received + piece)
        answer: dict[str, Any] = json.loads(self._answers.popleft().decode())
        return answer

    def _part_answers(self, received: bytes) -> bytes:
        """Queue the answers that have come completely; what is left of the next one."""
        at = 0
        while len(received) >= at + LENGTH.size:
            size = LENGTH.unpack_from(received, at)[0]
            if size > _MAX_ANSWER_BYTES:
                raise ChildGone  # not our protocol any more
            start = at + LENGTH.size
            if len(received) < start + size:
                break
            self._answers.append(received[start : start + size])
            at = start + size
        return received[at:]


def _until(seconds: float) -> Wait:
    """Waits until so many seconds from now."""
    deadline = time.monotonic() + seconds

    def wait(descriptor: int, event: int) -> None:
        if not is_ready(descriptor, event, deadline - time.monotonic()):
            raise TimeoutError

    return wait
