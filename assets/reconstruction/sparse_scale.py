"""The scale of a sparse model: from the known distance of two cameras that looked at one time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from models.geometry.camera import Array

MOST_SPREAD = 0.2  # of the ratios, relative: beyond that they say nothing
_ROBUST = 1.4826  # standard deviation by median absolute deviation
_LEAST_M = 1e-6  # of a baseline


class Placed(NamedTuple):
    """A registered picture: of which capture, view and camera, and where."""

    capture: str
    view: int
    sensor: str
    world_from_camera: Array  # (4, 4)


class Scale(NamedTuple):
    """Metres by the model's unit with its relative standard error; None where nothing gives it, and why."""

    metres: float | None
    sigma: float | None
    reason: str


def find_scale(
    pictures: Sequence[Placed], rig_from_camera: Mapping[tuple[str, str], Array | None]
) -> Scale:
    """By the places of cameras on the rig, of capture and sensor; the median over all pairs of one time."""
    ratios = np.array(list(_compare(pictures, rig_from_camera)))
    if not len(ratios):
        return Scale(None, None, _tell_why(pictures, rig_from_camera))
    middle = float(np.median(ratios))
    spread = _ROBUST * float(np.median(np.abs(ratios - middle))) / middle
    if spread > MOST_SPREAD:
        return Scale(
            None,
            None,
            f"{len(ratios)} stereo pairs contradict each other by {100 * spread:.0f} %: calibrate the rig again",
        )
    sigma = float(spread / np.sqrt(len(ratios))) if len(ratios) > 2 else None
    return Scale(middle, sigma, f"stereo: {len(ratios)} pairs of known distance")


def _compare(
    pictures: Sequence[Placed], rig_from_camera: Mapping[tuple[str, str], Array | None]
) -> Iterator[float]:
    """Known distance by the model's, of each pair of one time."""
    views: dict[tuple[str, int], list[Placed]] = {}
    for one in pictures:
        views.setdefault((one.capture, one.view), []).append(one)
    for mine in views.values():
        for a, b in combinations(mine, 2):
            places = [rig_from_camera.get((p.capture, p.sensor)) for p in (a, b)]
            if a.sensor == b.sensor or places[0] is None or places[1] is None:
                continue
            known_m = np.linalg.norm(places[0][:3, 3] - places[1][:3, 3])
            off = a.world_from_camera[:3, 3] - b.world_from_camera[:3, 3]
            if known_m > _LEAST_M and np.linalg.norm(off) > 0:
                yield float(known_m / np.linalg.norm(off))


def _tell_why(
    pictures: Sequence[Placed], rig_from_camera: Mapping[tuple[str, str], Array | None]
) -> str:
    sensors = {p.sensor for p in pictures}
    if len(sensors) < 2:
        return "one camera alone gives no length"
    if sum(pose is not None for pose in rig_from_camera.values()) < 2:
        return "nobody knows how far the cameras are apart: `daguerre calibrate` the rig with a board in metres"
    return "no two cameras of known place were registered at one time"
