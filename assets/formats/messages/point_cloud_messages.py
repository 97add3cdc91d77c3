"""Read messages that are point clouds: sensor_msgs/PointCloud2 of ROS 1 and ROS 2."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from assets.formats.messages.topics import Origin, Reading
from assets.formats.observations import ScanObservation
from assets.formats.points.clouds import measure_cloud
from assets.formats.points.encodings import decode_scan

NAME = "sensor_msgs/msg/PointCloud2"


def read_point_cloud(encoding: str, data: bytes, origin: Origin) -> Iterator[Reading]:
    """One message as a scan; `encoding` is that of its channel, "cdr" or "ros1". Raises ValueError."""
    stored_as = f"pointcloud2_{encoding}"
    cloud = decode_scan(stored_as, data)
    yield ScanObservation(
        origin.sensor,
        origin.source,
        stored_as,
        measure_cloud(cloud.points),
        hashlib.sha256(data).hexdigest(),
        len(data),
        data,
        cloud.t_ns,
        frame_of_reference=cloud.frame_of_reference,
    )
