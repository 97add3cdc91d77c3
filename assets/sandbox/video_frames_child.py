"""The process that decodes single frames of stored videos: it has no file to open and may die on any frame.

Run as `python -m assets.sandbox.video_frames_child MEMORY_BYTES SECONDS FRAME_PIXELS`, which are limits. It is asked
for frames of one stream that share a key packet, and answers with them in the order in which they are shown, then END;
a few videos stay open between. It speaks the messages of `video_channel.py` and ends when its input does.
"""

from __future__ import annotations

import os
import sys
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from assets.sandbox.child_answers import open_answers
from assets.sandbox.child_limits import ITEM_SECONDS, allow_seconds, limit_resources
from assets.sandbox.confinement import confine
from assets.sandbox.video_channel import (
    DAMAGE,
    END,
    FRAME,
    Channel,
    Payload,
    RemoteFile,
)
from assets.sandbox.video_choice import Chooser, Reading
from assets.sandbox.video_container import DECODERS, open_container, set_up
from assets.sandbox.video_pixels import (
    checksum,
    describe,
    to_pixels,
)
from assets.sandbox.video_places import Key
from assets.sandbox.video_stream import encode_frame, measure_frame

_NANOSECOND = Fraction(1, 10**9)
VIDEOS_AT_ONCE = 4  # that stay open
_NEAR_PACKETS = 512  # a key packet lies at most so far behind the place where the container says it is
NUM_THREADS = min(2, os.cpu_count() or 1)


@dataclass(frozen=True)
class _PacketsAsk:
    """Packets of a codec that begin with a key packet, and what is wanted of their frames.

    With `wanted` as in `_Ask`, those frames; else all that the track's choice takes: measured, or as PNG.
    """

    codec: str
    packets: list[bytes]
    times_ns: list[int | None]
    wanted: dict[int, dict[int, int]]
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
        wanted = _index_wanted(value.get("wanted", ()))
        times_ns = value.get("times_ns") or [None] * len(packets)
        track = value.get("track", 0)
        return cls(value["codec"], packets, times_ns, wanted, track, reading)


@dataclass(frozen=True)
class _Ask:
    """Frames of one stream. `wanted` is packet -> which of its frames -> their checksum; packets count from the key."""

    video: int
    size: int
    demuxer: str
    stream: int
    key: Key | None  # None: count from the first packet of the stream
    wanted: dict[int, dict[int, int]]

    @classmethod
    def of(cls, value: dict[str, Any]) -> _Ask:
        key = Key(**value["key"]) if value["key"] else None
        return cls(
            value["video"],
            value["size"],
            value["demuxer"],
            value["stream"],
            key,
            _index_wanted(value["wanted"]),
        )


def _index_wanted(
    wanted: Iterable[tuple[int, int, int]],
) -> dict[int, dict[int, int]]:
    index: dict[int, dict[int, int]] = {}
    for steps, nth, crc in wanted:
        index.setdefault(steps, {})[nth] = crc
    return index


class _OpenVideo:
    """One stream of one stored video, and where in it the demuxer stands."""

    def __init__(self, channel: Channel, ask: _Ask, frame_pixels: int) -> None:
        self._channel = channel
        self._frame_pixels = frame_pixels
        self._file = RemoteFile(channel, ask.size, ask.video)
        self._demuxer = ask.demuxer
        self._index = ask.stream
        self._open()

    def _open(self) -> None:
        self._file.seek(0)
        self._container = open_container(self._file, self._demuxer, self._frame_pixels)
        self._stream = self._container.streams[self._index]
        set_up(self._stream.codec_context, self._frame_pixels, NUM_THREADS)
        self._packets = self._demux()
        self._next: Any = None  # read already

    def close(self) -> None:
        self._container.close()

    def decode(self, ask: _Ask) -> None:
        """Send the frames that are asked for, as far as the video has them. Raises FFmpegError."""
        self._go_to(ask.key)
        last = max(ask.wanted)
        found: dict[int, int] = {}  # packet -> frames of it so far
        for steps in range(last + 1):
            packet = self._take()
            if packet is None:
                break
            allow_seconds(ITEM_SECONDS)
            # nothing builds on frames that are no reference
            context = self._stream.codec_context
            context.skip_frame = "DEFAULT" if steps in ask.wanted else "NONREF"
            packet.opaque = steps
            for frame in packet.decode():
                self._hand_on(frame, ask, found)
        for frame in self._stream.codec_context.decode(None):
            self._hand_on(frame, ask, found)
        self._stream.codec_context.flush_buffers()

    def _hand_on(self, frame: Any, ask: _Ask, found: dict[int, int]) -> None:
        _send_wanted(self._channel, frame, ask.wanted, found)

    def _go_to(self, key: Key | None) -> None:
        """Let the key packet be the next one."""
        if key is None:
            self.close()
            self._open()
            return
        self._next = self._take()  # reading on goes without a search
        if self._next is not None and _is_at(self._next, key):
            return
        for ticks in dict.fromkeys((key.dts, key.pts)):
            if ticks is not None and self._seek(ticks, key):
                return
        self.close()
        self._open()
        while (packet := self._take()) is not None:
            if _is_at(packet, key):
                self._next = packet
                return

    def _seek(self, ticks: int, key: Key) -> bool:
        self._container.seek(ticks, stream=self._stream)
        self._packets = self._demux()
        self._next = None
        for _ in range(_NEAR_PACKETS):
            packet = self._take()
            if packet is None:
                return False
            if _is_at(packet, key):
                self._next = packet
                return True
        return False

    def _take(self) -> Any:
        """The next packet of the stream; None at its end."""
        packet = self._next if self._next is not None else next(self._packets, None)
        self._next = None
        return packet

    def _demux(self) -> Iterator[Any]:
        for packet in self._container.demux(self._stream):
            if packet.size:
                yield packet


def _send_wanted(
    channel: Channel,
    frame: Any,
    wanted: dict[int, dict[int, int]],
    found: dict[int, int],
) -> None:
    """Send a frame that is asked for; nothing in its place where it is not the one that was taken in."""
    steps = frame.opaque
    nth = found.get(steps, 0)
    found[steps] = nth + 1
    crc = wanted.get(steps, {}).get(nth)
    if crc is None:
        return
    head = {"steps": steps, "nth": nth, **describe(frame)}
    make = _to_payload if checksum(frame) == crc else _to_nothing
    channel.send_made(FRAME, head, make, frame, frame.width * frame.height * 8)


def _is_at(packet: Any, key: Key) -> bool:
    if key.offset >= 0 and packet.pos is not None:
        return bool(packet.pos == key.offset)
    return bool((packet.pts, packet.dts) == (key.pts, key.dts))


def _to_payload(frame: Any) -> Payload:
    return memoryview(to_pixels(frame)).cast("B")


def _to_nothing(_: Any) -> Payload:
    """It is not the frame that was taken in."""
    return b""


class _Server:
    """Answers what is asked for, and keeps a few videos open."""

    def __init__(self, channel: Channel, frame_pixels: int) -> None:
        self._channel = channel
        self._frame_pixels = frame_pixels
        self._videos: OrderedDict[tuple[int, int], _OpenVideo] = OrderedDict()
        self._choosers: dict[int, Chooser] = {}  # by track

    def answer(self, value: dict[str, Any], payload: bytes) -> None:
        """Foreign bytes end in messages, never in an exception."""
        from av.error import FFmpegError
        from av.logging import Capture

        ask = _PacketsAsk.of(value, payload) if "codec" in value else _Ask.of(value)
        try:
            with Capture(local=True) as complaints:
                if isinstance(ask, _PacketsAsk):
                    self._decode_packets(ask)
                else:
                    self._find((ask.video, ask.stream), ask).decode(ask)
            reason = complaints[0][2].strip() if complaints else None
        except (FFmpegError, ValueError, IndexError, MemoryError) as error:
            reason = f"{type(error).__name__}: {error}"
            if isinstance(ask, _Ask):
                self._forget((ask.video, ask.stream))
        if reason:
            self._channel.send(DAMAGE, {"reason": reason[:200]})
        self._channel.send(END, {})

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
            packet.opaque = steps
            is_needed = ask.reading is not None or steps in ask.wanted
            context.skip_frame = "DEFAULT" if is_needed else "NONREF"
            for frame in context.decode(packet):
                self._hand_on(frame, ask, found)
        for frame in context.decode(None):
            self._hand_on(frame, ask, found)

    def _hand_on(self, frame: Any, ask: _PacketsAsk, found: dict[int, int]) -> None:
        if ask.reading is None:
            _send_wanted(self._channel, frame, ask.wanted, found)
            return
        steps = frame.opaque
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

    def _find(self, place: tuple[int, int], ask: _Ask) -> _OpenVideo:
        if place not in self._videos:
            self._videos[place] = _OpenVideo(self._channel, ask, self._frame_pixels)
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
