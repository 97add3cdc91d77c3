"""Metrics of tracks as their papers tell them: a dictionary a frame, one pair at a time. Slow, and meant to be read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from scipy.optimize import linear_sum_assignment

LEVELS = [0.05 * n for n in range(1, 20)]
EPS = float(np.finfo(float).eps)


@dataclass
class Frame:
    """One frame: ids of true and found boxes, and their overlap (G, T)."""

    truth: list[int]
    found: list[int]
    ious: np.ndarray


def read_frames(truth, found) -> list[Frame]:
    """Of rows frame, id, x_min, y_min, x_max, y_max."""
    sides = []
    for rows in (truth, found):
        by_frame = {}
        for frame, of_frame in groupby(
            sorted(rows.tolist(), key=lambda row: row[0]), key=lambda row: row[0]
        ):
            by_frame[frame] = list(of_frame)
        sides.append(by_frame)
    frames = []
    for frame in sorted(sides[0].keys() | sides[1].keys()):
        mine, theirs = (side.get(frame, []) for side in sides)
        ious = [[overlap(a[2:], b[2:]) for b in theirs] for a in mine]
        frames.append(
            Frame(
                [int(row[1]) for row in mine],
                [int(row[1]) for row in theirs],
                np.array(ious).reshape(len(mine), len(theirs)),
            )
        )
    return frames


def overlap(a, b) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    areas = (a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1])
    return common / (areas[0] + areas[1] - common)


def assign(scores: np.ndarray) -> list[tuple[int, int]]:
    """The pairs with the largest sum, those above zero."""
    rows, columns = linear_sum_assignment(-scores)
    return [
        (int(r), int(c))
        for r, c in zip(rows, columns, strict=True)
        if scores[r, c] > EPS
    ]


def count(frames: list[Frame]) -> tuple[Counter, Counter]:
    """Boxes of each true and each found track."""
    truth = Counter(name for frame in frames for name in frame.truth)
    found = Counter(name for frame in frames for name in frame.found)
    return truth, found


def plain_clear(frames: list[Frame], min_iou: float = 0.5) -> dict[str, float]:
    truth, found = count(frames)
    hits = switches = 0
    iou_sum = 0.0
    last: dict[int, int] = {}
    before: dict[int, int] = {}
    times, starts = Counter(), Counter()
    for frame in frames:
        if not frame.truth or not frame.found:
            continue
        scores = np.zeros_like(frame.ious)
        for r, name in enumerate(frame.truth):
            for c, track in enumerate(frame.found):
                if frame.ious[r, c] >= min_iou - EPS:
                    goes_on = before.get(name) == track
                    scores[r, c] = 1000 * goes_on + frame.ious[r, c]
        now = {}
        for r, c in assign(scores):
            name, track = frame.truth[r], frame.found[c]
            hits += 1
            iou_sum += frame.ious[r, c]
            switches += name in last and last[name] != track
            starts[name] += name not in before
            times[name] += 1
            last[name] = now[name] = track
        before = now
    shares = [times[name] / num for name, num in truth.items()]
    if not truth or not found:
        shares = [0.0] * len(truth)
    misses, alarms = truth.total() - hits, found.total() - hits
    return {
        "hits": hits,
        "misses": misses,
        "false_alarms": alarms,
        "switches": switches,
        "fragments": sum(n - 1 for n in starts.values() if n),
        "mostly_tracked": sum(share > 0.8 for share in shares),
        "mostly_lost": sum(share < 0.2 for share in shares),
        "iou_sum": iou_sum,
        "mota": (hits - alarms - switches) / truth.total() if truth else 0.0,
    }


def plain_identity(frames: list[Frame], min_iou: float = 0.5) -> dict[str, float]:
    truth, found = count(frames)
    met: Counter = Counter()
    for frame in frames:
        for r, name in enumerate(frame.truth):
            for c, track in enumerate(frame.found):
                met[name, track] += frame.ious[r, c] >= min_iou
    names, tracks = list(truth), list(found)
    scores = np.array([[met[n, t] for t in tracks] for n in names], float)
    pairs = assign(scores.reshape(len(names), len(tracks)))
    hits = int(sum(scores[r, c] for r, c in pairs))
    both = truth.total() + found.total()
    return {
        "hits": hits,
        "misses": truth.total() - hits,
        "false_alarms": found.total() - hits,
        "idf1": 2 * hits / both if both else 0.0,
    }


def plain_hota(frames: list[Frame]) -> dict[str, list[float]]:
    truth, found = count(frames)
    together: Counter = Counter()
    for frame in frames:
        rows, columns = frame.ious.sum(1), frame.ious.sum(0)
        for r, name in enumerate(frame.truth):
            for c, track in enumerate(frame.found):
                iou = frame.ious[r, c]
                total = columns[c] + rows[r] - iou
                together[name, track] += iou / total if total > EPS else 0.0
    matched = []
    for frame in frames:
        scores = np.zeros_like(frame.ious)
        for r, name in enumerate(frame.truth):
            for c, track in enumerate(frame.found):
                pair = together[name, track]
                agree = pair / (truth[name] + found[track] - pair)
                scores[r, c] = agree * frame.ious[r, c]
        rows, columns = linear_sum_assignment(-scores)
        matched += [
            (frame.truth[r], frame.found[c], frame.ious[r, c])
            for r, c in zip(rows, columns, strict=True)
        ]
    figures: dict[str, list[float]] = {"hota": [], "deta": [], "assa": [], "loca": []}
    for level in LEVELS:
        hits = [(n, t, iou) for n, t, iou in matched if iou >= level - EPS]
        pairs = Counter((name, track) for name, track, _ in hits)
        shares = [pairs[n, t] / (truth[n] + found[t] - pairs[n, t]) for n, t, _ in hits]
        both = truth.total() + found.total() - len(hits)
        deta = len(hits) / both if both else 0.0
        assa = sum(shares) / len(hits) if hits else 0.0
        loca = sum(iou for *_, iou in hits) / len(hits) if hits else 1.0
        for name, value in zip(
            figures, ((deta * assa) ** 0.5, deta, assa, loca), strict=True
        ):
            figures[name].append(value)
    return figures
