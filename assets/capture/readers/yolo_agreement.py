"""Compare what two label trees say of the same objects: class ids of different lists give them different names."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from assets.capture.observations import LabelObservation

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
        return self.num_objects >= _MIN_OBJECTS and self.num_alike < _MIN_SHARE * self.num_objects


def compare_names(first: Iterable[LabelObservation], second: Iterable[LabelObservation]) -> Agreement:
    """Pairs labels of the same image whose boxes overlap by an IoU of at least 0.8, each with its best partner."""
    ours, theirs = _group(first), _group(second)
    alike, unlike = 0, Counter[tuple[str, str]]()
    for path in ours.keys() & theirs.keys():
        iou = _measure_iou([label.box_xyxy for label in ours[path]], [label.box_xyxy for label in theirs[path]])
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


def _measure_iou(first: Sequence[object], second: Sequence[object]) -> np.ndarray:
    """(N, M) intersection over union of boxes xyxy; 0 where neither has an area."""
    a, b = np.asarray(first, float)[:, None], np.asarray(second, float)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.prod(np.clip(sides, 0, None), axis=-1)
    union = np.prod(a[..., 2:] - a[..., :2], axis=-1) + np.prod(b[..., 2:] - b[..., :2], axis=-1) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
