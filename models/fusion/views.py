"""An RGB-D picture made ready to be aligned: a pyramid of depth, the planes that pixels lie on, and brightness.

The camera is a pinhole.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.geometry.camera import Camera

Plane = NDArray[np.float32]

FINEST_WIDE_PX = 320  # a picture is halved until it is no wider
COARSEST_WIDE_PX = 60
_SMOOTH_PX = 5  # the window that a plane is fitted to
_MOST_SLOPE = 0.03  # in depth, of four pixels of one surface, by the depth
# of inverse depth, from the mean around it: there is a step of 3 to 5 %
_MOST_STEP = 0.01
_LEAST_KNOWN = 0.6  # share of a window


@dataclass(frozen=True)
class Level:
    """One resolution. NaN where depth, or the plane, is not known."""

    camera: Camera
    depth_m: Plane  # (H, W)
    planes: (
        Plane  # (H, W, 4): unit normal towards the camera and its distance: n . p = d
    )
    shades: Plane  # (H, W, 3): brightness 0 to 1, and its slopes by x and y a px
    has_color: bool


@dataclass(frozen=True)
class View:
    """Levels from fine to coarse."""

    levels: tuple[Level, ...]

    @property
    def median_depth_m(self) -> float:
        """Of what has a depth; NaN where nothing has."""
        depth = self.levels[-1].depth_m
        known = depth[np.isfinite(depth)]
        return float(np.median(known)) if len(known) else float("nan")

    @property
    def coverage(self) -> float:
        """Share of the pixels with a depth."""
        return float(np.isfinite(self.levels[0].depth_m).mean())


def find_noise_m(depth_m: Plane) -> Plane:
    """Standard error of a depth camera's depth (Nguyen, Izadi and Lovell 2012), in m."""
    return np.asarray(0.0012 + 0.0019 * (depth_m - 0.4) ** 2, np.float32)


def make_view(camera: Camera, depth_m: Plane, luma: NDArray[np.uint8] | None) -> View:
    """Of a pinhole camera, depth (H, W) in m, 0 or NaN where unknown, and brightness (H, W) on the same pixels.

    Raises ValueError for pictures of another size than the camera's.
    """
    for picture in (depth_m, luma):
        if picture is not None and picture.shape != camera.size_px[::-1]:
            height, width = picture.shape
            raise ValueError(
                f"the picture has {width} x {height} px, the camera {camera.size_px[0]} x {camera.size_px[1]}"
            )
    depth = np.where(depth_m > 0, depth_m, np.nan).astype(np.float32)
    shade = (
        np.zeros_like(depth)
        if luma is None
        else luma.astype(np.float32) / np.float32(255)
    )
    while camera.size_px[0] > FINEST_WIDE_PX:
        camera, depth, shade = _halve(camera, depth, shade)
    levels = []
    while True:
        levels.append(_make_level(camera, depth, shade, luma is not None))
        if camera.size_px[0] // 2 < COARSEST_WIDE_PX:
            return View(tuple(levels))
        camera, depth, shade = _halve(camera, depth, shade)


def _halve(camera: Camera, depth: Plane, shade: Plane) -> tuple[Camera, Plane, Plane]:
    """Depth is the mean of those of four pixels that are of the nearest surface among them."""
    height, width = (side // 2 for side in depth.shape)
    four = depth[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
    each = four.transpose(0, 2, 1, 3).reshape(height, width, 4)
    filled = np.where(np.isfinite(each), each, np.float32(np.inf))
    nearest = filled.min(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        is_near = filled - nearest[..., None] <= _MOST_SLOPE * nearest[..., None]
        total = np.where(is_near, filled, 0).sum(axis=2, dtype=np.float32)
        mean = np.where(np.isfinite(nearest), total / is_near.sum(axis=2), np.nan)
    small = cv2.resize(
        shade[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA
    )
    (fx, fy), (cx, cy) = camera.focal_px, camera.centre_px
    half = Camera((width, height), (fx / 2, fy / 2), (cx / 2 - 0.25, cy / 2 - 0.25))
    return half, mean.astype(np.float32), np.asarray(small, np.float32)


def _make_level(camera: Camera, depth: Plane, shade: Plane, has_color: bool) -> Level:
    slopes = [
        cv2.Scharr(shade, cv2.CV_32F, *way, scale=1 / 32) for way in ((1, 0), (0, 1))
    ]
    shades = np.stack([shade, *slopes], axis=2)
    return Level(camera, depth, fit_planes(camera, depth), shades, has_color)


def fit_planes(camera: Camera, depth: Plane) -> Plane:
    """(H, W, 4): the normal at each pixel and the distance of its plane; NaN at edges of depth and beside gaps."""
    smooth = smooth_depth(depth, _SMOOTH_PX)
    points = unproject_all(camera, smooth)
    by_x, by_y = np.full_like(points, np.nan), np.full_like(points, np.nan)
    by_x[:, 1:-1] = points[:, 2:] - points[:, :-2]
    by_y[1:-1] = points[2:] - points[:-2]
    normals = np.cross(by_y, by_x)
    with np.errstate(invalid="ignore", divide="ignore"):
        normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    distance = (normals * points).sum(axis=2, keepdims=True)
    return np.concatenate([normals, distance], axis=2)


def smooth_depth(depth_m: Plane, side_px: int) -> Plane:
    """The mean over windows of depth (H, W), NaN where unknown; NaN where a window is of more than one surface, or
    mostly unknown. It is the mean of inverse depth, which is linear over the pixels of a plane."""
    known = np.isfinite(depth_m)
    box = (side_px, side_px)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = np.where(known, 1 / depth_m, 0).astype(np.float32)
        share = cv2.blur(known.astype(np.float32), box)
        mean = cv2.blur(inverse, box) / share
        is_one = known & (share > _LEAST_KNOWN)
        is_one &= np.abs(mean - inverse) <= _MOST_STEP * inverse
        return np.where(is_one, 1 / mean, np.nan).astype(np.float32)


def unproject_all(camera: Camera, depth: Plane) -> Plane:
    """Points (H, W, 3) in m, camera frame, of a pinhole's depth (H, W)."""
    width, height = camera.size_px
    (fx, fy), (cx, cy) = camera.focal_px, camera.centre_px
    x = ((np.arange(width) - cx) / fx).astype(np.float32)
    y = ((np.arange(height) - cy) / fy).astype(np.float32)
    return np.stack([depth * x, depth * y[:, None], depth], axis=2)
