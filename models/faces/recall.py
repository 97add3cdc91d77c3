"""How many faces of pictures with known boxes are found, and how many are covered to the last pixel, by their size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.faces.covering import find_cover, widen
from models.faces.found import Faces, Floats
from models.metrics.resampling import Interval, find_interval
from models.tracking.overlaps import find_overlaps

MIN_IOU = 0.5
# lower bounds, px of a face's shorter side; the last is open
SIZES_PX = (0, 16, 32, 64, 128)


@dataclass(frozen=True)
class Sought:
    """The known faces of one picture, and what was found in it."""

    width_px: int
    height_px: int
    truth_xyxy: Floats  # (N, 4)
    found: Faces


@dataclass(frozen=True)
class Recall:
    """Of `num_faces` the shares that are found at an IoU of MIN_IOU, and that are covered wholly. Intervals are over
    pictures; None where there are fewer than `resampling.MIN_UNITS` of them."""

    num_faces: int
    found: float
    covered: float
    found_interval: Interval | None
    covered_interval: Interval | None


def measure_recall(pictures: Sequence[Sought]) -> dict[str, Recall]:
    """Name of a size ("all", "16-32 px", ...) -> recall, of the sizes that there are faces of."""
    if not pictures:
        return {}
    sizes = np.concatenate([_measure_sizes(p.truth_xyxy) for p in pictures])
    is_found = np.concatenate([_find_hits(p) for p in pictures]).astype(bool)
    is_covered = np.concatenate([_find_covered(p) for p in pictures])
    units = np.repeat(np.arange(len(pictures)), [len(p.truth_xyxy) for p in pictures])
    bins = {"all": np.ones(len(sizes), bool)} | _cut_sizes(sizes)
    return {
        name: _sum_up(is_found[of], is_covered.astype(bool)[of], units[of])
        for name, of in bins.items()
        if of.any()
    }


def _sum_up(
    is_found: NDArray[np.bool_], is_covered: NDArray[np.bool_], units: NDArray[np.int64]
) -> Recall:
    return Recall(
        len(units),
        float(is_found.mean()),
        float(is_covered.mean()),
        _bound(is_found, units),
        _bound(is_covered, units),
    )


def _bound(is_right: NDArray[np.bool_], units: NDArray[np.int64]) -> Interval | None:
    """Where nothing was missed every draw says 1: the rule of three bounds what n pictures can tell (Hanley 1983)."""

    def share(weights: NDArray[np.int64]) -> Floats:
        total = weights.sum(1)
        right = weights @ is_right
        return np.divide(
            right, total, out=np.full(len(weights), np.nan), where=total > 0
        )

    interval = find_interval(share, units.tolist())
    if interval is None or not is_right.all():
        return interval
    return Interval(1 - 3 / interval.num_units, 1.0, interval.num_units)


def _find_hits(picture: Sought) -> NDArray[np.bool_]:
    """(N,) whether something was found with so much of the face."""
    pairs = find_overlaps(picture.truth_xyxy, picture.found.boxes_xyxy)
    is_hit = np.zeros(len(picture.truth_xyxy), bool)
    is_hit[pairs.left[pairs.gains >= MIN_IOU]] = True
    return is_hit


def _find_covered(picture: Sought) -> NDArray[np.bool_]:
    """(N,) whether no pixel of the face is left."""
    cover = find_cover(
        picture.width_px, picture.height_px, widen(picture.found.boxes_xyxy)
    )
    low = np.maximum(np.floor(picture.truth_xyxy[:, :2]), 0).astype(int)
    high = np.maximum(np.ceil(picture.truth_xyxy[:, 2:]), 0).astype(int)
    corners = np.concatenate([low, high], 1).tolist()
    return np.array([cover[y0:y1, x0:x1].all() for x0, y0, x1, y1 in corners], bool)


def _measure_sizes(boxes_xyxy: Floats) -> Floats:
    return np.asarray((boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).min(1), np.float64)


def _cut_sizes(sizes_px: Floats) -> dict[str, NDArray[np.bool_]]:
    ends = (*SIZES_PX[1:], np.inf)
    return {
        f"{low}-{high} px" if high < np.inf else f"{low} px and more": (
            (sizes_px >= low) & (sizes_px < high)
        )
        for low, high in zip(SIZES_PX, ends, strict=True)
    }
