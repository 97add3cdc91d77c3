"""Have a foreign video decoded in a child process, and take what it sends: frames, damage, counts.

The child (`video_child.py`) works under limits on memory and processor time; this side serves it the bytes that it asks
for, watches the clock on the wall, and believes nothing that does not fit the protocol.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from assets.capture.child_limits import ITEM_SECONDS, MEMORY_BYTES
from assets.capture.video_channel import DAMAGE, END, FACTS, FRAME, HEAD, READ

FREE_PIXELS, PIXELS_A_BYTE = 500_000_000, 20_000  # a still scene has 5,000; a few bytes can ask for hours of black
FRAME_SECONDS = 1.0  # on average, above the ITEM_SECONDS that any one may take
_START_SECONDS = 60  # loading the libraries on a busy machine
_MAX_JSON_BYTES = 1 << 16
_MAX_PAYLOAD_BYTES = 512 << 20
_MAX_READ_BYTES = 64 << 20
_PIECE_BYTES = 1 << 20
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class VideoMessage:
    """`kind` is FACTS, FRAME, DAMAGE or END of `video_channel`; a frame's `payload` is its PNG."""

    kind: bytes
    value: dict[str, Any]
    payload: bytes = b""


class _ChildEnded(Exception):
    """The child died, or sent what the protocol does not know."""


def decode_in_child(
    stream: BinaryIO, demuxer: str, memory_bytes: int = MEMORY_BYTES, item_seconds: float = ITEM_SECONDS,
    free_pixels: int = FREE_PIXELS, pixels_a_byte: int = PIXELS_A_BYTE,
) -> Iterator[VideoMessage]:  # fmt: skip
    """Everything that a child finds in the video, in order; last END, or a DAMAGE that says how the child ended.

    Errors of the stream itself are raised as they come.
    """
    size = stream.seek(0, os.SEEK_END)
    child = _start(memory_bytes, size, free_pixels + pixels_a_byte * size, demuxer)
    watch = _Watch(item_seconds)
    try:
        while True:
            message = _receive(child, watch)
            if message.kind == READ:
                _serve(child, stream, message.value, watch)
                continue
            watch.restart(is_frame=message.kind == FRAME)
            yield message
            if message.kind == END:
                return
    except TimeoutError:
        yield VideoMessage(DAMAGE, {"reason": f"{watch}: decoding was stopped", "remedy": "scale"})
    except _ChildEnded:
        yield VideoMessage(DAMAGE, {"reason": f"the decoder died ({_explain_end(child)})", "remedy": "copy"})
    finally:
        child.kill()
        child.wait()
        assert child.stdin and child.stdout
        child.stdin.close()
        child.stdout.close()


class _Watch:
    """The time that the child has taken, without the time that it waited for us."""

    def __init__(self, item_seconds: float) -> None:
        self._item_s, self._item_left_s, self._credit_s = item_seconds, float(_START_SECONDS), item_seconds
        self._is_started = False

    def __str__(self) -> str:
        return f"more than {self._item_s:g} s for one frame, or {FRAME_SECONDS:g} s a frame on average"

    @property
    def left_s(self) -> float:
        return min(self._item_left_s, self._credit_s) if self._is_started else self._item_left_s

    def spend(self, seconds: float) -> None:
        self._item_left_s -= seconds
        if self._is_started:
            self._credit_s -= seconds

    def restart(self, is_frame: bool) -> None:
        """A message has come. Only frames earn time, so that a stream of problems ends as well."""
        self._item_left_s = self._item_s
        self._credit_s += FRAME_SECONDS if is_frame else 0.0

    def start(self) -> None:
        """The libraries are loaded: from now on the limits count."""
        if not self._is_started:
            self._is_started, self._item_left_s = True, self._item_s


def _start(memory_bytes: int, size: int, max_pixels: int, demuxer: str) -> subprocess.Popen[bytes]:
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}
    path = os.pathsep.join(p for p in (str(_ROOT), os.environ.get("PYTHONPATH", "")) if p)
    child = subprocess.Popen(
        [sys.executable, "-m", "assets.capture.video_child", *map(str, (memory_bytes, size, max_pixels)), demuxer],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, start_new_session=True,
        env={**os.environ, **threads, "PYTHONPATH": path},
    )  # fmt: skip
    assert child.stdin and child.stdout
    os.set_blocking(child.stdin.fileno(), False)
    return child


def _serve(child: subprocess.Popen[bytes], stream: BinaryIO, value: Any, watch: _Watch) -> None:
    """Answer one request for bytes."""
    watch.start()
    offset, size = value if isinstance(value, list) and len(value) == 2 else (-1, 0)
    if type(offset) is not int or type(size) is not int or offset < 0 or not 0 <= size <= _MAX_READ_BYTES:
        raise _ChildEnded
    stream.seek(offset)
    data = stream.read(size)
    _send(child, len(data).to_bytes(8, "big") + data, watch)


def _send(child: subprocess.Popen[bytes], data: bytes, watch: _Watch) -> None:
    assert child.stdin
    descriptor, view = child.stdin.fileno(), memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            _wait(descriptor, select.POLLOUT, watch)
        except BrokenPipeError:
            raise _ChildEnded from None


def _receive(child: subprocess.Popen[bytes], watch: _Watch) -> VideoMessage:
    kind, json_bytes, payload_bytes = HEAD.unpack(_take(child, HEAD.size, watch))
    if kind not in (READ, FACTS, FRAME, DAMAGE, END) or json_bytes > _MAX_JSON_BYTES:
        raise _ChildEnded
    if payload_bytes > _MAX_PAYLOAD_BYTES:
        raise _ChildEnded
    try:
        value = json.loads(bytes(_take(child, json_bytes, watch)))
    except ValueError:
        raise _ChildEnded from None
    return VideoMessage(kind, value, bytes(_take(child, payload_bytes, watch)))


def _take(child: subprocess.Popen[bytes], size: int, watch: _Watch) -> bytearray:
    assert child.stdout
    descriptor, data = child.stdout.fileno(), bytearray()
    while len(data) < size:
        _wait(descriptor, select.POLLIN, watch)
        piece = os.read(descriptor, min(_PIECE_BYTES, size - len(data)))
        if not piece:
            raise _ChildEnded
        data += piece
    return data


def _wait(descriptor: int, event: int, watch: _Watch) -> None:
    """Until the pipe is ready. Raises TimeoutError when the time is used up."""
    poll = select.poll()
    poll.register(descriptor, event)
    before = time.monotonic()
    ready = poll.poll(max(0, int(watch.left_s * 1000)))
    watch.spend(time.monotonic() - before)
    if not ready:
        raise TimeoutError


def _explain_end(child: subprocess.Popen[bytes]) -> str:
    try:
        status = child.wait(2)  # its pipe is closed: it is about to end
    except subprocess.TimeoutExpired:
        return "it broke the protocol"
    if status == -signal.SIGXCPU:
        return f"more than {ITEM_SECONDS} s of processor time for one frame"
    return f"signal {-status}" if status < 0 else f"exit status {status}"
