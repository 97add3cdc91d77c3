"""Read sensor_msgs/PointCloud2, as ROS 1 and ROS 2 (CDR) write it. Its definition is the same in all their versions."""

from __future__ import annotations

from assets.formats.points.clouds import (
    PointCloud,
    PointField,
    layout_of,
    view_points,
)
from assets.formats.points.message_fields import MessageFields

_MAX_FIELDS = 64
# sensor_msgs/PointField
_TYPES = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    8: "f8",
}


def parse_ros1(data: bytes | memoryview) -> PointCloud:
    """The cloud of a ROS 1 message. Raises ValueError."""
    return _parse(data, is_cdr=False)


def parse_cdr(data: bytes | memoryview) -> PointCloud:
    """The cloud of a ROS 2 message. Raises ValueError."""
    return _parse(data, is_cdr=True)


def _parse(data: bytes | memoryview, is_cdr: bool) -> PointCloud:
    message = MessageFields(data, is_cdr)
    t_ns, frame = message.header()
    height = message.number()
    width = message.number()
    num_fields = message.number()
    if num_fields > _MAX_FIELDS:
        raise ValueError(f"points of {num_fields} fields, more than {_MAX_FIELDS}")
    fields = [_read_field(message) for _ in range(num_fields)]
    order = ">" if message.number(1) else "<"
    point_bytes = message.number()
    row_bytes = message.number()
    points = message.bytes()
    layout = layout_of(
        [PointField(n, order + kind, at, count) for n, kind, at, count in fields],
        point_bytes,
    )
    found = view_points(points, layout, (width, height), row_bytes)
    return PointCloud(found, (width, height), t_ns, frame)


def _read_field(message: MessageFields) -> tuple[str, str, int, int]:
    name = message.text()
    offset = message.number()
    kind = message.number(1)
    count = message.number()
    if kind not in _TYPES:
        raise ValueError(f"the field {name[:40]!r} is of the unknown type {kind}")
    # drivers that leave it out write 0
    return name, _TYPES[kind], offset, max(1, count)
