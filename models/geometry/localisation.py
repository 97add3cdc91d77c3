"""Where a camera is, from features that it shares with a sparse model: matches, a pose with its covariance, or nowhere.

Belongs here: arrays in, a pose out. Does not: pictures, and where models are stored.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from models.geometry.camera import Array, Camera
from models.geometry.model_errors import SharedErrors, find_slopes
from models.geometry.sparse_model import SparseModel

Descriptors = NDArray[np.uint8]
# as COLMAP matches its square-rooted SIFT
MOST_RATIO, MOST_DISTANCE = 0.8, 0.7
_LENGTH = 512.0  # of a descriptor
NUM_VOTERS, NUM_RETRIEVED = 1000, 10
MOST_OFF_PX = 8.0  # of a match, at 1600 px; RANSAC's own bound
_AT_PX = 1600.0
LEAST_MATCHES, LEAST_SHARE, LEAST_CELLS = 20, 0.15, 4
_CELLS = 4  # a side
_TRIES = 10_000
_SURE = 0.9999
_SEED = 1
_CHUNK = 2048
_MAD = 0.6745  # of a normal distribution: its middle absolute value
_LEAST_NOISE_PX = 0.3


@dataclass(frozen=True)
class Matches:
    """K features of a picture that look like points of a model: `pixels` (K, 2), places of the points (K,)."""

    pixels: Array
    points: NDArray[np.int64]


@dataclass(frozen=True)
class Location:
    """Where a camera is in the model's world, which is where the model's cameras are, taken together.

    `covariance` (6, 6) of turns in rad and shifts in the model's unit, in the camera's frame, behind the pose: by the
    noise of the matches that fit, and by what the model's points err by together. `noise_px` is what these matches are
    off by, a coordinate, robust.
    """

    world_from_camera: Array  # (4, 4)
    covariance: Array
    num_matches: int
    num_fitting: int
    noise_px: float

    @property
    def sigma(self) -> float:
        """Standard error of the place, in the model's unit, all directions together."""
        return float(np.sqrt(np.trace(self.covariance[3:, 3:])))

    @property
    def sigma_deg(self) -> float:
        """Standard error of the turn, all axes together."""
        return float(np.degrees(np.sqrt(np.trace(self.covariance[:3, :3]))))


def find_matches(
    model: SparseModel, pixels: Array, descriptors: Descriptors
) -> Matches:
    """What features (K, 2), (K, 128) of a picture show of a model, by the model's pictures that look most like it.

    A thousand features, spread over all, vote for the pictures that see what they resemble; the ten with most votes are
    compared with all features, as COLMAP compares two pictures. A feature goes with the point that it resembles most.
    """
    best = np.full(len(pixels), -1, np.int64)
    nearness = np.full(len(pixels), -np.inf)
    for place in _retrieve(model, descriptors):
        image = model.images[place]
        mine, theirs, cosine = match(descriptors, image.descriptors)
        is_better = cosine > nearness[mine]
        best[mine[is_better]] = image.points[theirs[is_better]]
        nearness[mine[is_better]] = cosine[is_better]
    is_matched = best >= 0
    return Matches(pixels[is_matched], best[is_matched])


def match(
    first: Descriptors, second: Descriptors
) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """Places of features (K, 128) and (L, 128) that are each other's nearest, and clearly so; the cosines of each."""
    if len(first) < 2 or len(second) < 2:
        none = np.empty(0, np.int64)
        return none, none, np.empty(0)
    forward, cosines = _find_nearest(first, second)
    back, _ = _find_nearest(second, first)
    mine = np.flatnonzero(forward >= 0)
    mine = mine[back[forward[mine]] == mine]
    return mine, forward[mine], cosines[mine]


def locate(
    camera: Camera,
    model: SparseModel,
    matches: Matches,
    errors: SharedErrors | None = None,
) -> Location | str:
    """The camera's place in the model's world; or why it is not known to be there.

    Twenty matches have to fit one place, a seventh of all, and lie in four of sixteen parts of the picture. `errors`
    are those of the model; without them it counts as exact.
    """
    points = model.points[matches.points]
    ahead = camera.unproject(matches.pixels)
    is_seen = np.isfinite(ahead).all(axis=1)
    num = int(is_seen.sum())
    if num < LEAST_MATCHES:
        return (
            f"{num} features look like points of the model: {LEAST_MATCHES} are needed"
        )
    pixels, points, ahead = (
        values[is_seen] for values in (matches.pixels, points, ahead)
    )
    bound_px = MOST_OFF_PX * max(camera.size_px) / _AT_PX
    start = _search(ahead[:, :2], points, bound_px / camera.mean_focal_px)
    if start is None:
        return f"{num} features look like points of the model, and no place fits them"
    pose, fitting, noise_px = _refine(camera, pixels, points, start, bound_px)
    count = int(fitting.sum())
    if count < max(LEAST_MATCHES, LEAST_SHARE * num):
        return (
            f"{count} of {num} features that look like points of the model fit one place: "
            f"{max(LEAST_MATCHES, int(np.ceil(LEAST_SHARE * num)))} are needed"
        )
    cells = _count_cells(pixels[fitting], camera.size_px)
    if cells < LEAST_CELLS:
        return f"what fits lies in {cells} of {_CELLS * _CELLS} parts of the picture: {LEAST_CELLS} are needed"
    places = matches.points[is_seen][fitting]
    covariance = _find_covariance(camera, model, places, pose, noise_px, errors)
    if covariance is None:
        return (
            "what fits does not fix a place: it lies on a line, or all in one direction"
        )
    return Location(pose, covariance, num, count, noise_px)


# ---- below ---------------------------------------------------------------------------------------------------------


def _retrieve(model: SparseModel, descriptors: Descriptors) -> list[int]:
    """Places of the model's pictures that look most like these features, best first."""
    if len(model.images) <= NUM_RETRIEVED:
        return list(range(len(model.images)))
    step = max(1, len(descriptors) // NUM_VOTERS)
    voters = descriptors[::step][:NUM_VOTERS]
    votes = []
    for image in model.images:
        found, cosines = _find_nearest(voters, image.descriptors)
        votes.append(float(cosines[found >= 0].sum()))
    order = np.argsort(votes, kind="stable")[::-1]
    return [int(n) for n in order[:NUM_RETRIEVED]]


def _find_nearest(
    first: Descriptors, second: Descriptors
) -> tuple[NDArray[np.int64], Array]:
    """For each of `first` (K,) the place of the nearest of `second`, -1 where it is far or another is as near; the
    cosines of both."""
    places = np.full(len(first), -1, np.int64)
    cosines = np.full(len(first), -1.0)
    if len(second) < 2:
        return places, cosines
    others = second.astype(np.float32) / _LENGTH
    for start in range(0, len(first), _CHUNK):
        some = first[start : start + _CHUNK].astype(np.float32) / _LENGTH
        alike = some @ others.T
        two = np.argpartition(-alike, 1, axis=1)[:, :2]
        values = np.take_along_axis(alike, two, axis=1)
        order = np.argsort(-values, axis=1)
        two, values = (np.take_along_axis(v, order, axis=1) for v in (two, values))
        near, next_ = np.arccos(np.clip(values, -1.0, 1.0)).T
        is_clear = (near <= MOST_DISTANCE) & (near < MOST_RATIO * next_)
        span = slice(start, start + len(some))
        places[span] = np.where(is_clear, two[:, 0], -1)
        cosines[span] = values[:, 0]
    return places, cosines


def _search(flat: Array, points: Array, bound: float) -> Array | None:
    """Turn vector and shift (6,), camera from world, that most matches fit; None where three or fewer do."""
    # spread over a small number of units: solvers are not free of scale
    middle = np.median(points, axis=0)
    size = float(np.median(np.linalg.norm(points - middle, axis=1))) or 1.0
    cv2.setRNGSeed(_SEED)
    done, turn, shift, fitting = cv2.solvePnPRansac(
        (points - middle) / size,
        flat,
        np.eye(3),
        None,
        iterationsCount=_TRIES,
        reprojectionError=bound,
        confidence=_SURE,
        flags=cv2.SOLVEPNP_P3P,
    )
    if not done or fitting is None or len(fitting) < 4:
        return None
    vector = turn.ravel()
    rotated = Rotation.from_rotvec(vector).apply(middle)
    return np.concatenate([vector, shift.ravel() * size - rotated])


def _refine(
    camera: Camera, pixels: Array, points: Array, start: Array, bound_px: float
) -> tuple[Array, NDArray[np.bool_], float]:
    """World from camera, which matches fit, and their noise in px."""
    values, fitting = start, np.ones(len(points), bool)
    for _ in range(2):
        off = np.linalg.norm(_measure_off(camera, pixels, points, values), axis=1)
        fitting = np.asarray(off <= bound_px)
        if fitting.sum() < 4:
            break
        values = _solve(camera, pixels[fitting], points[fitting], values)
    off_px = _measure_off(camera, pixels, points, values)
    fitting = np.asarray(np.linalg.norm(off_px, axis=1) <= bound_px)
    noise_px = _LEAST_NOISE_PX
    if fitting.any():
        spread = float(np.median(np.abs(off_px[fitting]))) / _MAD
        noise_px = max(spread, _LEAST_NOISE_PX)
    camera_from_world = np.eye(4)
    camera_from_world[:3, :3] = Rotation.from_rotvec(values[:3]).as_matrix()
    camera_from_world[:3, 3] = values[3:]
    return np.asarray(np.linalg.inv(camera_from_world)), fitting, noise_px


def _measure_off(camera: Camera, pixels: Array, points: Array, values: Array) -> Array:
    """(K, 2) px; very far for points that the camera does not see."""
    seen = Rotation.from_rotvec(values[:3]).apply(points) + values[3:]
    off = camera.project(seen) - pixels
    off[(seen[:, 2] <= 0) | ~np.isfinite(off).all(axis=1)] = 1e6
    return off


def _solve(camera: Camera, pixels: Array, points: Array, start: Array) -> Array:
    found = least_squares(
        lambda values: _measure_off(camera, pixels, points, values).ravel(),
        start,
        loss="soft_l1",
        x_scale="jac",
        max_nfev=50,
    )
    return np.asarray(found.x)


def _find_covariance(
    camera: Camera,
    model: SparseModel,
    places: NDArray[np.int64],
    pose: Array,
    noise_px: float,
    errors: SharedErrors | None,
) -> Array | None:
    """(6, 6) of small turns and shifts in the camera's frame, behind the pose, by the points that it sees; None where
    they do not fix it."""
    seen = (model.points[places] - pose[:3, 3]) @ pose[:3, :3]
    rows, by_point = find_slopes(camera, seen)
    information = np.einsum("kij,kil->jl", rows, rows)
    lengths = np.sqrt(np.diag(information))
    if len(places) < 4 or not (lengths > 0).all():
        return None
    unit = information / np.outer(lengths, lengths)
    if np.linalg.cond(unit) > 1e12:
        return None
    inverse = np.linalg.inv(unit) / np.outer(lengths, lengths)
    covariance = np.asarray(noise_px**2 * inverse)
    if errors is None:
        return covariance
    weights = np.zeros((len(model.points), 6, 3))
    by_place = inverse @ rows.mT @ by_point @ pose[:3, :3].T  # (K, 6, 3)
    np.add.at(weights, places, by_place)
    return covariance + errors.propagate(weights.swapaxes(0, 1).reshape(6, -1))


def _count_cells(pixels: Array, size_px: tuple[int, int]) -> int:
    parts = np.clip((pixels + 0.5) / size_px, 0.0, 1.0 - 1e-9) * _CELLS
    return len({(int(x), int(y)) for x, y in parts})
