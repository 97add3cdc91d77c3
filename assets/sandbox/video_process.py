"""Have a foreign video decoded in a child process, and take what it sends: frames, damage, counts.

The child (`video_child.py`) works under limits on memory and processor time; this side serves it the bytes that it asks
for, watches the processor time of a frame and of all, and believes nothing that does not fit the protocol.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

from assets.sandbox.child_limits import VideoLimits
from assets.sandbox.child_process import (
    SILENCE_SECONDS,
    Child,
    ChildGone,
    end_child,
    explain_end,
    is_ready,
    measure_used_s,
    receive,
    send,
    start_child,
)
from assets.sandbox.video_channel import (
    ASK,
    DAMAGE,
    END,
    FACTS,
    FRAME,
    HEAD,
    READ,
    pack_head,
)
from assets.sandbox.video_choice import Reading
from assets.sandbox.video_task import VideoTask

_CHILD = "assets.sandbox.video_child"
_LOOK_SECONDS = 0.5  # between looks at how much the child has used
_MAX_JSON_BYTES = 1 << 16
_MAX_PAYLOAD_BYTES = 512 << 20
_MAX_READ_BYTES = 64 << 20


_ahead: list[Child] = []  # started, and not yet told of a video
os.register_at_fork(after_in_child=_ahead.clear)  # they are the parent's


@dataclass(frozen=True)
class VideoMessage:
    """`kind` is a letter of `video_channel`; a frame's `payload` is its PNG, its facts or its pixels."""

    kind: bytes
    value: dict[str, Any]
    payload: bytes | bytearray = b""


def decode_in_child(
    stream: BinaryIO,
    demuxer: str,
    limits: VideoLimits | None = None,
    reading: Reading | None = None,
) -> Iterator[VideoMessage]:
    """Everything that a child finds in the video, in order; last END, or a DAMAGE that says how the child ended.

    A frame's payload is its PNG; where the video `is_kept`, JSON of its facts, from which it can be found again.
    Errors of the stream itself are raised as they come.
    """
    limits = limits or VideoLimits()
    size = stream.seek(0, os.SEEK_END)
    task = VideoTask.within(limits, demuxer, reading or Reading(), size)
    child = _take_child()
    watch = Watch(child, limits)
    try:
        send(child, pack_head(ASK, asdict(task)), watch.wait)
        while True:
            message = receive_message(child, watch)
            if message.kind == READ:
                serve(child, lambda _: stream, message.value, watch)
                continue
            watch.restart(is_frame=message.kind == FRAME)
            yield message
            if message.kind == END:
                return
    except TimeoutError:
        yield VideoMessage(
            DAMAGE, {"reason": f"{watch}: decoding was stopped", "remedy": "scale"}
        )
    except ChildGone:
        yield VideoMessage(
            DAMAGE, {"reason": f"the decoder {explain_end(child)}", "remedy": "copy"}
        )
    finally:
        end_child(child)


@contextmanager
def child_ahead(is_wanted: bool) -> Iterator[None]:
    """A child loads its libraries meanwhile; the first video that is decoded by then is given to it."""
    child = start_child(_CHILD, ()) if is_wanted else None
    if child:
        _ahead.append(child)
    try:
        yield
    finally:
        if child and child in _ahead:
            _ahead.remove(child)
            end_child(child)


def _take_child() -> Child:
    try:
        return _ahead.pop()
    except IndexError:
        return start_child(_CHILD, ())


class Watch:
    """The processor time that the child may take, without what it took before it began to read."""

    def __init__(self, child: Child, limits: VideoLimits) -> None:
        self._child = child
        self._item_s = limits.item_seconds
        self._frame_s = limits.frame_seconds
        self._item_left_s = limits.item_seconds
        self._credit_s = limits.item_seconds
        self._used_s = 0.0
        self._is_started = False

    def __str__(self) -> str:
        limits = f"more than {self._item_s:g} s for one frame, or {self._frame_s:g} s a frame on average"
        return f"{limits}, of processor time, or no answer in {SILENCE_SECONDS} s"

    def wait(self, descriptor: int, event: int) -> None:
        """Until the pipe is ready. Raises TimeoutError when the time is used up, or the child is silent for long."""
        silent_until = time.monotonic() + SILENCE_SECONDS
        while not is_ready(
            descriptor, event, min(_LOOK_SECONDS, max(self._left_s, 0.0))
        ):
            self._spend()
            if self._left_s <= 0 or time.monotonic() > silent_until:
                raise TimeoutError

    def restart(self, is_frame: bool) -> None:
        """A message has come. Only frames earn time, so that a stream of problems ends as well."""
        self._spend()
        self._item_left_s = self._item_s
        self._credit_s += self._frame_s if is_frame else 0.0

    def start(self) -> None:
        """The libraries are loaded: from now on the limits count."""
        if not self._is_started:
            self._is_started, self._used_s = True, measure_used_s(self._child)

    @property
    def _left_s(self) -> float:
        return (
            min(self._item_left_s, self._credit_s)
            if self._is_started
            else SILENCE_SECONDS
        )

    def _spend(self) -> None:
        if self._is_started:
            used_s = measure_used_s(self._child)
            spent_s = used_s - self._used_s
            self._used_s = used_s
            self._item_left_s -= spent_s
            self._credit_s -= spent_s


def serve(
    child: Child, open_video: Callable[[int], BinaryIO], value: Any, watch: Watch
) -> None:
    """Answer one request for bytes of the video that has this number. Raises ChildGone for what is no request."""
    watch.start()
    if (
        not isinstance(value, list)
        or len(value) != 3
        or not all(type(part) is int and part >= 0 for part in value)
        or value[2] > _MAX_READ_BYTES
    ):
        raise ChildGone
    video, offset, size = value
    stream = open_video(video)
    stream.seek(offset)
    data = stream.read(size)
    send(child, len(data).to_bytes(8, "big") + data, watch.wait)


def receive_message(child: Child, watch: Watch) -> VideoMessage:
    """The next message. Raises ChildGone for what the protocol does not know, and what `watch` raises."""
    kind, json_bytes, payload_bytes = HEAD.unpack(receive(child, HEAD.size, watch.wait))
    if kind not in (READ, FACTS, FRAME, DAMAGE, END) or json_bytes > _MAX_JSON_BYTES:
        raise ChildGone
    if payload_bytes > _MAX_PAYLOAD_BYTES:
        raise ChildGone
    try:
        value = json.loads(bytes(receive(child, json_bytes, watch.wait)))
    except ValueError:
        raise ChildGone from None
    return VideoMessage(kind, value, receive(child, payload_bytes, watch.wait))
