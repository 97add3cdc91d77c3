"""Views of a scene: a pinhole camera in its place, and the picture that was taken there, on its pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.geometry.camera import Camera
from models.types import Image


@dataclass(frozen=True)
class View:
    """A pinhole in the world of a model. Pixels have the centre of the first one at (0, 0)."""

    camera: Camera
    camera_from_world: Tensor  # (4, 4) float32

    @property
    def centre(self) -> Tensor:
        """Where the camera is (3,), world."""
        return -self.camera_from_world[:3, :3].T @ self.camera_from_world[:3, 3]

    def to(self, device: torch.device) -> View:
        """The same on another device."""
        return replace(self, camera_from_world=self.camera_from_world.to(device))


@dataclass(frozen=True)
class Shot:
    """A view and what was seen there."""

    view: View
    picture_rgb: Tensor  # (H, W, 3) uint8
    is_known: Tensor  # (H, W) bool; pixels that the lens did not see are not

    def to(self, device: torch.device) -> Shot:
        """The same on another device."""
        picture_rgb, is_known = self.picture_rgb.to(device), self.is_known.to(device)
        return Shot(self.view.to(device), picture_rgb, is_known)


def make_shot(
    picture_rgb: Image,
    camera: Camera,
    world_from_camera: NDArray[np.float64],
    most_px: int,
) -> Shot:
    """Of a picture (H, W, 3) by a camera of any lens, its longest side at most `most_px`, laid on a pinhole of the same
    focal lengths. Raises ValueError for a picture of another shape than the camera's."""
    small, lens = shrink(picture_rgb, camera, most_px)
    pinhole = Camera(lens.size_px, lens.focal_px, lens.centre_px)
    flat, is_known = small, np.ones(small.shape[:2], bool)
    if lens.is_distorted:
        flat, is_known = _flatten(small, lens, pinhole)
    pose = np.linalg.inv(world_from_camera).astype(np.float32)
    return Shot(
        View(pinhole, torch.from_numpy(pose)),
        torch.from_numpy(np.ascontiguousarray(flat)),
        torch.from_numpy(is_known),
    )


def shrink(picture_rgb: Image, camera: Camera, most_px: int) -> tuple[Image, Camera]:
    """The picture and its camera with the longest side at most `most_px`; each axis by its own whole pixels."""
    height_px, width_px = picture_rgb.shape[:2]
    if abs(height_px / width_px * camera.size_px[0] / camera.size_px[1] - 1) > 0.01:
        raise ValueError(
            f"the picture has {width_px} x {height_px} px, its camera {camera.size_px[0]} x {camera.size_px[1]}"
        )
    share = min(1.0, most_px / max(picture_rgb.shape[:2]))
    size_px = max(1, round(width_px * share)), max(1, round(height_px * share))
    by = [new / old for new, old in zip(size_px, camera.size_px, strict=True)]
    focal = [f * b for f, b in zip(camera.focal_px, by, strict=True)]
    centre = [(c + 0.5) * b - 0.5 for c, b in zip(camera.centre_px, by, strict=True)]
    small = picture_rgb
    if size_px != (width_px, height_px):
        small = np.asarray(
            cv2.resize(picture_rgb, size_px, interpolation=cv2.INTER_AREA), np.uint8
        )
    return small, replace(
        camera,
        size_px=size_px,
        focal_px=(focal[0], focal[1]),
        centre_px=(centre[0], centre[1]),
    )


def _flatten(
    picture_rgb: Image, lens: Camera, pinhole: Camera
) -> tuple[Image, NDArray[np.bool_]]:
    """The picture on the pinhole's pixels, and which of them the lens saw; what it did not see is black."""
    width_px, height_px = pinhole.size_px
    pixels = np.stack(np.meshgrid(np.arange(width_px), np.arange(height_px)), -1)
    at = lens.project(pinhole.unproject(pixels.reshape(-1, 2)))
    at = at.reshape(height_px, width_px, 2)
    last = np.array([width_px - 1, height_px - 1])
    is_known = np.asarray((np.isfinite(at) & (at >= 0) & (at <= last)).all(axis=-1))
    x, y = np.moveaxis(np.where(is_known[..., None], at, 0).astype(np.float32), -1, 0)
    flat = cv2.remap(picture_rgb, x, y, cv2.INTER_LINEAR)
    return np.asarray(flat * is_known[..., None], np.uint8), is_known
