"""Have single frames of stored videos decoded in child processes, by random access that knows where decoding begins.

A child stays for many frames and keeps a few videos open (`video_frames_child.py`); this side serves it the bytes that
it asks for. Each frame is proven by the checksum that was taken when the video was taken in.
"""

from __future__ import annotations

import atexit
import math
import os
import queue
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO

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
from assets.sandbox.video_channel import ASK, DAMAGE, END, FRAME, READ, pack_head
from assets.sandbox.video_places import Key, VideoPlace
from assets.sandbox.video_process import (
    VideoMessage,
    Watch,
    receive_message,
    serve,
)

if TYPE_CHECKING:
    from assets.storage import BlobStore

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
_BLOBS_AT_ONCE = 8  # that stay open here
_MAX_CHILDREN = 2
_REMEDY = "run `daguerre verify`, and restore the video from a backup"


class VideoFrameDecoder:
    """Decodes frames of stored videos in one child, which is started with the first. Not to be shared by threads."""

    def __init__(self, limits: VideoLimits | None = None) -> None:
        self._limits = limits or VideoLimits()
        self._child: Child | None = None
        # of a store's blobs, as the child knows them
        self._numbers: dict[tuple[str, str], int] = {}
        self._streams: OrderedDict[int, BinaryIO] = OrderedDict()

    def decode(
        self, places: Sequence[VideoPlace], blobs: BlobStore
    ) -> dict[VideoPlace, Pixels]:
        """(H, W) grey, (H, W, 3) BGR or (H, W, 4) BGRA of each place, as `video_pixels.to_pixels` says.

        Raises ValueError for a frame that is not what was taken in, FileNotFoundError for a video that is gone.
        """
        found: dict[VideoPlace, Pixels] = {}
        for group in _group(places):
            missed = _Missed()
            for is_from_start in (False, True):
                # a container may lead elsewhere than to the key: from its start on is slow, and right
                ask = _Ask.of([p for p in group if p not in found], is_from_start)
                if ask.wanted:
                    found |= self._ask(ask, blobs, missed)
            lost = [p for p in group if p not in found]
            if lost:
                raise ValueError(
                    f"frame {lost[0].number} of video {lost[0].blob[:12]}… is not what was taken in"
                    f"{missed}: {_REMEDY}"
                )
        return found

    def close(self) -> None:
        """End the child. The next frame starts another."""
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()
        if self._child is not None:
            end_child(self._child)
        self._child = None

    def _ask(
        self, ask: _Ask, blobs: BlobStore, missed: _Missed
    ) -> dict[VideoPlace, Pixels]:
        child = self._find_child()
        steps = max(ask.wanted)
        limits = replace(
            self._limits,
            item_seconds=self._limits.item_seconds + steps * self._limits.frame_seconds,
        )
        watch = Watch(child, limits)
        watch.start()
        blob = (blobs.folder.uri, ask.blob)
        number = self._numbers.setdefault(blob, len(self._numbers))
        names = {n: blob for blob, n in self._numbers.items()}
        find = lambda video: self._find_stream(video, names, blobs)  # noqa: E731
        try:
            size = find(number).seek(0, os.SEEK_END)
            send(child, pack_head(ASK, ask.to_json(number, size)), watch.wait)
            return dict(self._receive(child, watch, find, ask, missed))
        except ChildGone:
            self._child = None
            missed.reason = f"the decoder {explain_end(child)}"
        except TimeoutError:
            self.close()
            missed.reason = f"{watch}: decoding was stopped"
        except BaseException:  # a late answer must not be taken for the next
            self.close()
            raise
        return {}

    def _receive(
        self,
        child: Child,
        watch: Watch,
        find: Callable[[int], BinaryIO],
        ask: _Ask,
        missed: _Missed,
    ) -> Iterator[tuple[VideoPlace, Pixels]]:
        while True:
            message = receive_message(child, watch)
            if message.kind == READ:
                serve(child, find, message.value, watch)
            elif message.kind == FRAME:
                place = ask.find(message.value)
                if message.payload:
                    yield place, _read_pixels(message)
                watch.restart(is_frame=True)
            elif message.kind == DAMAGE:
                missed.reason = str(message.value.get("reason"))[:200]
            elif message.kind == END:
                return

    def _find_child(self) -> Child:
        if self._child is not None and measure_used_s(self._child) > CHILD_SECONDS / 2:
            self.close()
        if self._child is None:
            limits = self._limits
            arguments = (limits.memory_bytes, int(CHILD_SECONDS), limits.frame_pixels)
            self._child = start_child("assets.sandbox.video_frames_child", arguments)
            self._numbers.clear()
            assert self._child.stdin and self._child.stdout
            widen(self._child.stdin)
            widen(self._child.stdout)
        return self._child

    def _find_stream(
        self, number: int, names: dict[int, tuple[str, str]], blobs: BlobStore
    ) -> BinaryIO:
        if number not in names:
            raise ChildGone
        if number not in self._streams:
            self._streams[number] = blobs.open(names[number][1])
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
class _Ask:
    """Frames of one stream that are decoded from one packet on; `wanted` by the packet, counted from there."""

    blob: str
    demuxer: str
    stream: int
    key: Key | None
    wanted: dict[int, dict[int, VideoPlace]]

    @classmethod
    def of(cls, places: Sequence[VideoPlace], is_from_start: bool) -> _Ask:
        wanted: dict[int, dict[int, VideoPlace]] = {}
        for place in places:
            steps = place.number if is_from_start else place.steps
            wanted.setdefault(steps, {})[place.nth] = place
        if not places:
            return cls("", "", 0, None, {})
        first = places[0]
        key = None if is_from_start else first.key
        return cls(first.blob, first.demuxer, first.stream, key, wanted)

    def to_json(self, video: int, size: int) -> dict[str, Any]:
        return {
            "video": video,
            "size": size,
            "demuxer": self.demuxer,
            "stream": self.stream,
            "key": asdict(self.key) if self.key else None,
            "wanted": [
                (steps, nth, place.checksum)
                for steps, of_packet in self.wanted.items()
                for nth, place in of_packet.items()
            ],
        }

    def find(self, value: dict[str, Any]) -> VideoPlace:
        """The place that an answer is about. Raises ChildGone where nobody asked for it."""
        try:
            return self.wanted[value["steps"]][value["nth"]]
        except (KeyError, TypeError):
            raise ChildGone from None


def _group(places: Sequence[VideoPlace]) -> list[list[VideoPlace]]:
    """Those of one stream that share a key packet together, in the order of the video."""
    groups: dict[tuple[str, int, Key], list[VideoPlace]] = {}
    for place in sorted(set(places), key=lambda p: (p.blob, p.stream, p.number)):
        groups.setdefault((place.blob, place.stream, place.key), []).append(place)
    return list(groups.values())


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
    places: Sequence[VideoPlace], blobs: BlobStore
) -> dict[VideoPlace, Pixels]:
    """What `VideoFrameDecoder.decode` gives, from a child of this process."""
    pid = os.getpid()
    pool = _of_process.get(pid)
    if pool is None:
        pool = _of_process.setdefault(pid, _Pool())
        atexit.register(_close, pid)
    with pool.take() as decoder:
        return decoder.decode(places, blobs)


def _close(pid: int) -> None:
    """A fork runs what its parent has registered, too, and leaves the parent's children alone."""
    if pid == os.getpid():
        _of_process[pid].close()
