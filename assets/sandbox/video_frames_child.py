"""The process that decodes single frames of stored videos: it has no file to open and may die on any frame.

Run as `python -m assets.sandbox.video_frames_child MEMORY_BYTES SECONDS FRAME_PIXELS`, which are limits. It is asked
for frames of one stream that share a key packet, and answers with them in the order in which they are shown, then END;
a few videos stay open between (`stored_video.py`). It speaks the messages of `video_channel.py` and ends when its
input does.
"""

from __future__ import annotations

import os
import sys
from collections import OrderedDict
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

from assets.sandbox.child_answers import open_answers
from assets.sandbox.child_limits import ITEM_SECONDS, allow_seconds, limit_resources
from assets.sandbox.confinement import confine
from assets.sandbox.stored_video import (
    FoundFrame,
    FramesAsk,
    PacketMark,
    StoredVideo,
    Wanted,
    index_wanted,
)
from assets.sandbox.video_channel import (
    DAMAGE,
    END,
    FRAME,
    Channel,
    Payload,
    RemoteFile,
)
from assets.sandbox.video_choice import Chooser, Reading
from assets.sandbox.video_container import DECODERS, set_up
from assets.sandbox.video_pixels import (
    checksum,
    describe,
    to_pixels,
)
from assets.sandbox.video_stream import encode_frame, measure_frame

_NANOSECOND = Fraction(1, 10**9)
VIDEOS_AT_ONCE = 4  # that stay open
NUM_THREADS = min(2, os.cpu_count() or 1)


@dataclass(frozen=True)
class _PacketsAsk:
    """Packets of a codec that begin with a key packet, and what is wanted of their frames.

    With `wanted` as in `FramesAsk`, those frames; else all that the track's choice takes: measured, or as PNG.
    """

    codec: str
    packets: list[bytes]
    times_ns: list[int | None]
    wanted: Wanted
    track: int
    reading: Reading | None

    @classmethod
    def of(cls, value: dict[str, Any], payload: bytes) -> _PacketsAsk:
        packets = []
        at = 0
        for size in value["sizes"]:
            packets.append(payload[at : at + size])
            at += size
        told = value.get("reading")
        reading = Reading.of(told) if told else None
        wanted = index_wanted(value.get("wanted", ()))
        times_ns = value.get("times_ns") or [None] * len(packets)
        track = value.get("track", 0)
        return cls(value["codec"], packets, times_ns, wanted, track, reading)


def _send(channel: Channel, found: FoundFrame, crc: int) -> None:
    frame = found.frame
    head = {"steps": found.steps, "nth": found.nth, **describe(frame)}
    make = partial(_make_payload, crc)
    channel.send_made(FRAME, head, make, frame, frame.width * frame.height * 8)


def _make_payload(crc: int, frame: Any) -> Payload:
    """Its pixels; nothing where it is not the frame that was taken in."""
    if checksum(frame) != crc:
        return b""
    return memoryview(to_pixels(frame)).cast("B")


class _Server:
    """Answers what is asked for, and keeps a few videos open."""

    def __init__(self, channel: Channel, frame_pixels: int) -> None:
        self._channel = channel
        self._frame_pixels = frame_pixels
        self._videos: OrderedDict[tuple[int, int], StoredVideo] = OrderedDict()
        self._choosers: dict[int, Chooser] = {}  # by track

    def answer(self, value: dict[str, Any], payload: bytes) -> None:
        """Foreign bytes end in messages, never in an exception."""
        from av.error import FFmpegError
        from av.logging import Capture

        ask = (
            _PacketsAsk.of(value, payload) if "codec" in value else FramesAsk.of(value)
        )
        try:
            with Capture(local=True) as complaints:
                if isinstance(ask, _PacketsAsk):
                    self._decode_packets(ask)
                else:
                    self._decode_video(ask)
            reason = complaints[0][2].strip() if complaints else None
        except (FFmpegError, ValueError, IndexError, MemoryError) as error:
            reason = f"{type(error).__name__}: {error}"
            if isinstance(ask, FramesAsk):
                self._forget((ask.video, ask.stream))
        if reason:
            self._channel.send(DAMAGE, {"reason": reason[:200]})
        self._channel.send(END, {})

    def _decode_video(self, ask: FramesAsk) -> None:
        """Raises FFmpegError; what was decoded before is sent."""
        for found in self._find((ask.video, ask.stream), ask).decode(ask):
            _send(self._channel, found, ask.wanted[found.steps][found.nth])

    def _decode_packets(self, ask: _PacketsAsk) -> None:
        """Raises FFmpegError; what was decoded before is sent."""
        import av

        if ask.codec not in DECODERS:
            raise ValueError(f"video codec {ask.codec!r} is not read")
        context: Any = av.CodecContext.create(ask.codec, "r")
        set_up(context, self._frame_pixels, 1 if ask.reading else NUM_THREADS)
        found: dict[int, int] = {}
        for steps, data in enumerate(ask.packets):
            allow_seconds(ITEM_SECONDS)
            packet = av.Packet(data)
            packet.pts = ask.times_ns[steps]
            packet.time_base = _NANOSECOND
            packet.opaque = PacketMark(steps)
            is_needed = ask.reading is not None or steps in ask.wanted
            context.skip_frame = "DEFAULT" if is_needed else "NONREF"
            for frame in context.decode(packet):
                self._hand_on(frame, ask, found)
        for frame in context.decode(None):
            self._hand_on(frame, ask, found)

    def _hand_on(self, frame: Any, ask: _PacketsAsk, found: dict[int, int]) -> None:
        steps = frame.opaque.steps
        if ask.reading is None:
            nth = found.get(steps, 0)
            found[steps] = nth + 1
            crc = ask.wanted.get(steps, {}).get(nth)
            if crc is not None:
                _send(self._channel, FoundFrame(steps, nth, frame), crc)
            return
        chooser = self._choosers.setdefault(ask.track, Chooser(ask.reading.choice))
        frame.time_base = _NANOSECOND
        if frame.is_corrupt or not chooser.takes(frame, is_key=steps == 0):
            self._channel.send(FRAME, {"steps": steps, "is_taken": False})
            return
        head = {"steps": steps, "is_taken": True}
        make = measure_frame if ask.reading.is_kept else encode_frame
        self._channel.send_made(
            FRAME, head, make, frame, frame.width * frame.height * 8
        )

    def _find(self, place: tuple[int, int], ask: FramesAsk) -> StoredVideo:
        if place not in self._videos:
            self._videos[place] = StoredVideo(
                RemoteFile(self._channel, ask.size, ask.video),
                ask,
                self._frame_pixels,
                NUM_THREADS,
                partial(allow_seconds, ITEM_SECONDS),
            )
        self._videos.move_to_end(place)
        while len(self._videos) > VIDEOS_AT_ONCE:
            self._videos.popitem(last=False)[1].close()
        return self._videos[place]

    def _forget(self, place: tuple[int, int]) -> None:
        video = self._videos.pop(place, None)
        if video is not None:
            video.close()


def main() -> None:
    """Answer what comes on standard input, within the limits that the arguments give."""
    answers = open_answers()
    import av.logging
    import cv2

    # to be heard by `Capture`; standard error leads nowhere
    av.logging.set_level(av.logging.ERROR)
    cv2.setNumThreads(1)
    memory_bytes, seconds, frame_pixels = map(int, sys.argv[1:4])
    limit_resources(memory_bytes, seconds)
    confine()
    channel = Channel(sys.stdin.buffer, answers, NUM_THREADS)
    server = _Server(channel, frame_pixels)
    try:
        while True:
            allow_seconds(ITEM_SECONDS)
            server.answer(*channel.receive_ask())
    except (EOFError, BrokenPipeError):
        os._exit(0)  # nobody listens any more


if __name__ == "__main__":
    main()
