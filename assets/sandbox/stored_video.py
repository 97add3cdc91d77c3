"""One stream of a stored video under random access: where its decoder stands, and which frames are still to come.

A run begins with a key packet and goes on from one question to the next, for as long as what is wanted lies ahead:
reading through decodes nothing twice. PyAV is imported where it is used: only in the child.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from assets.sandbox.video_container import open_container, set_up
from assets.sandbox.video_places import Key

_NEAR_PACKETS = 512  # a key packet lies at most so far behind the place where the container says it is
_KEYS_AT_ONCE = 16  # of a run, from which frames may be asked for
MAX_DELAY = 32  # packets behind that of a frame, before a decoder that holds it back is asked to give all that it has
_MAX_REORDER = (
    16  # packets by which a frame may be stored before one that is shown earlier
)
_MAX_READY_BYTES = 64 << 20  # of frames that have come out and may be asked for next

Wanted = dict[
    int, dict[int, int]
]  # packet, counted from the key -> which of its frames -> their checksum


@dataclass(frozen=True)
class FramesAsk:
    """Frames of one stream, by packets counted from the key."""

    video: int
    size: int
    demuxer: str
    stream: int
    key: Key | None  # None: count from the first packet of the stream
    goes_on: (
        bool  # the run of before may be used; else decoding begins anew with the key
    )
    wanted: Wanted

    @classmethod
    def of(cls, value: dict[str, Any]) -> FramesAsk:
        """What the owner has sent."""
        key = Key(**value["key"]) if value["key"] else None
        return cls(
            value["video"],
            value["size"],
            value["demuxer"],
            value["stream"],
            key,
            value["goes_on"],
            index_wanted(value["wanted"]),
        )


def index_wanted(wanted: Iterable[tuple[int, int, int]]) -> Wanted:
    """Of triples (packet, which of its frames, checksum)."""
    index: Wanted = {}
    for steps, nth, crc in wanted:
        index.setdefault(steps, {})[nth] = crc
    return index


class PacketMark:
    """Tells a frame's packet. Each packet needs one of its own: PyAV forgets an object with the first that has it."""

    def __init__(self, steps: int) -> None:
        self.steps = steps


@dataclass(frozen=True)
class FoundFrame:
    """An `av.VideoFrame`, and where it lies: `nth` of the frames of the packet that many `steps` behind the key."""

    steps: int
    nth: int
    frame: Any


class StoredVideo:
    """Decodes what is asked for, and calls `on_packet` before each packet. After an FFmpegError it is to be closed."""

    def __init__(
        self,
        file: Any,  # a seekable stream of bytes
        ask: FramesAsk,
        frame_pixels: int,
        num_threads: int,
        on_packet: Callable[[], object],
    ) -> None:
        self._file = file
        self._demuxer = ask.demuxer
        self._index = ask.stream
        self._frame_pixels = frame_pixels
        self._num_threads = num_threads
        self._on_packet = on_packet
        self._open()

    def _open(self) -> None:
        self._file.seek(0)
        self._container = open_container(self._file, self._demuxer, self._frame_pixels)
        self._stream = self._container.streams[self._index]
        context = self._stream.codec_context
        set_up(context, self._frame_pixels, self._num_threads, is_strict=False)
        self._packets = self._demux()
        self._ahead: deque[Any] = deque()  # read already
        self._run = _Run()

    def close(self) -> None:
        """Give its memory back."""
        self._container.close()

    def decode(self, ask: FramesAsk) -> Iterator[FoundFrame]:
        """The frames that are asked for, in the order in which they are shown, as far as the video has them.

        Raises FFmpegError.
        """
        base, is_reading_on = self._begin(ask)
        run = self._run
        wanted = {(base + steps, n) for steps, of in ask.wanted.items() for n in of}
        packets = {at for at, _ in wanted}
        last = run.last_asked = max(packets)
        for found in run.take_ready(wanted):
            yield FoundFrame(found.steps - base, found.nth, found.frame)
        while wanted:
            for frame in self._step(packets, last, is_reading_on):
                found = run.place(frame)
                if (found.steps, found.nth) in wanted:
                    wanted.discard((found.steps, found.nth))
                    run.gone.add(found.steps)
                    yield FoundFrame(found.steps - base, found.nth, frame)
                else:
                    run.keep(found)
            if run.is_drained:
                return

    def _step(self, packets: set[int], last: int, is_reading_on: bool) -> list[Any]:
        """What the decoder gives for the next packet, or, where none is to follow, what it has kept back."""
        self._on_packet()
        run = self._run
        context = self._stream.codec_context
        most = last + MAX_DELAY if is_reading_on else last
        packet = self._take() if run.next <= most else None
        if packet is None:
            run.is_drained = True
            return list(context.decode(None))
        at = run.enter(packet)
        is_needed = at in packets or at > last
        if at in packets and packet.pts is not None:
            run.latest_pts = max(run.latest_pts, packet.pts)
        if not is_needed and is_reading_on:
            is_needed = self._is_shown_behind(packet, packets, last)
        # before what is asked for, nothing builds on frames that are no reference
        context.skip_frame = "DEFAULT" if is_needed else "NONREF"
        if not is_needed:
            run.gone.add(at)
        packet.opaque = PacketMark(at)
        return list(packet.decode())

    def _is_shown_behind(self, packet: Any, packets: set[int], last: int) -> bool:
        """Whether a packet that has come before the last of those asked for is shown after them: it may be next."""
        following = self._run.next
        num_left = last + 1 - following
        if num_left > _MAX_REORDER:
            return False
        while len(self._ahead) < num_left:
            if (further := next(self._packets, None)) is None:
                break
            self._ahead.append(further)
        times = [p.pts for at, p in enumerate(self._ahead, following) if at in packets]
        if packet.pts is None or None in times:
            return True
        return bool(packet.pts > max(times, default=self._run.latest_pts))

    def _begin(self, ask: FramesAsk) -> tuple[int, bool]:
        """The place of the key in the run, which perhaps is a new one; and whether the video is being read through."""
        run = self._run
        base = self._find_base(ask.key) if ask.goes_on and ask.key else None
        is_ahead = base is not None and base + min(ask.wanted) > run.last_asked
        if base is not None and run.has_ahead({base + steps for steps in ask.wanted}):
            return base, True
        self._go_to(ask.key)
        self._stream.codec_context.flush_buffers()
        self._run = _Run()
        return 0, ask.goes_on and (is_ahead or len(ask.wanted) > 1)

    def _find_base(self, key: Key) -> int | None:
        """Where in the run the key is, or will be as the next packet."""
        base = self._run.find_key(key)
        if base is None:
            packet = self._peek()
            if packet is not None and _is_at(packet, key):
                return self._run.next
        return base

    def _go_to(self, key: Key | None) -> None:
        """Let the key packet be the next one."""
        if key is None:
            self._reopen()
            return
        packet = self._peek()  # reading on goes without a search
        if packet is not None and _is_at(packet, key):
            return
        for ticks in dict.fromkeys((key.dts, key.pts)):
            if ticks is not None and self._seek(ticks, key):
                return
        self._reopen()
        while (packet := self._peek()) is not None and not _is_at(packet, key):
            self._take()

    def _reopen(self) -> None:
        self.close()
        self._open()

    def _seek(self, ticks: int, key: Key) -> bool:
        self._container.seek(ticks, stream=self._stream)
        self._packets = self._demux()
        self._ahead.clear()
        for _ in range(_NEAR_PACKETS):
            packet = self._peek()
            if packet is None:
                return False
            if _is_at(packet, key):
                return True
            self._take()
        return False

    def _take(self) -> Any:
        """The next packet of the stream; None at its end."""
        return self._ahead.popleft() if self._ahead else next(self._packets, None)

    def _peek(self) -> Any:
        """What `_take` will give."""
        if not self._ahead and (packet := self._take()) is not None:
            self._ahead.append(packet)
        return self._ahead[0] if self._ahead else None

    def _demux(self) -> Iterator[Any]:
        for packet in self._container.demux(self._stream):
            if packet.size:
                yield packet


class _Run:
    """What has gone through the decoder since it began with a key packet; packets are counted from there."""

    def __init__(self) -> None:
        self.next = 0  # packet
        self.is_drained = False  # the decoder takes no packet any more
        self.last_asked = -1  # packet
        self.latest_pts = -(1 << 63)  # of the packets that were asked for
        # packets whose frames do not come any more
        self.gone: set[int] = set()
        self._keys: deque[tuple[int, Any]] = deque(maxlen=_KEYS_AT_ONCE)
        self._ready: list[FoundFrame] = []
        self._last_place = -1
        self._nth = 0

    def enter(self, packet: Any) -> int:
        """Count a packet that the decoder is given."""
        at = self.next
        self.next += 1
        if packet.is_keyframe:
            where = Key(
                -1 if packet.pos is None else packet.pos, packet.pts, packet.dts
            )
            self._keys.append((at, where))
            first = self._keys[0][0]
            self.gone = {n for n in self.gone if n >= first}
        return at

    def find_key(self, key: Key) -> int | None:
        """Where in the run this key packet was."""
        return next((at for at, where in self._keys if _is_same(where, key)), None)

    def has_ahead(self, packets: set[int]) -> bool:
        """Whether all their frames are still to come, or are ready."""
        ready = {found.steps for found in self._ready}
        if not packets.isdisjoint(self.gone):
            return False
        return not self.is_drained or packets <= ready

    def place(self, frame: Any) -> FoundFrame:
        """Where a frame belongs that the decoder has given."""
        at = frame.opaque.steps
        self._nth = self._nth + 1 if at == self._last_place else 0
        self._last_place = at
        return FoundFrame(at, self._nth, frame)

    def keep(self, found: FoundFrame) -> None:
        """A frame that nobody has asked for yet: few are kept, those that came last."""
        if found.steps in self.gone:
            return
        self._ready.append(found)
        while sum(map(_measure_bytes, self._ready)) > _MAX_READY_BYTES:
            self.gone.add(self._ready.pop(0).steps)

    def take_ready(self, wanted: set[tuple[int, int]]) -> list[FoundFrame]:
        """The frames that have come out before; they are `wanted` no more."""
        taken = [f for f in self._ready if (f.steps, f.nth) in wanted]
        self._ready = [f for f in self._ready if (f.steps, f.nth) not in wanted]
        wanted -= {(f.steps, f.nth) for f in taken}
        self.gone |= {f.steps for f in taken}
        return taken


def _measure_bytes(found: FoundFrame) -> int:
    return int(found.frame.width * found.frame.height * 4)


def _is_same(where: Key, key: Key) -> bool:
    if key.offset >= 0 and where.offset >= 0:
        return where.offset == key.offset
    return (where.pts, where.dts) == (key.pts, key.dts)


def _is_at(packet: Any, key: Key) -> bool:
    offset = -1 if packet.pos is None else packet.pos
    return _is_same(Key(offset, packet.pts, packet.dts), key)
