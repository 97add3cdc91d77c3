"""Write small recordings of one and the same drive, as ROS 1 bags, databases of rosbag2 and MCAP files, by rosbags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.rosbag1 import Writer as BagWriter
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as DatabaseWriter
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

NS = 1_000_000_000
START_NS = 1_760_000_000 * NS + 123_456_789
NUM_TICKS = 6
CLOUD = "sensor_msgs/msg/PointCloud2"
_CODES = {"f4": 7, "f8": 8, "u2": 4}


@dataclass
class Messages:
    """Messages of ROS 1 or ROS 2, whose kinds have the same names in rosbags."""

    is_ros1: bool

    def __post_init__(self) -> None:
        self.store = get_typestore(
            Stores.ROS1_NOETIC if self.is_ros1 else Stores.ROS2_HUMBLE
        )
        if self.is_ros1:  # which rosbags does not know of ROS 1
            text = "geometry_msgs/TransformStamped[] transforms"
            self.store.register(get_types_from_msg(text, "tf2_msgs/msg/TFMessage"))

    def make(self) -> Iterator[tuple[str, int, Any]]:
        """Topic, log time and message."""
        for number in range(NUM_TICKS):
            t_ns = START_NS + number * NS // 10
            yield "/cam0/image_raw/compressed", t_ns + 10, self.make_compressed(t_ns)
            yield "/cam1/image_raw", t_ns + 20, self.make_image(number, t_ns)
            yield "/cam0/camera_info", t_ns + 30, self.make_camera(t_ns, "cam0")
            yield "/cam1/camera_info", t_ns + 35, self.make_camera(t_ns, "cam1")
            yield "/imu/data", t_ns + 40, self.make_imu(number, t_ns)
            yield "/tf", t_ns + 50, self.make_transform(t_ns)
            yield "/fix", t_ns + 60, self.make_fix(t_ns)
            yield "/velodyne_points", t_ns + 70, self.make_cloud(number, t_ns)
            yield "/chatter", t_ns + 80, self.of("std_msgs", "String", "hello")

    def of(self, package: str, kind: str, *fields: Any) -> Any:
        return self.store.types[f"{package}/msg/{kind}"](*fields)

    def head(self, t_ns: int, frame: str) -> Any:
        stamp = self.of("builtin_interfaces", "Time", t_ns // NS, t_ns % NS)
        first = (0,) if self.is_ros1 else ()
        return self.of("std_msgs", "Header", *first, stamp, frame)

    def make_compressed(self, t_ns: int) -> Any:
        picture = cv2.imencode(".jpg", np.full((12, 16, 3), 90, np.uint8))[1].ravel()
        head = self.head(t_ns, "cam0")
        return self.of("sensor_msgs", "CompressedImage", head, "jpeg", picture)

    def make_image(self, number: int, t_ns: int) -> Any:
        pixels = np.arange(12 * 16 * 3, dtype=np.uint8) + np.uint8(number)
        head = self.head(t_ns, "cam1")
        return self.of("sensor_msgs", "Image", head, 12, 16, "rgb8", 0, 48, pixels)

    def make_camera(self, t_ns: int, frame: str) -> Any:
        k = np.array([250.0, 0, 8.25, 0, 251.0, 6.5, 0, 0, 1.0])
        return self.of(
            "sensor_msgs",
            "CameraInfo",
            self.head(t_ns, frame),
            12,
            16,
            "plumb_bob",
            np.array([0.1, -0.2, 0.001, 0.002, 0.0]),
            k,
            np.eye(3).ravel(),
            np.eye(4)[:3].ravel(),
            0,
            0,
            self.of("sensor_msgs", "RegionOfInterest", 0, 0, 0, 0, False),
        )

    def make_imu(self, number: int, t_ns: int) -> Any:
        gyro = self.of("geometry_msgs", "Vector3", 0.1 * number, 0.2, 0.3)
        accel = self.of("geometry_msgs", "Vector3", 0.0, 0.0, 9.81)
        turn = self.of("geometry_msgs", "Quaternion", 0.0, 0.0, 0.0, 1.0)
        fields = [x for part in (turn, gyro, accel) for x in (part, np.zeros(9))]
        return self.of("sensor_msgs", "Imu", self.head(t_ns, "imu"), *fields)

    def make_transform(self, t_ns: int) -> Any:
        place = self.of("geometry_msgs", "Vector3", 1.0, 2.0, 3.0)
        turn = self.of("geometry_msgs", "Quaternion", 0.0, 0.0, 0.6, 0.8)
        transform = self.of("geometry_msgs", "Transform", place, turn)
        head = self.head(t_ns, "odom")
        stamped = self.of("geometry_msgs", "TransformStamped", head, "base", transform)
        return self.of("tf2_msgs", "TFMessage", [stamped])

    def make_fix(self, t_ns: int) -> Any:
        status = self.of("sensor_msgs", "NavSatStatus", 0, 1)
        place = (48.5, 9.25, 321.0)
        head = self.head(t_ns, "gnss")
        return self.of("sensor_msgs", "NavSatFix", head, status, *place, np.zeros(9), 0)

    def make_cloud(self, number: int, t_ns: int) -> Any:
        points = points_of(number)
        assert points.dtype.names is not None and points.dtype.fields is not None
        fields = [
            self.of(
                "sensor_msgs",
                "PointField",
                name,
                points.dtype.fields[name][1],
                _CODES[points.dtype[name].str[1:]],
                1,
            )
            for name in points.dtype.names
        ]
        step = points.itemsize
        data = np.frombuffer(points.tobytes(), np.uint8)
        head = self.head(t_ns, "velodyne")
        size = (1, len(points))
        return self.store.types[CLOUD](
            head, *size, fields, False, step, step * len(points), data, False
        )


def points_of(number: int, num_points: int = 40) -> np.ndarray:
    """The scan of a tick: points on a line, the last without an echo."""
    kinds = [(a, "<f4") for a in ("x", "y", "z", "intensity")]
    points = np.zeros(num_points, [*kinds, ("ring", "<u2"), ("time", "<f8")])
    points["x"] = np.arange(num_points) * 0.5
    points["y"] = -1.25
    points["z"] = number
    points["ring"] = np.arange(num_points) % 16
    points["time"] = np.arange(num_points) / 7
    points["x"][-1] = np.nan
    return points


def write_bag(path: Path, compression: str = "", chunk_bytes: int = 1 << 20) -> Path:
    """A ROS 1 bag; `compression` is bz2, lz4 or none."""
    messages = Messages(is_ros1=True)
    bag = BagWriter(path)
    bag.chunk_threshold = chunk_bytes
    if compression:
        bag.set_compression(bag.CompressionFormat[compression.upper()])
    with bag:
        topics: dict[str, Any] = {}
        for topic, t_ns, message in messages.make():
            kind = message.__msgtype__
            if topic not in topics:
                topics[topic] = bag.add_connection(
                    topic, kind, typestore=messages.store
                )
            data = messages.store.serialize_ros1(message, kind)
            bag.write(topics[topic], t_ns, data)
    return path


def write_ros2(folder: Path, storage: str = "db3", compression: str = "") -> Path:
    """A folder of rosbag2: `metadata.yaml`, and a `.db3` or `.mcap`; `compression` "message" is zstd of each."""
    messages = Messages(is_ros1=False)
    plugin = StoragePlugin.SQLITE3 if storage == "db3" else StoragePlugin.MCAP
    bag = DatabaseWriter(folder, version=9, storage_plugin=plugin)
    if compression:
        bag.set_compression(
            CompressionMode[compression.upper()], CompressionFormat.ZSTD
        )
    with bag:
        topics: dict[str, Any] = {}
        for topic, t_ns, message in messages.make():
            kind = message.__msgtype__
            if topic not in topics:
                topics[topic] = bag.add_connection(
                    topic, kind, typestore=messages.store
                )
            data = messages.store.serialize_cdr(message, kind)
            bag.write(topics[topic], t_ns, data)
    (path,) = folder.glob(f"*.{storage}")
    return path
