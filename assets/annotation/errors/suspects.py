"""What looks wrong in labels: columns of suspects, and their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WRONG_CLASS = "wrong class"
MOVED = "moved"
EXTRA = "extra"
MISSING = "missing"
FAULTS = (WRONG_CLASS, MOVED, EXTRA, MISSING)  # as `Suspects.fault` counts them
NO_LABEL = -1
_SHRINKAGE = 5.0  # labels of the overall mean that a class's own is mixed with


@dataclass(frozen=True)
class Suspects:
    """Labels, and objects without one, with how suspicious each is: arrays (S,), in no order.

    `label` is a place among the labels that were judged, or `NO_LABEL` for an object that lacks one; `class_id` is
    what an answer says instead: of `EXTRA` the label's own. `boxes_xyxy` (S, 4) px is where to look, NaN for the whole
    frame. `suspicion` compares within one set of labels and answers.
    """

    frame: NDArray[np.int64]
    label: NDArray[np.int64]
    fault: NDArray[np.int64]  # place in FAULTS
    class_id: NDArray[np.int64]
    boxes_xyxy: NDArray[np.float64]
    suspicion: NDArray[np.float64]  # from 0, nothing speaks against it, to 1

    def __len__(self) -> int:
        return len(self.frame)

    def rank(self) -> NDArray[np.int64]:
        """Places, the most suspicious first; of equals that of the first frame."""
        return np.lexsort((self.label, self.frame, -self.suspicion))


def join_suspects(parts: Sequence[Suspects]) -> Suspects:
    """All of them, one behind the other."""
    names = ("frame", "label", "fault", "class_id")
    none = np.zeros(0, np.int64)
    frame, label, fault, class_id = (
        np.concatenate([none, *(getattr(p, n) for p in parts)]) for n in names
    )
    boxes = np.concatenate([nowhere(0), *(p.boxes_xyxy for p in parts)])
    suspicion = np.concatenate([np.zeros(0), *(p.suspicion for p in parts)])
    return Suspects(frame, label, fault, class_id, boxes, suspicion)


def nowhere(count: int) -> NDArray[np.float64]:
    """(count, 4) boxes of suspects that are whole frames."""
    return np.full((count, 4), np.nan)


def average_by_class(
    class_ids: NDArray[np.int64], values: NDArray[np.float64], num_classes: int
) -> NDArray[np.float64]:
    """(C,) the mean of each class's values (N,), which few labels draw towards the mean of all.

    So a class of which a model seldom finds anything does not become suspicious as a whole.
    """
    overall = float(values.mean()) if len(values) else 0.0
    sums = np.bincount(class_ids, values, num_classes) + _SHRINKAGE * overall
    return np.asarray(
        sums / (np.bincount(class_ids, minlength=num_classes) + _SHRINKAGE)
    )
