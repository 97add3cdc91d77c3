"""What a calibration says as rows: figures of each camera, or why there are none, and of each picture of the board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assets.reconstruction.board_pictures import Seen
from assets.tables.schemas import content_id
from models.geometry.boards import Board
from models.geometry.camera import Array
from models.geometry.rig_calibration import (
    CalibratedCamera,
    CalibratedRig,
    CameraViews,
    calibrate_rig,
    root_mean_square,
)

Row = dict[str, Any]
COVERAGE_GRID = (8, 6)
PATTERN_GRID = (4, 3)
_MIN_IN_PART = 8
_MAD = 1.4826


@dataclass(frozen=True)
class Plan:
    """What to calibrate with: the board as a text and as read, and the model of the lenses."""

    board_text: str
    board: Board
    model: str


@dataclass(frozen=True)
class RigRows:
    """Rows of `rig_calibrations` and `board_views`, without ids and facts of the session."""

    cameras: list[Row]
    views: list[Row]


def make_rows(plan: Plan, seen: Sequence[Seen]) -> RigRows:
    """Calibrate from what pictures show. Where that is not possible the rows of the cameras carry the reason."""
    by_sensor: dict[str, list[Seen]] = {}
    for one in seen:
        by_sensor.setdefault(one.picture.sensor, []).append(one)
    cameras = [
        CameraViews(
            sensor,
            mine[0].picture.size_px,
            {s.picture.view: s.sighting for s in mine if s.sighting is not None},
        )
        for sensor, mine in sorted(by_sensor.items())
    ]
    rig, reasons = _calibrate(plan, cameras)
    found = {c.name: c for c in rig.cameras} if rig else {}
    reference = rig.cameras[0].name if rig else min(by_sensor, default="")
    rows = [
        _describe(plan, by_sensor[c.name], c, reference)
        | {"reason": reasons.get(c.name)}
        | (_measure(found[c.name]) if c.name in found else {})
        for c in cameras
    ]
    return RigRows(rows, [_describe_view(plan, one, rig, found) for one in seen])


def _calibrate(
    plan: Plan, cameras: Sequence[CameraViews]
) -> tuple[CalibratedRig | None, dict[str, str]]:
    """The rig of all cameras that show the board at all, and why others have no calibration."""
    able = [c for c in cameras if c.sightings]
    reasons = {
        c.name: f"no picture shows the board {plan.board_text}"
        for c in cameras
        if not c.sightings
    }
    if not able:
        return None, reasons
    try:
        return calibrate_rig(plan.board, able, plan.model), reasons
    except ValueError as error:
        return None, reasons | {c.name: str(error) for c in able}


def _describe(
    plan: Plan, mine: Sequence[Seen], camera: CameraViews, reference: str
) -> Row:
    return {
        "sensor": camera.name,
        "reference_sensor": reference,
        "board": plan.board_text,
        "length_unit": plan.board.unit,
        "width_px": camera.size_px[0],
        "height_px": camera.size_px[1],
        "num_pictures": len(mine),
        "num_found": len(camera.sightings),
        "distortion_model": plan.model,
    }


def _measure(found: CalibratedCamera) -> Row:
    camera = found.camera
    covariance = found.covariance
    sigmas = None if covariance is None else np.sqrt(np.maximum(np.diag(covariance), 0))
    return {
        "fx_px": camera.focal_px[0],
        "fy_px": camera.focal_px[1],
        "cx_px": camera.centre_px[0],
        "cy_px": camera.centre_px[1],
        "distortion": list(camera.distortion),
        "rig_from_camera": to_pose(found.rig_from_camera),
        "parameter_names": list(found.names),
        "parameter_sigmas": None if sigmas is None else sigmas.tolist(),
        "covariance": None if covariance is None else covariance.ravel().tolist(),
        "num_points": len(found.pixels),
        "coverage": measure_coverage(found.pixels, camera.size_px),
        "rms_px": found.rms_px,
        "rms_alone_px": found.rms_alone_px,
        "noise_px": float(_MAD * np.median(np.abs(found.residuals))),
        "pattern_px": measure_pattern(found.pixels, found.residuals, camera.size_px),
    }


def measure_coverage(pixels: Array, size_px: tuple[int, int]) -> float:
    """Share of 8 x 6 equal parts of the image with a point in it."""
    num_parts = COVERAGE_GRID[0] * COVERAGE_GRID[1]
    return len(np.unique(_find_parts(pixels, size_px, COVERAGE_GRID))) / num_parts


def measure_pattern(
    pixels: Array, residuals: Array, size_px: tuple[int, int]
) -> float | None:
    """What the residuals (N, 2) of a part of the image share, in px: root mean square over 4 x 3 parts of their mean,
    less what noise alone would leave. None where no part has enough points."""
    parts = _find_parts(pixels, size_px, PATTERN_GRID)
    shares = []
    for part in np.unique(parts):
        mine = residuals[parts == part]
        if len(mine) >= _MIN_IN_PART:
            by_noise = mine.var(axis=0, ddof=1).sum() / len(mine)
            shares.append(float((mine.mean(axis=0) ** 2).sum() - by_noise))
    return max(sum(shares) / len(shares), 0.0) ** 0.5 if shares else None


def _find_parts(
    pixels: Array, size_px: tuple[int, int], grid: tuple[int, int]
) -> np.ndarray:
    shares = np.clip((pixels + 0.5) / size_px, 0, 1 - 1e-9)
    columns, rows = (shares * grid).astype(int).T
    return np.asarray(rows * grid[0] + columns)


def _describe_view(
    plan: Plan,
    one: Seen,
    rig: CalibratedRig | None,
    found: Mapping[str, CalibratedCamera],
) -> Row:
    picture, sighting = one.picture, one.sighting
    row: Row = {
        "board_view_id": content_id("board view", picture.name, plan.board_text),
        "frame_id": picture.name,
        "sensor": picture.sensor,
        "board": plan.board_text,
        "view": picture.view,
        "num_points": 0 if sighting is None else len(sighting.ids),
        "point_ids": [] if sighting is None else sighting.ids.tolist(),
        "pixels": [] if sighting is None else sighting.pixels.ravel().tolist(),
    }
    if rig is None or sighting is None or picture.sensor not in found:
        return row
    camera = found[picture.sensor]
    residuals = camera.residuals[camera.views == picture.view]
    sigmas = rig.board_sigmas.get(picture.view)
    return row | {
        "residuals": residuals.ravel().tolist(),
        "rms_px": root_mean_square(residuals),
        "rig_from_board": to_pose(rig.rig_from_board[picture.view]),
        "board_sigmas": None if sigmas is None else sigmas.tolist(),
    }


def to_pose(matrix: Array) -> list[float]:
    """x y z and quaternion x y z w of a (4, 4)."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_matrix(matrix[:3, :3]).as_quat(canonical=True)
    return [*matrix[:3, 3].tolist(), *turn.tolist()]
