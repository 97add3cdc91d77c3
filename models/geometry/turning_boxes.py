"""Where the fit of a cuboid that turns begins, and which of its forms are one box.

A cuboid and itself after half a turn are one, and after a quarter with length and width exchanged. From one direction a
turn and its mirror image look alike, and one may go on as the other where a side is square to the view. So several
starts are kept, with their mirror images and those of their parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from models.geometry.boxes3d import LEAST_M, OUTLYING
from models.geometry.camera import Array
from models.geometry.motion_problem import MotionFit, MotionProblem, turn_back

# rad^2/s^3: the rate changes by the root of it in a second
TURN_STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)
_EVEN, _LOOSE = TURN_STRENGTHS[0], TURN_STRENGTHS[-1]
_QUARTER = np.pi / 2
_GRID_RAD, _FINE_RAD = np.pi / 16, np.pi / 36
_MOST_STEP_RAD = np.pi / 4  # between two times: beyond it a square has turned back
_ASPECTS = (1.25, 1.6, 2.0, 2.8)
_NUM_STARTS, _UNLIKE_RAD = 4, np.deg2rad(15.0)
_SAME_RAD = np.deg2rad(2.0)


def start_turning(problem: MotionProblem, strength: float) -> list[MotionFit]:
    """Constant rates of turn that fit the planes best, the best first, none of which is like another."""
    tried = list(_try_turns(problem, strength))
    tried.sort(key=lambda one: one[0])
    return _pick_unlike([fit for _, fit in tried], _UNLIKE_RAD)[:_NUM_STARTS]


def list_aspects(fit: MotionFit) -> list[MotionFit]:
    """With other lengths by the width, as long and wide together: a wrong turn has bent them."""
    first = fit.sizes.start
    both = float(fit.values[first : first + 2].sum())
    found = []
    for aspect in _ASPECTS:
        values = fit.values.copy()
        values[first : first + 2] = both * aspect / (1 + aspect), both / (1 + aspect)
        found.append(replace(fit, values=values))
    return found


def retrace(problem: MotionProblem, fit: MotionFit) -> MotionFit:
    """With the smoothest turns that suit the sizes of a fit, wherever it was at each time: by dynamic programming over
    directions at two times in turn."""
    yaws = np.arange(0, np.pi, _FINE_RAD)
    costs = _measure_turns(problem, fit, yaws)  # (K, B)
    # (B, B) from each to each
    steps = (yaws - yaws[:, None] + _QUARTER) % np.pi - _QUARTER
    gaps_s = np.diff(problem.times_s)
    total, ways = costs[0][:, None] + costs[1], []  # by the directions at the last two
    for k in range(1, len(gaps_s)):
        before_s, after_s = gaps_s[k - 1], gaps_s[k]
        bends = steps / after_s - (steps / before_s)[..., None]  # (B, B, B) rad/s
        spread = _FINE_RAD**2 / 6 * (1 / before_s**2 + 1 / after_s**2)
        spread += _LOOSE * (before_s + after_s) / 2
        through = total[..., None] + np.square(bends) / spread
        ways.append(through.argmin(axis=0))
        total = through.min(axis=0) + costs[k + 1]
    path = [int(n) for n in np.unravel_index(total.argmin(), total.shape)]
    for way in reversed(ways):
        path.insert(0, int(way[path[0], path[1]]))
    loose = replace(fit, turn_strength=_LOOSE)
    return _turn_along(problem, loose, np.unwrap(yaws[path], period=np.pi))


def mirror(problem: MotionProblem, fit: MotionFit) -> MotionFit:
    """The turn that looks alike from where the cameras were at each time."""
    azimuths = _find_azimuths(problem, fit)
    return _turn_along(problem, fit, 2 * azimuths - fit.yaws_rad)


def mirror_parts(problem: MotionProblem, fit: MotionFit) -> Iterator[MotionFit]:
    """Turns that go on as their mirror image between two times at which a side is square to the view: there both are
    one."""
    azimuths = _find_azimuths(problem, fit)
    sides = np.floor((fit.yaws_rad - azimuths) / _QUARTER)
    crossed = np.flatnonzero(np.diff(sides)) + 1
    for first, last in combinations([0, *crossed.tolist(), len(azimuths)], 2):
        part = slice(first, last)
        yaws = fit.yaws_rad.copy()
        yaws[part] = 2 * azimuths[part] - yaws[part]
        if last - first < len(azimuths):
            yield _turn_along(problem, fit, np.unwrap(yaws, period=np.pi))


def drop_same(fits: Sequence[MotionFit]) -> list[MotionFit]:
    """Without those whose turns are the same as those of one before, but for quarters."""
    return _pick_unlike(fits, _SAME_RAD)


def find_nearest_form(fit: MotionFit, other: MotionFit) -> MotionFit:
    """The form of a box that turns which is nearest to another: by quarters of a turn, with length and width exchanged
    after each."""

    def measure(form: MotionFit) -> float:
        sizes = np.log(form.values[form.sizes] / other.values[other.sizes])
        turns = form.yaws_rad - other.yaws_rad
        return float((sizes**2).sum() + np.square(turns).mean())

    middle = round(float(np.mean(other.yaws_rad - fit.yaws_rad)) / _QUARTER)
    return min((_quarter(fit, middle + n) for n in (-1, 0, 1)), key=measure)


def wrap(angle_rad: float) -> float:
    """From -pi, which is in it, to pi."""
    return (angle_rad + np.pi) % (2 * np.pi) - np.pi


# ---- below -----------------------------------------------------------------------------------------------------------


def _try_turns(
    problem: MotionProblem, strength: float
) -> Iterator[tuple[float, MotionFit]]:
    """What each constant rate leaves. With a turn that is given, planes are linear in places, velocities and sizes, and
    what places can explain of them is the same for all turns."""
    information = problem.place_slopes.T @ problem.place_slopes
    information += problem.smoothness / strength
    information += 1e-9 * np.diag(np.diag(information))
    by_off = np.linalg.solve(information, problem.place_slopes.T)  # (6 K, N)
    left_by = np.eye(len(problem.at)) - problem.place_slopes @ by_off
    offsets = problem.planes.offsets / problem.sigmas
    since_s = problem.times_s - problem.times_s.mean()
    for rate in _list_rates(problem.times_s):
        for yaw in np.arange(0, _QUARTER, _GRID_RAD):
            yaws = yaw + rate * since_s
            turned = turn_back(problem.planes.normals, yaws[problem.at])
            across = np.abs(turned) / problem.sigmas[:, None]
            half = np.linalg.lstsq(left_by @ across, left_by @ offsets, rcond=1e-9)[0]
            half = np.maximum(half, 10 * LEAST_M)
            off = offsets - across @ half
            turns = np.column_stack([yaws, np.full(len(yaws), rate)]).ravel()
            values = np.concatenate([by_off @ off, half, turns])
            fit = MotionFit("cuboid", strength, values, _EVEN)
            yield float(off @ left_by @ off), fit


def _list_rates(times_s: Array) -> Array:
    """rad/s, as near to one another as the grid of yaws at either end; the most by the mean time between two."""
    span_s = float(np.ptp(times_s))
    step, most = 2 * _GRID_RAD / span_s, _MOST_STEP_RAD * (len(times_s) - 1) / span_s
    count = int(most / step)
    return np.asarray(step * np.arange(-count, count + 1), np.float64)


def _measure_turns(problem: MotionProblem, fit: MotionFit, yaws_rad: Array) -> Array:
    """(K, B): what each direction leaves of the planes at each time, wherever the box is; no more than an outlier."""
    half, weights = fit.values[fit.sizes], 1 / problem.sigmas
    normals = problem.planes.normals * weights[:, None]
    reach = [
        np.abs(turn_back(normals, np.full(len(normals), yaw))) @ half
        for yaw in yaws_rad
    ]
    off = (problem.planes.offsets * weights)[:, None] - np.column_stack(reach)
    costs = []
    for k in range(len(problem.times_s)):
        mine = problem.at == k
        place = np.linalg.lstsq(normals[mine], off[mine], rcond=1e-6)[0]
        costs.append(np.square(off[mine] - normals[mine] @ place).sum(axis=0))
    return np.minimum(costs, OUTLYING**2)


def _find_azimuths(problem: MotionProblem, fit: MotionFit) -> Array:
    """(K,) rad: in which direction cameras saw the box at each time."""
    away = fit.places_m[problem.at] - problem.planes.origins
    sums = np.zeros((len(problem.times_s), 2))
    np.add.at(sums, problem.at, away[:, :2])
    return np.unwrap(np.arctan2(sums[:, 1], sums[:, 0]))


def _turn_along(problem: MotionProblem, fit: MotionFit, yaws_rad: Array) -> MotionFit:
    values = fit.values.copy()
    rates = np.gradient(yaws_rad, problem.times_s)
    values[fit.turns] = np.column_stack([yaws_rad, rates]).ravel()
    return replace(fit, values=values)


def _pick_unlike(fits: Sequence[MotionFit], least_rad: float) -> list[MotionFit]:
    found: list[MotionFit] = []
    for fit in fits:
        if all(_differ(fit, one) > least_rad for one in found):
            found.append(fit)
    return found


def _differ(fit: MotionFit, other: MotionFit) -> float:
    """What two turns are apart, rms in rad; quarters are none."""
    off = fit.yaws_rad - other.yaws_rad
    off = off - _QUARTER * np.round(off.mean() / _QUARTER)
    return float(np.sqrt(np.square(off).mean()))


def _quarter(fit: MotionFit, count: int) -> MotionFit:
    values = fit.values.copy()
    values[fit.turns][::2] += count * _QUARTER
    if count % 2:
        first = fit.sizes.start
        values[[first, first + 1]] = values[[first + 1, first]]
    return replace(fit, values=values)
