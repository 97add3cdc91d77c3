"""A calibrated camera: how points before it become pixels, and pixels rays.

The camera frame is the optical one: x right, y down, z forward. Pixel coordinates put the centre of the top-left pixel
at (0, 0), as OpenCV and ROS do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_FISHEYE = ("equidistant", "fisheye", "kannala_brandt4")  # OpenCV's fisheye module
DISTORTION_MODELS = ("none", "plumb_bob", "rational_polynomial", "radtan", *_FISHEYE)


@dataclass(frozen=True)
class Camera:
    """Intrinsics: size (width, height), focal lengths and principal point (x, y), all in px.

    `distortion` holds the coefficients of one of `DISTORTION_MODELS` as OpenCV orders them, of `plumb_bob` where no
    model is named; none, or zeros, is a pinhole. Raises ValueError for coefficients of a model that is not known.
    """

    size_px: tuple[int, int]
    focal_px: tuple[float, float]
    centre_px: tuple[float, float]
    distortion_model: str | None = None
    distortion: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if (
            self.is_distorted
            and self.distortion_model
            and self.distortion_model not in DISTORTION_MODELS
        ):
            known = ", ".join(DISTORTION_MODELS)
            raise ValueError(
                f"distortion model '{self.distortion_model}' is not known: convert to one of {known}"
            )

    @property
    def is_distorted(self) -> bool:
        """Whether any coefficient is not zero."""
        return any(self.distortion)

    @property
    def mean_focal_px(self) -> float:
        """Between those of both axes."""
        return 0.5 * (self.focal_px[0] + self.focal_px[1])

    @property
    def matrix(self) -> Array:
        """K (3, 3): homogeneous pixels of points in the camera frame, distortion left out."""
        focal_x, focal_y = self.focal_px
        x, y = self.centre_px
        return np.array([[focal_x, 0.0, x], [0.0, focal_y, y], [0.0, 0.0, 1.0]])

    def resize(self, share: float) -> Camera:
        """The camera of the image resized to `share` of its width and height."""
        width_px, height_px = (round(side * share) for side in self.size_px)
        x_px, y_px = ((c + 0.5) * share - 0.5 for c in self.centre_px)
        focal_px = self.focal_px[0] * share, self.focal_px[1] * share
        return Camera(
            (width_px, height_px),
            focal_px,
            (x_px, y_px),
            self.distortion_model,
            self.distortion,
        )

    def project(self, points: NDArray[Any]) -> Array:
        """Pixels (N, 2) of points (N, 3) in m, camera frame; they must lie in front (z > 0)."""
        points = np.asarray(points, np.float64).reshape(-1, 3)
        if not self.is_distorted or not len(points):
            return points[:, :2] * self.focal_px / points[:, 2:] + self.centre_px
        import cv2

        coefficients = np.asarray(self.distortion, np.float64)
        still = np.zeros(3)
        if self.distortion_model in _FISHEYE:
            pixels, _ = cv2.fisheye.projectPoints(
                points[:, None], still, still, self.matrix, coefficients[:4]
            )
        else:
            pixels, _ = cv2.projectPoints(
                points, still, still, self.matrix, coefficients
            )
        return np.asarray(pixels.reshape(-1, 2))

    def unproject(
        self, pixels: NDArray[Any], depth_m: NDArray[Any] | float = 1.0
    ) -> Array:
        """Points (N, 3) in m, camera frame, of pixels (N, 2) at a depth (N,) along the optical axis; rays with z = 1
        where none is given."""
        pixels = np.asarray(pixels, np.float64).reshape(-1, 1, 2)
        if not self.is_distorted or not len(pixels):
            flat = (pixels - self.centre_px) / self.focal_px
        else:
            flat = self._undistort(pixels)
        rays = np.column_stack([flat.reshape(-1, 2), np.ones(len(pixels))])
        return rays * np.asarray(depth_m, np.float64).reshape(-1, 1)

    def _undistort(self, pixels: Array) -> Array:
        """(N, 1, 2) pixels -> (N, 1, 2) x and y at z = 1."""
        import cv2

        coefficients = np.asarray(self.distortion, np.float64)
        if self.distortion_model in _FISHEYE:
            return np.asarray(
                cv2.fisheye.undistortPoints(pixels, self.matrix, coefficients[:4])
            )
        return np.asarray(cv2.undistortPoints(pixels, self.matrix, coefficients))
