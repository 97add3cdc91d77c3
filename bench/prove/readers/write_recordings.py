"""Recordings of the same seeded messages, by rosbags: MCAP, a ROS 2 database and a ROS 1 bag, and those as MCAP.

Runs in the environment of rosbags: `python -m bench.prove.readers.write_recordings FOLDER`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.rosbag1 import Writer as Bag1Writer
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as Bag2Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

_NS = 1_000_000_000
_START_NS = 1_760_000_000 * _NS + 123_456_789
_NUM_TICKS = 40
# no picture: its bytes are compared, not decoded
_JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"


@dataclass
class Messages:
    """Makes messages of ROS 1 or ROS 2, whose kinds have the same names in rosbags."""

    store: Typestore
    is_ros1: bool
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def make(self) -> Iterator[tuple[str, int, Any]]:
        """Topic, time and message."""
        for number in range(_NUM_TICKS):
            t_ns = _START_NS + number * 33_333_333
            for delay_ns, (topic, make) in enumerate(_TOPICS):
                yield topic, t_ns + delay_ns, make(self, number, t_ns + delay_ns)

    def make_compressed(self, number: int, t_ns: int) -> Any:
        data = np.frombuffer(_JPEG + self.rng.bytes(200), np.uint8)
        head = self._head(t_ns, "cam0", number)
        return self._of("sensor_msgs", "CompressedImage", head, "jpeg", data)

    def make_image(self, number: int, t_ns: int) -> Any:
        height = 12
        width = 16
        pixels = self.rng.integers(0, 256, height * width * 3, np.uint8)
        encoding = ("rgb8", "bgr8")[number % 2]
        return self._of(
            "sensor_msgs",
            "Image",
            self._head(t_ns, "cam1", number),
            height,
            width,
            encoding,
            0,
            width * 3,
            pixels,
        )

    def make_imu(self, number: int, t_ns: int) -> Any:
        parts = [self._turn(), self._vector(), self._vector()]
        fields = [field for part in parts for field in (part, np.zeros(9))]
        return self._of("sensor_msgs", "Imu", self._head(t_ns, "imu", number), *fields)

    def make_odometry(self, number: int, t_ns: int) -> Any:
        pose = self._of("geometry_msgs", "Pose", self._vector("Point"), self._turn())
        twist = self._of("geometry_msgs", "Twist", self._vector(), self._vector())
        return self._of(
            "nav_msgs",
            "Odometry",
            self._head(t_ns, "odom", number),
            "base",
            self._of("geometry_msgs", "PoseWithCovariance", pose, np.zeros(36)),
            self._of("geometry_msgs", "TwistWithCovariance", twist, np.zeros(36)),
        )

    def make_fix(self, number: int, t_ns: int) -> Any:
        place = self.rng.uniform((-80, -170, 0), (80, 170, 3000))
        return self._of(
            "sensor_msgs",
            "NavSatFix",
            self._head(t_ns, "gnss", number),
            self._of("sensor_msgs", "NavSatStatus", 0, 1),
            *map(float, place),
            np.zeros(9),
            0,
        )

    def make_transforms(self, number: int, t_ns: int) -> Any:
        transforms = [
            self._of(
                "geometry_msgs",
                "TransformStamped",
                self._head(t_ns, parent, number),
                child,
                self._of("geometry_msgs", "Transform", self._vector(), self._turn()),
            )
            for parent, child in (("odom", "base"), ("base", "head"))
        ]
        return self._of("tf2_msgs", "TFMessage", transforms)

    def make_camera(self, number: int, t_ns: int) -> Any:
        """The same again and again, then another one."""
        focal_px = 250.0 + number // 20
        return self._of(
            "sensor_msgs",
            "CameraInfo",
            self._head(t_ns, "cam1", number),
            12,
            16,
            "plumb_bob",
            np.array([0.1, -0.2, 0.001, 0.002, 0.0]),
            np.array([focal_px, 0, 8.25, 0, focal_px, 6.5, 0, 0, 1.0]),
            np.eye(3).ravel(),
            np.eye(4)[:3].ravel(),
            0,
            0,
            self._of("sensor_msgs", "RegionOfInterest", 0, 0, 0, 0, False),
        )

    def _of(self, package: str, kind: str, *fields: Any) -> Any:
        return self.store.types[f"{package}/msg/{kind}"](*fields)

    def _head(self, t_ns: int, frame: str, number: int) -> Any:
        stamp = self._of("builtin_interfaces", "Time", t_ns // _NS, t_ns % _NS)
        first = (number,) if self.is_ros1 else ()
        return self._of("std_msgs", "Header", *first, stamp, frame)

    def _vector(self, kind: str = "Vector3") -> Any:
        return self._of("geometry_msgs", kind, *map(float, self.rng.normal(size=3)))

    def _turn(self) -> Any:
        turn = self.rng.normal(size=4)
        turn /= np.linalg.norm(turn)
        return self._of("geometry_msgs", "Quaternion", *map(float, turn))


_TOPICS: tuple[tuple[str, Callable[[Messages, int, int], Any]], ...] = (
    ("/cam0/image_raw/compressed", Messages.make_compressed),
    ("/cam1/image_raw", Messages.make_image),
    ("/imu/data", Messages.make_imu),
    ("/odom", Messages.make_odometry),
    ("/gnss/fix", Messages.make_fix),
    ("/tf", Messages.make_transforms),
    ("/cam1/camera_info", Messages.make_camera),
)


def write_ros2(path: Path, storage: StoragePlugin) -> None:
    store = get_typestore(Stores.ROS2_JAZZY)
    topics = {}
    with Bag2Writer(path, version=9, storage_plugin=storage) as bag:
        for topic, t_ns, message in Messages(store, is_ros1=False).make():
            kind = message.__msgtype__
            if topic not in topics:
                topics[topic] = bag.add_connection(topic, kind, typestore=store)
            bag.write(topics[topic], t_ns, store.serialize_cdr(message, kind))


def write_ros1(path: Path) -> None:
    store = get_typestore(Stores.ROS1_NOETIC)
    topics = {}
    kind = "tf2_msgs/msg/TFMessage"  # which rosbags does not know of ROS 1
    store.register(
        get_types_from_msg("geometry_msgs/TransformStamped[] transforms", kind)
    )
    with Bag1Writer(path) as bag:
        for topic, t_ns, message in Messages(store, is_ros1=True).make():
            kind = message.__msgtype__
            if topic not in topics:
                topics[topic] = bag.add_connection(topic, kind, typestore=store)
            bag.write(topics[topic], t_ns, store.serialize_ros1(message, kind))


def convert(bag: Path, folder: Path) -> None:
    """To MCAP."""
    program = Path(sys.executable).with_name("rosbags-convert")
    subprocess.run(
        [program, "--src", bag, "--dst", folder, "--dst-storage", "mcap"],
        check=True,
        capture_output=True,
    )


def main() -> None:
    root = Path(sys.argv[1])
    write_ros2(root / "ros2", StoragePlugin.MCAP)
    write_ros2(root / "sqlite", StoragePlugin.SQLITE3)
    bag = root / "ros1" / "ros1.bag"
    bag.parent.mkdir()
    write_ros1(bag)
    convert(root / "sqlite", root / "from_sqlite")
    convert(bag, root / "from_ros1")


if __name__ == "__main__":
    main()
