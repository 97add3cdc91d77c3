"""Bundle adjustment of a rig before a board: intrinsics, places of the cameras and of the board in one least squares.

Levenberg's and Marquardt's steps with the lenses' own derivatives. A board's place appears in its own view alone, so
each is eliminated by itself (Schur's complement), and a step costs no more with more views than their number.

Turns and shifts act on the left: T' = (exp(w) | v) T, in the frame that T leads to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from models.geometry.camera import Array, project_through
from models.geometry.lenses import Lens

_ROUNDS = 100
_LESS, _MORE = 0.2, 8.0
_HEAVIEST = 1e12
_SETTLED = 1e-10  # share of the cost that a step gains
_RANK = 1e-13


@dataclass(frozen=True)
class Observation:
    """What one camera saw of the board in one view: points (N, 3) of the board, pixels (N, 2)."""

    camera: int
    view: int
    points: Array
    pixels: Array


@dataclass(frozen=True)
class Rig:
    """Cameras by number, and the board's places. Camera 0 is the rig: its `camera_from_rig` stays as it is."""

    lenses: tuple[Lens, ...]
    numbers: tuple[Array, ...]  # of each camera: fx, fy, cx, cy, coefficients
    camera_from_rig: Array  # (C, 4, 4)
    rig_from_board: Array  # (V, 4, 4)


@dataclass(frozen=True)
class Adjusted:
    """The rig that fits best, what is left, and how sure it is.

    `covariance` (K, K) is of the cameras' numbers, camera by camera, then of the turns (rad) and shifts of all cameras
    but the first; `view_sigmas` (V, 6) are standard errors of the board's turns and shifts. Both are None where the
    views do not determine the rig.
    """

    rig: Rig
    residuals: tuple[Array, ...]  # of each observation (N, 2), px, predicted less seen
    sigma_px: float  # of a coordinate, by what is left
    covariance: Array | None
    view_sigmas: Array | None
    rounds: int


def adjust(
    rig: Rig, observations: Sequence[Observation], rounds: int = _ROUNDS
) -> Adjusted:
    """Minimise the squared distances in px. Raises ValueError where the start sees points where no lens can."""
    system = _System.at(rig, observations)
    if system is None:
        raise ValueError(
            "the start of the adjustment has points outside of what its lenses see"
        )
    damping, done = 1e-3, 0
    while done < rounds and damping < _HEAVIEST:
        done += 1
        moved = _move(rig, system.solve(damping))
        trial = _System.at(moved, observations)
        if trial is None or not trial.cost < system.cost:
            damping *= _MORE
            continue
        gained = (system.cost - trial.cost) / max(system.cost, 1e-300)
        rig, system, damping = moved, trial, damping * _LESS
        if gained < _SETTLED:
            break
    return _judge(rig, system, observations, done)


@dataclass(frozen=True)
class _System:
    """Normal equations at a rig: cameras against cameras, views against themselves, and one against the other."""

    cost: float
    residuals: tuple[Array, ...]
    cameras: Array  # (K, K)
    cameras_side: Array  # (K,)
    views: Array  # (V, 6, 6)
    views_side: Array  # (V, 6)
    mixed: Array  # (V, K, 6)

    @classmethod
    def at(cls, rig: Rig, observations: Sequence[Observation]) -> _System | None:
        """None where a point has no pixel."""
        layout = _Layout.of(rig)
        size, num_views = layout.size, len(rig.rig_from_board)
        cameras, cameras_side = np.zeros((size, size)), np.zeros(size)
        views, views_side = np.zeros((num_views, 6, 6)), np.zeros((num_views, 6))
        mixed = np.zeros((num_views, size, 6))
        residuals = []
        for seen in observations:
            miss, by_camera, by_view = _compare(rig, seen)
            if not np.isfinite(miss).all():
                return None
            at = layout.places_of(seen.camera)
            by_camera = by_camera[:, : len(at)]
            cameras[np.ix_(at, at)] += by_camera.T @ by_camera
            cameras_side[at] += by_camera.T @ miss.ravel()
            views[seen.view] += by_view.T @ by_view
            views_side[seen.view] += by_view.T @ miss.ravel()
            mixed[seen.view][at] += by_camera.T @ by_view
            residuals.append(miss)
        cost = float(sum((r**2).sum() for r in residuals))
        return cls(
            cost, tuple(residuals), cameras, cameras_side, views, views_side, mixed
        )

    def solve(self, damping: float) -> tuple[Array, Array]:
        """Steps of the cameras (K,) and of the views (V, 6)."""
        reduced, inverse = self.reduce(damping)
        side = self.cameras_side - np.einsum(
            "vki,vij,vj->k", self.mixed, inverse, self.views_side
        )
        step = -np.linalg.lstsq(reduced, side, rcond=_RANK)[0]
        rest = self.views_side + np.einsum("vki,k->vi", self.mixed, step)
        return step, -np.einsum("vij,vj->vi", inverse, rest)

    def reduce(self, damping: float) -> tuple[Array, Array]:
        """The cameras' matrix (K, K) without the views, and the inverses (V, 6, 6) of theirs."""
        eye = np.eye(6)
        views = self.views + damping * self.views * eye + 1e-12 * eye
        inverse: Array = np.linalg.inv(views).astype(np.float64)
        cameras = self.cameras + damping * np.diag(np.diag(self.cameras))
        taken = np.einsum(
            "vki,vij,vlj->kl", self.mixed, inverse, self.mixed, optimize=True
        )
        return cameras - taken, inverse


@dataclass(frozen=True)
class _Layout:
    """Where each camera's numbers and pose stand among the cameras' unknowns."""

    starts: tuple[int, ...]  # of the numbers
    counts: tuple[int, ...]
    size: int

    @classmethod
    def of(cls, rig: Rig) -> _Layout:
        counts = tuple(map(len, rig.numbers))
        starts = tuple(np.cumsum([0, *counts])[:-1].tolist())
        return cls(starts, counts, sum(counts) + 6 * (len(counts) - 1))

    def places_of(self, camera: int) -> NDArray[np.int64]:
        """Of its numbers, then of its pose; camera 0 has none."""
        start = self.starts[camera]
        numbers = np.arange(start, start + self.counts[camera])
        pose = sum(self.counts) + 6 * (camera - 1) + np.arange(6)
        return np.concatenate([numbers, pose]) if camera else numbers


def places_of(rig: Rig, camera: int) -> NDArray[np.int64]:
    """Where the covariance has a camera's numbers, then, of all but the first, its turn and shift."""
    return _Layout.of(rig).places_of(camera)


def _compare(rig: Rig, seen: Observation) -> tuple[Array, Array, Array]:
    """Residuals (N, 2), and their derivatives by the camera's unknowns and by the view's (2 N, ...)."""
    camera_from_rig = rig.camera_from_rig[seen.camera]
    rig_from_board = rig.rig_from_board[seen.view]
    in_rig = seen.points @ rig_from_board[:3, :3].T + rig_from_board[:3, 3]
    in_camera = in_rig @ camera_from_rig[:3, :3].T + camera_from_rig[:3, 3]
    found = project_through(
        rig.lenses[seen.camera], rig.numbers[seen.camera], in_camera
    )
    by_pose = found.by_point @ _turn_slopes(in_camera)
    by_view = found.by_point @ camera_from_rig[:3, :3] @ _turn_slopes(in_rig)
    by_camera = np.concatenate([found.by_intrinsics, by_pose], axis=2)
    rows = 2 * len(in_rig)
    return (
        found.pixels - seen.pixels,
        by_camera.reshape(rows, -1),
        by_view.reshape(rows, 6),
    )


def _turn_slopes(points: Array) -> Array:
    """How points (N, 3) move with a turn and a shift of their frame (N, 3, 6)."""
    slopes = np.zeros((len(points), 3, 6))
    x, y, z = points.T
    slopes[:, 0, 1], slopes[:, 0, 2] = z, -y
    slopes[:, 1, 0], slopes[:, 1, 2] = -z, x
    slopes[:, 2, 0], slopes[:, 2, 1] = y, -x
    slopes[:, [0, 1, 2], [3, 4, 5]] = 1.0
    return slopes


def _move(rig: Rig, steps: tuple[Array, Array]) -> Rig:
    of_cameras, of_views = steps
    layout = _Layout.of(rig)
    numbers = tuple(
        mine + of_cameras[start : start + len(mine)]
        for mine, start in zip(rig.numbers, layout.starts, strict=True)
    )
    turns = of_cameras[sum(layout.counts) :].reshape(-1, 6)
    moved = _apply(rig.camera_from_rig[1:], turns)
    return replace(
        rig,
        numbers=numbers,
        camera_from_rig=np.concatenate([rig.camera_from_rig[:1], moved]),
        rig_from_board=_apply(rig.rig_from_board, of_views),
    )


def _apply(poses: Array, steps: Array) -> Array:
    """Turn and shift poses (N, 4, 4) on the left by (N, 6)."""
    if not len(poses):
        return poses
    turns = Rotation.from_rotvec(steps[:, :3]).as_matrix()
    moved = poses.copy()
    moved[:, :3, :3] = turns @ poses[:, :3, :3]
    moved[:, :3, 3] = np.einsum("nij,nj->ni", turns, poses[:, :3, 3]) + steps[:, 3:]
    return moved


def _judge(
    rig: Rig, system: _System, observations: Sequence[Observation], rounds: int
) -> Adjusted:
    num_unknown = len(system.cameras) + 6 * len(system.views)
    spare = sum(r.size for r in system.residuals) - num_unknown
    sigma = float(np.sqrt(system.cost / spare)) if spare > 0 else float("nan")
    reduced, inverse = system.reduce(0.0)
    scale = np.sqrt(np.maximum(np.diag(reduced), 1e-300))
    values = np.linalg.eigvalsh(reduced / np.outer(scale, scale))
    if spare <= 0 or values[0] < _RANK * values[-1]:
        return Adjusted(rig, system.residuals, sigma, None, None, rounds)
    covariance = (
        sigma**2
        * np.linalg.inv(reduced / np.outer(scale, scale))
        / np.outer(scale, scale)
    )
    lead = np.einsum("vij,vkj->vik", inverse, system.mixed)
    of_views = sigma**2 * inverse + np.einsum(
        "vik,kl,vjl->vij", lead, covariance, lead, optimize=True
    )
    sigmas = np.sqrt(np.maximum(np.diagonal(of_views, axis1=1, axis2=2), 0))
    return Adjusted(rig, system.residuals, sigma, covariance, sigmas, rounds)
