"""Labels, and the answers of a model that errs as models do: it misses, confuses, shifts, repeats and imagines.

Arrays come from a seed. Errors are put into copies of the labels, so that a test knows which they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.annotation.errors.boxes import BoxColumns
from assets.annotation.errors.masks import MapPair
from assets.annotation.errors.suspects import (
    EXTRA,
    MISSING,
    MOVED,
    NO_LABEL,
    WRONG_CLASS,
    Suspects,
)
from assets.annotation.pairing import join_frames, measure_pair_ious, pick_greatest

NUM_CLASSES = 6
SIDE_PX = 200.0
_RECALL = 0.98
_CONFUSED = 0.02
_JITTER = 0.05  # of a box's sides, standard deviation
_IMAGINED = 0.25  # boxes around nothing, a frame


def share_found(
    suspects: Suspects, is_error: NDArray[np.bool_], num_labels: int, num_errors: int
) -> float:
    """Of the errors, (S,) among suspects, the share in the first of the ranking, a tenth of the labels."""
    return float(is_error[suspects.rank()[: num_labels // 10]].sum() / num_errors)


# ---- classes ---------------------------------------------------------------------------------------------------------


def answer_classes(
    rng: np.random.Generator, truth: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(N, C) probabilities of a model that is right in about 88 of 100, and less sure of the last class."""
    logits = rng.normal(0.0, 1.1, (len(truth), NUM_CLASSES))
    strength = np.where(truth == NUM_CLASSES - 1, 2.4, 3.6)
    logits[np.arange(len(truth)), truth] += strength
    # a pair that resembles each other
    logits[truth == 0, 1] += 1.5
    weights = np.exp(logits)
    return np.asarray(weights / weights.sum(1, keepdims=True))


# ---- boxes -----------------------------------------------------------------------------------------------------------


def draw_labels(rng: np.random.Generator, num_frames: int) -> BoxColumns:
    """True boxes: about five a frame, from 14 to 60 px."""
    frame = np.repeat(np.arange(num_frames), rng.integers(3, 8, num_frames))
    size = rng.uniform(14, 60, (len(frame), 2))
    low = rng.uniform(0, 1, (len(frame), 2)) * (SIDE_PX - size)
    classes = rng.integers(0, NUM_CLASSES, len(frame))
    return BoxColumns(frame, np.hstack([low, low + size]), classes, np.ones(len(frame)))


def answer_boxes(rng: np.random.Generator, truth: BoxColumns) -> BoxColumns:
    """Boxes of a model: 95 to 98 of 100 objects found, small ones less surely, some confused, repeated, imagined."""
    size = truth.boxes_xyxy[:, 2:] - truth.boxes_xyxy[:, :2]
    ease = np.clip(np.sqrt(size.prod(1)) / 40.0, 0.0, 1.0)
    found = rng.random(len(truth)) < _RECALL * (0.96 + 0.04 * ease)
    seen = truth.take(found)
    boxes = _shake(rng, seen.boxes_xyxy, _JITTER)
    scores = rng.beta(4 + 8 * ease[found], 2.0)
    classes = seen.class_ids.copy()
    confused = rng.random(len(seen)) < _CONFUSED
    classes[confused] = rng.integers(0, NUM_CLASSES, confused.sum())
    repeated = np.flatnonzero(rng.random(len(seen)) < 0.1)
    again = _shake(rng, boxes[repeated], 2 * _JITTER)
    num_frames = int(truth.frame.max()) + 1
    num_imagined = int(_IMAGINED * num_frames)
    imagined = draw_labels(rng, num_imagined).take(np.arange(num_imagined))
    return BoxColumns(
        np.concatenate(
            [
                seen.frame,
                seen.frame[repeated],
                rng.integers(0, num_frames, num_imagined),
            ]
        ),
        np.concatenate([boxes, again, imagined.boxes_xyxy]),
        np.concatenate([classes, classes[repeated], imagined.class_ids]),
        np.concatenate(
            [scores, 0.4 * scores[repeated], rng.beta(1.5, 5.0, num_imagined)]
        ),
    )


def spoil_boxes(
    rng: np.random.Generator, truth: BoxColumns, fault: str, share: float
) -> tuple[BoxColumns, BoxColumns]:
    """Labels with errors of one kind, and the boxes that are in error: of those missing the true ones."""
    chosen = rng.choice(len(truth), round(share * len(truth)), replace=False)
    is_chosen = np.zeros(len(truth), bool)
    is_chosen[chosen] = True
    bad = truth.take(is_chosen)
    if fault == MISSING:
        return truth.take(~is_chosen), bad
    if fault == WRONG_CLASS:
        shift = rng.integers(1, NUM_CLASSES, len(bad))
        wrong = (bad.class_ids + shift) % NUM_CLASSES
        bad = BoxColumns(bad.frame, bad.boxes_xyxy, wrong, bad.scores)
    elif fault == MOVED:
        bad = BoxColumns(
            bad.frame, _move(rng, bad.boxes_xyxy), bad.class_ids, bad.scores
        )
    elif fault == EXTRA:
        drawn = draw_labels(rng, len(bad)).take(np.arange(len(bad)))
        bad = BoxColumns(bad.frame, drawn.boxes_xyxy, drawn.class_ids, drawn.scores)
        return _join(truth, bad), bad
    return _join(truth.take(~is_chosen), bad), bad


def mark_errors(
    suspects: Suspects, num_labels: int, bad: BoxColumns, fault: str
) -> NDArray[np.bool_]:
    """(S,) which suspects are errors: the last labels; of missing ones what lies in the place of one, once each."""
    if fault != MISSING:
        return suspects.label >= num_labels - len(bad)
    lone = np.flatnonzero(suspects.label == NO_LABEL)
    of, at = join_frames(bad.frame, suspects.frame[lone])
    ious = measure_pair_ious(bad.boxes_xyxy[of], suspects.boxes_xyxy[lone[at]])
    best = pick_greatest(of, ious, len(bad))
    best = best[best >= 0]
    is_error = np.zeros(len(suspects), bool)
    is_error[lone[at[best[ious[best] >= 0.5]]]] = True
    return is_error


def _move(rng: np.random.Generator, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shifted along a diagonal by a third to two thirds of its sides."""
    size = boxes[:, 2:] - boxes[:, :2]
    step = rng.uniform(0.33, 0.67, (len(boxes), 2)) * rng.choice(
        [-1, 1], (len(boxes), 2)
    )
    return boxes + np.tile(step * size, 2)


def _shake(
    rng: np.random.Generator, boxes: NDArray[np.float64], share: float
) -> NDArray[np.float64]:
    size = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    return boxes + rng.normal(0.0, share, boxes.shape) * size


def _join(one: BoxColumns, other: BoxColumns) -> BoxColumns:
    return BoxColumns(
        *(
            np.concatenate([getattr(one, n), getattr(other, n)])
            for n in ("frame", "boxes_xyxy", "class_ids", "scores")
        )
    )


# ---- masks -----------------------------------------------------------------------------------------------------------

MAP_PX = 64
_CELL_PX = 21


@dataclass(frozen=True)
class DrawnMaps:
    """Frames with labels and answers: `is_error` (L,) of labels, `lacking` (M, 3) frame, y and x of what has none."""

    pairs: list[MapPair]
    is_error: NDArray[np.bool_]
    lacking: NDArray[np.int64]


def draw_maps(
    rng: np.random.Generator, num_frames: int, fault: str, share: float
) -> DrawnMaps:
    """Frames of nine places with six round objects on ground (class 0), a label each, and a model's answer.

    Of so many of the objects the label has the fault.
    """
    classes: list[int] = []
    is_error: list[bool] = []
    lacking = []
    frames = []
    for frame in range(num_frames):
        truth = np.zeros((MAP_PX, MAP_PX), np.uint8)
        labels = np.full((MAP_PX, MAP_PX), len(classes), np.int64)
        classes.append(0)
        is_error.append(False)
        for cell in rng.permutation(9)[:6].tolist():
            centre = np.array(divmod(cell, 3)) * _CELL_PX + _CELL_PX // 2 + 1
            radius, class_id = (
                int(rng.integers(*r)) for r in ((4, 9), (1, NUM_CLASSES))
            )
            is_bad = bool(rng.random() < share)
            if not (is_bad and fault == EXTRA):
                _disc(truth, centre, radius, class_id)
            if is_bad and fault == MISSING:
                lacking.append([frame, *centre])
                continue
            given = class_id
            if is_bad and fault == WRONG_CLASS:
                step = int(rng.integers(1, NUM_CLASSES - 1))
                given = 1 + (class_id - 1 + step) % (NUM_CLASSES - 1)
            place = centre
            if is_bad and fault == MOVED:
                place = centre + (rng.choice([-1, 1], 2) * radius * 0.7).astype(int)
            _disc(labels, place, radius, len(classes))
            classes.append(given)
            is_error.append(is_bad)
        frames.append((frame, labels, _answer_map(rng, truth)))
    of_all = np.array(classes)
    sure = rng.uniform(0.75, 0.98, NUM_CLASSES)
    pairs = [MapPair(f, labels, of_all, answer, sure) for f, labels, answer in frames]
    places = np.array(lacking, np.int64).reshape(-1, 3)
    return DrawnMaps(pairs, np.array(is_error), places)


def mark_map_errors(suspects: Suspects, drawn: DrawnMaps) -> NDArray[np.bool_]:
    """(S,) which suspects are errors: labels that are, or regions without a label in which an object lacks one."""
    has_label = suspects.label != NO_LABEL
    found = np.zeros(len(suspects), bool)
    found[has_label] = drawn.is_error[suspects.label[has_label]]
    for frame, y, x in drawn.lacking.tolist():
        box = suspects.boxes_xyxy
        is_around = (
            (box[:, 0] <= x) & (x < box[:, 2]) & (box[:, 1] <= y) & (y < box[:, 3])
        )
        found |= ~has_label & (suspects.frame == frame) & is_around
    return found


def _answer_map(
    rng: np.random.Generator, truth: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """The truth with rims off by a pixel, some objects not seen or confused, and a few spots."""
    shifted = np.roll(truth, rng.integers(-1, 2, 2), (0, 1))
    answer = shifted.copy()
    _, part = cv2.connectedComponents((shifted > 0).astype(np.uint8))
    for number in range(1, part.max() + 1):
        luck = rng.random()
        if luck < 0.02:
            answer[part == number] = 0
        elif luck < 0.04:
            answer[part == number] = rng.integers(1, NUM_CLASSES)
    if rng.random() < 0.15:
        _disc(
            answer, rng.integers(5, MAP_PX - 5, 2), 3, int(rng.integers(1, NUM_CLASSES))
        )
    noise = rng.random(truth.shape) < 0.01
    answer[noise] = rng.integers(0, NUM_CLASSES, noise.sum())
    return answer


def _disc(
    canvas: NDArray[Any], centre: NDArray[np.int64], radius: int, value: int
) -> None:
    shown = np.zeros(canvas.shape, np.uint8)
    cv2.circle(shown, (int(centre[1]), int(centre[0])), radius, 1, -1)
    canvas[shown > 0] = value
