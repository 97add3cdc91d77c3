"""pykitti: packets and poses with their times, intrinsics, and the places of the cameras on the car."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pykitti

from bench.prove.readers.rows import Row, serve

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_drive(root: Path) -> Iterator[Row]:
    (drive,) = root.glob("*/*_drive_*_sync")
    found = pykitti.raw(str(root), drive.parent.name, drive.name.split("_")[-2])
    for moment, (packet, _) in zip(found.timestamps, found.oxts, strict=True):
        since = moment.replace(tzinfo=UTC) - _EPOCH
        micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        t_ns = micros * 1000
        p = packet
        yield Row("wgs84", "gnss", t_ns, (p.lat, p.lon, p.alt))
        yield Row("imu", "imu", t_ns, (p.wx, p.wy, p.wz, p.ax, p.ay, p.az))
    for number in range(4):
        k = getattr(found.calib, f"K_cam{number}")
        intrinsics = (k[0, 0], k[1, 1], k[0, 2], k[1, 2])
        place = np.linalg.inv(getattr(found.calib, f"T_cam{number}_imu"))[:3].ravel()
        yield Row(f"image_{number:02d}", "intrinsics", 0, tuple(map(float, intrinsics)))
        yield Row(f"image_{number:02d}", "place", 0, tuple(map(float, place)))


def read_sequence(root: Path) -> Iterator[Row]:
    found = pykitti.odometry(str(root), "00")
    for moment, pose in zip(found.timestamps, found.poses, strict=True):
        micros = round(moment.total_seconds() * 1_000_000)
        yield Row("poses", "pose", micros * 1000, tuple(map(float, pose[:3].ravel())))
    for number in range(4):
        k = getattr(found.calib, f"K_cam{number}")
        cam0_from_velo = found.calib.T_cam0_velo
        cam_from_velo = getattr(found.calib, f"T_cam{number}_velo")
        place = (cam0_from_velo @ np.linalg.inv(cam_from_velo))[:3].ravel()
        intrinsics = (k[0, 0], k[1, 1], k[0, 2], k[1, 2])
        yield Row(f"image_{number}", "intrinsics", 0, tuple(map(float, intrinsics)))
        yield Row(f"image_{number}", "place", 0, tuple(map(float, place)))


if __name__ == "__main__":
    serve({"kitti raw": read_drive, "kitti odometry": read_sequence})
