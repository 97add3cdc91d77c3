"""The forms in which a scan's bytes are stored, and what turns each into points."""

from __future__ import annotations

from collections.abc import Callable

from assets.formats.points import foxglove_points as foxglove
from assets.formats.points.clouds import (
    PointCloud,
    PointField,
    layout_of,
    view_points,
)
from assets.formats.points.laser_scan import parse_laser_cdr, parse_laser_ros1
from assets.formats.points.pcd import parse_pcd
from assets.formats.points.pointcloud2 import parse_cdr, parse_ros1


def _parse_floats(data: bytes | memoryview, names: tuple[str, ...]) -> PointCloud:
    """Points that are nothing but float32. Raises ValueError for bytes that are no whole points."""
    fields = [PointField(name, "<f4", 4 * n) for n, name in enumerate(names)]
    layout = layout_of(fields, 4 * len(names))
    num_points, rest = divmod(len(data), layout.itemsize)
    if rest:
        raise ValueError(
            f"{len(data)} bytes are no whole number of points of {layout.itemsize} bytes ({', '.join(names)})"
        )
    size = (num_points, 1)
    return PointCloud(view_points(data, layout, size, len(data)), size)


def parse_kitti(data: bytes | memoryview) -> PointCloud:
    """A Velodyne scan of KITTI: x forward, y left, z up, reflectance."""
    return _parse_floats(data, ("x", "y", "z", "reflectance"))


def parse_nuscenes(data: bytes | memoryview) -> PointCloud:
    """A LIDAR sweep of nuScenes: x right, y forward, z up, intensity from 0 to 255, number of the ring."""
    return _parse_floats(data, ("x", "y", "z", "intensity", "ring"))


PARSERS: dict[str, Callable[[bytes], PointCloud]] = {
    "pcd": parse_pcd,
    "kitti_bin": parse_kitti,
    "nuscenes_bin": parse_nuscenes,
    "pointcloud2_ros1": parse_ros1,
    "pointcloud2_cdr": parse_cdr,
    "laserscan_ros1": parse_laser_ros1,
    "laserscan_cdr": parse_laser_cdr,
    "foxglove_points_protobuf": foxglove.parse_points_protobuf,
    "foxglove_points_json": foxglove.parse_points_json,
    "foxglove_points_ros1": foxglove.parse_points_ros1,
    "foxglove_points_cdr": foxglove.parse_points_cdr,
    "foxglove_laser_protobuf": foxglove.parse_laser_protobuf,
    "foxglove_laser_json": foxglove.parse_laser_json,
    "foxglove_laser_ros1": foxglove.parse_laser_ros1,
    "foxglove_laser_cdr": foxglove.parse_laser_cdr,
}


def decode_scan(encoding: str, data: bytes) -> PointCloud:
    """The points of a stored scan, of any of PARSERS. Raises ValueError, with the reason, where they do not decode."""
    return PARSERS[encoding](data)
