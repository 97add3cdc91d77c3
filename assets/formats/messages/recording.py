"""One pass over the messages of a recording, whichever container they lie in: MCAP, a ROS 1 bag, a database of rosbag2.

The time is the stamp in the message. A stamp of zero is what a driver writes that stamps nothing: no time, unless the
recorder's own clock began there. The recorder's times of messages without a stamp are kept beside, in the notes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, BinaryIO, Protocol

from mcap.records import Channel, Schema

from assets.formats.layout import DATA_SUFFIXES, IMAGE_SUFFIXES, is_hidden, suffix_of
from assets.formats.messages import (
    foxglove_messages,
    ground_truth_messages,
    point_cloud_messages,
    ros1_messages,
    ros2_messages,
)
from assets.formats.messages.log_times import LogTimes
from assets.formats.messages.mcap_records import Damage, Located
from assets.formats.messages.mcap_summary import Summary
from assets.formats.messages.rig import RigTransforms
from assets.formats.messages.topics import (
    DEPTH_UNIT_KEY,
    Origin,
    PendingCalibration,
    Reading,
    VideoPacket,
    name_sensor,
)
from assets.formats.messages.video_messages import Found, VideoTracks
from assets.formats.observations import (
    FrameObservation,
    Observation,
    Problem,
    ScanObservation,
    SignalObservation,
    Source,
)
from assets.formats.protocol import (
    HEAD_BYTES,
    NOT_READ,
    CapturePlan,
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
UNKNOWN_TOPICS = "not known before it is read"
_NEED_SCHEMA = ("cdr", "protobuf", "ros1", "flatbuffer")
_REMEDY = "convert the recording to ROS 2 (cdr) or Foxglove (protobuf, json) messages, or record it again"


class Walker(Protocol):
    """One pass over the messages of one file, with their exact places, past damage where that is possible."""

    counts: Counter[int]  # messages seen by channel
    summary: Summary  # what the file promises

    def walk(self) -> Iterator[Located | Damage]:
        """The messages in the order of the file, and damage where it is met."""

    def walk_from(self, record_at: int, channel_id: int) -> Iterator[Located]:
        """The messages of one channel from the record on that `Located.record_at` named."""


def plan_recordings(
    reader: str,
    suffix: str,
    magic: bytes,
    files: Sequence[SessionFile],
    opener: Opener,
) -> list[CapturePlan]:
    """A capture for each file that has the ending, or begins with the magic bytes and is of no other known format."""
    return [
        CapturePlan(reader, f.path, (f,), is_container=True)
        for f in files
        if _is_recording(f, suffix, magic, opener)
    ]


def _is_recording(file: SessionFile, suffix: str, magic: bytes, opener: Opener) -> bool:
    own = suffix_of(file.path)
    if own == suffix:
        return not is_hidden(file.path)
    if own in DATA_SUFFIXES or own in IMAGE_SUFFIXES or is_hidden(file.path):
        return False
    try:
        return read_head(file, opener).startswith(magic)
    except UnreadableBytes:
        return False


def read_recording(
    plan: CapturePlan, opener: Opener, open_walker: Callable[[BinaryIO], Walker]
) -> Iterator[Observation]:
    """Everything in one recording."""
    file = plan.files[0]
    try:
        stream = open_checked(file, opener)
    except UnreadableBytes as error:
        yield Problem(whole_file(file), plan.reader, error.reason, error.remedy)
        return
    with stream:
        pointer = explain_pointer(stream.read(HEAD_BYTES))
        if pointer:
            yield Problem(whole_file(file), plan.reader, *pointer)
            return
        tracks = VideoTracks(plan)
        try:
            yield from _Recording(plan, tracks).read(open_walker(stream))
        finally:
            tracks.close()


@dataclass
class _Recording:
    """One pass over one recording."""

    plan: CapturePlan
    tracks: VideoTracks
    _sequence: Counter[str] = field(default_factory=Counter)
    _scans: Counter[str] = field(default_factory=Counter)  # by sensor
    _left_out: Counter[str] = field(default_factory=Counter)  # beams by topic
    _frames: Counter[int] = field(default_factory=Counter)  # by channel
    _skipped: Counter[str] = field(default_factory=Counter)
    _unread: dict[str, str] = field(default_factory=dict)  # why, of those skipped
    _reads: dict[int, _Read | None] = field(default_factory=dict)
    _calibrations: list[PendingCalibration] = field(default_factory=list)
    _last_calibration: dict[str, PendingCalibration] = field(default_factory=dict)
    _rig: RigTransforms = field(default_factory=RigTransforms)
    _log_times: LogTimes = field(default_factory=LogTimes)

    @property
    def file(self) -> SessionFile:
        """The one file of the capture."""
        return self.plan.files[0]

    @property
    def notes(self) -> dict[str, str]:
        """What is told of the capture beside its rows."""
        return self.plan.notes

    def read(self, walker: Walker) -> Iterator[Observation]:
        """Everything that the messages say, in the order of the file; what is told last comes last."""
        for item in walker.walk():
            if isinstance(item, Damage):
                source = Source(self.file.path, item.offset, item.length)
                yield Problem(source, self.plan.reader, item.reason, item.remedy)
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
            why = self._unread.get(topic, "")
            self.notes[f"{NOT_READ}: {topic}"] = f"{count} messages{why}"
        for topic, count in sorted(self._left_out.items()):
            self.notes[f"left out of {topic}"] = f"{count} beams without a return"
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
            self.plan.reader,
        )
        if item.channel.id not in self._reads:
            self._reads[item.channel.id] = None
            try:
                self._reads[item.channel.id] = choose_read(item.channel, item.schema)
            except UnreadableBytes as error:
                yield origin.refuse(error.reason, error.remedy)
        read = self._reads[item.channel.id]
        if read is None:
            topic = _name_topic(item.channel, item.schema)
            self._skipped[topic] += 1
            self._unread[topic] = _explain_unread(item.schema)
            return
        has_stamp = True
        try:
            for reading in read(bytes(item.data), origin):
                reading = _settle_stamp(reading, origin)
                has_stamp &= not _lacks_time(reading, item.channel.topic)
                if isinstance(reading, VideoPacket):
                    yield from self._add_packet(reading, item)
                else:
                    yield from self._place(reading, item.channel)
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
        self, reading: Observation | PendingCalibration, channel: Channel
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
        if isinstance(reading, ScanObservation):
            number = self._scans[reading.sensor]
            self._scans[reading.sensor] += 1
            if reading.num_left_out:
                self._left_out[channel.topic] += reading.num_left_out
            # where the recording is stored, so are its scans
            is_kept = self.plan.sha256 is not None
            payload = None if is_kept else reading.payload
            yield replace(reading, sequence=number, payload=payload)
            return
        if isinstance(reading, FrameObservation):
            self._frames[channel.id] += 1
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

    def _compare_counts(self, walker: Walker) -> Iterator[Problem]:
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
                    self.plan.reader,
                    reason,
                    "copy the file again, or record it again",
                    sensor,
                )


def foresee_topics(summary: Summary) -> Iterator[tuple[str, str]]:
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
        why = "" if is_read or refusal else _explain_unread(schema)
        yield f"{what}: {_name_topic(channel, schema)}", how_many + refusal + why


def _name_topic(channel: Channel, schema: Schema | None) -> str:
    return f"{channel.topic} ({schema.name if schema else 'no schema'})"


def _explain_unread(schema: Schema | None) -> str:
    name = ros1_messages.name_as_ros2(schema.name) if schema else ""
    return point_cloud_messages.explain_unread(name)


def choose_read(channel: Channel, schema: Schema | None) -> _Read | None:
    """How to read a channel; None for messages that hold nothing we keep.

    Raises UnreadableBytes when the messages are, or may be, of a kind we keep, and cannot be read.
    """
    encoding = channel.message_encoding
    name = schema.name if schema else ""
    if schema is None:
        _require_no_schema(channel)
        return None
    if encoding == "ros1":
        name = ros1_messages.name_as_ros2(name)
    if name in foxglove_messages.HANDLERS and encoding in ("protobuf", "json"):
        parse = (
            foxglove_messages.parse_json_message
            if encoding == "json"
            else foxglove_messages.build_protobuf_parser(name)
        )
        return partial(_parse_and_read, parse, foxglove_messages.HANDLERS[name])
    if form := point_cloud_messages.find_form(name, encoding):
        if encoding == "ros1":
            ros1_messages.require_definition(name, channel.metadata.get("md5sum"))
        return partial(point_cloud_messages.read_scan, form)
    if encoding == "cdr" and (handle := _find_ros_handler(name)):
        return partial(_parse_and_read, ros2_messages.build_cdr_parser(schema), handle)
    if encoding == "ros1" and (handle := _find_ros_handler(name)):
        md5 = channel.metadata.get("md5sum")
        return partial(_parse_and_read, ros1_messages.build_parser(name, md5), handle)
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
    if name in _KEPT or name in point_cloud_messages.NAMES:
        raise UnreadableBytes(
            f"{name} in message encoding {encoding!r} is not read", _REMEDY
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
        isinstance(reading, SignalObservation | ScanObservation | VideoPacket)
        and reading.t_ns == 0
        and not origin.is_at_zero
    ):
        return replace(reading, t_ns=None)
    return reading


def _lacks_time(reading: Reading, topic: str) -> bool:
    """A sample that should have a time. What does not move has none, and is not missed."""
    if (
        not isinstance(
            reading,
            FrameObservation | SignalObservation | ScanObservation | VideoPacket,
        )
        or reading.t_ns is not None
    ):
        return False
    return not (
        isinstance(reading, SignalObservation)
        and reading.kind == "transform"
        and "static" in topic
    )


def _find_ros_handler(name: str) -> Callable[[Any, Origin], Iterator[Reading]] | None:
    """For messages of ROS, and for those of Foxglove in their ROS form (`foxglove_msgs/msg/RawImage`)."""
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
