"""The path of an RGB-D camera: each picture is laid on a key picture, key pictures on one another, all fitted together.

A picture that sees too little of its key picture becomes the next one. Key pictures that look at one place again are
found by where they should be and by what they look like, and tied by a loop. What fits nowhere is lost, with the
reason; pictures after it begin a part of their own, until a loop ties it to another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from models.fusion.alignment import Alignment, align
from models.fusion.pose_graph import Edge, Solved, solve
from models.fusion.poses import Array, carry, invert, to_step
from models.fusion.recognition import Looks, describe, find_guess
from models.fusion.views import View

LEAST_OVERLAP, LEAST_AGREEMENT = 0.25, 0.6
LEAST_LIKENESS = 0.5
LEAST_COVERAGE = 0.1  # share of a picture with depth
LEAST_PART = 5  # pictures: fewer that fit together are lost
_KEY_OVERLAP = 0.55  # below it a picture becomes the next key picture
_KEY_TURN_RAD, _KEY_SHIFT = np.deg2rad(12.0), 0.12  # the latter by the middle depth
MOST_SIGMA_RAD, MOST_SIGMA_M = np.deg2rad(1.0), 0.02
LOOP_GAP = 3  # key pictures between the ends of a loop
_TRIES_BY_PLACE, _TRIES_BY_LOOKS = 4, 3  # of loops a key picture
_MOST_TURN_RAD = np.deg2rad(50.0)
_KEPT_VIEWS = 24

Load = Callable[[int], View]


@dataclass(frozen=True)
class Loop:
    """Two pictures of one place: what odometry alone was off, over the path between them."""

    first: int
    second: int
    drift_m: float
    drift_rad: float
    path_m: float


@dataclass(frozen=True)
class Tracked:
    """Where one picture was taken, in the frame of the first picture of its part; or why nobody knows.

    `covariance` (6, 6) is of a step behind the pose: turns in rad, shifts in m.
    """

    part: int | None
    world_from_camera: Array | None
    covariance: Array | None
    overlap: float | None
    off_sigma: float | None
    is_key: bool
    reason: str | None


@dataclass(frozen=True)
class Path:
    """One entry a picture, and the loops that hold."""

    pictures: tuple[Tracked, ...]
    loops: tuple[Loop, ...]


@dataclass
class _Walk:
    """What is known while pictures come in: key pictures by their number, and each picture's place beside its key."""

    keys: list[int] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    looks: list[Looks] = field(default_factory=list)
    beside: dict[int, tuple[int, Alignment | None]] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)


def track(
    count: int, load: Load, on_progress: Callable[[int, int], None] | None = None
) -> Path:
    """The path of `count` pictures in order, which `load(number)` gives, some of them again."""
    load = lru_cache(_KEPT_VIEWS)(load)
    walk = _Walk()
    for number in range(count):
        _take(walk, number, load)
        if on_progress:
            on_progress(number + 1, count)
    odometry = solve(len(walk.keys), walk.edges)
    edges = walk.edges + _find_loops(walk, odometry, load)
    solved = solve(len(walk.keys), edges)
    loops = _measure_loops(walk, edges, solved, odometry)
    return Path(tuple(_place(walk, solved, count)), tuple(loops))


def judge(found: Alignment) -> str | None:
    """Why an alignment is not to be trusted; None where it is."""
    if found.overlap < LEAST_OVERLAP:
        return f"only {100 * found.overlap:.0f} % of it lies on what was seen before"
    if found.agreement < LEAST_AGREEMENT:
        return f"only {100 * found.agreement:.0f} % of the depth agrees with what was seen before"
    if found.likeness is not None and found.likeness < LEAST_LIKENESS:
        return f"where depth agrees, brightness does not (correlation {found.likeness:.2f})"
    if found.hopes[:3].max() > MOST_SIGMA_RAD or found.hopes[3:].max() > MOST_SIGMA_M:
        return "depth and brightness do not determine the motion: a plane without marks, or too little light"
    return None


def _take(walk: _Walk, number: int, load: Load) -> None:
    view = load(number)
    if view.coverage < LEAST_COVERAGE:
        walk.reasons[number] = (
            f"depth in only {100 * view.coverage:.0f} % of the picture"
        )
        return
    looks = describe(view)
    if not walk.keys:
        _begin(walk, number, looks)
        return
    found, reason = _find_place(walk, number, view, looks, load)
    if found is None:
        walk.reasons[number] = reason
        _begin(walk, number, looks)
        return
    key, alignment = found
    walk.beside[number] = found
    if key == len(walk.keys) - 1 and not _is_new(alignment, load(walk.keys[key])):
        return
    if key == len(walk.keys) - 1 or alignment.overlap < _KEY_OVERLAP:
        _begin(walk, number, looks)
        walk.edges.append(
            Edge(
                key,
                len(walk.keys) - 1,
                alignment.target_from_source,
                alignment.information,
            )
        )


def _begin(walk: _Walk, number: int, looks: Looks) -> None:
    walk.keys.append(number)
    walk.looks.append(looks)
    walk.beside[number] = (len(walk.keys) - 1, None)


def _is_new(found: Alignment, key: View) -> bool:
    step = to_step(found.target_from_source)
    return bool(
        found.overlap < _KEY_OVERLAP
        or np.linalg.norm(step[:3]) > _KEY_TURN_RAD
        or np.linalg.norm(step[3:]) > _KEY_SHIFT * key.median_depth_m
    )


def _find_place(
    walk: _Walk, number: int, view: View, looks: Looks, load: Load
) -> tuple[tuple[int, Alignment] | None, str]:
    """Beside the newest key picture, from what both show or from where the last picture was; else beside one of those
    before it."""
    newest = len(walk.keys) - 1
    last = walk.beside.get(number - 1)
    guesses = [(newest, find_guess(walk.looks[newest], looks))]
    if last is not None and last[0] == newest and last[1] is not None:
        guesses.append((newest, last[1].target_from_source))
    else:
        guesses.append((newest, np.eye(4)))
    before = range(newest - 1, max(-1, newest - 4), -1)
    reason = ""
    for key, guess in (*guesses, *((key, None) for key in before)):
        if key != newest:
            guess = find_guess(walk.looks[key], looks)
        if guess is not None:
            found, why_not = _try(load(walk.keys[key]), view, guess)
            if found is not None:
                return (key, found), ""
            reason = reason or why_not
    return None, reason


def _try(target: View, source: View, guess: Array) -> tuple[Alignment | None, str]:
    try:
        found = align(target, source, guess)
    except ValueError as error:
        return None, str(error)
    reason = judge(found)
    return (None, reason) if reason else (found, "")


def _find_loops(walk: _Walk, odometry: Solved, load: Load) -> list[Edge]:
    """Pairs of key pictures beside those that follow one another: the nearest by place, and the most alike."""
    tied = {(e.a, e.b) for e in walk.edges}
    loops = []
    for first, second, guess in _list_candidates(walk, odometry, load):
        if (first, second) in tied:
            continue
        found, _ = _try(load(walk.keys[first]), load(walk.keys[second]), guess)
        if found is not None:
            tied.add((first, second))
            loops.append(
                Edge(first, second, found.target_from_source, found.information, True)
            )
    return loops


def _list_candidates(
    walk: _Walk, odometry: Solved, load: Load
) -> list[tuple[int, int, Array]]:
    """(first, second, first_from_second), those by place before those by looks."""
    by_place, by_looks = [], []
    for second in range(len(walk.keys)):
        near = _list_near(odometry, second, load(walk.keys[second]).median_depth_m)
        by_place += [
            (first, second, invert(odometry.poses[first]) @ odometry.poses[second])
            for first in near
        ]
        alike = sorted(
            range(max(0, second - LOOP_GAP + 1)),
            key=lambda first: -walk.looks[first].resemble(walk.looks[second]),
        )
        for first in alike[:_TRIES_BY_LOOKS]:
            guess = find_guess(walk.looks[first], walk.looks[second])
            if guess is not None:
                by_looks.append((first, second, guess))
    return by_place + by_looks


def _list_near(odometry: Solved, second: int, depth_m: float) -> list[int]:
    """Key pictures of its part before the one that it follows, whose camera was near and looked the same way."""
    steps = to_step(
        invert(odometry.poses[second]) @ odometry.poses[: max(0, second - 1)]
    )
    turn = np.linalg.norm(steps[:, :3], axis=1)
    shift = np.linalg.norm(steps[:, 3:], axis=1) / depth_m
    is_near = (odometry.parts[: len(steps)] == odometry.parts[second]) & (shift < 0.5)
    is_near &= turn < _MOST_TURN_RAD
    cost = turn / _MOST_TURN_RAD + shift
    order = np.argsort(cost, kind="stable")
    return [int(n) for n in order if is_near[n]][:_TRIES_BY_PLACE]


def _measure_loops(
    walk: _Walk, edges: Sequence[Edge], solved: Solved, odometry: Solved
) -> list[Loop]:
    """Of the loops that hold, those whose ends are so far apart that odometry could drift, in one part."""
    shifts = np.linalg.norm(np.diff(odometry.poses[:, :3, 3], axis=0), axis=1)
    path_m = np.concatenate([[0.0], np.cumsum(shifts)])
    loops = []
    for edge, is_kept in zip(edges, solved.is_kept, strict=True):
        is_one_part = odometry.parts[edge.a] == odometry.parts[edge.b]
        if not (edge.is_loop and is_kept and is_one_part) or edge.b - edge.a < LOOP_GAP:
            continue
        between = invert(odometry.poses[edge.a]) @ odometry.poses[edge.b]
        off = to_step(invert(edge.a_from_b) @ between)
        loops.append(
            Loop(
                walk.keys[edge.a],
                walk.keys[edge.b],
                float(np.linalg.norm(off[3:])),
                float(np.linalg.norm(off[:3])),
                float(path_m[edge.b] - path_m[edge.a]),
            )
        )
    return loops


def _place(walk: _Walk, solved: Solved, count: int) -> list[Tracked]:
    sizes: dict[int, int] = {}
    for key, _ in walk.beside.values():
        part = int(solved.parts[key])
        sizes[part] = sizes.get(part, 0) + 1
    whole = sorted(
        part for part, size in sizes.items() if size >= LEAST_PART or size == count
    )
    numbers = {part: number for number, part in enumerate(whole)}
    return [_place_one(walk, solved, numbers, number) for number in range(count)]


def _place_one(
    walk: _Walk, solved: Solved, numbers: dict[int, int], number: int
) -> Tracked:
    if number not in walk.beside:
        return _lost(walk.reasons[number])
    key, found = walk.beside[number]
    part = numbers.get(int(solved.parts[key]))
    if part is None:
        return _lost(
            walk.reasons.get(number)
            or f"fewer than {LEAST_PART} pictures fit together here, and none of them to the others"
        )
    if walk.keys[key] == number or found is None:
        return _known(part, solved.poses[key], solved.covariances[key], found, True)
    behind = carry(found.target_from_source)
    covariance = behind @ solved.covariances[key] @ behind.T + found.covariance
    pose = solved.poses[key] @ found.target_from_source
    return _known(part, pose, covariance, found, False)


def _known(
    part: int, pose: Array, covariance: Array, found: Alignment | None, is_key: bool
) -> Tracked:
    overlap = None if found is None else found.overlap
    off = None if found is None else found.off_sigma
    return Tracked(part, pose, covariance, overlap, off, is_key, None)


def _lost(reason: str) -> Tracked:
    return Tracked(None, None, None, None, None, False, reason)
