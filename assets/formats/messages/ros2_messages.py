"""Read ROS messages: images, camera info, IMU, odometry, poses, transforms, GNSS (REP 103, 105, 118, 145).

Those of ROS 2 are decoded here, from CDR; those of ROS 1 in `ros1_messages`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from typing import Any

from mcap.records import Schema

from assets.formats.messages.mcap_chunks import parse_small
from assets.formats.messages.raw_images import read_pixels
from assets.formats.messages.topics import (
    Origin,
    Reading,
    list_pose,
    read_calibration,
    read_fix,
    read_frame,
    read_signal,
    read_transform,
)
from assets.formats.protocol import UnreadableBytes

_IMAGES = frozenset({"Image", "RawImage", "CompressedImage"})
_LISTS = re.compile(r"^[ \t]*(?!uint8\[|byte\[|#)[\w/]+(?:<=\d+)?\[", re.MULTILINE)
# ROS 1 names them in capitals, which its bags keep through a conversion, and ROS 2 forbids
_CAPITALS = re.compile(rb"^([ \t]*float64\[\d*\][ \t]+)([DKRP])\b", re.MULTILINE)
_SCHEMA_REMEDY = "record with a recorder that stores the message definitions (ros2msg) as schemas, as rosbag2 does"
_COMPRESSED_DEPTH_HEADER = 12  # compressed_depth_image_transport: format and two quantisation numbers before the PNG


def read_compressed_image(message: Any, origin: Origin) -> Iterator[Reading]:
    """sensor_msgs/CompressedImage, and what compressed_depth_image_transport makes of depth."""
    payload = bytes(message.data)
    if "compressedDepth" in message.format and payload[
        _COMPRESSED_DEPTH_HEADER:
    ].startswith(b"\x89PNG"):
        if "32FC1" in message.format:
            yield origin.refuse(
                "quantised 32FC1 depth is not read", "record depth as 16UC1"
            )
            return
        payload = payload[_COMPRESSED_DEPTH_HEADER:]
    yield from read_frame(origin, payload, message.format, _stamp_ns(message))


def read_image(message: Any, origin: Origin) -> Iterator[Reading]:
    """sensor_msgs/Image: pixels by row, with their encoding and the bytes of a row."""
    size_px = (message.width, message.height)
    t_ns = _stamp_ns(message)
    is_big_endian = bool(message.is_bigendian)
    yield from read_pixels(
        origin,
        bytes(message.data),
        message.encoding,
        size_px,
        message.step,
        is_big_endian,
        t_ns,
    )


def read_camera_info(message: Any, origin: Origin) -> Iterator[Reading]:
    """sensor_msgs/CameraInfo: k (9,), px, and the distortion coefficients d."""
    size_px = (message.width, message.height)
    # ROS 1 has capitals
    k, d = (message.K, message.D) if hasattr(message, "K") else (message.k, message.d)
    yield from read_calibration(
        origin,
        size_px,
        k,
        message.distortion_model,
        d,
        message.header.frame_id,
    )


def read_imu(message: Any, origin: Origin) -> Iterator[Reading]:
    """sensor_msgs/Imu: angular velocity, rad/s, and linear acceleration, m/s^2 (REP 145)."""
    for name in ("angular_velocity", "linear_acceleration"):
        # REP 145: the driver has no such measurement
        if getattr(message, f"{name}_covariance")[0] == -1:
            yield origin.refuse(
                f"the IMU gives no {name}",
                "record an IMU with gyroscope and accelerometer",
            )
            return
    gyro = message.angular_velocity
    accel = message.linear_acceleration
    values = (gyro.x, gyro.y, gyro.z, accel.x, accel.y, accel.z)
    yield read_signal(
        origin, "imu", _stamp_ns(message), values, message.header.frame_id
    )


def read_nav_sat_fix(message: Any, origin: Origin) -> Iterator[Reading]:
    """sensor_msgs/NavSatFix: WGS 84, degrees, and altitude, metres."""
    if message.status.status < 0:  # STATUS_NO_FIX: the numbers beside it mean nothing
        yield origin.refuse("the receiver has no fix", "give it a free view of the sky")
        return
    place = (message.latitude, message.longitude, message.altitude)
    yield from read_fix(origin, _stamp_ns(message), *place, message.header.frame_id)


def read_odometry(message: Any, origin: Origin) -> Iterator[Reading]:
    """nav_msgs/Odometry: the pose of `child_frame_id` in the header's frame, metres."""
    values = list_pose(message.pose.pose.position, message.pose.pose.orientation)
    frame = message.header.frame_id
    child = message.child_frame_id
    yield read_signal(origin, "odometry", _stamp_ns(message), values, frame, child)


def read_pose(message: Any, origin: Origin) -> Iterator[Reading]:
    """geometry_msgs/PoseStamped: a pose in the header's frame, metres."""
    yield read_signal(
        origin,
        "pose",
        _stamp_ns(message),
        _values(message.pose),
        message.header.frame_id,
    )


def read_pose_with_covariance(message: Any, origin: Origin) -> Iterator[Reading]:
    """geometry_msgs/PoseWithCovarianceStamped: a pose in the header's frame, metres."""
    yield read_signal(
        origin,
        "pose",
        _stamp_ns(message),
        _values(message.pose.pose),
        message.header.frame_id,
    )


def read_transforms(message: Any, origin: Origin) -> Iterator[Reading]:
    """tf2_msgs/TFMessage: parent_from_child of each, metres and a unit quaternion."""
    for stamped in message.transforms:
        place = stamped.transform
        yield from read_transform(
            origin,
            stamped.header.frame_id,
            stamped.child_frame_id,
            _stamp_ns(stamped),
            place.translation,
            place.rotation,
        )


HANDLERS: dict[str, Callable[[Any, Origin], Iterator[Reading]]] = {
    "sensor_msgs/msg/CompressedImage": read_compressed_image,
    "sensor_msgs/msg/Image": read_image,
    "sensor_msgs/msg/CameraInfo": read_camera_info,
    "sensor_msgs/msg/Imu": read_imu,
    "sensor_msgs/msg/NavSatFix": read_nav_sat_fix,
    "nav_msgs/msg/Odometry": read_odometry,
    "geometry_msgs/msg/PoseStamped": read_pose,
    "geometry_msgs/msg/PoseWithCovarianceStamped": read_pose_with_covariance,
    "tf2_msgs/msg/TFMessage": read_transforms,
    "tf/msg/tfMessage": read_transforms,
}


@cache
def find_definition(name: str) -> str:
    """The published definition of a kind of message that is read; "" of others. It is the same in all of ROS 2."""
    from rosbags.typesys import Stores, get_typestore

    if (
        name not in HANDLERS
        or name not in (store := get_typestore(Stores.ROS2_HUMBLE)).fielddefs
    ):
        return ""
    return str(store.generate_msgdef(name, ros_version=2)[0])


def build_cdr_parser(schema: Schema) -> Callable[[bytes], Any]:
    """Bytes -> message. Raises UnreadableBytes, with the reason, when the schema does not tell what messages hold."""
    from mcap_ros2.decoder import DecoderFactory

    if schema.encoding != "ros2msg":
        reason = (
            f"{schema.name} has a schema in {schema.encoding!r}: only ros2msg is read"
        )
        raise UnreadableBytes(reason, _SCHEMA_REMEDY)
    if not any(line.split(b"#")[0].strip() for line in schema.data.splitlines()):
        raise UnreadableBytes(
            "its schema is empty, so its messages cannot be decoded", _SCHEMA_REMEDY
        )
    try:
        parse = DecoderFactory().decoder_for("cdr", _as_ros2(schema))
    # the parser has errors of its own, of no common kind, for foreign text
    except Exception as error:
        reason = f"its schema of {schema.name} cannot be understood, so its messages cannot be decoded: {error}"
        raise UnreadableBytes(reason[:400], _SCHEMA_REMEDY) from error
    assert parse is not None
    is_flat = schema.name.rsplit("/", 1)[-1] in _IMAGES and not _LISTS.search(
        schema.data.decode("utf-8", "replace")
    )
    return parse if is_flat else partial(parse_small, parse)


def _as_ros2(schema: Schema) -> Schema:
    if not schema.name.endswith("/CameraInfo"):
        return schema
    text = _CAPITALS.sub(lambda found: found[1] + found[2].lower(), schema.data)
    return replace(schema, data=text)


def _values(pose: Any) -> tuple[float, ...]:
    return list_pose(pose.position, pose.orientation)


def _stamp_ns(message: Any) -> int:
    stamp = message.header.stamp
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)
