"""Depth and colour of two cameras on the pixels of one pinhole, whatever their lenses and sizes are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from models.fusion.poses import Array, move
from models.fusion.views import Plane, unproject_all
from models.geometry.camera import Camera


@dataclass(frozen=True)
class RgbdCameras:
    """A depth camera, and the camera whose colours go with it; `color_from_depth` (4, 4) in m.

    A colour camera of None says that the colours lie on the depth camera's own pixels.
    """

    depth: Camera
    color: Camera | None = None
    color_from_depth: Array | None = None

    @property
    def pinhole(self) -> Camera:
        """The depth camera without its lens."""
        return Camera(self.depth.size_px, self.depth.focal_px, self.depth.centre_px)

    def register_depth(self, depth_m: Plane) -> Plane:
        """Depth (H, W) on the pinhole's pixels, each that of the nearest pixel; NaN where unknown (0) or outside."""
        self._require_size(depth_m, self.depth, "the depth image")
        known = np.where(depth_m > 0, depth_m, np.nan).astype(np.float32)
        if not self.depth.is_distorted:
            return known
        laid = cv2.remap(
            known,
            *self._own_pixels,
            cv2.INTER_NEAREST,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=np.nan,
        )
        return np.asarray(laid, np.float32)

    def register_color(
        self, rgb: NDArray[np.uint8], depth_m: Plane
    ) -> NDArray[np.uint8]:
        """Colours (H, W, 3) on the pinhole's pixels, of what stands at `depth_m` there. Where that is not known, as if
        it stood at the middle depth.

        Raises ValueError for a picture of another size than its camera's.
        """
        if self.color is None or self.color_from_depth is None:
            self._require_size(rgb, self.depth, "the picture")
            if not self.depth.is_distorted:
                return rgb
            laid = cv2.remap(rgb, *self._own_pixels, cv2.INTER_LINEAR)
            return np.asarray(laid, np.uint8)
        self._require_size(rgb, self.color, "the picture")
        known = np.isfinite(depth_m)
        middle = np.float32(np.median(depth_m[known])) if known.any() else np.float32(1)
        points = unproject_all(self.pinhole, np.where(known, depth_m, middle))
        seen = self.color.project(
            move(self.color_from_depth, points.reshape(-1, 3).astype(np.float64))
        )
        at = np.nan_to_num(seen, nan=-1.0).astype(np.float32).reshape(*depth_m.shape, 2)
        carried = cv2.remap(rgb, at[..., 0], at[..., 1], cv2.INTER_LINEAR)
        return np.asarray(carried, np.uint8)

    @cached_property
    def _own_pixels(self) -> tuple[Plane, Plane]:
        """Where each of the pinhole's pixels lies in the depth camera's picture."""
        width, height = self.depth.size_px
        rays = unproject_all(self.pinhole, np.ones((height, width), np.float32))
        pixels = np.nan_to_num(self.depth.project(rays.reshape(-1, 3)), nan=-1.0)
        x, y = pixels.astype(np.float32).reshape(height, width, 2).transpose(2, 0, 1)
        return np.ascontiguousarray(x), np.ascontiguousarray(y)

    @staticmethod
    def _require_size(picture: NDArray, camera: Camera, what: str) -> None:
        height, width = picture.shape[:2]
        if (width, height) != camera.size_px:
            raise ValueError(
                f"{what} has {width} x {height} px, its camera {camera.size_px[0]} x {camera.size_px[1]}"
            )
