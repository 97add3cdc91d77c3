"""Video whose packets are messages of a recording (foxglove.CompressedVideo): H.264 and H.265, one picture a message.

A key packet is one that decodes without others: it is found by the units that a packet consists of (ITU-T H.264 7.4.1,
H.265 7.4.2.2). Packets are gathered from one key packet to the next and decoded together, in the sandbox.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from assets.formats.messages.topics import VideoPacket
from assets.formats.observations import FrameObservation, Problem
from assets.formats.protocol import CapturePlan
from assets.sandbox.guard import ImageFacts
from assets.sandbox.video_choice import Reading
from assets.sandbox.video_frames import PacketsOfTrack, VideoFrameDecoder
from assets.sandbox.video_places import OF_MESSAGES, Key, VideoPlace
from assets.sandbox.video_process import VideoMessage

_MAX_PACKETS = 3000  # from one key packet to the next
_MAX_PACKET_BYTES = 128 << 20
_START = b"\x00\x00\x01"


@dataclass(frozen=True)
class PassedOver:
    """A frame that the session's owner does not want: the next one has the number behind it all the same."""

    sensor: str


Found = FrameObservation | Problem | PassedOver


def is_key(codec: str, data: bytes) -> bool:
    """Whether decoding may begin with this packet: it holds a picture that refers to no other."""
    at = data.find(_START)
    while 0 <= at < len(data) - 3:
        head = data[at + 3]
        kind = head & 31 if codec == "h264" else head >> 1 & 63
        if kind == 5 if codec == "h264" else 16 <= kind <= 21:
            return True
        at = data.find(_START, at + 3)
    return False


class VideoTracks:
    """The video of one recording: takes its packets in the order of the file, and gives its frames."""

    def __init__(self, plan: CapturePlan) -> None:
        self._plan = plan
        self._decoder = VideoFrameDecoder()
        self._tracks: dict[tuple[int, str], _Track] = {}

    def close(self) -> None:
        """End the decoder."""
        self._decoder.close()

    def add(self, packet: VideoPacket) -> Iterator[Found]:
        """Take a packet; the frames of those before come when a key packet follows."""
        name = (packet.channel, packet.codec)
        track = self._tracks.setdefault(name, _Track(len(self._tracks)))
        if is_key(packet.codec, packet.data):
            yield from self._decode(track)
            track.start = track.num_packets
        track.num_packets += 1
        if track.start is None:
            track.num_lost += 1
            track.lost = track.lost or packet
            return
        track.waiting.append(packet)
        track.num_bytes += len(packet.data)
        if len(track.waiting) > _MAX_PACKETS or track.num_bytes > _MAX_PACKET_BYTES:
            reason = f"no key frame in {len(track.waiting)} packets of video: they are left out"
            yield packet.origin.refuse(reason, "record with a key frame each second")
            track.clear()
            track.start = None

    def finish(self) -> Iterator[Found]:
        """The frames that are left, and what has no key packet before it."""
        for track in self._tracks.values():
            yield from self._decode(track)
            if track.lost:
                reason = f"{track.num_lost} packets of video without a key frame before them: left out"
                yield track.lost.origin.refuse(
                    reason, "begin the recording with a key frame"
                )

    def _decode(self, track: _Track) -> Iterator[Found]:
        if not track.waiting:
            return
        packets = track.waiting
        asked = PacketsOfTrack(
            track.number,
            packets[0].codec,
            [packet.data for packet in packets],
            [packet.t_ns for packet in packets],
            Reading(self._plan.video, is_kept=self._plan.sha256 is not None),
        )
        frames, reason = self._decoder.measure(asked)
        found: dict[int, int] = {}
        for frame in frames:
            steps = frame.value["steps"]
            found[steps] = found.get(steps, -1) + 1
            if frame.value["is_taken"]:
                yield self._read_frame(track, frame, found[steps])
            else:
                yield PassedOver(packets[steps].origin.sensor)
        missing = [n for n in range(len(packets)) if n not in found]
        if missing or reason:
            what = f"{len(missing)} of {len(packets)} packets of video give no picture"
            yield packets[missing[0] if missing else 0].origin.refuse(
                f"{what}: {reason}" if reason else what,
                "copy the file again; if the recording is damaged, the rest is there",
            )
        track.clear()

    def _read_frame(
        self, track: _Track, frame: VideoMessage, nth: int
    ) -> FrameObservation:
        steps = frame.value["steps"]
        key = track.waiting[0]
        packet = track.waiting[steps]
        observation = FrameObservation(
            packet.origin.sensor,
            bytes(frame.payload),
            "png",
            packet.origin.source,
            t_ns=packet.t_ns,
        )
        if self._plan.sha256 is None:
            return observation
        assert track.start is not None
        found = json.loads(frame.payload)
        checksum = found.pop("checksum")
        place = VideoPlace(
            self._plan.sha256,
            OF_MESSAGES + packet.codec,
            packet.channel,
            Key(key.place[0], key.place[1], None),
            steps,
            track.start + steps,
            nth,
            checksum,
        )
        return replace(
            observation,
            payload=place.pack(),
            encoding="video",
            facts=ImageFacts(**found),
        )


@dataclass
class _Track:
    """One channel's video, and the packets since its last key packet."""

    number: int
    num_packets: int = 0
    start: int | None = None  # number of the packet that `waiting` begins with
    waiting: list[VideoPacket] = field(default_factory=list)
    num_bytes: int = 0
    num_lost: int = 0
    lost: VideoPacket | None = None

    def clear(self) -> None:
        self.waiting = []
        self.num_bytes = 0
