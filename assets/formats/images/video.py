"""Read videos (mp4, mov, avi, mkv, webm): every frame at its own time, none sampled, repeated or put on a grid.

`t_ns` is the frame's presentation time stamp times the stream's time base, in whole nanoseconds (rounded to the nearest
by integer arithmetic). A video has no wall clock: its zero is that of the container's time line, and that is the
sensor's clock here. AVI states no presentation times: where its frames are not stored in the order in which they are
shown, `t_ns` is None and the order alone is known. The video is kept as it is, and a frame is its place in it
(`VideoPlace`); of a video read without a home to keep it, PNG of the decoded pixels. Rotation and pixel shape that the
video wishes for are noted and not applied. A frame's source is its packet; unless it is a key frame, the packets
before belong to it as well. Frames that build on a damaged packet are left out and counted, up to the next key frame;
damaged is what the decoder complains about, so of codecs without checksums (all but FFV1) a flipped bit may pass that
happens to decode: only the hash of the file tells.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, BinaryIO

from assets.formats.images.frame_files import names_depth
from assets.formats.layout import is_hidden, sensor_of, suffix_of
from assets.formats.observations import FrameObservation, Observation, Problem, Source
from assets.formats.protocol import (
    HEAD_BYTES,
    CapturePlan,
    Opener,
    UnreadableBytes,
    explain_pointer,
    open_checked,
    whole_file,
)
from assets.sandbox.guard import ImageFacts
from assets.sandbox.video_channel import DAMAGE, END, FACTS, FRAME
from assets.sandbox.video_choice import Reading
from assets.sandbox.video_places import Key, VideoPlace
from assets.sandbox.video_process import decode_in_child
from assets.storage import SessionFile

VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm"})
_MOV_ATOMS = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"})
_SLACK_NS = 100_000_000  # a header's end may differ from the last frame's by this and the longest gap
_NOTED = {
    "discarded": "packets that the edit list hides",
    "hidden": "packets that show no picture",
    "without_time": "frames for which the container states no time",
    "rotation_deg": "rotation in degrees, not applied",
    "passed_over": "frames passed over by choice",
}
_REMEDIES = {
    "copy": "copy it again; if the recording itself is damaged, `ffmpeg -i FILE -c:v ffv1 NEW.mkv` keeps the rest",
    "codec": "convert it with `ffmpeg -i FILE -c:v ffv1 NEW.mkv`",
    "scale": "make its frames smaller, or cut it, and copy it again",
    "cut": "cut the video into shorter ones, or export its frames as images",
}


class VideoReader:
    name = "video"
    carries = frozenset({"clock", "video"})

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        videos = [
            f
            for f in files
            if suffix_of(f.path) in VIDEO_SUFFIXES and not is_hidden(f.path)
        ]
        return [CapturePlan(self.name, f.path, (f,), is_container=True) for f in videos]

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        file = plan.files[0]
        try:
            with open_checked(file, opener) as stream:
                demuxer = _find_demuxer(stream.read(HEAD_BYTES))
                yield from _Video(plan).read(stream, demuxer)
        except UnreadableBytes as error:
            yield Problem(whole_file(file), self.name, error.reason, error.remedy)


def to_ns(ticks: int, time_base: tuple[int, int]) -> int:
    """Ticks of a time base (numerator, denominator in seconds) as nanoseconds, to the nearest, halves up."""
    numerator, denominator = time_base
    return (2 * ticks * numerator * 1_000_000_000 + denominator) // (2 * denominator)


def _find_demuxer(head: bytes) -> str:
    """By the first bytes. Raises UnreadableBytes for what is no container that is read."""
    pointer = explain_pointer(head)
    if pointer:
        raise UnreadableBytes(*pointer)
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    if head[4:8] in _MOV_ATOMS:
        return "mov"
    raise UnreadableBytes(
        f"no video container that is read: the file begins with {head[:12]!r}",
        _REMEDIES["codec"],
    )


class _Video:
    """One pass over one video."""

    def __init__(self, plan: CapturePlan) -> None:
        self._file = plan.files[0]
        self._blob = plan.sha256
        self._choice = plan.video
        self._notes = plan.notes
        self._demuxer = ""
        self._sensors: dict[int, str] = {}
        self._ends_ns: dict[int, int] = {}
        self._longest_gap_ns: dict[int, int] = {}

    def read(self, stream: BinaryIO, demuxer: str) -> Iterator[Observation]:
        self._demuxer = demuxer
        reading = Reading(self._choice, is_kept=self._blob is not None)
        for message in decode_in_child(stream, demuxer, reading=reading):
            value = message.value
            if message.kind == FACTS:
                self._note_facts(value)
                if not value["streams"]:
                    yield self._refuse(
                        {"reason": "no video stream that is read", "remedy": "codec"}
                    )
            elif message.kind == FRAME:
                yield self._read_frame(value, bytes(message.payload))
            elif message.kind == DAMAGE:
                yield self._refuse(value)
            elif message.kind == END:
                for counts in value["streams"]:
                    yield from self._compare(counts)

    def _note_facts(self, facts: dict[str, Any]) -> None:
        base = sensor_of(self._file.path)
        for kind, number in facts["others"].items():
            self._notes[f"not read: {kind}"] = f"{number} streams"
        for stream in facts["streams"]:
            index = stream["index"]
            self._sensors[index] = (
                base if len(facts["streams"]) == 1 else f"{base}_{index}"
            )
            self._notes[f"stream {index}"] = (
                f"{stream['codec']}, {stream['pixel_format']}"
            )
            if stream["pixel_ratio"]:
                self._notes[f"stream {index}: pixel shape"] = (
                    f"{stream['pixel_ratio']}, not applied"
                )

    def _read_frame(self, value: dict[str, Any], payload: bytes) -> FrameObservation:
        index = value["stream"]
        time_base = (value["time_base"][0], value["time_base"][1])
        t_ns = None if value["pts"] is None else to_ns(value["pts"], time_base)
        if t_ns is not None:
            gap = t_ns - self._ends_ns.get(index, t_ns)
            self._longest_gap_ns[index] = max(self._longest_gap_ns.get(index, 0), gap)
            self._ends_ns[index] = max(
                self._ends_ns.get(index, t_ns),
                t_ns + to_ns(value["duration"], time_base),
            )
        kind = (
            "depth"
            if value["is_deep_grey"] and names_depth(self._file.path)
            else "color"
        )
        frame = FrameObservation(
            self._sensors[index],
            payload,
            "png",
            self._place(value, value["nth"]),
            kind,
            t_ns,
            value["sequence"],
        )
        return frame if self._blob is None else self._point(frame, value)

    def _point(
        self, frame: FrameObservation, value: dict[str, Any]
    ) -> FrameObservation:
        """The frame as a place in the stored video, with what its decoder found in it."""
        assert self._blob is not None
        found = json.loads(frame.payload)
        checksum = found.pop("checksum")
        key = value["key"]
        offset = -1 if key["offset"] is None else key["offset"]
        place = VideoPlace(
            self._blob,
            self._demuxer,
            value["stream"],
            Key(offset, key["pts"], key["dts"]),
            value["number"] - key["number"],
            value["number"],
            value["nth"],
            checksum,
        )
        return replace(
            frame, payload=place.pack(), encoding="video", facts=ImageFacts(**found)
        )

    def _compare(self, counts: dict[str, Any]) -> Iterator[Problem]:
        """Frames read against the number that the container states; where it states none, against packets and end."""
        index = counts["index"]
        read = counts["frames"]
        for key, what in _NOTED.items():
            if counts[key]:
                self._notes[f"stream {index}: {what}"] = str(counts[key])
        whose = "the container states" if counts["stated"] else "the container holds"
        promised = (
            (counts["stated"] or counts["packets"])
            - counts["discarded"]
            - counts["hidden"]
        )
        self._notes[f"stream {index}: frames"] = f"{read} read, {whose} {promised}"
        if read != promised:
            yield self._refuse(
                {
                    "reason": f"{read} frames read, {whose} {promised}",
                    "remedy": "copy",
                    "stream": index,
                }
            )
        end_ns = counts["end_ns"]
        seen_ns = self._ends_ns.get(index)
        if (
            end_ns
            and seen_ns is not None
            and end_ns - seen_ns > _SLACK_NS + self._longest_gap_ns[index]
        ):
            reason = f"frames end at {seen_ns / 1e9:.3f} s, the header promises {end_ns / 1e9:.3f} s"
            yield self._refuse({"reason": reason, "remedy": "copy", "stream": index})

    def _refuse(self, value: dict[str, Any]) -> Problem:
        reason = str(value["reason"])[:500]
        remedy = _REMEDIES[value["remedy"]]
        return Problem(
            self._place(value),
            VideoReader.name,
            reason,
            remedy,
            self._sensors.get(value.get("stream", -1)),
        )

    def _place(self, value: dict[str, Any], nth: int = 0) -> Source:
        """The packet; `nth` counts on where one packet gives more than one frame."""
        if value.get("offset") is None or value["offset"] < 0:
            return Source(
                self._file.path, 0, self._file.size_bytes, value.get("sequence")
            )
        return Source(self._file.path, value["offset"], value["length"], nth or None)
