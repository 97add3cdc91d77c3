"""Find boxes that say the same, or speak of the same object, by grids and trees: thousands of boxes are quick."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, product

import numpy as np
from numpy.typing import NDArray

from models.metrics.matching import measure_ious

EQUAL_PX = 1.0  # boxes whose sides all differ by at most this are equal: exports round, and count from 0 or 1
SAME_OBJECT_IOU = 0.5  # boxes that differ and overlap by this much speak of one object
CLOSE_IOU = 0.9  # boxes that overlap by this much are one object's, drawn by two hands
CLOSE_PX = 2.0  # so are small ones with all sides within this: a last pixel that counts or not, and two roundings
_SLACK_PX = 1e-6  # shares of an image become pixels by floating point
_REACH_PX = EQUAL_PX + 2 * _SLACK_PX
_NUM_NEAREST = 8  # boxes that are asked for a partner
_Box = tuple[float, ...]
_Key = tuple[Hashable, _Box]  # a group, and a box
_OWN_CELL_FIRST = sorted(
    product((0, -1, 1), repeat=4), key=lambda step: sum(map(abs, step))
)


def find_repeats(
    groups: Sequence[Hashable], boxes_xyxy: NDArray[np.float64]
) -> NDArray[np.int64]:
    """(N,) for each box (N, 4) the place of an earlier one of its group that it equals and that repeats none; else -1.

    Boxes that are not finite equal none.
    """
    repeats = np.full(len(boxes_xyxy), -1, np.int64)
    firsts: dict[Hashable, int] = {}  # a cell holds one: boxes of one cell are equal
    for index in _find_crowded(groups, boxes_xyxy).tolist():
        box = boxes_xyxy[index]
        cell = np.floor(box / EQUAL_PX).astype(np.int64).tolist()
        for step in _OWN_CELL_FIRST:
            place = firsts.get(
                (groups[index], *(c + s for c, s in zip(cell, step, strict=True)))
            )
            if (
                place is not None
                and np.abs(box - boxes_xyxy[place]).max() <= EQUAL_PX + _SLACK_PX
            ):
                repeats[index] = place
                break
        else:
            firsts[groups[index], *cell] = index
    return repeats


def pair_equal(
    groups: Sequence[Hashable],
    boxes_xyxy: NDArray[np.float64],
    other_groups: Sequence[Hashable],
    others_xyxy: NDArray[np.float64],
) -> list[tuple[int, int]]:
    """Places of equal boxes of equal group in two sets, each box in one pair at most, the nearest first."""
    mine = _gather(groups, boxes_xyxy)
    theirs = _gather(other_groups, others_xyxy)
    return sorted(_take(_find_equal(mine, theirs), mine, theirs))


def pair_close(
    groups: Sequence[Hashable],
    boxes_xyxy: NDArray[np.float64],
    other_groups: Sequence[Hashable],
    others_xyxy: NDArray[np.float64],
) -> list[tuple[int, int]]:
    """Places of boxes of equal group in two sets that are one object's, each box in one pair at most.

    First come equal ones; then, of the rest, those that overlap by `CLOSE_IOU` or more, or by `SAME_OBJECT_IOU` with
    all sides within `CLOSE_PX`, the best overlap first. Which set is named first makes no difference.
    """
    mine = _gather(groups, boxes_xyxy)
    theirs = _gather(other_groups, others_xyxy)
    pairs = _take(_find_equal(mine, theirs), mine, theirs)
    left = [key for key, places in mine.items() if places]
    others_left = [key for key, places in theirs.items() if places]
    return sorted(pairs + _take(_find_close(left, others_left), mine, theirs))


def find_overlap(
    boxes_xyxy: NDArray[np.float64], others_xyxy: NDArray[np.float64]
) -> tuple[int, int] | None:
    """A pair of boxes, one of each set, that overlap by `SAME_OBJECT_IOU` or more; None where there is none.

    Such boxes differ in width and height by a factor of 2 at most, and their centres by half of the smaller: looked at
    are the cells around the centre of a grid as fine as the boxes are large.
    """
    cells: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for place in _with_area(others_xyxy):
        box = others_xyxy[place]
        levels = _levels(box)
        cells[*levels, *_cell(_centre(box), levels)].append(place)
    for place in _with_area(boxes_xyxy):
        box = boxes_xyxy[place]
        for key in _cells_around(box):
            found = cells.get(key)
            if found is not None:
                ious = measure_ious(box[None], others_xyxy[found])[0]
                if ious.max() >= SAME_OBJECT_IOU:
                    return place, found[int(ious.argmax())]
    return None


def _find_crowded(
    groups: Sequence[Hashable], boxes_xyxy: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Places of the boxes that have an equal one in their group, in order."""
    places = np.flatnonzero(np.isfinite(boxes_xyxy).all(1))
    points = _place_apart(
        [groups[place] for place in places.tolist()], boxes_xyxy[places], {}
    )
    has_neighbours = _find_neighbours(points)
    places, points = places[has_neighbours], points[has_neighbours]
    if not len(places):
        return places
    from scipy.spatial import cKDTree  # a quarter of a second to load

    unique, place_of, counts = np.unique(
        points, axis=0, return_inverse=True, return_counts=True
    )
    is_crowded = counts > 1
    if len(unique) > 1:
        distances, _ = cKDTree(unique).query(
            unique, k=2, p=np.inf, distance_upper_bound=_REACH_PX
        )
        is_crowded |= np.isfinite(distances[:, 1])
    return places[is_crowded[place_of.reshape(-1)]]


def _find_neighbours(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(N,) whether a box may have an equal one: along one axis of the points (N, 5) after another they are parted where
    the next is further away than an equal one is, and most are alone then."""
    part = np.zeros(len(points), np.int64)
    for values in points.T:
        order = np.lexsort((values, part))
        is_other = np.diff(part[order], prepend=-1) != 0
        is_far = np.diff(values[order], prepend=-np.inf) > _REACH_PX
        part[order] = np.cumsum(is_other | is_far)
    return np.bincount(part)[part] > 1


def _gather(
    groups: Sequence[Hashable], boxes_xyxy: NDArray[np.float64]
) -> dict[_Key, deque[int]]:
    """The places of equal boxes of a group; those that are not finite equal none."""
    found: dict[_Key, deque[int]] = defaultdict(deque)
    for place in np.flatnonzero(np.isfinite(boxes_xyxy).all(1)).tolist():
        found[groups[place], tuple(boxes_xyxy[place].tolist())].append(place)
    return found


def _take(
    found: Iterable[tuple[_Key, _Key]],
    mine: Mapping[_Key, deque[int]],
    theirs: Mapping[_Key, deque[int]],
) -> list[tuple[int, int]]:
    """Places of the boxes that were found to belong together, as long as both sides have one; they are taken out."""
    pairs = []
    for key, other in found:
        while mine[key] and theirs[other]:
            pairs.append((mine[key].popleft(), theirs[other].popleft()))
    return pairs


def _find_equal(
    mine: Mapping[_Key, deque[int]], theirs: Mapping[_Key, deque[int]]
) -> list[tuple[_Key, _Key]]:
    """Pairs of boxes that are equal within a pixel, the nearest first, then by the boxes."""
    same = [(key, key) for key in mine if key in theirs]
    keys = [k for k in mine if k not in theirs or len(mine[k]) > len(theirs[k])]
    others = [k for k in theirs if k not in mine or len(theirs[k]) > len(mine[k])]
    numbers: dict[Hashable, int] = {}
    points, other_points = (
        _place_apart([g for g, _ in side], _stack(side), numbers)
        for side in (keys, others)
    )
    near = [
        (distance, _turn(keys[n][1], others[m][1]), keys[n], others[m])
        for distance, n, m in _query(points, other_points, EQUAL_PX + _SLACK_PX)
    ]
    near.sort(key=lambda found: found[:2])
    return same + [(key, other) for _, _, key, other in near]


def _find_close(
    keys: Sequence[_Key], others: Sequence[_Key]
) -> list[tuple[_Key, _Key]]:
    """Pairs of boxes that overlap so well that they are one object's, the best first, then by the boxes.

    Each side of such a box lies within a share of the box's size, or within `CLOSE_PX`: boxes of about one size are
    looked for together, with sides in units of that reach.
    """
    boxes_xyxy = _stack(keys)
    others_xyxy = _stack(others)
    other_places = _with_area(others_xyxy)
    of_size: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place in _with_area(boxes_xyxy):
        of_size[_levels(boxes_xyxy[place])].append(place)
    found = []
    for levels, places in of_size.items():
        reach_px = np.exp2(np.array(levels) + 1.0) * (1 / CLOSE_IOU - 1)  # (2,)
        unit_px = np.tile(np.maximum(reach_px, CLOSE_PX), 2)
        numbers: dict[Hashable, int] = {}
        points, other_points = (
            _place_apart([side[n][0] for n in mine], boxes[mine] / unit_px, numbers)
            for side, boxes, mine in (
                (keys, boxes_xyxy, places),
                (others, others_xyxy, other_places),
            )
        )
        near = _query(points, other_points, 1.0 + _SLACK_PX)
        for n, of_one in groupby(near, key=lambda row: row[1]):
            mine, theirs = places[n], [other_places[m] for _, _, m in of_one]
            ious = measure_ious(boxes_xyxy[mine][None], others_xyxy[theirs])[0]
            offs_px = np.abs(others_xyxy[theirs] - boxes_xyxy[mine]).max(1)
            least = np.where(
                offs_px <= CLOSE_PX + _SLACK_PX, SAME_OBJECT_IOU, CLOSE_IOU
            )
            for k in np.flatnonzero(ious >= least):
                key, other = keys[mine], others[theirs[k]]
                found.append((-float(ious[k]), _turn(key[1], other[1]), key, other))
    found.sort(key=lambda row: row[:2])
    return [(key, other) for _, _, key, other in found]


def _query(
    points: NDArray[np.float64], others: NDArray[np.float64], reach: float
) -> list[tuple[float, int, int]]:
    """The nearest points of another set, at most so far on any axis: distance, and both places."""
    if not len(points) or not len(others):
        return []
    from scipy.spatial import cKDTree

    distances, found = cKDTree(others).query(
        points,
        k=range(1, min(_NUM_NEAREST, len(others)) + 1),
        p=np.inf,
        distance_upper_bound=reach,
    )
    return [
        (float(distances[n, k]), n, int(found[n, k]))
        for n, k in np.argwhere(np.isfinite(distances)).tolist()
    ]


def _turn(box: _Box, other: _Box) -> tuple[_Box, _Box]:
    """Two boxes in an order that does not tell which came first."""
    return (box, other) if box <= other else (other, box)


def _stack(keys: Sequence[_Key]) -> NDArray[np.float64]:
    """The boxes (N, 4)."""
    return np.array([box for _, box in keys], np.float64).reshape(-1, 4)


def _place_apart(
    groups: Sequence[Hashable],
    boxes: NDArray[np.float64],
    numbers: dict[Hashable, int],
) -> NDArray[np.float64]:
    """(N, 5) boxes as points, with a coordinate that keeps those of different groups from being near."""
    apart = [4.0 * EQUAL_PX * numbers.setdefault(g, len(numbers)) for g in groups]
    return np.column_stack([np.array(apart, np.float64), boxes])


def _with_area(boxes_xyxy: NDArray[np.float64]) -> list[int]:
    is_whole = np.isfinite(boxes_xyxy).all(1)
    return np.flatnonzero(
        is_whole & (boxes_xyxy[:, 2:] > boxes_xyxy[:, :2]).all(1)
    ).tolist()


def _levels(box: NDArray[np.float64]) -> tuple[int, int]:
    """Powers of two that width and height are at least."""
    width, height = np.floor(np.log2(box[2:] - box[:2])).astype(int).tolist()
    return width, height


def _centre(box: NDArray[np.float64]) -> tuple[float, float]:
    return float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2


def _cell(point: tuple[float, float], levels: tuple[int, int]) -> tuple[int, int]:
    return int(point[0] // 2.0 ** levels[0]), int(point[1] // 2.0 ** levels[1])


def _cells_around(box: NDArray[np.float64]) -> Iterator[tuple[int, ...]]:
    x, y = _centre(box)
    own = _levels(box)
    # half of the box at most
    reach_x, reach_y = (2.0 ** (level + 1) / 2 for level in own)
    for levels in product(*((level - 1, level, level + 1) for level in own)):
        low = _cell((x - reach_x, y - reach_y), (levels[0], levels[1]))
        high = _cell((x + reach_x, y + reach_y), (levels[0], levels[1]))
        for cell in product(range(low[0], high[0] + 1), range(low[1], high[1] + 1)):
            yield *levels, *cell
