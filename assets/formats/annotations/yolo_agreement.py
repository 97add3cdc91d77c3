"""Compare what two label trees say of the same objects: class ids of different lists give them different names."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.formats.observations import LabelObservation
from models.metrics.matching import measure_ious

_SAME_OBJECT_IOU = 0.8
_MIN_OBJECTS = 10  # fewer say nothing about a list of classes
_MIN_SHARE = 0.5


@dataclass(frozen=True)
class Agreement:
    """Objects that both trees hold, how many they name alike, and the most frequent pair of unlike names."""

    num_objects: int
    num_alike: int
    example: tuple[str, str] | None

    @property
    def is_doubtful(self) -> bool:
        """Enough objects, and most of them named otherwise: the ids come from different lists."""
        return (
            self.num_objects >= _MIN_OBJECTS
            and self.num_alike < _MIN_SHARE * self.num_objects
        )


def compare_names(
    first: Iterable[LabelObservation], second: Iterable[LabelObservation]
) -> Agreement:
    """Pairs labels of the same image whose boxes overlap by an IoU of at least 0.8, each with its best partner."""
    ours = _group(first)
    theirs = _group(second)
    alike = 0
    unlike = Counter[tuple[str, str]]()
    for path in ours.keys() & theirs.keys():
        iou = measure_ious(_boxes_of(ours[path]), _boxes_of(theirs[path]))
        for label, row in zip(ours[path], iou, strict=True):
            best = int(row.argmax())
            if row[best] < _SAME_OBJECT_IOU:
                continue
            names = label.class_name, theirs[path][best].class_name
            if names[0] == names[1]:
                alike += 1
            else:
                unlike[names] += 1
    example = min(unlike, key=lambda names: (-unlike[names], names)) if unlike else None
    return Agreement(alike + unlike.total(), alike, example)


def _group(labels: Iterable[LabelObservation]) -> dict[str, list[LabelObservation]]:
    by_image: dict[str, list[LabelObservation]] = defaultdict(list)
    for label in labels:
        if label.frame_path and label.box_xyxy:
            by_image[label.frame_path].append(label)
    return by_image


def _boxes_of(labels: Sequence[LabelObservation]) -> NDArray[np.float64]:
    """(N, 4) xyxy px."""
    return np.array([label.box_xyxy for label in labels], np.float64)
