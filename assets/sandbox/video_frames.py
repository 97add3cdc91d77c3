"""Have single frames of stored videos decoded in child processes, by random access that knows where decoding begins.

A child stays for many frames and keeps a few videos open (`video_frames_child.py`); this side serves it the bytes that
it asks for, or sends it packets. Each frame is proven by the checksum that was taken when the video was taken in.
"""

from __future__ import annotations

import atexit
import math
import os
import queue
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from assets.sandbox.child_limits import CHILD_SECONDS, VideoLimits
from assets.sandbox.child_process import (
    Child,
    ChildGone,
    end_child,
    explain_end,
    measure_used_s,
    send,
    start_child,
    widen,
)
from assets.sandbox.stored_video import MAX_DELAY
from assets.sandbox.video_channel import ASK, DAMAGE, END, FRAME, READ, pack_head
from assets.sandbox.video_choice import Reading
from assets.sandbox.video_places import OF_MESSAGES, Key, VideoPlace
from assets.sandbox.video_process import (
    VideoMessage,
    Watch,
    receive_message,
    serve,
)

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
# of the stream of a recording, the packets of a place's channel from its key on, at most so many
ReadPackets = Callable[[BinaryIO, VideoPlace, int], list[bytes]]
_BLOBS_AT_ONCE = 8  # that stay open here
_MAX_CHILDREN = 2
_REMEDY = "run `daguerre verify`, and restore the video from a backup"


class Videos(Protocol):
    """A store of videos by their sha256. Streams of one `uri` are kept open, for whoever asks for the same."""

    @property
    def uri(self) -> str:
        """What tells it from other stores."""

    def open(self, sha256: str) -> BinaryIO:
        """A video's bytes, to be read from any place. Raises FileNotFoundError when it is gone."""


@dataclass(frozen=True)
class PacketsOfTrack:
    """Packets of one track that begin with a key packet, and how its frames are read."""

    track: int  # number of the track: its choice goes on from one group of packets to the next
    codec: str
    packets: Sequence[bytes]
    times_ns: Sequence[int | None]
    reading: Reading


class VideoFrameDecoder:
    """Decodes frames of videos in one child, which is started with the first. Not to be shared by threads."""

    def __init__(self, limits: VideoLimits | None = None) -> None:
        self._limits = limits or VideoLimits()
        self._child: Child | None = None
        # of a store's blobs, as the child knows them
        self._numbers: dict[tuple[str, str], int] = {}
        self._streams: OrderedDict[int, BinaryIO] = OrderedDict()

    def decode(
        self,
        places: Sequence[VideoPlace],
        blobs: Videos,
        read_packets: ReadPackets,
    ) -> dict[VideoPlace, Pixels]:
        """(H, W) grey, (H, W, 3) BGR or (H, W, 4) BGRA of each place, as `video_pixels.to_pixels` says.

        `read_packets` finds what lies in messages. Raises ValueError for a frame that is not what was taken in,
        FileNotFoundError for a video that is gone.
        """
        found: dict[VideoPlace, Pixels] = {}
        for group in _group(places):
            missed = _Missed()
            for ask in _list_asks(group):
                ask = ask.without(found)
                if ask.wanted:
                    found |= self._ask(ask, blobs, read_packets, missed)
            lost = [p for p in group if p not in found]
            if lost:
                raise ValueError(
                    f"frame {lost[0].number} of video {lost[0].blob[:12]}… is not what was taken in"
                    f"{missed}: {_REMEDY}"
                )
        return found

    def measure(self, asked: PacketsOfTrack) -> tuple[list[VideoMessage], str]:
        """The frames of packets, with payloads as `decode_in_child` has them; and what was wrong, empty for nothing.

        The value of each says its packet (`steps`), and whether it `is_taken` by the track's choice.
        """
        frames: list[VideoMessage] = []
        missed = _Missed()
        value = {
            "codec": asked.codec,
            "sizes": [len(packet) for packet in asked.packets],
            "times_ns": list(asked.times_ns),
            "track": asked.track,
            "reading": asdict(asked.reading),
        }
        with self._talking(len(asked.packets), missed) as talk:
            talk.ask(value, asked.packets)
            for message in talk.answers(_no_videos):
                frames.append(message)
        return frames, missed.reason

    def close(self) -> None:
        """End the child. The next frame starts another."""
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()
        if self._child is not None:
            end_child(self._child)
        self._child = None

    def _ask(
        self,
        ask: _Ask,
        blobs: Videos,
        read_packets: ReadPackets,
        missed: _Missed,
    ) -> dict[VideoPlace, Pixels]:
        found: dict[VideoPlace, Pixels] = {}
        steps = max(ask.wanted)
        with self._talking(steps + MAX_DELAY, missed) as talk:
            blob = (blobs.uri, ask.first.blob)
            number = self._numbers.setdefault(blob, len(self._numbers))
            names = {n: name for (_, name), n in self._numbers.items()}

            def find(video: int) -> BinaryIO:
                return self._find_stream(video, names, blobs)

            stream = find(number)
            if ask.is_of_messages:
                packets = read_packets(stream, ask.first, steps + 1)
                talk.ask(ask.to_packets_json(packets), packets)
            else:
                talk.ask(ask.to_json(number, stream.seek(0, os.SEEK_END)))
            for message in talk.answers(find):
                place = ask.find(message.value)
                if message.payload:
                    found[place] = _read_pixels(message)
        return found

    @contextmanager
    def _talking(self, num_packets: int, missed: _Missed) -> Iterator[_Talk]:
        """One question and its answers, with time for all packets before the first frame comes.

        What goes wrong with the child ends it, and is the reason for what is missed; other errors pass.
        """
        child = self._find_child()
        more_s = num_packets * self._limits.frame_seconds
        limits = replace(self._limits, item_seconds=self._limits.item_seconds + more_s)
        watch = Watch(child, limits)
        watch.start()
        try:
            yield _Talk(child, watch, missed)
        except ChildGone:
            self._child = None
            missed.reason = f"the decoder {explain_end(child)}"
        except TimeoutError:
            self.close()
            missed.reason = f"{watch}: decoding was stopped"
        except BaseException:  # a late answer must not be taken for the next
            self.close()
            raise

    def _find_child(self) -> Child:
        if self._child is not None and measure_used_s(self._child) > CHILD_SECONDS / 2:
            self.close()
        if self._child is None:
            limits = self._limits
            arguments = (limits.memory_bytes, int(CHILD_SECONDS), limits.frame_pixels)
            self._child = start_child("assets.sandbox.video_frames_child", arguments)
            self._numbers.clear()
            for stream in self._streams.values():
                stream.close()
            self._streams.clear()
            assert self._child.stdin and self._child.stdout
            widen(self._child.stdin)
            widen(self._child.stdout)
        return self._child

    def _find_stream(
        self, number: int, names: Mapping[int, str], blobs: Videos
    ) -> BinaryIO:
        if number not in names:
            raise ChildGone
        if number not in self._streams:
            self._streams[number] = blobs.open(names[number])
        self._streams.move_to_end(number)
        while len(self._streams) > _BLOBS_AT_ONCE:
            self._streams.popitem(last=False)[1].close()
        return self._streams[number]


@dataclass
class _Missed:
    """Why frames did not come, where that is known."""

    reason: str = ""

    def __str__(self) -> str:
        return f" ({self.reason})" if self.reason else ""


@dataclass(frozen=True)
class _Talk:
    """A question to the child, and its answers."""

    child: Child
    watch: Watch
    missed: _Missed

    def ask(self, value: dict[str, Any], packets: Sequence[bytes] = ()) -> None:
        num_bytes = sum(len(packet) for packet in packets)
        send(self.child, pack_head(ASK, value, num_bytes), self.watch.wait)
        for packet in packets:
            send(self.child, packet, self.watch.wait)

    def answers(self, find: Callable[[int], BinaryIO]) -> Iterator[VideoMessage]:
        """The frames; what the child wants to read is served on the way."""
        while True:
            message = receive_message(self.child, self.watch)
            if message.kind == READ:
                serve(self.child, find, message.value, self.watch)
            elif message.kind == FRAME:
                self.watch.restart(is_frame=True)
                yield message
            elif message.kind == DAMAGE:
                self.missed.reason = str(message.value.get("reason"))[:200]
            elif message.kind == END:
                return
            else:
                raise ChildGone


@dataclass(frozen=True)
class _Ask:
    """Frames of one stream that are decoded from one packet on; `wanted` by the packet, counted from there."""

    first: VideoPlace
    key: Key | None
    goes_on: bool  # with what the child has decoded before, if it leads there
    wanted: dict[int, dict[int, VideoPlace]]

    @classmethod
    def of(
        cls,
        places: Sequence[VideoPlace],
        goes_on: bool = False,
        is_from_start: bool = False,
    ) -> _Ask:
        wanted: dict[int, dict[int, VideoPlace]] = {}
        for place in places:
            steps = place.number if is_from_start else place.steps
            wanted.setdefault(steps, {})[place.nth] = place
        first = places[0]
        key = None if is_from_start else first.key
        return cls(first, key, goes_on, wanted)

    @property
    def is_of_messages(self) -> bool:
        return self.first.demuxer.startswith(OF_MESSAGES)

    def without(self, found: Mapping[VideoPlace, object]) -> _Ask:
        """What is not there yet."""
        left = {
            steps: {n: place for n, place in of_packet.items() if place not in found}
            for steps, of_packet in self.wanted.items()
        }
        return replace(self, wanted={s: of for s, of in left.items() if of})

    def to_json(self, video: int, size: int) -> dict[str, Any]:
        return {
            "video": video,
            "size": size,
            "demuxer": self.first.demuxer,
            "stream": self.first.stream,
            "key": asdict(self.key) if self.key else None,
            "goes_on": self.goes_on,
            "wanted": self._list_wanted(),
        }

    def to_packets_json(self, packets: Sequence[bytes]) -> dict[str, Any]:
        return {
            "codec": self.first.demuxer.removeprefix(OF_MESSAGES),
            "sizes": [len(packet) for packet in packets],
            "wanted": self._list_wanted(),
        }

    def find(self, value: dict[str, Any]) -> VideoPlace:
        """The place that an answer is about. Raises ChildGone where nobody asked for it."""
        try:
            return self.wanted[value["steps"]][value["nth"]]
        except (KeyError, TypeError):
            raise ChildGone from None

    def _list_wanted(self) -> list[tuple[int, int, int]]:
        return [
            (steps, nth, place.checksum)
            for steps, of_packet in self.wanted.items()
            for nth, place in of_packet.items()
        ]


def _list_asks(group: Sequence[VideoPlace]) -> list[_Ask]:
    """The ways to a group, each for what the ways before have not led to.

    Decoding goes on where it stands. Then it begins anew with the key, so that damage elsewhere does not count;
    then, since a container may lead elsewhere, with the start of the stream, which is slow, and right.
    """
    anew = _Ask.of(group)
    if anew.is_of_messages:
        return [anew]
    return [_Ask.of(group, goes_on=True), anew, _Ask.of(group, is_from_start=True)]


def _group(places: Sequence[VideoPlace]) -> list[list[VideoPlace]]:
    """Those of one stream that share a key packet together, in the order of the video."""
    groups: dict[tuple[str, int, Key], list[VideoPlace]] = {}
    for place in sorted(set(places), key=lambda p: (p.blob, p.stream, p.number)):
        groups.setdefault((place.blob, place.stream, place.key), []).append(place)
    return list(groups.values())


def _no_videos(_: int) -> BinaryIO:
    raise ChildGone


def _read_pixels(message: VideoMessage) -> Pixels:
    value = message.value
    try:
        shape = tuple(value["shape"])
        kind = {1: np.uint8, 2: np.uint16}[value["sample_bytes"]]
        num_bytes = math.prod(shape) * value["sample_bytes"]
    except (KeyError, TypeError):
        raise ChildGone from None
    if len(message.payload) != num_bytes:
        raise ChildGone
    return np.frombuffer(message.payload, kind).reshape(shape)


class _Pool:
    """The decoders of this process: a thread takes one for as long as it needs it."""

    def __init__(self) -> None:
        self._decoders: queue.LifoQueue[VideoFrameDecoder] = queue.LifoQueue()
        self._all = [VideoFrameDecoder() for _ in range(_MAX_CHILDREN)]
        for decoder in self._all:
            self._decoders.put(decoder)

    @contextmanager
    def take(self) -> Iterator[VideoFrameDecoder]:
        decoder = self._decoders.get()
        try:
            yield decoder
        finally:
            self._decoders.put(decoder)

    def close(self) -> None:
        for decoder in self._all:
            decoder.close()


_of_process: dict[int, _Pool] = {}  # a fork has its own


def decode_places(
    places: Sequence[VideoPlace], blobs: Videos, read_packets: ReadPackets
) -> dict[VideoPlace, Pixels]:
    """What `VideoFrameDecoder.decode` gives, from a child of this process."""
    pid = os.getpid()
    pool = _of_process.get(pid)
    if pool is None:
        pool = _of_process.setdefault(pid, _Pool())
        atexit.register(_close, pid)
    with pool.take() as decoder:
        return decoder.decode(places, blobs, read_packets)


def _close(pid: int) -> None:
    """A fork runs what its parent has registered, too, and leaves the parent's children alone."""
    if pid == os.getpid():
        _of_process[pid].close()
