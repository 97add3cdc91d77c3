"""Truth and tracks to measure: scenes at random, and those at which metrics of tracks come apart. NumPy alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]  # (N, 6) frame, id, x_min, y_min, x_max, y_max


def list_cases(num_random: int, seed: int = 0) -> dict[str, tuple[Rows, Rows]]:
    """Name -> truth and tracks: those with a name of their own, and so many at random."""
    rng = np.random.default_rng(seed)
    cases = dict(_list_named())
    for number in range(num_random):
        cases[f"random {number}"] = _draw(rng, is_whole=number % 3 == 0)
    return cases


def make_crowd(num_objects: int, num_frames: int, seed: int = 0) -> tuple[Rows, Rows]:
    """Objects that walk over a picture of 4K, and what a detector finds of them: most, somewhat off, in any order."""
    rng = np.random.default_rng(seed)
    place = rng.uniform((0, 0), (3840, 2160), (num_objects, 2))
    step = rng.normal(0, 2, (num_objects, 2))
    size = rng.uniform((20, 50), (40, 90), (num_objects, 2))
    truth, found = [], []
    for frame in range(num_frames):
        corner = place + frame * step
        boxes = np.concatenate([corner, corner + size], axis=1)
        head = np.column_stack([np.full(num_objects, frame), np.arange(num_objects)])
        truth.append(np.concatenate([head, boxes], axis=1))
        kept = rng.permutation(np.flatnonzero(rng.random(num_objects) < 0.95))
        seen = boxes[kept] + rng.normal(0, 1.5, (len(kept), 4))
        found.append(np.concatenate([head[kept], seen], axis=1))
    return np.concatenate(truth), np.concatenate(found)


def _list_named() -> Iterator[tuple[str, tuple[Rows, Rows]]]:
    walk = _walk(1, range(12), 0, 3)
    none = np.zeros((0, 6))
    yield "both empty", (none, none)
    yield "no track", (walk, none)
    yield "no object", (none, walk)
    yield "one frame", (walk[:1], walk[:1])
    yield "perfect", (walk, walk)
    yield "frames apart", (walk[:6], walk[6:])
    yield "a gap in the track", (walk, np.delete(walk, [4, 5, 6], axis=0))
    yield "a gap in the truth", (np.delete(walk, [4, 5, 6], axis=0), walk)
    gone = np.delete(walk, np.arange(3, 9), axis=0)
    yield "nothing found for long, then another track", (walk, _rename(gone, 6, 9))
    yield "the track changes", (walk, _rename(walk, 6, 9))
    yield (
        "the track changes and comes back",
        (
            walk,
            np.concatenate([_rename(walk[:8], 4, 9), walk[8:]]),
        ),
    )
    half = walk.copy()
    half[:, 2] += 10 / 3  # of boxes 10 wide: an overlap of exactly a half
    half[:, 4] += 10 / 3
    yield "overlap of a half", (walk, half)
    twin = np.concatenate([walk, _rename(walk, 0, 2)])
    yield "two objects in one place", (twin, twin)
    yield "two tracks on one object", (walk, twin)
    crossed = np.concatenate([_walk(1, range(20), 0, 3), _walk(2, range(20), 57, -3)])
    swapped = crossed.copy()
    late = swapped[:, 0] >= 10
    swapped[late, 1] = 3 - swapped[late, 1]
    yield "two paths cross", (crossed, swapped)
    flat = walk.copy()
    flat[::2, 4] = flat[::2, 2]
    yield "boxes without a width", (walk, flat)
    yield "frames and ids far apart", (_far(walk), _far(walk))
    crowd = np.concatenate([_walk(n, range(5), 2 * n, 0) for n in range(8)])
    yield "a row of boxes", (crowd, crowd[::-1])


def _walk(number: int, frames: range, start: float, step: float) -> Rows:
    left = start + step * (np.arange(len(frames), dtype=float))
    top = np.zeros(len(frames))
    head = [np.array(frames, float), np.full(len(frames), float(number))]
    return np.column_stack([*head, left, top, left + 10, top + 20])


def _rename(rows: Rows, first: int, number: int) -> Rows:
    """From row `first` on it is another track."""
    renamed = rows.copy()
    renamed[first:, 1] = number
    return renamed


def _far(rows: Rows) -> Rows:
    far = rows.copy()
    far[:, 0] = 7 * far[:, 0] + 3
    far[:, 1] += 1_000_000
    return far


def _draw(rng: np.random.Generator, is_whole: bool) -> tuple[Rows, Rows]:
    """Some objects that drift, and tracks that lose, swap and invent; whole pixels make many equal overlaps."""
    num, frames = int(rng.integers(1, 9)), int(rng.integers(1, 25))
    place = rng.uniform(0, 60, (num, 2))
    step = rng.normal(0, 2, (num, 2))
    size = rng.uniform(8, 30, (num, 2))
    names = rng.permutation(50)[:num]
    truth, found = [], []
    for frame in range(frames):
        corner = place + frame * step
        boxes = np.concatenate([corner, corner + size], axis=1)
        boxes = np.round(boxes) if is_whole else boxes
        shown = rng.permutation(np.flatnonzero(rng.random(num) < 0.9))
        head = np.column_stack([np.full(num, frame), np.arange(num)])
        truth.append(np.concatenate([head, boxes], axis=1)[shown])
        if rng.random() < 0.15:
            rng.shuffle(names)
        seen = rng.permutation(np.flatnonzero(rng.random(num) < 0.8))
        off = rng.normal(0, rng.choice([0.5, 3.0]), (len(seen), 4))
        guess = boxes[seen] + (np.round(off) if is_whole else off)
        guess[:, 2:] = np.maximum(guess[:, 2:], guess[:, :2] + 1)
        head = np.column_stack([np.full(len(seen), frame), names[seen]])
        found.append(np.concatenate([head, guess], axis=1))
        if rng.random() < 0.3:
            corner = rng.uniform(0, 60, 2)
            box = np.concatenate([corner, corner + rng.uniform(8, 30, 2)])
            found.append(np.concatenate([[frame, 60 + rng.integers(3)], box])[None])
    return np.concatenate(truth), np.concatenate(found)
