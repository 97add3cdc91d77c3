"""Do boxes in space that move and turn hold the truth, and does what does not turn stay as it is?

Drawn objects: 20 views within 3 s of a cuboid, from a camera that goes round it, with noise as large as stated. Of each
way to move and to turn: how many are said to move and to turn, how many of all places, sizes, yaws and rates lie within
two standard errors, and how far yaws are off where they are told (a standard error below half a radian). A cuboid and
itself after a quarter of a turn, with length and width exchanged, count as one.

Run: `python -m bench.moving_boxes [--seeds 10] [--json]`
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bench.printing import make_parser, print_figures
from models.geometry.boxes3d import Box3D, BoxView, fit_box, list_planes, project_box
from models.geometry.camera import Array, Camera
from models.geometry.moving_boxes import MovingBox, fit_motion, may_move, moves

CAMERA = Camera((320, 240), (240.0, 240.0), (159.5, 119.5))
SIZE_M = np.array([0.14, 0.08, 0.1])
NUM_VIEWS, SECONDS, CAMERA_RAD_S = 20, 3.0, 0.5
SIGMA_PX, SIGMA_M = 0.5, 0.003
QUARTER = np.pi / 2
PATHS: dict[str, Callable[[float], Array]] = {
    "stands": lambda t: np.array([0.02, 0.01, 0.05]),
    "line": lambda t: np.array([0.06 * t - 0.08, 0.03 * t, 0.05]),
    "bend": lambda t: np.array([0.1 * np.cos(0.8 * t), 0.1 * np.sin(0.8 * t), 0.05]),
}
TURNS: dict[str, Callable[[float], float]] = {
    "not": lambda t: 0.3,
    "with the camera": lambda t: 0.3 + 0.9 * t,
    "against it": lambda t: -0.5 - 0.6 * t,
    "to and fro": lambda t: 0.3 + 0.75 * float(np.sin(1.2 * t)),
}


@dataclass
class Tally:
    """Of one way to move and to turn, over seeds."""

    moving: list[bool] = field(default_factory=list)
    turning: list[bool] = field(default_factory=list)
    weighed: list[Array] = field(default_factory=list)  # places and sizes
    turns: list[Array] = field(default_factory=list)  # yaw and rate, by standard errors
    yaw_off_deg: list[float] = field(default_factory=list)
    is_told: list[bool] = field(default_factory=list)


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    arguments = parser.parse_args()
    start = time.process_time()
    figures: dict[str, object] = {}
    for path in PATHS:
        for turn in TURNS:
            tally = Tally()
            for seed in range(arguments.seeds):
                follow(tally, path, turn, seed)
            figures |= {f"{path}, turns {turn}": summarise(tally)}
    count = arguments.seeds * len(PATHS) * len(TURNS)
    figures["cpu_s_an_object"] = round((time.process_time() - start) / count, 2)
    print_figures(figures, arguments.json)


def follow(tally: Tally, path: str, turn: str, seed: int) -> None:
    """Fit one drawn object, and add what is found to the tally."""
    rng = np.random.default_rng(seed)
    times_s = np.sort(rng.uniform(0, SECONDS, NUM_VIEWS))
    truths = [make_box(PATHS[path](t), TURNS[turn](t)) for t in times_s]
    views = [
        see(box, CAMERA_RAD_S * t, rng) for box, t in zip(truths, times_s, strict=True)
    ]
    planes = list_planes(views)
    still = fit_box(planes)
    motion = fit_motion(planes, times_s) if may_move(still) else None
    is_moving = motion is not None and moves(planes, times_s, still, motion)
    tally.moving.append(is_moving)
    tally.turning.append(is_moving and motion is not None and motion.turns)
    for t, truth in zip(times_s.tolist(), truths, strict=True):
        rate = (TURNS[turn](t + 1e-4) - TURNS[turn](t - 1e-4)) / 2e-4
        if is_moving and motion is not None:
            compare(tally, motion.at(t), truth, rate)
        else:
            nowhere = np.zeros(3), np.zeros((3, 3))
            compare(tally, MovingBox(still, *nowhere, None, None), truth, rate)


def compare(tally: Tally, found: MovingBox, truth: Box3D, rate_rad_s: float) -> None:
    """One moment."""
    box, order = found.box, [0, 1, 2]
    quarters = round((box.yaw_rad - truth.yaw_rad) / QUARTER)
    if quarters % 2:
        order = [1, 0, 2]
    sigmas = np.sqrt(np.maximum(box.covariance.diagonal(), 1e-18))
    sizes = (box.size_m[order] - truth.size_m) / sigmas[3:6][order]
    places = (box.centre_m - truth.centre_m) / sigmas[:3]
    tally.weighed.append(np.concatenate([places, sizes]))
    off = box.yaw_rad - truth.yaw_rad - quarters * QUARTER
    tally.is_told.append(bool(np.isfinite(box.sigmas[6])))
    if tally.is_told[-1]:
        tally.yaw_off_deg.append(abs(np.degrees(off)))
    rate, sigma = found.yaw_rate_rad_s or 0.0, found.yaw_rate_sigma_rad_s
    weighed = [off / sigmas[6]] + ([(rate - rate_rad_s) / sigma] if sigma else [])
    tally.turns.append(np.array(weighed))


def summarise(tally: Tally) -> dict[str, float | None]:
    """Shares, and degrees."""
    off = tally.yaw_off_deg
    return {
        "moves": float(np.mean(tally.moving)),
        "turns": float(np.mean(tally.turning)),
        "places_and_sizes_within_2": count_within(tally.weighed),
        "yaws_and_rates_within_2": count_within(tally.turns),
        "yaws_told": round(float(np.mean(tally.is_told)), 3),
        "yaw_off_deg_median": round(float(np.median(off)), 2) if off else None,
        "yaw_off_deg_most": round(max(off), 2) if off else None,
    }


def count_within(weighed: list[Array]) -> float:
    """The share of at most two standard errors."""
    return round(float((np.abs(np.concatenate(weighed)) <= 2).mean()), 3)


def make_box(centre_m: Array, yaw_rad: float) -> Box3D:
    """A cuboid that is known."""
    none = np.zeros((7, 7))
    return Box3D(
        "cuboid", centre_m, SIZE_M, yaw_rad, none, none[0], None, np.ones(0, bool)
    )


def see(box: Box3D, azimuth_rad: float, rng: np.random.Generator) -> BoxView:
    """A view from a circle, with noise of its sides and its depth, as large as it says."""
    pose = look(azimuth_rad)
    outline = project_box(box, CAMERA, pose)
    assert outline is not None
    x_min, y_min, x_max, y_max = np.array(outline.whole_xyxy) + rng.normal(
        0, SIGMA_PX, 4
    )
    near_m = outline.near_m + rng.normal(0, SIGMA_M)
    seen = (True, True, True, True)
    return BoxView(
        CAMERA, pose, (x_min, y_min, x_max, y_max), seen, SIGMA_PX, near_m, SIGMA_M
    )


def look(azimuth_rad: float) -> Array:
    """world_from_camera of a camera 0.6 m beside and 0.3 m above, that looks at 5 cm above the origin."""
    at = np.array([0.6 * np.cos(azimuth_rad), 0.6 * np.sin(azimuth_rad), 0.3])
    ahead = np.array([0, 0, 0.05]) - at
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, [0, 0, 1])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.column_stack([right, np.cross(ahead, right), ahead])
    pose[:3, 3] = at
    return pose


if __name__ == "__main__":
    main()
