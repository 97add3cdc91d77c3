"""Read foxglove.PointCloud and foxglove.LaserScan, in Protobuf, JSON, ROS 1 and ROS 2 (CDR).

Both have a pose of their own in the frame that they name: points are given in that frame.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.formats.points.clouds import (
    PointCloud,
    PointField,
    layout_of,
    move_points,
    view_points,
)
from assets.formats.points.laser_scan import place_beams
from assets.formats.points.message_fields import NS, MessageFields
from assets.formats.strict_json import parse_json

_MAX_FIELDS = 64
_MAX_RECORDS = 128  # of a Protobuf message: one a field of a point, and a few
# foxglove.NumericType; sensor_msgs/PointField numbers signed and unsigned the other way round
_TYPES = {
    1: "u1",
    2: "i1",
    3: "u2",
    4: "i2",
    5: "u4",
    6: "i4",
    7: "f4",
    8: "f8",
}
_DATA_RECORD = 6  # of foxglove.PointCloud in Protobuf
_NOWHERE = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class _Place:
    """What both kinds of message begin with. `pose` is that of the origin in the frame: xyz m, quaternion xyzw."""

    t_ns: int | None
    frame: str | None
    pose: Sequence[float]


def parse_points_protobuf(data: bytes | memoryview) -> PointCloud:
    """The points of a Protobuf message, in the frame that it names. Raises ValueError."""
    from foxglove_schemas_protobuf.PointCloud_pb2 import PointCloud as Message
    from google.protobuf.message import DecodeError

    packed, rest = _take_out(memoryview(data), _DATA_RECORD)
    try:
        message = Message.FromString(rest)
    except DecodeError as error:
        raise ValueError(f"not Protobuf: {error}") from error
    fields = [(f.name, f.offset, int(f.type)) for f in message.fields]
    return _cloud_of(_place_of(message), message.point_stride, fields, packed)


def parse_points_json(data: bytes | memoryview) -> PointCloud:
    """The points of a JSON message, in the frame that it names. Raises ValueError."""
    message = _parse_object(data)
    listed = message.get("fields", [])
    if not isinstance(listed, list):
        raise ValueError("its fields are no list")
    fields = [
        (
            str(_map_of(f).get("name", "")),
            _whole(_map_of(f), "offset"),
            _whole(_map_of(f), "type"),
        )
        for f in listed[: _MAX_FIELDS + 1]
    ]
    try:
        packed = base64.b64decode(str(message.get("data", "")), validate=True)
    except binascii.Error as error:
        raise ValueError(f"its data are no base64: {error}") from error
    stride = _whole(message, "point_stride")
    return _cloud_of(_place_in(message), stride, fields, memoryview(packed))


def parse_points_ros1(data: bytes | memoryview) -> PointCloud:
    """The points of a ROS 1 message (`foxglove_msgs`), in the frame that it names. Raises ValueError."""
    return _parse_ros_points(MessageFields(data, is_cdr=False))


def parse_points_cdr(data: bytes | memoryview) -> PointCloud:
    """The points of a ROS 2 message (`foxglove_msgs`), in the frame that it names. Raises ValueError."""
    return _parse_ros_points(MessageFields(data, is_cdr=True))


def parse_laser_protobuf(data: bytes | memoryview) -> PointCloud:
    """The returns of a Protobuf message as points, in the frame that it names. Raises ValueError."""
    from foxglove_schemas_protobuf.LaserScan_pb2 import LaserScan as Message
    from google.protobuf.message import DecodeError

    try:
        message = Message.FromString(bytes(data))
    except DecodeError as error:
        raise ValueError(f"not Protobuf: {error}") from error
    angles_rad = (message.start_angle, message.end_angle)
    ranges_m = np.array(message.ranges, np.float64)
    intensities = np.array(message.intensities, np.float64)
    return _sweep_of(_place_of(message), angles_rad, ranges_m, intensities)


def parse_laser_json(data: bytes | memoryview) -> PointCloud:
    """The returns of a JSON message as points, in the frame that it names. Raises ValueError."""
    message = _parse_object(data)
    angles_rad = (_real(message, "start_angle"), _real(message, "end_angle"))
    ranges_m, intensities = (
        np.array(_reals(message, name), np.float64)
        for name in ("ranges", "intensities")
    )
    return _sweep_of(_place_in(message), angles_rad, ranges_m, intensities)


def parse_laser_ros1(data: bytes | memoryview) -> PointCloud:
    """The returns of a ROS 1 message (`foxglove_msgs`) as points, in the frame that it names. Raises ValueError."""
    return _parse_ros_laser(MessageFields(data, is_cdr=False))


def parse_laser_cdr(data: bytes | memoryview) -> PointCloud:
    """The returns of a ROS 2 message (`foxglove_msgs`) as points, in the frame that it names. Raises ValueError."""
    return _parse_ros_laser(MessageFields(data, is_cdr=True))


def _parse_ros_points(message: MessageFields) -> PointCloud:
    place = _take_place(message)
    stride = message.number()
    num_fields = message.number()
    if num_fields > _MAX_FIELDS:
        raise ValueError(f"points of {num_fields} fields, more than {_MAX_FIELDS}")
    fields = [
        (message.text(), message.number(), message.number(1)) for _ in range(num_fields)
    ]
    return _cloud_of(place, stride, fields, message.bytes())


def _parse_ros_laser(message: MessageFields) -> PointCloud:
    place = _take_place(message)
    angles_rad = (message.real(8), message.real(8))
    ranges_m = message.reals(message.number(), 8)
    intensities = message.reals(message.number(), 8)
    return _sweep_of(place, angles_rad, ranges_m, intensities)


def _cloud_of(
    place: _Place,
    stride: int,
    fields: Sequence[tuple[str, int, int]],
    packed: memoryview,
) -> PointCloud:
    """The packed points of a message; of two axes the third is 0, as the format has it."""
    if len(fields) > _MAX_FIELDS:
        raise ValueError(f"points of {len(fields)} fields, more than {_MAX_FIELDS}")
    unknown = [(name, kind) for name, _, kind in fields if kind not in _TYPES]
    if unknown:
        name, kind = unknown[0]
        raise ValueError(f"the field {name[:40]!r} is of the unknown type {kind}")
    listed = [PointField(n, "<" + _TYPES[kind], at) for n, at, kind in fields]
    layout = layout_of(listed, stride, min_axes=2)
    num_points, rest = divmod(len(packed), stride)
    if rest:
        raise ValueError(
            f"{len(packed)} bytes are no whole number of points of {stride} bytes"
        )
    points = view_points(packed, layout, (num_points, 1), len(packed))
    return _placed(place, _add_axis(points))


def _sweep_of(
    place: _Place,
    angles_rad: tuple[float, float],
    ranges_m: NDArray[np.floating],
    intensities: NDArray[np.floating],
) -> PointCloud:
    """The beams of a message, at equal steps from its first angle to its last. No range is negative or not finite."""
    with np.errstate(invalid="ignore"):
        is_return = ranges_m >= 0
    beams_rad = np.linspace(*angles_rad, len(ranges_m))
    points = place_beams(beams_rad, ranges_m, intensities, is_return)
    return _placed(place, points, len(ranges_m) - len(points))


def _placed(
    place: _Place, points: NDArray[np.void], num_left_out: int = 0
) -> PointCloud:
    moved = move_points(points, place.pose[:3], place.pose[3:])
    return PointCloud(moved, (len(moved), 1), place.t_ns, place.frame, num_left_out)


def _add_axis(points: NDArray[np.void]) -> NDArray[np.void]:
    """Points with all of x, y and z."""
    names = points.dtype.names or ()
    absent = [axis for axis in ("x", "y", "z") if axis not in names]
    if not absent:
        return points
    kinds = [(name, points.dtype[name]) for name in names]
    whole = np.zeros(len(points), np.dtype([*kinds, (absent[0], np.dtype("<f4"))]))
    for name in names:
        whole[name] = points[name]
    return whole


def _take_place(message: MessageFields) -> _Place:
    t_ns = message.stamp_ns()
    frame = message.text().strip("/") or None
    return _Place(t_ns, frame, message.reals(7, 8).tolist())


def _place_of(message: Any) -> _Place:
    """Of a Protobuf message; a part of the pose that is not set moves nothing."""
    t_ns = None
    if message.HasField("timestamp"):
        t_ns = int(message.timestamp.seconds) * NS + int(message.timestamp.nanos)
    place, turn = message.pose.position, message.pose.orientation
    pose = (place.x, place.y, place.z, turn.x, turn.y, turn.z, turn.w)
    return _Place(t_ns, message.frame_id.strip("/") or None, pose)


def _place_in(message: Mapping[str, Any]) -> _Place:
    """Of a JSON message; a part of the pose that is not there moves nothing."""
    stamp = message.get("timestamp")
    t_ns = None
    if isinstance(stamp, dict):
        t_ns = _whole(stamp, "sec") * NS + _whole(stamp, "nsec")
    pose = _map_of(message.get("pose") or {})
    parts = [
        _real(_map_of(pose.get(part) or {}), axis)
        for part, axes in (("position", "xyz"), ("orientation", "xyzw"))
        for axis in axes
    ]
    return _Place(t_ns, str(message.get("frame_id", "")).strip("/") or None, parts)


def _parse_object(data: bytes | memoryview) -> Mapping[str, Any]:
    return _map_of(parse_json(bytes(data)))


def _map_of(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{str(value)[:40]!r} is not a JSON object")
    return value


def _whole(message: Mapping[str, Any], name: str) -> int:
    value = message.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} is {str(value)[:40]!r}, not a whole number")
    return value


def _real(message: Mapping[str, Any], name: str) -> float:
    value = message.get(name, 0.0)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is {str(value)[:40]!r}, not a number")
    return float(value)


def _reals(message: Mapping[str, Any], name: str) -> list[float]:
    """Numbers; null, as JSON writes what is not finite, is NaN."""
    values = message.get(name, [])
    if not isinstance(values, list):
        raise ValueError(f"{name} is no list")
    return [
        float("nan") if value is None else _real({name: value}, name)
        for value in values
    ]


def _take_out(data: memoryview, number: int) -> tuple[memoryview, bytes]:
    """The bytes of one field of a Protobuf message, and the message without them, which is small then."""
    taken = memoryview(b"")
    rest = []
    for field, whole, body in _walk_records(data):
        if field == number:
            taken = body
        else:
            rest.append(bytes(whole))
    return taken, b"".join(rest)


def _walk_records(data: memoryview) -> Iterator[tuple[int, memoryview, memoryview]]:
    """Of each record of a Protobuf message the number of its field, all of it, and its body."""
    at = 0
    for _ in range(_MAX_RECORDS):
        if at == len(data):
            return
        start = at
        tag, at = _read_varint(data, at)
        size, body_at = _size_of(data, at, tag & 7)
        at = body_at + size
        if at > len(data):
            raise ValueError(f"the message ends inside a field of {size} bytes")
        yield tag >> 3, data[start:at], data[body_at:at]
    if at < len(data):
        raise ValueError(f"a message of more than {_MAX_RECORDS} records")


def _size_of(data: memoryview, at: int, wire_type: int) -> tuple[int, int]:
    """How many bytes the body of a record has, and where it begins."""
    if wire_type == 0:
        return 0, _read_varint(data, at)[1]
    if wire_type in (1, 5):
        return (8 if wire_type == 1 else 4), at
    if wire_type == 2:
        return _read_varint(data, at)
    raise ValueError(f"not Protobuf: a record of the type {wire_type}")


def _read_varint(data: memoryview, at: int) -> tuple[int, int]:
    """The next number, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("the message ends inside a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("not Protobuf: a number of more than ten bytes")
