"""What the points of a sparse model err by together, since the poses of the pictures that saw them err.

What each point errs by on its own shows in how far off it is in any other picture. What points share does not: it
moves whatever is placed by them. Belongs here: errors of a model as bundle adjustment has them. Does not: the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import coo_array, csr_array

from models.geometry.camera import Array, Camera
from models.geometry.sparse_model import SparseModel

_MAD = 0.6745  # of a normal distribution: its middle absolute value
_SIMILAR = 7  # numbers of a similarity of the whole, which changes no pixel
# added to what is known, by its size: what nothing fixes is very unsure, and no failure
_LOOSE = 1e-9


@dataclass(frozen=True)
class SharedErrors:
    """Of N points, by turns and shifts of C cameras, each in its own frame behind its pose; turns times a length.

    They are against where all these cameras are, taken together: a similarity of the whole is no error.
    """

    noise_px: float  # of the features that the model was made of, a coordinate
    by_cameras: csr_array  # (3 N, 6 C): how points follow cameras
    information: (
        Array  # (6 C, 6 C) of the cameras, for noise of 1 px; a similarity has none
    )
    similarities: Array  # (6 C, 7), orthonormal

    def propagate(self, weights: Array) -> Array:
        """The covariance (M, M) of `weights` (M, 3 N) times the errors of the points."""
        by_cameras = np.asarray(self.by_cameras.T @ weights.T)
        by_cameras -= self.similarities @ (self.similarities.T @ by_cameras)
        spread = by_cameras.T @ cho_solve(self._factor, by_cameras)
        return np.asarray(self.noise_px**2 * spread)

    @cached_property
    def _factor(self) -> tuple[Array, bool]:
        sizes = np.diag(self.information)
        known = self.information + _LOOSE * np.diag(np.maximum(sizes, sizes.mean()))
        known += sizes.mean() * self.similarities @ self.similarities.T
        factor, is_lower = cho_factor(known)
        return np.asarray(factor), bool(is_lower)


def find_shared_errors(model: SparseModel) -> SharedErrors | None:
    """Of a model; None where its pictures see no more than it takes to place them and its points."""
    seen = _Observations.of(model)
    num_spare = 2 * len(seen.points) - seen.num_numbers
    if not len(seen.points) or num_spare <= 0:
        return None
    # normal equations: of each point, of each camera, and between both
    of_points = np.zeros((len(model.points), 3, 3))
    np.add.at(of_points, seen.points, seen.by_point.mT @ seen.by_point)
    sizes = np.trace(of_points, axis1=1, axis2=2)
    of_points += np.where(sizes > 0, _LOOSE * sizes, 1.0)[:, None, None] * np.eye(3)
    roots = np.linalg.inv(np.linalg.cholesky(of_points))
    halves = roots[seen.points] @ seen.by_point.mT @ seen.by_camera
    between = seen.spread_out(halves)
    information = -(between.T @ between).toarray()
    of_cameras = np.zeros((len(model.images), 6, 6))
    np.add.at(of_cameras, seen.cameras, seen.by_camera.mT @ seen.by_camera)
    for n, block in enumerate(of_cameras):
        information[6 * n : 6 * n + 6, 6 * n : 6 * n + 6] += block
    spread_px = float(np.median(np.abs(seen.off_px))) / _MAD
    return SharedErrors(
        spread_px * float(np.sqrt(2 * len(seen.points) / num_spare)),
        seen.spread_out(-roots.mT[seen.points] @ halves),
        np.asarray(information),
        _list_similarities(model, seen.length),
    )


def find_slopes(camera: Camera, seen: Array) -> tuple[Array, Array]:
    """How pixels of points (K, 3) in the camera's frame change: (K, 2, 6) by a small turn and shift of the camera in
    that frame, behind its pose, and (K, 2, 3) by the points."""
    # a camera that turns by w and shifts by t sees a point at p + p x w - t
    moved = np.zeros((len(seen), 3, 6))
    moved[:, [0, 1, 2], [1, 2, 0]] = -seen[:, [2, 0, 1]]
    moved[:, [1, 2, 0], [0, 1, 2]] = seen[:, [2, 0, 1]]
    moved[:, :, 3:] = -np.eye(3)
    by_point = camera.project_with_slopes(seen).by_point
    return np.asarray(by_point @ moved), by_point


# ---- below -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Observations:
    """Of K features: which camera and point, px by turn (times `length`) and shift of the camera, and by the point."""

    shape: tuple[int, int]  # how many points and cameras
    length: float  # middle depth
    cameras: NDArray[np.int64]  # (K,)
    points: NDArray[np.int64]  # (K,)
    by_camera: Array  # (K, 2, 6)
    by_point: Array  # (K, 2, 3)
    off_px: Array  # (K, 2)

    @classmethod
    def of(cls, model: SparseModel) -> _Observations:
        """Those that the lens of their camera knows."""
        shape = len(model.points), len(model.images)
        blank = np.empty(0, np.int64), np.empty((0, 2, 6)), np.empty((0, 2, 3))
        found: list[tuple[Any, ...]] = [
            (blank[0], *blank, np.empty((0, 2)), np.empty(0))
        ]
        for n, image in enumerate(model.images):
            turn, centre = np.split(image.world_from_camera[:3], [3], axis=1)
            seen = (model.points[image.points] - centre.T) @ turn
            by_camera, by_point = find_slopes(image.camera, seen)
            off_px = image.camera.project(seen) - image.pixels
            is_known = np.isfinite(off_px).all(axis=1) & (seen[:, 2] > 0)
            is_known &= np.isfinite(by_point).all(axis=(1, 2))
            cameras = np.full(len(seen), n)
            told = cameras, image.points, by_camera, by_point @ turn.T, off_px, seen[:, 2]  # fmt: skip
            found.append(tuple(part[is_known] for part in told))
        cameras, points, by_camera, by_point, off_px, depths = map(
            np.concatenate, zip(*found, strict=True)
        )
        length = float(np.median(depths)) if len(depths) else 1.0
        by_camera[:, :, :3] /= length
        return cls(shape, length, cameras, points, by_camera, by_point, off_px)

    @property
    def num_numbers(self) -> int:
        """What they have to tell."""
        num_points = len(np.unique(self.points))
        return 3 * num_points + 6 * len(np.unique(self.cameras)) - _SIMILAR

    def spread_out(self, blocks: Array) -> csr_array:
        """(3 N, 6 C) of a block (K, 3, 6) of each."""
        rows = 3 * self.points[:, None] + np.arange(3)
        columns = 6 * self.cameras[:, None] + np.arange(6)
        places = (
            np.repeat(rows, 6, axis=1).ravel().astype(np.int32),
            np.tile(columns, 3).ravel().astype(np.int32),
        )
        num_points, num_cameras = self.shape
        size = 3 * num_points, 6 * num_cameras
        return csr_array(coo_array((blocks.ravel(), places), shape=size))


def _list_similarities(model: SparseModel, length: float) -> Array:
    """(6 C, 7): how all cameras move with shifts, turns and the size of the whole."""
    poses = np.array([image.world_from_camera for image in model.images])
    back = poses[:, :3, :3].mT
    off = poses[:, :3, 3] - poses[:, :3, 3].mean(axis=0)
    found = np.zeros((len(poses), 6, _SIMILAR))
    found[:, 3:, :3] = back
    found[:, :3, 3:6] = length * back
    for n, axis in enumerate(np.eye(3)):
        found[:, 3:, 3 + n] = (back @ np.cross(axis, off)[:, :, None])[..., 0]
    found[:, 3:, 6] = (back @ off[:, :, None])[..., 0]
    return np.asarray(np.linalg.qr(found.reshape(-1, _SIMILAR))[0])
