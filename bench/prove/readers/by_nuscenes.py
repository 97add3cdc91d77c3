"""nuscenes-devkit: files with their times, calibrations, poses as 3x4 matrices, and the points of scans."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from nuscenes.nuscenes import NuScenes
from nuscenes.utils.data_classes import LidarPointCloud, RadarPointCloud
from nuscenes.utils.geometry_utils import transform_matrix
from pyquaternion import Quaternion

from bench.prove.readers.rows import Row, serve


def read_scenes(root: Path) -> Iterator[Row]:
    found = NuScenes("v1.0-mini", str(root), verbose=False)
    RadarPointCloud.disable_filters()  # which leave points out
    for data in found.sample_data:
        sensor = data["channel"].lower()
        t_ns = data["timestamp"] * 1000
        yield Row(sensor, "file", t_ns, (data["filename"],))
        path = str(root / data["filename"])
        if data["sensor_modality"] == "lidar":
            points = LidarPointCloud.from_file(path).points
            yield Row(sensor, "points", t_ns, tuple(map(float, points.T.ravel())))
        elif data["sensor_modality"] == "radar":
            points = RadarPointCloud.from_file(path).points
            yield Row(sensor, "points", t_ns, tuple(map(float, points.T.ravel())))
    for pose in {p["timestamp"]: p for p in found.ego_pose}.values():
        yield Row("ego", "pose", pose["timestamp"] * 1000, _list_matrix(pose))
    for placed in found.calibrated_sensor:
        sensor = found.get("sensor", placed["sensor_token"])["channel"].lower()
        yield Row(sensor, "place", 0, _list_matrix(placed))
        if placed["camera_intrinsic"]:
            k = np.array(placed["camera_intrinsic"])
            values = (k[0, 0], k[1, 1], k[0, 2], k[1, 2])
            yield Row(sensor, "intrinsics", 0, tuple(map(float, values)))


def _list_matrix(row: dict) -> tuple[float, ...]:
    matrix = transform_matrix(row["translation"], Quaternion(row["rotation"]))
    return tuple(map(float, matrix[:3].ravel()))


if __name__ == "__main__":
    serve({"nuscenes": read_scenes})
