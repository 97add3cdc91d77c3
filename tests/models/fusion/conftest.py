"""A room that a camera stands in: six marked walls by closed formulas, so depth, colour and place are exact."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.fusion.poses import to_pose
from models.fusion.views import View, make_view, unproject_all
from models.geometry.camera import Camera

CAMERA = Camera((160, 120), (130.0, 130.0), (79.5, 59.5))
# the least and greatest x, y, z of the room, in m
WALLS = np.array([[-1.1, -0.8, -1.5], [1.0, 0.9, 1.9]])


def draw(
    pose: NDArray[np.float64], camera: Camera = CAMERA
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Depth (H, W) in m and colours (H, W, 3) that a pinhole sees from world_from_camera."""
    rays = unproject_all(camera, np.ones(camera.size_px[::-1], np.float32))
    ways = rays.reshape(-1, 3).astype(float) @ pose[:3, :3].T
    start = pose[:3, 3]
    with np.errstate(divide="ignore"):
        reach = np.where(ways > 0, WALLS[1] - start, WALLS[0] - start) / ways
    depth = reach.min(axis=1)
    x, y, z = (start + depth[:, None] * ways).T
    marks = (
        np.sin(17 * x + 3 * y) + np.sin(23 * y - 5 * z + 1) + np.sin(19 * z + 7 * x + 2)
    )
    fine = np.sin(41 * x + 2 * np.sin(9 * y)) * np.sin(37 * (y + z))
    shade = np.clip(128 + 30 * marks + 30 * fine, 0, 255)
    rgb = np.stack([shade, 0.8 * shade, 255 - shade], axis=1).astype(np.uint8)
    height, width = camera.size_px[::-1]
    return depth.reshape(height, width).astype(np.float32), rgb.reshape(
        height, width, 3
    )


def see(pose: NDArray[np.float64], with_color: bool = True) -> View:
    depth, rgb = draw(pose)
    return make_view(CAMERA, depth, rgb[..., 0] if with_color else None)


def walk(count: int, back_at: int | None = None) -> NDArray[np.float64]:
    """Poses (N, 4, 4) of a camera that turns and moves; from `back_at` on back to where it began."""
    ahead = np.arange(count, dtype=float)
    if back_at is not None:
        ahead = np.where(ahead < back_at, ahead, np.maximum(2 * back_at - ahead, 0))
    steps = ahead[:, None] * np.array([0.006, 0.055, 0.004, 0.015, -0.006, 0.01])
    return to_pose(steps)
