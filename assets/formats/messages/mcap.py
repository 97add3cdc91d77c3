"""Read MCAP recordings: Foxglove messages (Protobuf, JSON), ROS 2 (CDR) and the simulator's ground truth.

The time is the stamp in the message. A stamp of zero is what a driver writes that stamps nothing: no time, unless the
recorder's own clock began there. The recorder's times of messages without a stamp are kept beside, in the notes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, BinaryIO

from mcap.records import Channel, Schema

from assets.formats.layout import DATA_SUFFIXES, IMAGE_SUFFIXES, is_hidden, suffix_of
from assets.formats.messages import (
    foxglove_messages,
    ground_truth_messages,
    ros2_messages,
)
from assets.formats.messages.log_times import LogTimes
from assets.formats.messages.mcap_chunks import RecordingLimits
from assets.formats.messages.mcap_records import Damage, Located, RecordWalker
from assets.formats.messages.mcap_summary import (
    MAGIC,
    Summary,
    SummaryError,
    read_summary,
)
from assets.formats.messages.rig import RigTransforms
from assets.formats.messages.topics import (
    DEPTH_UNIT_KEY,
    READER,
    Origin,
    PendingCalibration,
    Reading,
    VideoPacket,
    name_sensor,
)
from assets.formats.messages.video_messages import Found, VideoTracks
from assets.formats.observations import (
    CapturePlan,
    FrameObservation,
    Observation,
    Problem,
    SignalObservation,
    Source,
)
from assets.formats.protocol import (
    HEAD_BYTES,
    NOT_READ,
    Opener,
    UnreadableBytes,
    explain_pointer,
    open_checked,
    read_head,
    whole_file,
)
from assets.storage import SessionFile

_Read = Callable[[bytes, Origin], Iterator[Reading]]
# a recorder's clock that has not gone further than this began at zero
_AT_ZERO_NS = 1_000_000
_NEED_SCHEMA = ("cdr", "protobuf", "ros1", "flatbuffer")
_REMEDY = "convert the recording to ROS 2 (cdr) or Foxglove (protobuf, json) messages, or record it again"
_REMEDIES = {
    "ros1": "convert the bag that it was made of with `rosbags-convert --src BAG --dst FOLDER --dst-storage mcap`"
}


class McapReader:
    name = READER
    version = "4"
    carries = frozenset({"calibration", "clock", "depth", "video"})

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        return [
            CapturePlan(self.name, f.path, (f,), is_container=True)
            for f in files
            if _is_mcap(f, opener)
        ]

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        file = plan.files[0]
        try:
            stream = open_checked(file, opener)
        except UnreadableBytes as error:
            yield Problem(whole_file(file), self.name, error.reason, error.remedy)
            return
        with stream:
            pointer = explain_pointer(stream.read(HEAD_BYTES))
            if pointer:
                yield Problem(whole_file(file), self.name, *pointer)
                return
            tracks = VideoTracks(plan)
            try:
                yield from _Recording(file, plan.notes, tracks).read(stream)
            finally:
                tracks.close()

    def foresee(self, plan: CapturePlan, opener: Opener) -> dict[str, str]:
        """The topics that are read and those that are not, as far as the summary lists them; nothing is decoded."""
        file = plan.files[0]
        try:
            with open_checked(file, opener) as stream:
                limit_bytes = RecordingLimits().chunk_bytes
                summary = read_summary(stream, file.size_bytes, limit_bytes)
        except (UnreadableBytes, SummaryError) as error:
            return {"topics": f"not known before it is read: {error}"}
        if not (summary and summary.channels):
            return {
                "topics": "not known before it is read: the file has no summary that lists them"
            }
        return dict(_foresee_topics(summary))


def _is_mcap(file: SessionFile, opener: Opener) -> bool:
    suffix = suffix_of(file.path)
    if suffix == ".mcap":
        return not is_hidden(file.path)
    if suffix in DATA_SUFFIXES or suffix in IMAGE_SUFFIXES or is_hidden(file.path):
        return False
    try:
        return read_head(file, opener).startswith(MAGIC)
    except UnreadableBytes:
        return False


@dataclass
class _Recording:
    """One pass over one recording."""

    file: SessionFile
    notes: dict[str, str]
    tracks: VideoTracks
    _sequence: Counter[str] = field(default_factory=Counter)
    _frames: Counter[int] = field(default_factory=Counter)  # by channel
    _skipped: Counter[str] = field(default_factory=Counter)
    _reads: dict[int, _Read | None] = field(default_factory=dict)
    _calibrations: list[PendingCalibration] = field(default_factory=list)
    _last_calibration: dict[str, PendingCalibration] = field(default_factory=dict)
    _rig: RigTransforms = field(default_factory=RigTransforms)
    _log_times: LogTimes = field(default_factory=LogTimes)

    def read(self, stream: BinaryIO) -> Iterator[Observation]:
        walker = RecordWalker(stream)
        for item in walker.walk():
            if isinstance(item, Damage):
                source = Source(self.file.path, item.offset, item.length)
                yield Problem(source, READER, item.reason, item.remedy)
            else:
                yield from self._read_message(item)
        yield from self._number(self.tracks.finish())
        for pending in self._calibrations:
            frames = (pending.camera_frame, pending.observation.sensor)
            yield replace(
                pending.observation,
                rig_from_camera=self._rig.find_rig_from_camera(*frames),
            )
        yield from self._compare_counts(walker)
        for topic, count in sorted(self._skipped.items()):
            self.notes[f"{NOT_READ}: {topic}"] = f"{count} messages"
        self.notes.update(self._log_times.describe())

    def _read_message(self, item: Located) -> Iterator[Observation]:
        source = Source(self.file.path, item.offset, item.length, item.inner_offset)
        unit = _read_unit(item.channel.metadata)
        is_at_zero = max(item.log_ns, item.publish_ns) < _AT_ZERO_NS
        origin = Origin(
            item.channel.topic,
            name_sensor(item.channel.topic),
            source,
            unit,
            is_at_zero,
        )
        if item.channel.id not in self._reads:
            self._reads[item.channel.id] = None
            try:
                self._reads[item.channel.id] = choose_read(item.channel, item.schema)
            except UnreadableBytes as error:
                yield origin.refuse(error.reason, error.remedy)
        read = self._reads[item.channel.id]
        if read is None:
            self._skipped[_name_topic(item.channel, item.schema)] += 1
            return
        has_stamp = True
        try:
            for reading in read(bytes(item.data), origin):
                reading = _settle_stamp(reading, origin)
                has_stamp &= not _lacks_time(reading, item.channel.topic)
                if isinstance(reading, VideoPacket):
                    yield from self._add_packet(reading, item)
                else:
                    yield from self._place(reading, item.channel.id)
        except AttributeError as error:
            name = item.schema.name if item.schema else "messages"
            yield origin.refuse(
                f"message without the field {error.name!r}, which {name} have: its schema lacks it"
            )
        except Exception as error:  # whatever a parser makes of foreign bytes
            yield origin.refuse(
                f"message does not decode: {type(error).__name__}: {error}"
            )
        self._log_times.add(item.channel.topic, item.log_ns, has_stamp)

    def _place(
        self, reading: Observation | PendingCalibration, channel_id: int
    ) -> Iterator[Observation]:
        if isinstance(reading, PendingCalibration):
            sensor = reading.observation.sensor
            if _same_calibration(self._last_calibration.get(sensor), reading):
                return  # recorders repeat it; the first and every change are kept
            self._last_calibration[sensor] = reading
            self._calibrations.append(reading)
            return
        if isinstance(reading, SignalObservation):
            self._rig.add(reading)
        if isinstance(reading, FrameObservation):
            self._frames[channel_id] += 1
            yield from self._number([reading])
            return
        yield reading

    def _add_packet(self, packet: VideoPacket, item: Located) -> Iterator[Observation]:
        self._frames[item.channel.id] += 1
        packet = replace(packet, channel=item.channel.id, place=item.place)
        yield from self._number(self.tracks.add(packet))

    def _number(self, found: Iterable[Found]) -> Iterator[Observation]:
        """Frames with their position among those of their sensor."""
        for item in found:
            if isinstance(item, Problem):
                yield item
                continue
            number = self._sequence[item.sensor]
            self._sequence[item.sensor] += 1
            if isinstance(item, FrameObservation):
                yield replace(item, sequence=number)

    def _compare_counts(self, walker: RecordWalker) -> Iterator[Problem]:
        """Messages read against the statistics in the summary; each becomes readings, or a problem of its own."""
        if walker.summary.statistics is None:
            self.notes["not compared"] = (
                "the file has no statistics that say how many messages it holds"
            )
            return
        promises = walker.summary.statistics.channel_message_counts
        for channel_id in sorted({*promises, *walker.counts}):
            seen = walker.counts[channel_id]
            promised = promises.get(channel_id, 0)
            channel = walker.summary.channels.get(channel_id)
            topic = channel.topic if channel else f"channel {channel_id}"
            if self._frames[channel_id]:
                self.notes[f"frames of {topic}"] = (
                    f"{self._frames[channel_id]} read, {promised} messages promised"
                )
            if seen != promised:
                reason = f"topic {topic}: {seen} messages read, the file's summary promises {promised}"
                sensor = name_sensor(channel.topic) if channel else None
                yield Problem(
                    whole_file(self.file),
                    READER,
                    reason,
                    "copy the file again, or record it again",
                    sensor,
                )


def _foresee_topics(summary: Summary) -> Iterator[tuple[str, str]]:
    """A note for each topic. Without statistics nothing says how many messages there are."""
    for channel in sorted(summary.channels.values(), key=lambda c: c.topic):
        schema = summary.schemas.get(channel.schema_id)
        refusal = ""
        try:
            is_read = choose_read(channel, schema) is not None
        except Exception as error:  # as when it is read: then it is a problem
            refusal = f": {error}"
            is_read = False
        how_many = "the file does not say how many messages"
        if summary.statistics:
            counts = summary.statistics.channel_message_counts
            how_many = f"{counts.get(channel.id, 0)} messages"
        what = "read" if is_read else NOT_READ
        yield f"{what}: {_name_topic(channel, schema)}", how_many + refusal


def _name_topic(channel: Channel, schema: Schema | None) -> str:
    return f"{channel.topic} ({schema.name if schema else 'no schema'})"


def choose_read(channel: Channel, schema: Schema | None) -> _Read | None:
    """How to read a channel; None for messages that hold nothing we keep.

    Raises UnreadableBytes when the messages are, or may be, of a kind we keep, and cannot be read.
    """
    encoding = channel.message_encoding
    name = schema.name if schema else ""
    if schema is None:
        _require_no_schema(channel)
        return None
    if name in foxglove_messages.HANDLERS and encoding in ("protobuf", "json"):
        parse = (
            foxglove_messages.parse_json_message
            if encoding == "json"
            else foxglove_messages.build_protobuf_parser(name)
        )
        return partial(_parse_and_read, parse, foxglove_messages.HANDLERS[name])
    if encoding == "cdr" and (handle := _find_cdr_handler(name)):
        return partial(_parse_and_read, ros2_messages.build_cdr_parser(schema), handle)
    if name in ground_truth_messages.HANDLERS and encoding == "json":
        return partial(
            _parse_and_read,
            ground_truth_messages.parse_ground_truth,
            ground_truth_messages.HANDLERS[name],
        )
    if name in _VIDEO:
        raise UnreadableBytes(
            f"{name}: video packets in messages are not read",
            "record images, or a video file",
        )
    # ROS 1 names lack /msg/
    if name in _KEPT or name.replace("/", "/msg/", 1) in ros2_messages.HANDLERS:
        raise UnreadableBytes(
            f"{name} in message encoding {encoding!r} is not read",
            _REMEDIES.get(encoding, _REMEDY),
        )
    return None


def _require_no_schema(channel: Channel) -> None:
    """Messages without a schema may be anything; such that a schema has to describe cannot even be told."""
    if channel.schema_id:
        reason = f"its schema, number {channel.schema_id}, is not in the file"
    elif channel.message_encoding in _NEED_SCHEMA:
        reason = "it has no schema"
    else:
        return
    raise UnreadableBytes(
        f"{reason}, so its messages cannot be decoded",
        "record with a recorder that stores schemas",
    )


def _settle_stamp(reading: Reading, origin: Origin) -> Reading:
    """Without a time where its stamp is zero and the recorder's clock was not."""
    if (
        isinstance(reading, FrameObservation)
        and reading.t_ns == 0
        and not origin.is_at_zero
    ):
        return replace(reading, t_ns=None, stamp_ns=0)
    if (
        isinstance(reading, SignalObservation | VideoPacket)
        and reading.t_ns == 0
        and not origin.is_at_zero
    ):
        return replace(reading, t_ns=None)
    return reading


def _lacks_time(reading: Reading, topic: str) -> bool:
    """A sample that should have a time. What does not move has none, and is not missed."""
    if (
        not isinstance(reading, FrameObservation | SignalObservation | VideoPacket)
        or reading.t_ns is not None
    ):
        return False
    return not (
        isinstance(reading, SignalObservation)
        and reading.kind == "transform"
        and "static" in topic
    )


def _find_cdr_handler(name: str) -> Callable[[Any, Origin], Iterator[Reading]] | None:
    """For messages of ROS 2, and for those of Foxglove in their ROS 2 form (`foxglove_msgs/msg/RawImage`)."""
    if name.startswith("foxglove_msgs/msg/"):
        return foxglove_messages.HANDLERS.get(
            name.replace("foxglove_msgs/msg/", "foxglove.", 1)
        )
    return ros2_messages.HANDLERS.get(name)


def _read_unit(metadata: Mapping[str, str]) -> float | None:
    """Metres a unit of depth, where a channel's metadata say it."""
    try:
        unit = float(metadata[DEPTH_UNIT_KEY])
    except (KeyError, ValueError):
        return None
    return unit if 0 < unit < 1 else None


_VIDEO = frozenset(
    {
        "theora_image_transport/msg/Packet",
        "ffmpeg_image_transport_msgs/msg/FFMPEGPacket",
    }
)
_KEPT = {
    **foxglove_messages.HANDLERS,
    **ros2_messages.HANDLERS,
    **ground_truth_messages.HANDLERS,
}


def _parse_and_read(
    parse: Callable[[bytes], Any],
    handle: Callable[[Any, Origin], Iterator[Reading]],
    data: bytes,
    origin: Origin,
) -> Iterator[Reading]:
    yield from handle(parse(data), origin)


def _same_calibration(last: PendingCalibration | None, new: PendingCalibration) -> bool:
    return (
        last is not None
        and replace(last.observation, source=new.observation.source) == new.observation
    )
