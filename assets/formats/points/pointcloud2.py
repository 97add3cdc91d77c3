"""Read sensor_msgs/PointCloud2, as ROS 1 and ROS 2 (CDR) write it. Its definition is the same in all their versions."""

from __future__ import annotations

from typing import Literal

from assets.formats.points.clouds import (
    PointCloud,
    PointField,
    layout_of,
    view_points,
)

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


class _Message:
    """Takes the values of a message one after the other. Raises ValueError where it ends before."""

    def __init__(self, data: bytes | memoryview, is_cdr: bool) -> None:
        self._data = memoryview(data)
        self._at = 0
        self._is_cdr = is_cdr
        self._order: Literal["little", "big"] = "little"
        if is_cdr:
            head = bytes(self._take(4))
            if head[0] != 0 or head[1] not in (0, 1):
                raise ValueError(f"a CDR message that begins with {head!r}")
            self._order = "little" if head[1] else "big"

    def _take(self, size: int) -> memoryview:
        if self._at + size > len(self._data):
            raise ValueError(f"the message ends inside a field of {size} bytes")
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, size: int = 4, is_signed: bool = False) -> int:
        """The next integer; CDR places it at a multiple of its size, counted behind its head."""
        if self._is_cdr:
            self._take(-(self._at - 4) % size)
        return int.from_bytes(self._take(size), self._order, signed=is_signed)

    def text(self) -> str:
        """The next text; CDR ends it with a zero byte."""
        return bytes(self._take(self.number())).rstrip(b"\0").decode("utf-8", "replace")

    def bytes(self) -> memoryview:
        """The next list of bytes."""
        return self._take(self.number())


def parse_ros1(data: bytes | memoryview) -> PointCloud:
    """The cloud of a ROS 1 message. Raises ValueError."""
    return _parse(data, is_cdr=False)


def parse_cdr(data: bytes | memoryview) -> PointCloud:
    """The cloud of a ROS 2 message. Raises ValueError."""
    return _parse(data, is_cdr=True)


def _parse(data: bytes | memoryview, is_cdr: bool) -> PointCloud:
    message = _Message(data, is_cdr)
    if not is_cdr:
        message.number()  # seq
    t_ns = message.number(is_signed=is_cdr) * 1_000_000_000 + message.number()
    frame = message.text()
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
    return PointCloud(found, (width, height), t_ns, frame.strip("/") or None)


def _read_field(message: _Message) -> tuple[str, str, int, int]:
    name = message.text()
    offset = message.number()
    kind = message.number(1)
    count = message.number()
    if kind not in _TYPES:
        raise ValueError(f"the field {name[:40]!r} is of the unknown type {kind}")
    # drivers that leave it out write 0
    return name, _TYPES[kind], offset, max(1, count)
