"""Which regions of masks look wrong, by maps of a model that did not learn from them.

A region is a connected part of one label's mask, or of one class in an answer. It is measured by its inside: at the rim
labels and answers always differ by a pixel. What a model often does says little: how often it finds nothing of a label
of a class, and how often it says one class on the pixels of another, are counted over all frames. Patches of one class
within labels of another are many where classes resemble each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import cv2
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
from models.masks import find_box
from models.types import IGNORE

_MIN_REGION_PX = 16  # smaller ones are noise of the rim
_RIM = np.ones((3, 3), np.uint8)
_IS_PART = 0.5  # a region of which less lies in another one is part of something else
_RAREST = 1e-2  # of a label's pixels; what is rarer surprises no more
_FAINT_PX = 25  # a region of an answer of this size is half as credible as a large one
_MOVED_AGREES = 0.15  # of a label that is moved some still lies on its object
_Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class MapPair:
    """One frame: which label each pixel belongs to, and what a model says of it.

    `labels` (H, W) are places among all labels, -1 where nobody labelled; `classes` (L,) those of all labels. `answer`
    (H, W) are class ids, 255 where there is none; `confidences` (C,) in [0, 1] how sure the model is of each.
    """

    frame: int
    labels: NDArray[np.int64]
    classes: NDArray[np.int64]
    answer: NDArray[np.uint8]
    confidences: NDArray[np.float64]


def suspect_regions(pairs: Iterable[MapPair], num_classes: int) -> Suspects:
    """One suspect a region of a label, and one for each region of an answer that no label explains.

    Raises ValueError for a label and an answer of different size.
    """
    found = _Regions()
    missing = _Regions()
    said = _Said()
    for pair in pairs:
        if pair.labels.shape != pair.answer.shape:
            raise ValueError(
                f"frame {pair.frame} has labels of {pair.labels.shape} pixels and an answer of {pair.answer.shape}: "
                "ingest its labels again"
            )
        said.add(pair)
        for label, mask in _split_labels(pair.labels):
            _weigh_label(pair, label, mask, found)
        for class_id, mask in _split_answer(pair.answer):
            _weigh_answer(pair, class_id, mask, missing)
    classes = np.array(found.own_class, np.int64)
    agreement = np.array(found.agreement, np.float64)
    typical = average_by_class(classes, agreement, num_classes)[classes]
    firm = np.array(found.confidence, np.float64)
    lag = np.clip(1.0 - agreement / np.maximum(typical, 1e-9), 0.0, 1.0)
    is_extra = np.array(found.fault) == EXTRA
    missed = average_by_class(classes, is_extra.astype(np.float64), num_classes)
    weight = np.where(is_extra, 1.0 - missed[classes], 1.0)
    on_labels = found.to_suspects(weight * typical * lag * firm)
    lacking = 1.0 - np.array(missing.agreement, np.float64)
    usual = _average_answers(missing, num_classes)[
        np.array(missing.own_class, np.int64)
    ]
    surprise = said.measure_surprise(missing.below, missing.own_class)
    lone = missing.to_suspects(
        usual * lacking * surprise * np.array(missing.confidence)
    )
    return join_suspects([on_labels, lone])


@dataclass
class _Regions:
    """Columns that grow by a region at a time."""

    frame: list[int] = field(default_factory=list)
    label: list[int] = field(default_factory=list)
    fault: list[str] = field(default_factory=list)
    own_class: list[int] = field(default_factory=list)
    class_id: list[int] = field(default_factory=list)
    box_xyxy: list[tuple[float, float, float, float]] = field(default_factory=list)
    agreement: list[float] = field(default_factory=list)
    confidence: list[float] = field(default_factory=list)
    # class of the labels that most of a region of an answer lies in, where no label explains it
    below: list[int] = field(default_factory=list)
    # class and agreement of every region of an answer, noted or not
    answered: list[tuple[int, float]] = field(default_factory=list)

    def to_suspects(self, suspicion: NDArray[np.float64]) -> Suspects:
        """The regions with how suspicious each is (N,)."""
        codes = [FAULTS.index(name) for name in self.fault]
        frame, label, fault, class_id = (
            np.array(column, np.int64)
            for column in (self.frame, self.label, codes, self.class_id)
        )
        boxes = np.array(self.box_xyxy, np.float64).reshape(-1, 4)
        return Suspects(frame, label, fault, class_id, boxes, suspicion)


class _Said:
    """How often answers say each class on the pixels of labels of each class."""

    def __init__(self) -> None:
        self._pixels = np.zeros((IGNORE + 1, IGNORE + 1))  # labels by answers

    def add(self, pair: MapPair) -> None:
        """Count the pixels of a frame that have a label and an answer."""
        is_both = (pair.labels >= 0) & (pair.answer != IGNORE)
        given = pair.classes[pair.labels[is_both]]
        places = given * (IGNORE + 1) + pair.answer[is_both]
        counts = np.bincount(places, minlength=self._pixels.size)
        self._pixels += counts.reshape(self._pixels.shape)

    def measure_surprise(
        self, given: Sequence[int], said: Sequence[int]
    ) -> NDArray[np.float64]:
        """(N,) in [0, 1]: the rarer it is that an answer says this class on labels of that one, by its logarithm."""
        of_label = self._pixels.sum(1, keepdims=True)
        rate = (self._pixels / np.maximum(of_label, 1.0))[
            np.array(given, np.int64), np.array(said, np.int64)
        ]
        return np.asarray(np.log(np.maximum(rate, _RAREST)) / np.log(_RAREST))


def _average_answers(found: _Regions, num_classes: int) -> NDArray[np.float64]:
    """(C,) how far a model's regions of each class agree with labels: what it often imagines says less."""
    classes = np.array([class_id for class_id, _ in found.answered], np.int64)
    agreement = np.array([share for _, share in found.answered], np.float64)
    return average_by_class(classes, agreement, num_classes)


def _weigh_label(pair: MapPair, label: int, mask: _Mask, found: _Regions) -> None:
    own = int(pair.classes[label])
    counts = _count_classes(pair.answer, _inside(mask))
    agreement = counts[own] / max(1, counts.sum())
    counts[own] = 0
    rival = int(counts.argmax()) if counts.any() else own
    fault = EXTRA
    if agreement > _MOVED_AGREES:
        fault = MOVED
    elif rival != own and _lies_in(pair.answer == rival, mask) >= _IS_PART:
        fault = WRONG_CLASS
    found.frame.append(pair.frame)
    found.label.append(label)
    found.fault.append(fault)
    found.own_class.append(own)
    found.class_id.append(rival if fault == WRONG_CLASS else own)
    found.box_xyxy.append(find_box(mask))
    found.agreement.append(float(agreement))
    found.confidence.append(float(pair.confidences[rival]) if rival != own else 1.0)


def _weigh_answer(pair: MapPair, class_id: int, mask: _Mask, found: _Regions) -> None:
    """Note a region of an answer that lies in labels of other classes and covers little of any."""
    inside = _inside(mask)
    below = pair.labels[inside]
    below = below[below >= 0]
    if not len(below):
        return  # nobody has labelled there
    agreement = float((pair.classes[below] == class_id).mean())
    found.answered.append((class_id, agreement))
    others, counts = np.unique(
        below[pair.classes[below] != class_id], return_counts=True
    )
    if not len(others) or agreement > _MOVED_AGREES:
        return
    covered = pair.labels == others[counts.argmax()]
    if _lies_in(covered, mask) >= _IS_PART:
        return  # what is said of that label covers it
    found.below.append(int(pair.classes[others[counts.argmax()]]))
    found.frame.append(pair.frame)
    found.label.append(NO_LABEL)
    found.fault.append(MISSING)
    found.own_class.append(class_id)
    found.class_id.append(class_id)
    found.box_xyxy.append(find_box(mask))
    found.agreement.append(agreement)
    size = int(mask.sum())
    credible = size / (size + _FAINT_PX)
    found.confidence.append(credible * float(pair.confidences[class_id]))


def _split_labels(labels: NDArray[np.int64]) -> Iterator[tuple[int, _Mask]]:
    for label in np.unique(labels[labels >= 0]).tolist():
        yield from ((label, part) for part in _split(labels == label))


def _split_answer(answer: NDArray[np.uint8]) -> Iterator[tuple[int, _Mask]]:
    for class_id in np.unique(answer[answer != IGNORE]).tolist():
        yield from ((class_id, part) for part in _split(answer == class_id))


def _split(mask: _Mask) -> Iterator[_Mask]:
    """Its connected parts, without those that are too small."""
    _, part, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    for number in range(1, len(stats)):
        if stats[number, cv2.CC_STAT_AREA] >= _MIN_REGION_PX:
            yield part == number


def _inside(mask: _Mask) -> _Mask:
    """The mask without its rim; as it is where nothing would be left."""
    inner = cv2.erode(mask.astype(np.uint8), _RIM).astype(bool)
    return inner if inner.any() else mask


def _count_classes(answer: NDArray[np.uint8], mask: _Mask) -> NDArray[np.int64]:
    """(256,) pixels of each class in the mask, without those of none."""
    counts = np.bincount(answer[mask], minlength=256)
    counts[IGNORE] = 0
    return counts


def _lies_in(mask: _Mask, other: _Mask) -> float:
    """Of the connected part of `mask` that shares most with the other one the share that lies in it."""
    _, part = cv2.connectedComponents(mask.astype(np.uint8))
    shared = np.bincount(part[other & mask])
    if not len(shared):
        return 0.0
    number = int(shared.argmax())
    return float(shared[number] / (part == number).sum())
