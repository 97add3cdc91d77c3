"""Read Foxglove messages, Protobuf, JSON or ROS 2 (docs.foxglove.dev/docs/visualization/message-schemas).

The compiled classes of the published schemas parse the Protobuf variant: a schema inside a foreign file is never run.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

from assets.formats.messages.mcap_chunks import parse_small
from assets.formats.messages.raw_images import read_pixels
from assets.formats.messages.topics import (
    Origin,
    Reading,
    VideoPacket,
    list_pose,
    read_calibration,
    read_fix,
    read_frame,
    read_signal,
    read_transform,
)
from assets.formats.strict_json import parse_json


def read_compressed_image(message: Any, origin: Origin) -> Iterator[Reading]:
    """foxglove.CompressedImage: an encoded picture."""
    yield from read_frame(
        origin, _bytes(message.data), message.format, _stamp_ns(message)
    )


def read_compressed_video(message: Any, origin: Origin) -> Iterator[Reading]:
    """foxglove.CompressedVideo: one picture of a video, H.264 or H.265 with start codes."""
    codec = _VIDEO_CODECS.get(str(message.format).lower())
    if codec is None:
        yield origin.refuse(
            f"video in {str(message.format)[:40]!r} is not read",
            "record H.264 or H.265, or images",
        )
        return
    yield VideoPacket(origin, codec, _bytes(message.data), _stamp_ns(message))


def read_raw_image(message: Any, origin: Origin) -> Iterator[Reading]:
    """foxglove.RawImage: pixels by row, with their encoding and the bytes of a row."""
    size_px = (int(message.width), int(message.height))
    t_ns = _stamp_ns(message)
    yield from read_pixels(
        origin,
        _bytes(message.data),
        message.encoding,
        size_px,
        int(message.step),
        False,
        t_ns,
    )


def read_camera_calibration(message: Any, origin: Origin) -> Iterator[Reading]:
    """foxglove.CameraCalibration: K (9,), px, and the distortion coefficients D."""
    size_px = (int(message.width), int(message.height))
    # ROS 2 has no capitals
    k, d = (message.K, message.D) if hasattr(message, "K") else (message.k, message.d)
    yield from read_calibration(
        origin, size_px, k, message.distortion_model, d, message.frame_id
    )


def read_frame_transform(message: Any, origin: Origin) -> Iterator[Reading]:
    """foxglove.FrameTransform: parent_from_child, metres and a unit quaternion."""
    frames = (message.parent_frame_id, message.child_frame_id)
    t_ns = _stamp_ns(message)
    yield from read_transform(
        origin, *frames, t_ns, message.translation, message.rotation
    )


def read_frame_transforms(message: Any, origin: Origin) -> Iterator[Reading]:
    """foxglove.FrameTransforms: several of them in one message."""
    for transform in message.transforms:
        yield from read_frame_transform(transform, origin)


def read_pose_in_frame(message: Any, origin: Origin) -> Iterator[Reading]:
    """foxglove.PoseInFrame: the pose of a sensor, metres, in the frame it names."""
    t_ns = _stamp_ns(message)
    if t_ns is None:
        yield origin.refuse("a pose without a time", "fill the field `timestamp`")
        return
    values = list_pose(message.pose.position, message.pose.orientation)
    yield read_signal(origin, "pose", t_ns, values, message.frame_id)


def read_odometry(message: Any, origin: Origin) -> Iterator[Reading]:
    """foxglove.Odometry: the pose of the body in the frame it names, metres."""
    t_ns = _stamp_ns(message)
    if t_ns is None:
        yield origin.refuse("odometry without a time", "fill the field `timestamp`")
        return
    values = list_pose(message.pose.position, message.pose.orientation)
    yield read_signal(
        origin, "odometry", t_ns, values, message.frame_id, message.body_frame_id
    )


def read_location_fix(message: Any, origin: Origin) -> Iterator[Reading]:
    """foxglove.LocationFix: WGS 84, degrees, and altitude, metres."""
    t_ns = _stamp_ns(message)
    if t_ns is None:
        yield origin.refuse("a location without a time", "fill the field `timestamp`")
        return
    yield from read_fix(
        origin,
        t_ns,
        message.latitude,
        message.longitude,
        message.altitude,
        message.frame_id,
    )


def read_location_fixes(message: Any, origin: Origin) -> Iterator[Reading]:
    """foxglove.LocationFixes: several of them in one message."""
    for fix in message.fixes:
        yield from read_location_fix(fix, origin)


# what a message calls its format, and the decoder for it
_VIDEO_CODECS = {"h264": "h264", "h265": "hevc", "hevc": "hevc"}
HANDLERS: dict[str, Callable[[Any, Origin], Iterator[Reading]]] = {
    "foxglove.CompressedImage": read_compressed_image,
    "foxglove.CompressedVideo": read_compressed_video,
    "foxglove.RawImage": read_raw_image,
    "foxglove.CameraCalibration": read_camera_calibration,
    "foxglove.FrameTransform": read_frame_transform,
    "foxglove.FrameTransforms": read_frame_transforms,
    "foxglove.PoseInFrame": read_pose_in_frame,
    "foxglove.Odometry": read_odometry,
    "foxglove.LocationFix": read_location_fix,
    "foxglove.LocationFixes": read_location_fixes,
}


def build_protobuf_parser(schema_name: str) -> Callable[[bytes], Any]:
    """Bytes -> message, for a name in HANDLERS."""
    import importlib

    short = schema_name.removeprefix("foxglove.")
    parse: Callable[[bytes], Any] = getattr(
        importlib.import_module(f"foxglove_schemas_protobuf.{short}_pb2"), short
    ).FromString
    return (
        parse
        if short in ("CompressedImage", "CompressedVideo", "RawImage")
        else partial(parse_small, parse)
    )


def parse_json_message(data: bytes) -> Any:
    """A message of the JSON variant, with the attributes of the Protobuf one. Absent fields read as empty."""
    value = _with_attributes(parse_json(data))
    if not isinstance(value, _JsonMessage):
        raise ValueError("the message is not a JSON object")
    return value


class _JsonMessage(SimpleNamespace):
    def __getattr__(self, name: str) -> Any:
        return _EMPTY.get(name, "")


_ZERO = {"x": 0.0, "y": 0.0, "z": 0.0, "w": 0.0}
_EMPTY: dict[str, Any] = {
    "timestamp": None,
    "transforms": (),
    "fixes": (),
    "D": (),
    "K": (),
    **_ZERO,
    **dict.fromkeys(("width", "height", "step", "sec", "nsec"), 0),
    **dict.fromkeys(("latitude", "longitude", "altitude"), float("nan")),
    "translation": SimpleNamespace(**_ZERO),
    "rotation": SimpleNamespace(**{**_ZERO, "w": 1.0}),
}


def _with_attributes(value: Any) -> Any:
    if isinstance(value, dict):
        return _JsonMessage(
            **{str(key): _with_attributes(item) for key, item in value.items()}
        )
    return (
        [_with_attributes(item) for item in value] if isinstance(value, list) else value
    )


def _bytes(data: bytes | str) -> bytes:
    # an array in ROS 1
    return (
        base64.b64decode(data, validate=True) if isinstance(data, str) else bytes(data)
    )


def _stamp_ns(message: Any) -> int | None:
    """The stamp of the message; None where it has none. Zero is given on: whether it is a time, the recording tells."""
    if isinstance(message, _JsonMessage):
        stamp = message.timestamp
        return (
            None
            if not isinstance(stamp, _JsonMessage)
            else int(stamp.sec) * 1_000_000_000 + int(stamp.nsec)
        )
    if not hasattr(message, "HasField"):  # ROS 2: always stated
        return int(message.timestamp.sec) * 1_000_000_000 + int(
            message.timestamp.nanosec
        )
    if not message.HasField("timestamp"):
        return None
    return int(message.timestamp.seconds) * 1_000_000_000 + int(message.timestamp.nanos)
