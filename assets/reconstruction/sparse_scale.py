"""The scale of a sparse model: from the known distance of two cameras that looked at one time, else from an IMU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np

from models.geometry.camera import Array

MOST_SPREAD = 0.2  # of the ratios, relative: beyond that they say nothing
MOST_MOVED = 0.02  # of their distance that cameras may have moved between their stamps
_ROBUST = 1.4826  # standard deviation by median absolute deviation
_OF_MEDIAN = 1.2533  # standard error of a median by that of a mean
_LEAST_M = 1e-6  # of a baseline


class Placed(NamedTuple):
    """A registered picture: of which capture, view, camera and time, and where."""

    capture: str
    view: int
    sensor: str
    t_ns: int | None
    world_from_camera: Array  # (4, 4)


class Scale(NamedTuple):
    """Metres by the model's unit with its relative standard error; None where nothing gives it, and why."""

    metres: float | None
    sigma: float | None
    reason: str


def find_scale(
    pictures: Sequence[Placed],
    rig_from_camera: Mapping[tuple[str, str], Array | None],
    felt: Scale,
) -> Scale:
    """By the places of cameras on the rig, of capture and sensor; where these say nothing, what IMUs felt."""
    stereo = find_stereo_scale(pictures, rig_from_camera)
    if stereo.metres is not None:
        return stereo
    if felt.metres is not None:
        return felt
    return Scale(None, None, f"{stereo.reason}; {felt.reason}")


def find_stereo_scale(
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
    sigma = _OF_MEDIAN * spread / len(ratios) ** 0.5 if len(ratios) > 2 else None
    return Scale(middle, sigma, f"stereo: {len(ratios)} pairs of known distance")


def _compare(
    pictures: Sequence[Placed], rig_from_camera: Mapping[tuple[str, str], Array | None]
) -> Iterator[float]:
    """Known distance by the model's, of each pair of one time, in which the rig stood as good as still."""
    speeds = _measure_speeds(pictures)
    views: dict[tuple[str, int], list[Placed]] = {}
    for one in pictures:
        views.setdefault((one.capture, one.view), []).append(one)
    for mine in views.values():
        for a, b in combinations(mine, 2):
            places = [rig_from_camera.get((p.capture, p.sensor)) for p in (a, b)]
            if a.sensor == b.sensor or places[0] is None or places[1] is None:
                continue
            known_m = np.linalg.norm(places[0][:3, 3] - places[1][:3, 3])
            away = _measure_away(a, b)
            if a.t_ns is not None and b.t_ns is not None:
                speed = max(speeds.get(_key(one), 0.0) for one in (a, b))
                if abs(a.t_ns - b.t_ns) * speed > MOST_MOVED * away:
                    continue
            if known_m > _LEAST_M and away > 0:
                yield float(known_m / away)


def _measure_speeds(
    pictures: Sequence[Placed],
) -> dict[tuple[str, str, int | None], float]:
    """Of the camera of each picture at its time, by its neighbours, in the model's unit by ns."""
    speeds: dict[tuple[str, str, int | None], float] = {}
    timed = sorted(
        (_key(p), place) for place, p in enumerate(pictures) if p.t_ns is not None
    )
    for (_, first), (_, second) in pairwise(timed):
        a, b = pictures[first], pictures[second]
        if _key(a)[:2] == _key(b)[:2] and a.t_ns != b.t_ns:
            assert a.t_ns is not None and b.t_ns is not None
            speed = _measure_away(a, b) / (b.t_ns - a.t_ns)
            for one in (a, b):
                speeds[_key(one)] = max(speeds.get(_key(one), 0.0), speed)
    return speeds


def _key(picture: Placed) -> tuple[str, str, int | None]:
    return picture.capture, picture.sensor, picture.t_ns


def _measure_away(a: Placed, b: Placed) -> float:
    return float(
        np.linalg.norm(a.world_from_camera[:3, 3] - b.world_from_camera[:3, 3])
    )


def _tell_why(
    pictures: Sequence[Placed], rig_from_camera: Mapping[tuple[str, str], Array | None]
) -> str:
    sensors = {p.sensor for p in pictures}
    if len(sensors) < 2:
        return "one camera alone gives no length"
    if sum(pose is not None for pose in rig_from_camera.values()) < 2:
        return "nobody knows how far the cameras are apart: `daguerre calibrate` the rig with a board in metres"
    return "no two cameras of known place were registered at one time, or they moved between their stamps"
