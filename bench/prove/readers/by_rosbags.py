"""rosbags: the stamps and values of messages in recordings, ROS 1 and ROS 2."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from bench.prove.readers.rows import Row, serve

_FIXED_FRAMES = ("map", "odom")  # a transform from there is a pose


def read_recording(path: Path) -> Iterator[Row]:
    """Rows of all messages of kinds that are known here."""
    store = get_typestore(Stores.ROS2_JAZZY)
    with AnyReader([path], default_typestore=store) as reader:
        for connection, _, data in reader.messages():
            if read := _KINDS.get(connection.msgtype):
                message = reader.deserialize(data, connection.msgtype)
                yield from read(message, connection.topic)


def _read_compressed(message: Any, topic: str) -> Iterator[Row]:
    digest = hashlib.sha256(message.data.tobytes()).hexdigest()
    yield Row(_camera_of(topic), "picture", _stamp_ns(message), (digest,))


def _read_image(message: Any, topic: str) -> Iterator[Row]:
    pixels = message.data.reshape(message.height, message.step // 3, 3)
    rgb = pixels[:, : message.width, :: 1 if message.encoding == "rgb8" else -1]
    digest = hashlib.sha256(rgb.tobytes()).hexdigest()
    yield Row(_camera_of(topic), "pixels", _stamp_ns(message), (digest,))


def _read_camera(message: Any, topic: str) -> Iterator[Row]:
    """Without a time: what a camera says of itself holds from then on."""
    upper = hasattr(message, "K")
    k = message.K if upper else message.k
    d = message.D if upper else message.d
    values = (message.width, message.height, k[0], k[4], k[2], k[5], *d)
    numbers = tuple(float(v) for v in values)
    model = message.distortion_model
    yield Row(_camera_of(topic), f"calibration {model}", 0, numbers)


def _read_imu(message: Any, topic: str) -> Iterator[Row]:
    gyro = message.angular_velocity
    accel = message.linear_acceleration
    values = (gyro.x, gyro.y, gyro.z, accel.x, accel.y, accel.z)
    yield Row(message.header.frame_id, "imu", _stamp_ns(message), values)


def _read_fix(message: Any, topic: str) -> Iterator[Row]:
    values = (message.latitude, message.longitude, message.altitude)
    yield Row("wgs84", "gnss", _stamp_ns(message), values)


def _read_odometry(message: Any, topic: str) -> Iterator[Row]:
    place = f"{message.header.frame_id}>{message.child_frame_id}"
    pose = message.pose.pose
    values = _list_pose(pose.position, pose.orientation)
    yield Row(place, "odometry", _stamp_ns(message), values)


def _read_pose(message: Any, topic: str) -> Iterator[Row]:
    pose = message.pose.pose if hasattr(message.pose, "pose") else message.pose
    values = _list_pose(pose.position, pose.orientation)
    yield Row(message.header.frame_id, "pose", _stamp_ns(message), values)


def _read_transforms(message: Any, topic: str) -> Iterator[Row]:
    for stamped in message.transforms:
        parent = stamped.header.frame_id
        place = stamped.transform
        kind = "pose" if parent in _FIXED_FRAMES else "transform"
        values = _list_pose(place.translation, place.rotation)
        yield Row(
            f"{parent}>{stamped.child_frame_id}", kind, _stamp_ns(stamped), values
        )


_KINDS: dict[str, Callable[[Any, str], Iterator[Row]]] = {
    "sensor_msgs/msg/CompressedImage": _read_compressed,
    "sensor_msgs/msg/Image": _read_image,
    "sensor_msgs/msg/CameraInfo": _read_camera,
    "sensor_msgs/msg/Imu": _read_imu,
    "sensor_msgs/msg/NavSatFix": _read_fix,
    "nav_msgs/msg/Odometry": _read_odometry,
    "geometry_msgs/msg/PoseStamped": _read_pose,
    "geometry_msgs/msg/PoseWithCovarianceStamped": _read_pose,
    "tf2_msgs/msg/TFMessage": _read_transforms,
}


def _camera_of(topic: str) -> str:
    return topic.split("/")[1]


def _list_pose(position: Any, turn: Any) -> tuple[float, ...]:
    return (position.x, position.y, position.z, turn.x, turn.y, turn.z, turn.w)


def _stamp_ns(message: Any) -> int:
    stamp = message.header.stamp
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


if __name__ == "__main__":
    serve(dict.fromkeys(("mcap", "ros 1 bag", "sqlite"), read_recording))
