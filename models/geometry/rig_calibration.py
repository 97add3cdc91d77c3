"""Calibrate a rig from sightings of a board: a start for each camera, its own fit, then one adjustment over all.

What a single camera leaves and what all together leave are both told: where the second is much more, the pictures of
a view were not taken at one time, or the rig bends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from models.geometry.boards import Board, Sighting
from models.geometry.camera import LENSES, Array, Camera, project_through
from models.geometry.lenses import BROWN_CONRADY, Lens
from models.geometry.rig_bundle import Adjusted, Observation, Rig, adjust, places_of

MIN_VIEWS = 3
_TRIAL_ROUNDS = 8
_WIDTHS_RAD = (1.0, 1.6, 2.2, 2.9, 3.5)  # fields of view that a start is tried for
_LEAST_AHEAD = 0.05
_MIN_RAYS = 4
_STARTS: dict[str, tuple[float, ...]] = {
    "plumb_bob": (0.0,) * 5,
    "radtan": (0.0,) * 4,
    "rational_polynomial": (0.0,) * 8,
    "equidistant": (0.0,) * 4,
    "double_sphere": (0.0, 0.5),
    "eucm": (0.5, 1.0),
    "none": (),
}
MODELS = tuple(_STARTS)


@dataclass(frozen=True)
class CameraViews:
    """What one camera saw: its image size and a sighting a view, by the view's number."""

    name: str
    size_px: tuple[int, int]
    sightings: Mapping[int, Sighting]


@dataclass(frozen=True)
class CalibratedCamera:
    """One camera of the rig; covariance (K, K) is of `names`, in their order, None where views do not determine it."""

    name: str
    camera: Camera
    rig_from_camera: Array  # (4, 4)
    names: tuple[str, ...]
    covariance: Array | None
    rms_px: float  # of all together: root of the mean squared distance
    rms_alone_px: float
    pixels: Array  # (N, 2) of all points that it saw
    residuals: Array  # (N, 2) predicted less seen
    views: Array  # (N,) number of the view of each


@dataclass(frozen=True)
class CalibratedRig:
    """All cameras, the first the rig's frame, and where the board was, by the view's number."""

    cameras: tuple[CalibratedCamera, ...]
    rig_from_board: Mapping[int, Array]  # (4, 4)
    board_sigmas: Mapping[int, Array]  # (6,) turns in rad, shifts; empty where unknown
    sigma_px: float  # of a coordinate


def calibrate_rig(
    board: Board, cameras: Sequence[CameraViews], model: str = "plumb_bob"
) -> CalibratedRig:
    """Cameras with lenses of one of `MODELS`, and their places. The first camera is the rig.

    Raises ValueError, with the reason, for too few views, cameras that never see the board together, or a board that
    is the same upside down before several cameras.
    """
    if model not in _STARTS:
        raise ValueError(
            f"lens '{model[:40]}' is not known: one of {', '.join(MODELS)}"
        )
    if len(cameras) > 1 and board.is_half_turn_alike:
        raise ValueError(
            f"a chessboard of {board.columns}x{board.rows} looks the same upside down, so cameras cannot agree on its "
            "corners: take one with an odd and an even number"
        )
    alone = [_calibrate_alone(board, camera, model) for camera in cameras]
    rig, numbers = _join(cameras, alone)
    observations = [
        _observe(board, number, numbers[view], sighting)
        for number, camera in enumerate(cameras)
        for view, sighting in sorted(camera.sightings.items())
        if view in numbers
    ]
    together = adjust(rig, observations)
    return _report(cameras, model, alone, together, observations, numbers)


def _calibrate_alone(board: Board, camera: CameraViews, model: str) -> Adjusted:
    if len(camera.sightings) < MIN_VIEWS:
        raise ValueError(
            f"{camera.name} shows the board in {len(camera.sightings)} pictures: {MIN_VIEWS} are needed, of different "
            "tilt; is it the right board?"
        )
    observations = [
        _observe(board, 0, n, sighting)
        for n, (_, sighting) in enumerate(sorted(camera.sightings.items()))
    ]
    starts = [
        rig
        for numbers in _list_starts(camera, observations, model)
        if (rig := _place_boards(LENSES[model], numbers, observations)) is not None
    ]
    trials = [adjust(rig, observations, _TRIAL_ROUNDS) for rig in starts]
    if not trials:
        raise ValueError(
            f"{camera.name}: no start fits what it saw: is '{model}' its lens?"
        )
    best = min(trials, key=lambda t: t.sigma_px)
    return adjust(best.rig, observations)


def _observe(board: Board, camera: int, view: int, sighting: Sighting) -> Observation:
    return Observation(camera, view, board.points[sighting.ids], sighting.pixels)


def _list_starts(
    camera: CameraViews, observations: Sequence[Observation], model: str
) -> list[Array]:
    """fx, fy, cx, cy and coefficients to begin at."""
    width, height = camera.size_px
    centre = (width - 1) / 2, (height - 1) / 2
    if LENSES[model] is BROWN_CONRADY:
        matrix = cv2.initCameraMatrix2D(
            [o.points.astype(np.float32) for o in observations],
            [o.pixels.astype(np.float32) for o in observations],
            camera.size_px,
            0,
        )
        found = [matrix[0, 0], matrix[1, 1]]
        focals = [np.mean(found)] if np.isfinite(found).all() else []
        focals += [0.5 * width / np.tan(0.5 * w) for w in _WIDTHS_RAD if w < 2.5]
    elif model == "equidistant":
        focals = [width / w for w in _WIDTHS_RAD]
    else:  # of both: 2 tan(angle / 2) at their start
        focals = [0.25 * width / np.tan(0.25 * w) for w in _WIDTHS_RAD]
    return [np.array([f, f, *centre, *_STARTS[model]]) for f in focals]


def _place_boards(
    lens: Lens, numbers: Array, observations: Sequence[Observation]
) -> Rig | None:
    """A rig of one camera, with the board of each observation where these numbers would have it; None where they have
    it nowhere."""
    poses = [_place_board(lens, numbers, o) for o in observations]
    found = [pose for pose in poses if pose is not None]
    if len(found) < len(poses):
        return None
    return Rig((lens,), (numbers,), np.eye(4)[None], np.stack(found))


def _place_board(lens: Lens, numbers: Array, seen: Observation) -> Array | None:
    """camera_from_board (4, 4); None where too few points lie ahead, or they give no place."""
    rays = lens.unproject((seen.pixels - numbers[2:4]) / numbers[:2], numbers[4:])
    is_ahead = np.nan_to_num(rays[:, 2], nan=-1.0) > _LEAST_AHEAD
    if is_ahead.sum() < _MIN_RAYS:
        return None
    flat = rays[is_ahead, :2] / rays[is_ahead, 2:]
    try:
        count, turns, shifts, _ = cv2.solvePnPGeneric(
            seen.points[is_ahead], flat, np.eye(3), None, flags=cv2.SOLVEPNP_IPPE
        )
    except cv2.error:
        return None
    found = []
    for turn, shift in zip(turns[:count], shifts[:count], strict=True):
        pose = np.eye(4)
        pose[:3, :3] = cv2.Rodrigues(turn)[0]
        pose[:3, 3] = shift.ravel()
        points = seen.points @ pose[:3, :3].T + pose[:3, 3]
        miss = project_through(lens, numbers, points).pixels - seen.pixels
        if np.isfinite(miss).all():
            found.append((float((miss**2).sum()), pose))
    return min(found, key=lambda one: one[0])[1] if found else None


def _join(
    cameras: Sequence[CameraViews], alone: Sequence[Adjusted]
) -> tuple[Rig, dict[int, int]]:
    """All cameras in the frame of the first, and the place of each view among the board's. Raises ValueError."""
    boards = [
        dict(zip(sorted(camera.sightings), fit.rig.rig_from_board, strict=True))
        for camera, fit in zip(cameras, alone, strict=True)
    ]
    camera_from_rig: dict[int, Array] = {0: np.eye(4)}
    while len(camera_from_rig) < len(cameras):
        links = [
            (len(boards[a].keys() & boards[b].keys()), a, b)
            for a in camera_from_rig
            for b in range(len(cameras))
            if b not in camera_from_rig
        ]
        shared, a, b = max(links, key=lambda link: (link[0], -link[1], -link[2]))
        if not shared:
            raise ValueError(
                f"{cameras[b].name} never shows the board at a time when another camera does: record views that two "
                "cameras share"
            )
        both = sorted(boards[a].keys() & boards[b].keys())
        found = np.stack([boards[b][v] @ np.linalg.inv(boards[a][v]) for v in both])
        camera_from_rig[b] = _choose_middle(found) @ camera_from_rig[a]
    views = sorted(set().union(*boards))
    places = []
    for view in views:
        number = next(n for n, board in enumerate(boards) if view in board)
        places.append(np.linalg.inv(camera_from_rig[number]) @ boards[number][view])
    rig = Rig(
        tuple(fit.rig.lenses[0] for fit in alone),
        tuple(fit.rig.numbers[0] for fit in alone),
        np.stack([camera_from_rig[n] for n in range(len(cameras))]),
        np.stack(places),
    )
    return rig, {view: n for n, view in enumerate(views)}


def _choose_middle(poses: Array) -> Array:
    """The one of (N, 4, 4) poses that is nearest to the others: turns and shifts, each by its own size."""
    turns = np.arccos(
        np.clip(
            (np.einsum("aij,bij->ab", poses[:, :3, :3], poses[:, :3, :3]) - 1) / 2,
            -1,
            1,
        )
    )
    shifts = np.linalg.norm(poses[:, None, :3, 3] - poses[None, :, :3, 3], axis=2)
    size = max(float(np.median(np.linalg.norm(poses[:, :3, 3], axis=1))), 1e-12)
    return np.asarray(poses[np.argmin(np.median(turns + shifts / size, axis=1))])


def _report(
    cameras: Sequence[CameraViews],
    model: str,
    alone: Sequence[Adjusted],
    together: Adjusted,
    observations: Sequence[Observation],
    numbers: Mapping[int, int],
) -> CalibratedRig:
    views = {n: view for view, n in numbers.items()}
    found = []
    for number, camera in enumerate(cameras):
        mine = [
            (o, r)
            for o, r in zip(observations, together.residuals, strict=True)
            if o.camera == number
        ]
        at = places_of(together.rig, number)
        values = together.rig.numbers[number].tolist()
        names = (
            "fx",
            "fy",
            "cx",
            "cy",
            *together.rig.lenses[number].names[: len(values) - 4],
        )
        pose = ("turn_x", "turn_y", "turn_z", "shift_x", "shift_y", "shift_z")
        residuals = np.concatenate([r for _, r in mine])
        found.append(
            CalibratedCamera(
                camera.name,
                Camera(
                    camera.size_px,
                    (values[0], values[1]),
                    (values[2], values[3]),
                    None if model == "none" else model,
                    tuple(values[4:]),
                ),
                np.linalg.inv(together.rig.camera_from_rig[number]),
                names + pose * (number > 0),
                None
                if together.covariance is None
                else together.covariance[np.ix_(at, at)],
                root_mean_square(residuals),
                root_mean_square(np.concatenate(alone[number].residuals)),
                np.concatenate([o.pixels for o, _ in mine]),
                residuals,
                np.concatenate([np.full(len(r), views[o.view]) for o, r in mine]),
            )
        )
    sigmas = (
        {}
        if together.view_sigmas is None
        else dict(zip(numbers, together.view_sigmas, strict=True))
    )
    places = dict(zip(numbers, together.rig.rig_from_board, strict=True))
    return CalibratedRig(tuple(found), places, sigmas, together.sigma_px)


def root_mean_square(residuals: Array) -> float:
    """Of distances in px: residuals (N, 2)."""
    return float(np.sqrt((residuals**2).sum(axis=1).mean()))
