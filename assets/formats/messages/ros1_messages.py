"""Read ROS 1 messages, of bags and of MCAP files made of them: decoded here, and understood as those of ROS 2 are.

The definitions are the published ones, which rosbags brings along: what a foreign file says of its messages is never
run, only its MD5 sum is held against theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from assets.formats.messages.mcap_chunks import parse_small
from assets.formats.protocol import UnreadableBytes

_NUMERIC_TYPES = (
    "UNKNOWN",
    "UINT8",
    "INT8",
    "UINT16",
    "INT16",
    "UINT32",
    "INT32",
    "FLOAT32",
    "FLOAT64",
)
_FLAT = frozenset({"Image", "RawImage", "CompressedImage", "CompressedVideo"})
_TRANSFORMS = "geometry_msgs/TransformStamped[] transforms"
_ENCODED = "time timestamp\nstring frame_id\nuint8[] data\nstring format"
_RAW = (
    "time timestamp\nstring frame_id\nuint32 width\nuint32 height\nstring encoding\nuint32 step\n"
    "uint8[] data"
)
# constants are part of what an MD5 sum is of
_PACKED = "\n".join(
    (
        *(f"uint8 {name}={number}" for number, name in enumerate(_NUMERIC_TYPES)),
        "string name\nuint32 offset\nuint8 type",
    )
)
_PLACED = "time timestamp\nstring frame_id\ngeometry_msgs/Pose pose\n"
_POINTS = f"{_PLACED}uint32 point_stride\nfoxglove_msgs/PackedElementField[] fields\nuint8[] data"
_LASER = f"{_PLACED}float64 start_angle\nfloat64 end_angle\nfloat64[] ranges\nfloat64[] intensities"
# published with ROS 1, or for it, and not among rosbags' own
_MORE = {
    "tf2_msgs/msg/TFMessage": _TRANSFORMS,
    "tf/msg/tfMessage": _TRANSFORMS,
    "foxglove_msgs/msg/CompressedImage": _ENCODED,
    "foxglove_msgs/msg/CompressedVideo": _ENCODED,
    "foxglove_msgs/msg/RawImage": _RAW,
    "foxglove_msgs/msg/PackedElementField": _PACKED,
    "foxglove_msgs/msg/PointCloud": _POINTS,
    "foxglove_msgs/msg/LaserScan": _LASER,
}
_REMEDY = "convert the topic to messages of ROS's own definitions, or do not record it"


def name_as_ros2(name: str) -> str:
    """`sensor_msgs/Image` -> `sensor_msgs/msg/Image`, as ROS 2 and rosbags have it."""
    return name if "/msg/" in name else name.replace("/", "/msg/", 1)


def build_parser(name: str, md5: str | None) -> Callable[[bytes], Any]:
    """Bytes -> message, for a name of ROS 2's form. Raises UnreadableBytes where definitions are missing or differ."""
    require_definition(name, md5)
    parse = partial(_parse, _definitions(), name)
    return parse if name.rsplit("/", 1)[-1] in _FLAT else partial(parse_small, parse)


def require_definition(name: str, md5: str | None) -> None:
    """Raises UnreadableBytes where the published definition of a message is not known, or has another MD5 sum."""
    store = _definitions()
    if name not in store.fielddefs:
        raise UnreadableBytes(f"{name} in message encoding 'ros1' is not read", _REMEDY)
    _, expected = store.generate_msgdef(name, ros_version=1)
    if md5 not in (None, expected):
        reason = f"its definition of {name} has the MD5 sum {str(md5)[:40]}, that of ROS 1 has {expected}"
        raise UnreadableBytes(reason, _REMEDY)


def _parse(store: Any, name: str, data: bytes) -> Any:
    return store.deserialize_ros1(data, name)


@cache
def _definitions() -> Any:
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.ROS1_NOETIC)
    for name, text in _MORE.items():
        store.register(get_types_from_msg(text, name))
    return store
