"""Keep one label a thing, however many files speak of it, and remember who looked at which picture.

Equal are labels of one picture, task and class with equal boxes: to the last digit within a file, where what differs a
little may be two things, and within a pixel between files, since exports round. Of equal labels the first stands, with
the mask and the attributes that only another has.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from assets.formats.observations import (
    AnnotationObservation,
    CapturePlan,
    LabelObservation,
    Problem,
    Source,
)
from models.box_pairs import EQUAL_PX, SAME_OBJECT_IOU
from models.metrics.matching import measure_ious

_SAME_FILE_PX = 1e-3
_CELL_PX = 4.0  # boxes are looked for among those whose two corners lie in the same or in neighbouring cells
_MAX_IN_CELL = 100  # boxes that are compared, the latest: more of one class at one place are no picture's objects

# image path, task, class, and the places of both corners
_Cell = tuple[str, str, str, tuple[int, ...]]


@dataclass
class LabelBook:
    """The labels of one data set."""

    plan: CapturePlan
    _labels: list[LabelObservation] = field(default_factory=list)
    _cells: dict[_Cell, list[int]] = field(default_factory=lambda: defaultdict(list))
    # by image path and task
    _looked: dict[tuple[str, str], _Tally] = field(default_factory=dict)
    _repeats: Counter[str] = field(default_factory=Counter)

    @property
    def labelled(self) -> set[str]:
        """The paths of images that have labels."""
        return {str(label.frame_path) for label in self._labels}

    def look(self, image_path: str, task: str, source: Source) -> None:
        """Somebody looked at a picture for a task."""
        self._looked.setdefault((image_path, task), _Tally(source))

    def miss(self, image_path: str, task: str, source: Source) -> None:
        """A marked object is no label: it has a fault, or is of a kind that is not read."""
        self.look(image_path, task, source)
        self._looked[image_path, task].num_missing += 1

    def ignore(self, image_path: str, task: str, source: Source) -> None:
        """A marked region stands for no single object."""
        self.look(image_path, task, source)
        self._looked[image_path, task].num_ignored += 1

    def add(self, label: LabelObservation) -> None:
        """Take a label of an image that is named by its path, unless it is there already."""
        assert label.frame_path is not None
        self.look(label.frame_path, label.task, label.source)
        found = self._find_equal(label)
        if found is None:
            self._cells[next(_list_cells(label, 0.0))].append(len(self._labels))
            self._labels.append(label)
            return
        where = (
            "itself"
            if self._labels[found].source.path == label.source.path
            else self._labels[found].source.path
        )
        self._repeats[f"{label.source.path}: labels that are in {where} already"] += 1
        self._labels[found] = _join(self._labels[found], label)

    def close(self) -> Iterator[LabelObservation | AnnotationObservation | Problem]:
        """Every label once, conflicts, then who looked at which picture. What was said twice is counted in the notes.

        A conflict is an object of which two files say different things: an overlap of half and more in one class, or
        one box in two classes. Both labels stay, and the picture counts as one that lacks a label, since nobody knows
        which is right.
        """
        yield from self._labels
        for first, second in self._find_conflicts():
            self.miss(str(second.frame_path), second.task, second.source)
            what = f"{_describe(second)}, {_describe(first)} in {first.source.path}"
            reason = f"says otherwise of an object of {second.frame_path}: {what}"
            remedy = "keep the export that is right, and take the other away"
            yield Problem(second.source, self.plan.reader, reason[:500], remedy)
        counts = Counter((str(label.frame_path), label.task) for label in self._labels)
        for (path, task), tally in self._looked.items():
            yield AnnotationObservation(
                path,
                task,
                tally.source,
                num_labels=counts[path, task],
                num_missing=tally.num_missing,
                num_ignored=tally.num_ignored,
            )
        self.plan.notes.update(
            {what: str(count) for what, count in self._repeats.items()}
        )

    def _find_conflicts(self) -> Iterator[tuple[LabelObservation, LabelObservation]]:
        pictures: dict[tuple[str, str], list[LabelObservation]] = defaultdict(list)
        for label in self._labels:
            if label.box_xyxy:
                pictures[str(label.frame_path), label.task].append(label)
        for labels in pictures.values():
            if len({label.source.path for label in labels}) > 1:
                yield from _list_conflicts(labels)

    def _find_equal(self, label: LabelObservation) -> int | None:
        for cell in _list_cells(label, EQUAL_PX):
            for index in self._cells.get(cell, ())[-_MAX_IN_CELL:]:
                if _are_equal(self._labels[index], label):
                    return index
        return None


@dataclass
class _Tally:
    source: Source
    num_missing: int = 0
    num_ignored: int = 0


def _list_cells(label: LabelObservation, reach_px: float) -> Iterator[_Cell]:
    """The cells of boxes that differ from a label's by no more than that."""
    ranges = [
        {int((v + step) // _CELL_PX) for step in (-reach_px, reach_px)}
        for v in label.box_xyxy or ()
    ]
    for corners in itertools.product(*ranges):
        yield str(label.frame_path), label.task, label.class_name, corners


def _are_equal(first: LabelObservation, second: LabelObservation) -> bool:
    if (
        first.track_id is not None
        and second.track_id is not None
        and first.track_id != second.track_id
    ):
        return False
    is_same_file = first.source.path == second.source.path
    if (first.box_xyxy is None) != (second.box_xyxy is None):
        return False
    if first.box_xyxy and second.box_xyxy:
        limit_px = _SAME_FILE_PX if is_same_file else EQUAL_PX
        if any(
            abs(a - b) > limit_px
            for a, b in zip(first.box_xyxy, second.box_xyxy, strict=True)
        ):
            return False
    if is_same_file or first.box_xyxy is None:
        return (
            first.mask_rle is None
            or second.mask_rle is None
            or first.mask_rle == second.mask_rle
        )
    return True  # exports draw a mask each in its own way


def _list_conflicts(
    labels: Sequence[LabelObservation],
) -> Iterator[tuple[LabelObservation, LabelObservation]]:
    """Pairs of labels of one picture, from two files, that cannot both be right; a label is second in one at most."""
    boxes = np.array([label.box_xyxy for label in labels], np.float32)  # (N, 4)
    names = np.array([label.class_name for label in labels])
    files = np.array([label.source.path for label in labels])
    for index in range(1, len(labels)):
        is_other = files[:index] != files[index]
        is_near = (
            measure_ious(boxes[index : index + 1], boxes[:index])[0] >= SAME_OBJECT_IOU
        )
        is_equal = np.abs(boxes[:index] - boxes[index]).max(axis=1) <= EQUAL_PX
        found = np.flatnonzero(
            is_other & ((is_near & (names[:index] == names[index])) | is_equal)
        )
        if len(found):
            yield labels[found[0]], labels[index]


def _describe(label: LabelObservation) -> str:
    box = ", ".join(f"{v:g}" for v in label.box_xyxy or ())
    return f"{label.class_name!r} at ({box})"


def _join(first: LabelObservation, second: LabelObservation) -> LabelObservation:
    known = {name for name, _ in first.attributes}
    return replace(
        first,
        mask_rle=first.mask_rle if first.mask_rle is not None else second.mask_rle,
        track_id=first.track_id if first.track_id is not None else second.track_id,
        attributes=first.attributes
        + tuple(pair for pair in second.attributes if pair[0] not in known),
    )
