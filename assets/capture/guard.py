"""Let a child process decode foreign image bytes, so that no decoder bug or bomb reaches this one.

The child works under limits on memory, processor time and wall time (`guard_child.py`). When it dies on an image, that
image is refused, a new child is started, and the rest of the batch goes on.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from assets.capture.guard_child import ITEM_SECONDS, LENGTH, MEMORY_BYTES

MAX_PAYLOAD_BYTES = 256 << 20
_START_SECONDS = 60  # loading the libraries on a busy machine
_STOP_SECONDS = 2
_MAX_ANSWER_BYTES = 1 << 16
_READ_BYTES = 1 << 16
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class ImageFacts:
    """An image that decoded completely."""

    width_px: int  # in stored orientation: EXIF is not applied
    height_px: int
    encoding: str  # "jpeg", "png", "tiff", "bmp", "webp", "gif"
    channels: int
    bits: int  # per channel as decoded: 8, 16 or 32
    is_depth_candidate: bool  # 16-bit single-channel PNG


@dataclass(frozen=True)
class Refusal:
    """An image that does not decode within the limits."""

    reason: str
    remedy: str


class _ChildEnded(Exception):
    """The child died, or had to be ended, while it worked on one image."""


class ImageGuard:
    """Inspects images in one child process, which is started with the first image and ended on exit.

    Not to be shared between threads.
    """

    def __init__(self, item_seconds: float = ITEM_SECONDS, memory_bytes: int = MEMORY_BYTES) -> None:
        self._item_seconds, self._memory_bytes = item_seconds, memory_bytes
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def inspect(self, payloads: Sequence[bytes]) -> list[ImageFacts | Refusal]:
        """One verdict a payload, in order. Raises RuntimeError when the child cannot be started at all."""
        return [self._inspect_one(payload) for payload in payloads]

    def close(self) -> None:
        """End the child. The next `inspect` starts another."""
        child, self._child = self._child, None
        if child is None:
            return
        assert child.stdin and child.stdout
        child.stdin.close()
        try:
            child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()

    def _inspect_one(self, payload: bytes) -> ImageFacts | Refusal:
        if not payload:
            return Refusal("empty image", "export it again")
        if len(payload) > MAX_PAYLOAD_BYTES:
            return Refusal(
                f"{len(payload)} bytes, more than the {MAX_PAYLOAD_BYTES} decoded at once", "scale the image"
            )
        child = self._child or self._start()
        deadline = time.monotonic() + self._item_seconds
        try:
            _send(child, payload, deadline)
            answer = _receive(child, deadline)
        except TimeoutError:
            self._end()
            return Refusal(f"decoder took more than {self._item_seconds:g} s", "export it again as a plain JPEG or PNG")
        except _ChildEnded:
            return self._explain_death()
        except BaseException:  # interrupted: a late answer must not be taken for the next image's
            self._end()
            raise
        if "reason" in answer:
            return Refusal(answer["reason"], answer["remedy"])
        return ImageFacts(**answer)

    def _start(self) -> subprocess.Popen[bytes]:
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}
        path = os.pathsep.join(p for p in (str(_ROOT), os.environ.get("PYTHONPATH", "")) if p)
        command = [sys.executable, "-m", "assets.capture.guard_child", str(self._memory_bytes)]
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, start_new_session=True,
            env={**os.environ, **threads, "PYTHONPATH": path},
        )  # fmt: skip
        assert child.stdin and child.stdout
        os.set_blocking(child.stdin.fileno(), False)
        self._child = child
        try:
            _receive(child, time.monotonic() + _START_SECONDS)
        except (TimeoutError, _ChildEnded) as error:
            self._end()
            raise RuntimeError(f"the image guard did not start: run `{' '.join(command)}` to see why") from error
        return child

    def _end(self) -> int:
        """Kill the child and return its exit status."""
        child, self._child = self._child, None
        assert child and child.stdin and child.stdout
        child.kill()
        status = child.wait()
        child.stdin.close()
        child.stdout.close()
        return status

    def _explain_death(self) -> Refusal:
        assert self._child
        try:
            status = self._child.wait(_STOP_SECONDS)  # its pipe is closed: it is about to end
        except subprocess.TimeoutExpired:
            status = 0
        self._end()
        remedy = "export it again as a plain JPEG or PNG"
        if status == -signal.SIGXCPU:
            return Refusal(f"decoder took more than {ITEM_SECONDS} s of processor time", remedy)
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        return Refusal(f"decoder died ({how})", remedy)


def _send(child: subprocess.Popen[bytes], payload: bytes, deadline: float) -> None:
    assert child.stdin
    descriptor = child.stdin.fileno()
    for part in (LENGTH.pack(len(payload)), payload):
        view = memoryview(part)
        while view:
            try:
                view = view[os.write(descriptor, view) :]
            except BlockingIOError:
                _wait(descriptor, select.POLLOUT, deadline)
            except BrokenPipeError:
                raise _ChildEnded from None


def _receive(child: subprocess.Popen[bytes], deadline: float) -> dict[str, Any]:
    assert child.stdout
    descriptor, data = child.stdout.fileno(), b""
    while True:
        if len(data) >= LENGTH.size:
            size = LENGTH.unpack_from(data)[0]
            if size > _MAX_ANSWER_BYTES:
                raise _ChildEnded  # not our protocol any more
            if len(data) >= LENGTH.size + size:
                answer: dict[str, Any] = json.loads(data[LENGTH.size :])
                return answer
        _wait(descriptor, select.POLLIN, deadline)
        piece = os.read(descriptor, _READ_BYTES)
        if not piece:
            raise _ChildEnded
        data += piece


def _wait(descriptor: int, event: int, deadline: float) -> None:
    """Until the pipe is ready. Raises TimeoutError at the deadline."""
    poll = select.poll()
    poll.register(descriptor, event)
    left_ms = int(max(0.0, deadline - time.monotonic()) * 1000)
    if not poll.poll(left_ms):
        raise TimeoutError
