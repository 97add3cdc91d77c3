"""evo: times (seconds as a float, first among the values) and poses of trajectories."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from evo.core.trajectory import PosePath3D, PoseTrajectory3D
from evo.tools import file_interface
from rosbags.rosbag2 import Reader

from bench.prove.readers.rows import Row, serve


def read_tum(root: Path) -> Iterator[Row]:
    for path in sorted(root.glob("*.txt")):
        yield from _list_timed(
            path.stem, file_interface.read_tum_trajectory_file(str(path))
        )


def read_euroc(root: Path) -> Iterator[Row]:
    for path in sorted(root.glob("mav0/state_groundtruth_estimate*/data.csv")):
        yield from _list_timed(
            path.parent.name, file_interface.read_euroc_csv_trajectory(str(path))
        )


def read_odometry(path: Path) -> Iterator[Row]:
    """Odometry of a recording."""
    with Reader(path) as reader:
        yield from _list_timed(
            "odom", file_interface.read_bag_trajectory(reader, "/odom")
        )


def read_matrices(root: Path) -> Iterator[Row]:
    """The 4x4 matrices of 7-Scenes, as the lines of 12 numbers that KITTI has for them."""
    lines = [
        " ".join(path.read_text().split()[:12])
        for path in sorted(root.glob("*.pose.txt"))
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(lines))
        file.flush()
        found = file_interface.read_kitti_poses_file(file.name)
    for number, values in enumerate(_list_poses(found)):
        yield Row(f"pose {number}", "pose", 0, values)


def _list_timed(place: str, found: PoseTrajectory3D) -> Iterator[Row]:
    for seconds, values in zip(found.timestamps, _list_poses(found), strict=True):
        yield Row(place, "pose", 0, (float(seconds), *values))


def _list_poses(found: PosePath3D) -> Iterator[tuple[float, ...]]:
    turns = np.roll(found.orientations_quat_wxyz, -1, axis=1)
    for values in np.hstack([found.positions_xyz, turns]):
        yield tuple(float(v) for v in values)


if __name__ == "__main__":
    serve(
        {
            "tum": read_tum,
            "euroc": read_euroc,
            "mcap odometry": read_odometry,
            "pose matrices": read_matrices,
        }
    )
