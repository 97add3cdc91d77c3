"""How unsure a model is of each frame, and how far answers contradict each other: between models, and along time.

Arrays of answers in, a number a frame out. A frame without an answer has NaN: nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from assets.annotation.pairing import find_greatest, join_frames, measure_pair_ious
from assets.annotation.queue.answers import Answers
from models.task_names import DETECTION, RECOGNITION

_SAME_OBJECT_IOU = 0.5
_MOVES_IOU = 0.3  # of one object in frames that follow each other
_BLOCK = 16_384  # frames whose boxes are paired at once
Numbers = NDArray[np.float64]
Places = NDArray[np.int64]


def measure_uncertainty(
    answers: Answers, task: str, operating_score: float | None
) -> Numbers:
    """(N,) from 0, sure, to 1.

    Recognition: 1 less the lead of the first class over the second. Detection: how near the score of its most doubtful
    object is to the operating score, where the model cannot say whether it is there. Segmentation: 1 less the mean
    probability of the class it is least sure of.
    """
    count = len(answers.is_answered)
    if task == RECOGNITION:
        (_, first), (_, second) = answers.pick_first(0), answers.pick_first(1)
        doubt = 1.0 - (first - second)
    elif task == DETECTION:
        point = 0.5 if operating_score is None else operating_score
        reach = max(point, 1.0 - point)
        doubts = 1.0 - np.abs(answers.scores - point) / reach
        doubt = find_greatest(answers.frame, doubts, count)
    else:
        doubt = find_greatest(answers.frame, 1.0 - answers.scores, count)
    return np.where(answers.is_answered, doubt, np.nan)


def contradict_in_time(
    answers: Answers, task: str, before: Places, after: Places
) -> Numbers:
    """(N,) how far what the frames before and after agree on (`before`, `after`: (N,) places, -1 for none) is denied.

    Detection: the score of an object that both neighbours have and the frame lacks, less that of what it has there; or
    of one that it has and neither neighbour. Recognition: the lower score where the neighbours agree on another class.
    NaN where one of the three has no answer. Segmentation is compared by pixels, in `count_denied_pixels`.
    """
    is_known = answers.is_answered & (before >= 0) & (after >= 0)
    is_known &= answers.is_answered[before] & answers.is_answered[after]
    deny = _deny_classes if task == RECOGNITION else _deny_boxes
    found = deny(answers, before, after)
    return np.where(is_known, found, np.nan)


def contradict_between(one: Answers, other: Answers, task: str) -> Numbers:
    """(N,) how far two models contradict each other; NaN where one has no answer.

    Recognition: the lower of both scores where they name different classes. Detection: the highest score of an object
    of one, less that of what the other has there.
    """
    is_known = one.is_answered & other.is_answered
    names = {name: n for n, name in enumerate(one.class_names)}
    codes = [names.setdefault(name, len(names)) for name in other.class_names]
    renumber = np.array([*codes, -1], np.int64)
    if task == RECOGNITION:
        (mine, my_score), (theirs, their_score) = one.pick_first(), other.pick_first()
        found = np.where(
            mine != renumber[theirs], np.minimum(my_score, their_score), 0.0
        )
    else:
        count = len(is_known)
        sides = (
            (one.frame, one.boxes_xyxy, one.class_ids, one.scores),
            (other.frame, other.boxes_xyxy, renumber[other.class_ids], other.scores),
        )
        found = np.maximum(
            _find_lone(sides[0], sides[1], count), _find_lone(sides[1], sides[0], count)
        )
    return np.where(is_known, found, np.nan)


def count_denied_pixels(
    maps: Iterable[tuple[int, NDArray[np.uint8]]], before: Places, after: Places
) -> Numbers:
    """(N,) share of a frame's pixels on which the frames before and after agree and it does not; NaN where unknown.

    `maps` are places, ascending, and class ids (H, W); three of them are in memory at once.
    """
    found = np.full(len(before), np.nan)
    for (a, first), (b, middle), (c, last) in _windows(maps):
        if (
            before[b] == a
            and after[b] == c
            and first.shape == middle.shape == last.shape
        ):
            found[b] = float(((first == last) & (middle != first)).mean())
    return found


def _windows(
    maps: Iterable[tuple[int, NDArray[np.uint8]]],
) -> Iterator[tuple[tuple[int, NDArray[np.uint8]], ...]]:
    for (one, two), (_, three) in pairwise(pairwise(maps)):
        yield one, two, three


def _deny_classes(answers: Answers, before: Places, after: Places) -> Numbers:
    top, score = answers.pick_first()
    is_agreed = top[before] == top[after]
    lower = np.minimum(np.minimum(score[before], score[after]), score)
    return np.where(is_agreed & (top != top[before]), lower, 0.0)


_Side = tuple[
    Places, NDArray[np.float64], Places, Numbers
]  # frame, boxes, class, score


def _deny_boxes(answers: Answers, before: Places, after: Places) -> Numbers:
    count = len(before)
    found = np.zeros(count)
    for start in range(0, count, _BLOCK):
        stop = min(start + _BLOCK, count)
        # neighbours lie side by side
        low, high = np.searchsorted(answers.frame, [start - 1, stop + 1])
        frame = answers.frame[low:high]
        rest = (
            answers.boxes_xyxy[low:high],
            answers.class_ids[low:high],
            answers.scores[low:high],
        )
        # each box by the frame that it is a neighbour of
        earlier: _Side = (np.where(after[frame] >= 0, after[frame], -1), *rest)
        later: _Side = (np.where(before[frame] >= 0, before[frame], -1), *rest)
        own: _Side = (frame, *rest)
        lost = _find_lost(earlier, later, own, count)
        lone = np.minimum(
            _find_lone(own, earlier, count, _MOVES_IOU, per_box=True),
            _find_lone(own, later, count, _MOVES_IOU, per_box=True),
        )
        alone = find_greatest(frame, lone, count)
        found[start:stop] = np.maximum(lost, alone)[start:stop]
    return found


def _find_lost(earlier: _Side, later: _Side, own: _Side, count: int) -> Numbers:
    """(count,) of the objects that the neighbours share the highest score that the frame itself lacks."""
    left, right = join_frames(earlier[0], later[0])
    is_one = earlier[2][left] == later[2][right]
    ious = measure_pair_ious(earlier[1][left], later[1][right])
    is_one &= ious >= _MOVES_IOU
    left, right = left[is_one], right[is_one]
    between: _Side = (
        earlier[0][left],
        (earlier[1][left] + later[1][right]) / 2,
        earlier[2][left],
        np.minimum(earlier[3][left], later[3][right]),
    )
    return _find_lone(between, own, count, _MOVES_IOU)


def _find_lone(
    side: _Side,
    other: _Side,
    count: int,
    min_iou: float = _SAME_OBJECT_IOU,
    per_box: bool = False,
) -> Numbers:
    """(count,) of each frame the highest score of a box, less that of the best box of the other side in its place; with
    `per_box` that of each box."""
    left, right = join_frames(side[0], other[0])
    is_one = side[2][left] == other[2][right]
    is_one &= measure_pair_ious(side[1][left], other[1][right]) >= min_iou
    met = find_greatest(left[is_one], other[3][right[is_one]], len(side[0]))
    lead = np.clip(side[3] - met, 0.0, None)
    if per_box:
        return np.asarray(lead)
    is_here = side[0] >= 0
    return find_greatest(side[0][is_here], lead[is_here], count)
