"""Which boxes look wrong, by boxes of a model that did not learn from them: moved, missing, extra, of another class.

Each answer speaks of the label that it overlaps most, and of no other. A label is measured by what answers say of it,
against what they usually say of labels of its class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.annotation.errors.suspects import (
    EXTRA,
    FAULTS,
    MISSING,
    MOVED,
    NO_LABEL,
    WRONG_CLASS,
    Suspects,
    average_by_class,
    join_suspects,
)
from assets.annotation.pairing import (
    find_greatest,
    join_frames,
    measure_pair_ious,
    pick_greatest,
)

_SAME_PLACE_IOU = 0.5  # as detections are judged
_TOUCHES_IOU = 0.05  # with less an answer says nothing of a label
_ABSENCE = 0.5  # that nothing was found says less than what was found: models miss more often than people imagine
_REPEATS_IOU = (
    0.45  # of two answers that overlap so much the weaker repeats the stronger
)


@dataclass(frozen=True)
class BoxColumns:
    """Boxes of many frames: `frame` (N,), `boxes_xyxy` (N, 4) px, `class_ids` (N,); of answers `scores` (N,)."""

    frame: NDArray[np.int64]
    boxes_xyxy: NDArray[np.float64]
    class_ids: NDArray[np.int64]
    scores: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, places: NDArray[np.int64] | NDArray[np.bool_]) -> BoxColumns:
        """Some of them, by place or by a mask."""
        return BoxColumns(
            self.frame[places],
            self.boxes_xyxy[places],
            self.class_ids[places],
            self.scores[places],
        )


def suspect_boxes(
    labels: BoxColumns, answers: BoxColumns, num_classes: int
) -> Suspects:
    """One suspect a label, with the fault that answers speak most for, and one for each answer that no label explains.

    Frames without an answer of the model must be left out: an empty answer calls every label of its frame extra.
    """
    answers = answers.take(_find_firm(answers))
    evidence = _weigh(labels, answers)
    of = labels.class_ids
    support = average_by_class(of, evidence.presence, num_classes)[of]
    faults = {
        EXTRA: _ABSENCE * support * (1.0 - evidence.presence),
        MOVED: _measure_move(evidence, of, num_classes),
        WRONG_CLASS: evidence.rival * (1.0 - evidence.own),
    }
    stacked = np.stack(list(faults.values()))
    worst = stacked.argmax(0) if len(labels) else np.zeros(0, np.int64)
    codes = np.array([FAULTS.index(name) for name in faults])
    is_class = codes[worst] == FAULTS.index(WRONG_CLASS)
    on_labels = Suspects(
        labels.frame,
        np.arange(len(labels)),
        codes[worst],
        np.where(is_class, evidence.rival_class, labels.class_ids),
        labels.boxes_xyxy,
        np.clip(stacked.max(0, initial=0.0), 0.0, 1.0),
    )
    return join_suspects([on_labels, _find_missing(answers, evidence)])


@dataclass(frozen=True)
class _Evidence:
    """What answers say of each label (L,), and which answers (A,) speak of none."""

    own: NDArray[np.float64]  # the best score of its class in its place
    presence: NDArray[np.float64]  # of any class, near its place
    fit_score: NDArray[np.float64]  # of the answer of its class that fits best
    fit_iou: NDArray[np.float64]
    rival: NDArray[np.float64]  # the best score of another class in its place
    rival_class: NDArray[np.int64]
    is_explained: NDArray[np.bool_]  # whether it is the answer that fits a label best
    overlap: NDArray[np.float64]  # of each answer with the label that it speaks of


def _weigh(labels: BoxColumns, answers: BoxColumns) -> _Evidence:
    label, answer = join_frames(labels.frame, answers.frame)
    ious = measure_pair_ious(labels.boxes_xyxy[label], answers.boxes_xyxy[answer])
    is_same = labels.class_ids[label] == answers.class_ids[answer]
    # of two labels in one place an answer speaks of that of its class
    nearest = pick_greatest(answer, ious + 1e-3 * is_same, len(answers))
    spoken = nearest[nearest >= 0]
    spoken = spoken[ious[spoken] >= _TOUCHES_IOU]
    label, answer = label[spoken], answer[spoken]
    ious, is_same = ious[spoken], is_same[spoken]
    score = answers.scores[answer]
    count = len(labels)
    is_placed = ious >= _SAME_PLACE_IOU

    def best(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return find_greatest(label, values, count)

    fit = score * ious
    mine = pick_greatest(label[is_same], fit[is_same], count)
    is_rival = ~is_same & is_placed
    rivals = np.flatnonzero(is_rival)
    rival_of = pick_greatest(label[rivals], score[rivals], count)
    overlap = np.zeros(len(answers))
    overlap[answer] = ious
    is_explained = np.zeros(len(answers), bool)
    best_of = pick_greatest(label, fit, count)
    is_explained[answer[best_of[best_of >= 0]]] = True
    return _Evidence(
        own=best(np.where(is_same & is_placed, fit, 0.0)),
        presence=best(score * np.minimum(1.0, ious / _SAME_PLACE_IOU)),
        fit_score=_pick(score[is_same], mine),
        fit_iou=_pick(ious[is_same], mine),
        rival=best(np.where(is_rival, score, 0.0)),
        rival_class=_pick(answers.class_ids[answer[rivals]], rival_of),
        is_explained=is_explained,
        overlap=overlap,
    )


def _measure_move(
    evidence: _Evidence, class_ids: NDArray[np.int64], num_classes: int
) -> NDArray[np.float64]:
    """(L,) how far the answer that fits best lies from where such answers usually lie, by how sure it is."""
    is_met = evidence.fit_score > 0
    usual = average_by_class(class_ids[is_met], evidence.fit_iou[is_met], num_classes)
    lag = 1.0 - evidence.fit_iou / np.maximum(usual[class_ids], _SAME_PLACE_IOU)
    return np.asarray(evidence.fit_score * np.clip(lag, 0.0, None))


def _pick(values: NDArray[Any], places: NDArray[np.int64]) -> NDArray[Any]:
    """The values at these places; 0 at -1."""
    return np.append(values, values.dtype.type(0))[places]


def _find_missing(answers: BoxColumns, evidence: _Evidence) -> Suspects:
    lone = np.flatnonzero(~evidence.is_explained)
    suspicion = answers.scores[lone] * (1.0 - evidence.overlap[lone])
    return Suspects(
        answers.frame[lone],
        np.full(len(lone), NO_LABEL),
        np.full(len(lone), FAULTS.index(MISSING)),
        answers.class_ids[lone],
        answers.boxes_xyxy[lone],
        np.clip(suspicion, 0.0, 1.0),
    )


def _find_firm(answers: BoxColumns) -> NDArray[np.bool_]:
    """Which answers (A,) repeat no stronger one of their frame and class."""
    left, right = join_frames(answers.frame, answers.frame)
    is_pair = (answers.class_ids[left] == answers.class_ids[right]) & (left != right)
    left, right = left[is_pair], right[is_pair]
    ious = measure_pair_ious(answers.boxes_xyxy[left], answers.boxes_xyxy[right])
    a, b = answers.scores[left], answers.scores[right]
    is_weaker = (a < b) | ((a == b) & (left > right))
    is_firm = np.ones(len(answers), bool)
    is_firm[left[is_weaker & (ious >= _REPEATS_IOU)]] = False
    return is_firm
