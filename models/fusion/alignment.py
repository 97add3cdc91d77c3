"""How one RGB-D picture stands to another: point to plane and brightness together, from coarse to fine.

Each point of the source is laid into the target; it should lie on the plane that is seen there, and be as bright. Both
kinds of residuals are divided by their noise, so their Hessian is the information of the result (Steinbrücker, Sturm
and Cremers 2011; Park, Zhou and Koltun 2017). Weights are Huber's.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.fusion.evidence import CORRELATED, Evidence, find_factors
from models.fusion.poses import Array, move, to_pose
from models.fusion.views import Level, Plane, View, find_noise_m, unproject_all

_ITERATIONS = (8, 8, 12)  # from fine to coarse; of the rest as of the last
_SETTLED = 1e-5  # rad and m
_HUBER = 1.5
_GATE_M, _GATE_SHARE = 0.05, 0.03  # most that a point lies off, and by its depth
_SHADE_NOISE = 0.02  # least, of brightness from 0 to 1
_LEAST_CONTRAST = 0.03  # below it brightness tells nothing
_LEAST_POINTS = 60
_TOO_LITTLE = "the two pictures have too little depth in common"
_AGREE = 4.0  # standard errors
_TO_SD = 1.4826


@dataclass(frozen=True)
class Alignment:
    """`target_from_source` (4, 4), and what it rests on.

    `covariance` (6, 6) is of a step behind it, from what quarters of the picture, and depth and brightness, contradict
    each other by; `hopes` (6,) are its standard errors if pixels erred as a depth camera's are said to: where even
    these are large, nothing determines it.
    """

    target_from_source: Array
    covariance: Array
    hopes: Array
    overlap: float  # share of the source's points that lie on what the target sees
    agreement: float  # of those that fall on known depth there
    off_sigma: float  # middle distance from the planes, by the noise of depth
    likeness: float | None  # correlation of brightness; None without any contrast

    @property
    def information(self) -> Array:
        """(6, 6) of a step behind it."""
        return np.asarray(np.linalg.inv(self.covariance))


@dataclass(frozen=True)
class _Source:
    points: Plane  # (N, 3)
    shades: Plane  # (N,)
    noise_m: Plane  # (N,)
    quarters: NDArray[np.int64]  # (N,) of the picture


@dataclass(frozen=True)
class _Fit:
    evidence: Evidence
    overlap: float
    agreement: float
    off_sigma: float
    likeness: float | None


def align(target: View, source: View, guess: Array) -> Alignment:
    """Lay `source` into `target`, beginning at target_from_source (4, 4). Raises ValueError for views of which too
    little meets at the start."""
    pose = np.asarray(guess, np.float64).copy()
    levels = list(zip(target.levels, source.levels, strict=True))
    for number in reversed(range(len(levels))):
        there, here = levels[number]
        points = _take_points(here, 2 if number == 0 else 1)
        for _ in range(_ITERATIONS[min(number, len(_ITERATIONS) - 1)]):
            hessian, slope = _fit(there, points, pose).evidence.join()
            damped = hessian + 1e-6 * np.trace(hessian) / 6 * np.eye(6)
            step = -np.linalg.solve(damped, slope)
            pose = pose @ to_pose(_bound(step))
            if np.abs(step).max() < _SETTLED:
                break
    fit = _fit(there, points, pose)
    return Alignment(
        pose,
        *_find_errors(fit.evidence),
        fit.overlap,
        fit.agreement,
        fit.off_sigma,
        fit.likeness,
    )


def _find_errors(evidence: Evidence) -> tuple[Array, Array]:
    """Covariance (6, 6) of a step, and what its standard errors (6,) would be by the stated noise; of what nothing
    determines 1000 rad or m.

    Where depth and brightness contradict each other nobody knows which of them is right. So brightness is weighed down
    until they agree, and what that would move the pose by is an error of its own.
    """
    hessian, slope = evidence.join(find_factors(evidence))
    covariance = _invert(hessian)
    pulled = covariance @ slope
    hopes = np.sqrt(np.diag(_invert(evidence.join()[0] / CORRELATED)))
    return covariance + np.outer(pulled, pulled), hopes


def _invert(hessian: Array) -> Array:
    return np.asarray(np.linalg.inv(hessian + 1e-6 * np.eye(6)))


def _bound(step: Array) -> Array:
    most = max(np.abs(step[:3]).max() / 0.2, np.abs(step[3:]).max() / 0.2, 1.0)
    return step / most


def _take_points(level: Level, stride: int) -> _Source:
    points = unproject_all(level.camera, level.depth_m)[::stride, ::stride].reshape(
        -1, 3
    )
    shades = level.shades[::stride, ::stride, 0]
    rows, columns = (np.arange(n) * 2 // n for n in shades.shape)
    quarters = (2 * rows[:, None] + columns).reshape(-1)
    is_known = np.isfinite(points[:, 2])
    points = points[is_known]
    return _Source(
        points,
        shades.reshape(-1)[is_known],
        find_noise_m(points[:, 2]),
        quarters[is_known],
    )


def _fit(target: Level, source: _Source, pose: Array) -> _Fit:
    """Residuals and derivatives at a pose, by a step behind it."""
    if len(source.points) < _LEAST_POINTS:
        raise ValueError(_TOO_LITTLE)
    moved = move(pose, source.points)
    (fx, fy), (cx, cy) = target.camera.focal_px, target.camera.centre_px
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(moved[:, 2] > 1e-3, moved[:, 2], np.float32(np.nan))
        x = np.asarray(fx * moved[:, 0] / z + cx, np.float32)
        y = np.asarray(fy * moved[:, 1] / z + cy, np.float32)
    u, v, is_seen = _bound_pixels(x, y, target.camera.size_px)
    planes = _look_up(target.planes, u, v, cv2.INTER_NEAREST)
    shades = _look_up(target.shades, u, v, cv2.INTER_LINEAR)
    depth = _look_up(target.depth_m, u, v, cv2.INTER_NEAREST)
    with np.errstate(invalid="ignore"):
        meets = is_seen & np.isfinite(planes[:, 3]) & np.isfinite(depth)
        off = np.abs(depth - moved[:, 2])
        is_near = meets & (off < _GATE_M + _GATE_SHARE * depth)
    if is_near.sum() < _LEAST_POINTS:
        raise ValueError(_TOO_LITTLE)
    n, p = planes[is_near, :3], moved[is_near]
    noise = source.noise_m[is_near] * np.float32(np.sqrt(2))
    distance = ((n * p).sum(axis=1) - planes[is_near, 3]) / noise
    # derivatives in the source's frame: those of n . (R p + t)
    turned = n @ pose[:3, :3].astype(np.float32)
    here = source.points[is_near]
    by_step = np.concatenate([np.cross(here, turned), turned], axis=1) / noise[:, None]
    quarters = source.quarters[is_near]
    kinds = [_sum_up(by_step, distance, quarters)]
    likeness = None
    if target.has_color:
        likeness = _correlate(shades[is_near, 0], source.shades[is_near])
        kinds.append(
            _fit_color(
                target, shades[is_near], source.shades[is_near], p, here, pose, quarters
            )
        )
    agrees = np.abs(distance) < _AGREE
    return _Fit(
        Evidence(*map(np.stack, zip(*kinds, strict=True))),
        float(agrees.sum() / max(len(source.points), 1)),
        float(agrees.sum() / max(meets.sum(), 1)),
        float(np.median(np.abs(distance))),
        likeness,
    )


def _correlate(seen: Plane, shades: Plane) -> float | None:
    spread = min(float(seen.std()), float(shades.std()))
    if spread < _LEAST_CONTRAST:
        return None
    return float(np.corrcoef(seen, shades)[0, 1])


def _fit_color(
    target: Level,
    seen: Plane,
    shades: Plane,
    moved: Plane,
    here: Plane,
    pose: Array,
    quarters: NDArray[np.int64],
) -> tuple[Array, Array]:
    """Brightness less the middle difference, which is one of exposure."""
    differences = seen[:, 0] - shades
    off: Plane = differences - np.float32(np.median(differences))
    noise = max(_TO_SD * float(np.median(np.abs(off))), _SHADE_NOISE)
    fx, fy = target.camera.focal_px
    z = moved[:, 2]
    a = seen[:, 1] * np.float32(fx) / z
    b = seen[:, 2] * np.float32(fy) / z
    by_point = np.stack([a, b, -(a * moved[:, 0] + b * moved[:, 1]) / z], axis=1)
    turned = by_point @ pose[:3, :3].astype(np.float32)
    by_step = np.concatenate([np.cross(here, turned), turned], axis=1)
    whitened = np.asarray(by_step / noise, np.float32)
    return _sum_up(whitened, off / np.float32(noise), quarters)


def _sum_up(
    by_step: Plane, residuals: Plane, quarters: NDArray[np.int64]
) -> tuple[Array, Array]:
    """Hessians (4, 6, 6) and slopes (4, 6) by quarter of the picture, with Huber's weights and the residuals' own scale
    where that is above their noise."""
    scale = max(_TO_SD * float(np.median(np.abs(residuals))), 1.0)
    weights = np.minimum(1, _HUBER * scale / np.maximum(np.abs(residuals), 1e-9))
    weighted = by_step * (weights / scale**2).astype(np.float32)[:, None]
    hessians, slopes = np.empty((4, 6, 6)), np.empty((4, 6))
    for quarter in range(4):
        mine = quarters == quarter
        hessians[quarter] = weighted[mine].T @ by_step[mine]
        slopes[quarter] = weighted[mine].T @ residuals[mine]
    return hessians, slopes


def _bound_pixels(
    u: Plane, v: Plane, size_px: tuple[int, int]
) -> tuple[Plane, Plane, NDArray[np.bool_]]:
    """Pixels outside are laid at -1, and said to be not seen."""
    width, height = size_px
    with np.errstate(invalid="ignore"):
        is_seen = (u >= 0) & (v >= 0) & (u <= width - 1) & (v <= height - 1)
    outside = np.float32(-1)
    return np.where(is_seen, u, outside), np.where(is_seen, v, outside), is_seen


def _look_up(picture: Plane, u: Plane, v: Plane, how: int) -> Plane:
    """Values (N, ...) at pixels; OpenCV takes no more than 32,767 in a row."""
    count = len(u)
    wide = 4096
    rows = -(-count // wide)
    x, y = (np.pad(s, (0, rows * wide - count)).reshape(rows, wide) for s in (u, v))
    looked_up = cv2.remap(picture, x, y, how, borderMode=cv2.BORDER_REPLICATE)
    found: Plane = np.asarray(looked_up, np.float32)
    return found.reshape(rows * wide, *picture.shape[2:])[:count]
