"""A small KITTI raw drive (GNSS, IMU, four cameras, calibration), an odometry sequence, and pictures of a model."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

DATE = "2011_09_26"
DRIVE = "0001"
_NUM_FRAMES = 30
_SIZE_PX = (124, 37)
MODEL_SIZE_PX = (32, 24)


def write_drive(root: Path, seed: int) -> None:
    """Below `root/2011_09_26`, with the names of the original."""
    rng = np.random.default_rng(seed)
    day = root / DATE
    drive = day / f"{DATE}_drive_{DRIVE}_sync"
    for sensor in ("oxts", *(f"image_{n:02d}" for n in range(4))):
        (drive / sensor / "data").mkdir(parents=True)
        (drive / sensor / "timestamps.txt").write_text(_list_times(rng))
    for number in range(_NUM_FRAMES):
        packet = rng.normal(size=25)
        packet[:2] = rng.uniform(-60, 60, 2)
        text = " ".join([*(f"{v:.13f}" for v in packet), "4 8 5 5 5"])
        (drive / "oxts" / "data" / f"{number:010d}.txt").write_text(f"{text}\n")
        for camera in range(4):
            pixels = rng.integers(0, 256, (_SIZE_PX[1], _SIZE_PX[0], 3), np.uint8)
            name = f"image_{camera:02d}/data/{number:010d}.png"
            cv2.imwrite(str(drive / name), pixels)
    _write_calibration(day, rng)


def write_sequence(root: Path, seed: int) -> None:
    """An odometry sequence `00` with its poses."""
    rng = np.random.default_rng(seed)
    sequence = root / "sequences" / "00"
    for camera in range(4):
        (sequence / f"image_{camera}").mkdir(parents=True)
        for number in range(_NUM_FRAMES):
            pixels = rng.integers(0, 256, (_SIZE_PX[1], _SIZE_PX[0], 3), np.uint8)
            cv2.imwrite(str(sequence / f"image_{camera}" / f"{number:06d}.png"), pixels)
    (sequence / "velodyne").mkdir()
    times = np.round(0.1037 * np.arange(_NUM_FRAMES), 4)
    (sequence / "times.txt").write_text("".join(f"{t:.6e}\n" for t in times))
    lines = []
    for camera in range(4):
        focal = 70 + camera
        numbers = [focal, 0, 60.25, -5.5 * camera, 0, focal, 17.5, 0, 0, 0, 1, 0]
        lines.append(f"P{camera}: {_join(np.array(numbers, float))}")
    transform = np.hstack([_draw_rotation(rng), rng.normal(size=(3, 1))])
    lines.append(f"Tr: {_join(transform)}")
    (sequence / "calib.txt").write_text("\n".join([*lines, ""]))
    poses = [
        np.hstack([_draw_rotation(rng), rng.normal(size=(3, 1))])
        for _ in range(_NUM_FRAMES)
    ]
    (root / "poses").mkdir()
    (root / "poses" / "00.txt").write_text("".join(f"{_join(p)}\n" for p in poses))


def write_model_pictures(root: Path, seed: int) -> None:
    """The pictures of a reconstruction, `images/cam1/1.png`, ..., and points before its cameras, m."""
    rng = np.random.default_rng(seed)
    width, height = MODEL_SIZE_PX
    for camera in range(1, 10):
        (root / "images" / f"cam{camera}").mkdir(parents=True)
        for number in range(1, 4):
            pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
            name = f"cam{camera}/{number}.png"
            cv2.imwrite(str(root / "images" / name), pixels)
    points = np.column_stack([rng.uniform(-0.3, 0.3, (20, 2)), np.ones(20)])
    (root / "points.json").write_text(json.dumps(points.tolist()))


def _list_times(rng: np.random.Generator) -> str:
    seconds = 25.1 + 0.103 * np.arange(_NUM_FRAMES)
    ends = rng.integers(0, 10**9, _NUM_FRAMES)
    return "".join(
        f"2011-09-26 13:02:{int(second):02d}.{end:09d}\n"
        for second, end in zip(seconds, ends, strict=True)
    )


def _write_calibration(day: Path, rng: np.random.Generator) -> None:
    for name in ("calib_imu_to_velo.txt", "calib_velo_to_cam.txt"):
        rotation = _draw_rotation(rng)
        place = rng.normal(size=3)
        text = f"calib_time: 25-May-2012 16:47:16\nR: {_join(rotation)}\n"
        (day / name).write_text(f"{text}T: {_join(place)}\n")
    lines = ["calib_time: 09-Jan-2012 13:57:47"]
    for camera in range(4):
        focal = 70 + camera
        baseline = 5.5 * camera
        k = np.array([[focal, 0, 60.25], [0, focal, 17.5], [0, 0, 1]], float)
        projection = np.hstack([k, [[-baseline], [0], [0]]])
        lines += [
            f"S_{camera:02d}: 139 51",
            f"K_{camera:02d}: {_join(k)}",
            f"D_{camera:02d}: {_join(rng.normal(size=5))}",
            f"R_{camera:02d}: {_join(_draw_rotation(rng))}",
            f"T_{camera:02d}: {_join(rng.normal(size=3))}",
            f"S_rect_{camera:02d}: {_SIZE_PX[0]} {_SIZE_PX[1]}",
            f"R_rect_{camera:02d}: {_join(_draw_rotation(rng))}",
            f"P_rect_{camera:02d}: {_join(projection)}",
        ]
    (day / "calib_cam_to_cam.txt").write_text("\n".join([*lines, ""]))


def _draw_rotation(rng: np.random.Generator) -> np.ndarray:
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return rotation * np.linalg.det(rotation)


def _join(values: np.ndarray) -> str:
    return " ".join(f"{v:.15e}" for v in values.ravel())
