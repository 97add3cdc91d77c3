"""A calibrated camera: how points before it become pixels, and pixels rays.

The camera frame is the optical one: x right, y down, z forward. Pixel coordinates put the centre of the top-left pixel
at (0, 0), as OpenCV and ROS do. What a lens cannot do is NaN: see the domains in `models.geometry.lenses`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.geometry.lenses import (
    BROWN_CONRADY,
    DOUBLE_SPHERE,
    EXTENDED_UNIFIED,
    KANNALA_BRANDT,
    Lens,
    Projection,
)

Array = NDArray[np.float64]

_AHEAD = np.array([[0.0, 0.0, 1.0]])
_NO_TILT = 12  # OpenCV's last two coefficients turn the sensor, where they are not 0
# names as files and messages have them
LENSES: dict[str, Lens] = {
    "none": BROWN_CONRADY,
    "plumb_bob": BROWN_CONRADY,
    "rational_polynomial": BROWN_CONRADY,
    "radtan": BROWN_CONRADY,
    "equidistant": KANNALA_BRANDT,
    "fisheye": KANNALA_BRANDT,
    "kannala_brandt": KANNALA_BRANDT,
    "kannala_brandt4": KANNALA_BRANDT,
    "double_sphere": DOUBLE_SPHERE,
    "eucm": EXTENDED_UNIFIED,
}
DISTORTION_MODELS = tuple(LENSES)


@dataclass(frozen=True)
class CameraProjection:
    """Pixels of points and their derivatives; NaN outside of the lens's domain."""

    pixels: Array  # (N, 2)
    by_point: Array  # (N, 2, 3) px per unit of the points
    by_intrinsics: Array  # (N, 2, 4 + P): by fx, fy, cx, cy and the coefficients


def project_through(lens: Lens, numbers: Array, points: Array) -> CameraProjection:
    """Pixels of points (N, 3), camera frame, by a lens and `numbers`: fx, fy, cx, cy in px, then its coefficients."""
    found: Projection = lens.project(points, numbers[4:])
    focal = numbers[:2]
    by_intrinsics = np.zeros((len(points), 2, len(numbers)))
    by_intrinsics[:, 0, 0] = found.plane[:, 0]
    by_intrinsics[:, 1, 1] = found.plane[:, 1]
    by_intrinsics[:, [0, 1], [2, 3]] = 1.0
    by_intrinsics[:, :, 4:] = found.by_parameters * focal[:, None]
    return CameraProjection(
        found.plane * focal + numbers[2:4],
        found.by_point * focal[:, None],
        by_intrinsics,
    )


@dataclass(frozen=True)
class Camera:
    """Intrinsics: size (width, height), focal lengths and principal point (x, y), all in px.

    `distortion` holds the coefficients of one of `DISTORTION_MODELS` as OpenCV orders them, of `plumb_bob` where no
    model is named; none, or zeros, is a pinhole. Raises ValueError for coefficients of a model that is not known, or of
    a number that it does not have.
    """

    size_px: tuple[int, int]
    focal_px: tuple[float, float]
    centre_px: tuple[float, float]
    distortion_model: str | None = None
    distortion: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.is_distorted:
            return
        if self.distortion_model and self.distortion_model not in LENSES:
            known = ", ".join(DISTORTION_MODELS)
            raise ValueError(
                f"distortion model '{self.distortion_model}' is not known: convert to one of {known}"
            )
        if any(self.distortion[_NO_TILT:]):
            raise ValueError(
                f"the lens has {len(self.distortion)} coefficients, and a tilted sensor is not read: calibrate without "
                "CALIB_TILTED_MODEL"
            )
        if np.isnan(self.project(_AHEAD)).any():
            raise ValueError(
                f"coefficients {self.distortion} make no lens '{self.distortion_model}': nothing ahead has a pixel"
            )

    @property
    def is_distorted(self) -> bool:
        """Whether any coefficient is not zero."""
        return any(self.distortion)

    def has_lens_of(self, other: Camera) -> bool:
        """Whether both bend light alike: by no distortion, or by the same."""
        if not (self.is_distorted or other.is_distorted):
            return True
        return self.lens is other.lens and np.array_equal(
            self._coefficients, other._coefficients
        )

    @property
    def lens(self) -> Lens:
        """The family of its lens."""
        if not self.is_distorted:
            return BROWN_CONRADY
        return LENSES[self.distortion_model or "plumb_bob"]

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
        """Pixels (N, 2) of points (N, 3) in m, camera frame; NaN for those that the lens does not see."""
        return self.project_with_slopes(points).pixels

    def project_with_slopes(self, points: NDArray[Any]) -> CameraProjection:
        """Pixels of points (N, 3), camera frame, with their derivatives by points and intrinsics."""
        points = np.asarray(points, np.float64).reshape(-1, 3)
        numbers = np.array([*self.focal_px, *self.centre_px, *self._coefficients])
        return project_through(self.lens, numbers, points)

    def find_rays(self, pixels: NDArray[Any]) -> Array:
        """Rays (N, 3) of length 1, camera frame, of pixels (N, 2); NaN for those that no ray reaches."""
        return self.lens.unproject(self._to_plane(pixels), self._coefficients)

    def unproject(
        self, pixels: NDArray[Any], depth_m: NDArray[Any] | float = 1.0
    ) -> Array:
        """Points (N, 3) in m, camera frame, of pixels (N, 2) at a depth (N,) along the optical axis; rays with z = 1
        where none is given. NaN for pixels whose ray does not lead forward, or that no ray reaches."""
        if not self.is_distorted:
            flat = self._to_plane(pixels)
        else:
            rays = self.find_rays(pixels)
            z = np.where(rays[:, 2:] > 0, rays[:, 2:], np.nan)
            flat = rays[:, :2] / z
        ahead = np.where(np.isfinite(flat[:, :1]), 1.0, np.nan)
        points = np.column_stack([flat, ahead])
        return np.asarray(points * np.asarray(depth_m, np.float64).reshape(-1, 1))

    @property
    def _coefficients(self) -> Array:
        if not self.is_distorted:
            return np.empty(0)
        given = self.distortion[: max(self.lens.counts)]
        count = next((n for n in self.lens.counts if n >= len(given)), len(given))
        return np.array([*given, *[0.0] * (count - len(given))])

    def _to_plane(self, pixels: NDArray[Any]) -> Array:
        pixels = np.asarray(pixels, np.float64).reshape(-1, 2)
        return np.asarray((pixels - self.centre_px) / self.focal_px)
