"""Read messages that are scans: point clouds and laser scans of ROS 1, ROS 2 and Foxglove."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from assets.formats.messages.topics import Origin, Reading
from assets.formats.observations import ScanObservation
from assets.formats.points.clouds import measure_cloud
from assets.formats.points.encodings import PARSERS, decode_scan

_KINDS = {
    "sensor_msgs/msg/PointCloud2": "pointcloud2",
    "sensor_msgs/msg/LaserScan": "laserscan",
    "foxglove.PointCloud": "foxglove_points",
    "foxglove_msgs/msg/PointCloud": "foxglove_points",
    "foxglove.LaserScan": "foxglove_laser",
    "foxglove_msgs/msg/LaserScan": "foxglove_laser",
}
NAMES = frozenset(_KINDS)
_PACKETS = "packets of a scanner, of which its driver makes points: record its sensor_msgs/PointCloud2"
_OTHER_SCANS = {
    "velodyne_msgs/msg/VelodyneScan": _PACKETS,
    "velodyne_msgs/msg/VelodynePacket": _PACKETS,
    "ouster_ros/msg/PacketMsg": _PACKETS,
    "ouster_sensor_msgs/msg/PacketMsg": _PACKETS,
    "hesai_ros_driver/msg/UdpFrame": _PACKETS,
    "rslidar_msg/msg/RslidarPacket": _PACKETS,
    "livox_ros_driver2/msg/CustomMsg": "points in a form of Livox: record sensor_msgs/PointCloud2 (xfer_format: 0)",
    "sensor_msgs/msg/PointCloud": "points in the form before sensor_msgs/PointCloud2: convert them",
    "sensor_msgs/msg/MultiEchoLaserScan": "several echoes a beam: record a LaserScan of one of them",
    "foxglove.CompressedPointCloud": "compressed points: record foxglove.PointCloud",
}


def find_form(name: str, encoding: str) -> str | None:
    """How scans of such a message are stored, a key of `PARSERS`; None of other messages, and of other encodings.

    `name` is that of the message as ROS 2 or Foxglove write it, `encoding` that of its channel: "cdr", "ros1",
    "protobuf" or "json".
    """
    if name not in _KINDS or name.startswith("foxglove.") != (
        encoding in ("protobuf", "json")
    ):
        return None
    form = f"{_KINDS[name]}_{encoding}"
    return form if form in PARSERS else None


def explain_unread(name: str) -> str:
    """Why scans of such a message are not read, and what helps; "" of messages that hold no scans."""
    why = _OTHER_SCANS.get(name, "")
    return f": {why}" if why else ""


def read_scan(form: str, data: bytes, origin: Origin) -> Iterator[Reading]:
    """One message as a scan; `form` is a key of `PARSERS`. Raises ValueError."""
    cloud = decode_scan(form, data)
    yield ScanObservation(
        origin.sensor,
        origin.source,
        form,
        measure_cloud(cloud.points),
        hashlib.sha256(data).hexdigest(),
        len(data),
        data,
        cloud.t_ns,
        frame_of_reference=cloud.frame_of_reference,
        num_left_out=cloud.num_left_out,
    )
