"""Whether two RGB-D pictures show one place: small pictures that are alike, and marks whose points fit one motion."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from models.fusion.poses import Array
from models.fusion.views import Plane, View, unproject_all
from models.geometry.camera import Camera

_SMALL_PX = (20, 15)
_MOST_MARKS = 500
_LEAST_MARKS = 15  # that fit one motion
_RATIO = 0.8  # best distance by the second best (Lowe 2004)
_OFF_PX = 2.0


@dataclass(frozen=True)
class Looks:
    """A picture in little, and its marks: descriptors, pixels, and points in m."""

    camera: Camera
    small: Plane  # of mean 0 and length 1
    descriptors: NDArray[np.uint8]  # (N, 32)
    pixels: Plane  # (N, 2)
    points: Plane  # (N, 3)

    def resemble(self, other: Looks) -> float:
        """The correlation of the small pictures, -1 to 1."""
        return float((self.small * other.small).sum())


def describe(view: View) -> Looks:
    """The finest level's marks that have a depth."""
    level = view.levels[0]
    shade = level.shades[..., 0]
    small = cv2.resize(shade, _SMALL_PX, interpolation=cv2.INTER_AREA)
    small = small - small.mean()
    small /= max(float(np.linalg.norm(small)), 1e-9)
    detector = cv2.ORB.create(_MOST_MARKS, fastThreshold=8)
    marks, found = detector.detectAndCompute((255 * shade).astype(np.uint8), None)
    if found is None:
        found = np.empty((0, 32), np.uint8)
    pixels = np.array([m.pt for m in marks], np.float32).reshape(-1, 2)
    columns, rows = pixels.round().astype(int).T
    points = unproject_all(level.camera, level.depth_m)[rows, columns]
    is_known = np.isfinite(points[:, 2])
    return Looks(
        level.camera, small, found[is_known], pixels[is_known], points[is_known]
    )


def find_guess(target: Looks, source: Looks) -> Array | None:
    """target_from_source (4, 4) by marks that both show; None where too few fit one motion."""
    if min(len(target.descriptors), len(source.descriptors)) < _LEAST_MARKS:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(
        source.descriptors, target.descriptors, k=2
    )
    good = [
        p[0] for p in pairs if len(p) == 2 and p[0].distance < _RATIO * p[1].distance
    ]
    if len(good) < _LEAST_MARKS:
        return None
    points = source.points[[m.queryIdx for m in good]].astype(np.float64)
    pixels = target.pixels[[m.trainIdx for m in good]].astype(np.float64)
    cv2.setRNGSeed(0)
    is_found, turn, shift, inliers = cv2.solvePnPRansac(
        points,
        pixels,
        target.camera.matrix,
        None,
        reprojectionError=_OFF_PX,
        iterationsCount=200,
        flags=cv2.SOLVEPNP_EPNP,
    )
    if not is_found or inliers is None or len(inliers) < _LEAST_MARKS:
        return None
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec(turn.ravel()).as_matrix()
    pose[:3, 3] = shift.ravel()
    return pose
