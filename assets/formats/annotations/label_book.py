"""Keep one label a thing, however many files speak of it, and remember who looked at which picture.

Equal are labels of one picture, task and class with equal boxes: to the last digit within a file, where what differs a
little may be two things, and within a pixel between files, since exports round. Of equal labels the first stands, with
the mask and the attributes that only another has.

Files that share no class share the work: their labels of a picture add up. Files that both use a class, anywhere in the
data set, answer the same question: where both label a picture, each has to have the labels that the other has of that
class. Where they differ the labels of the first file stand, never a mix of both, and the picture is no good for
training, since nobody knows which file is right.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from assets.formats.observations import (
    AnnotationObservation,
    LabelObservation,
    Problem,
    Source,
)
from assets.formats.protocol import CapturePlan
from models.box_pairs import CLOSE_IOU, CLOSE_PX, EQUAL_PX, SAME_OBJECT_IOU
from models.metrics.matching import measure_ious

DISAGREE = (
    "label files disagree on "  # the beginning of a reason: checks count such pictures
)
_SAME_FILE_PX = 1e-3
_CELL_PX = 4.0  # boxes are looked for among those whose two corners lie in the same or in neighbouring cells
_MAX_IN_CELL = 100  # boxes that are compared, the latest: more of one class at one place are no picture's objects

_REMEDY = (
    "keep the file that is right and take the other away; until then the picture has the labels of the first, and is "
    "in no release"
)

_Picture = tuple[str, str]  # path, task
# image path, task, class, and the places of both corners
_Cell = tuple[str, str, str, tuple[int, ...]]


@dataclass
class LabelBook:
    """The labels of one data set."""

    plan: CapturePlan
    _labels: list[LabelObservation] = field(default_factory=list)
    # of each label the files that have it, in the order in which they came
    _files: list[dict[str, None]] = field(default_factory=list)
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
            self._files.append({label.source.path: None})
            return
        where = (
            "itself"
            if self._labels[found].source.path == label.source.path
            else self._labels[found].source.path
        )
        self._repeats[f"{label.source.path}: labels that are in {where} already"] += 1
        self._labels[found] = _join(self._labels[found], label)
        self._files[found].setdefault(label.source.path)

    def close(self) -> Iterator[LabelObservation | AnnotationObservation | Problem]:
        """Every label once, what files disagree on, then who looked at which picture. What was said twice is counted in
        the notes.

        Where files disagree on a picture, the labels that do not stand count as marked objects that are none.
        """
        disputes = list(self._find_disputes())
        out = {place for dispute in disputes for place in dispute.out}
        labels = [one for place, one in enumerate(self._labels) if place not in out]
        yield from labels
        for dispute in disputes:
            picture, task = dispute.picture
            self._looked[picture, task].num_missing += max(1, len(dispute.out))
            yield from dispute.tell(self.plan.reader, self._labels)
        counts = Counter((str(label.frame_path), label.task) for label in labels)
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

    def _find_disputes(self) -> Iterator[_Dispute]:
        order = {path: n for n, path in enumerate(self._list_files())}
        users: dict[tuple[str, str], set[str]] = defaultdict(set)  # of a task's class
        pictures: dict[_Picture, list[int]] = defaultdict(list)
        for place, label in enumerate(self._labels):
            users[label.task, label.class_name].update(self._files[place])
            pictures[str(label.frame_path), label.task].append(place)
        for picture, places in pictures.items():
            here = {path for place in places for path in self._files[place]}
            if len(here) == 1:
                continue
            dispute = _Dispute(picture)
            for place in places:
                label, mine = self._labels[place], self._files[place]
                asked = sorted(
                    here & users[label.task, label.class_name], key=order.__getitem__
                )
                for other in asked:
                    if other not in mine:
                        dispute.add(place, next(iter(mine)), other)
                if asked[0] not in mine:
                    dispute.out.add(place)
            left = [place for place in places if place not in dispute.out]
            for first, second in _list_two_named([self._labels[n] for n in left]):
                files = (next(iter(self._files[left[n]])) for n in (second, first))
                dispute.add(left[second], *files)
                dispute.out.add(left[second])
            if dispute.sides:
                yield dispute

    def _list_files(self) -> dict[str, None]:
        """In the order in which they came."""
        return {path: None for files in self._files for path in files}

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


@dataclass
class _Dispute:
    """What files disagree on, of one picture and task: places of labels."""

    picture: _Picture
    # (file that has them, file that has not) -> labels
    sides: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    out: set[int] = field(default_factory=set)  # those that do not stand

    def add(self, place: int, has: str, lacks: str) -> None:
        self.sides.setdefault((has, lacks), []).append(place)

    def tell(
        self, reader: str, labels: Sequence[LabelObservation]
    ) -> Iterator[Problem]:
        """One problem for each two files."""
        picture, task = self.picture
        told: dict[frozenset[str], list[tuple[str, str]]] = defaultdict(list)
        for pair in self.sides:
            told[frozenset(pair)].append(pair)
        for pairs in told.values():
            parts = [
                f"only {has} has {len(places)}, such as {_describe(labels[places[0]])}"
                for has, lacks in pairs
                for places in (self.sides[has, lacks],)
            ]
            first, second = sorted(pairs[-1])
            reason = f"{DISAGREE}{picture!r}, {task}, of {first} and {second} {'; '.join(parts)}"
            source = labels[self.sides[pairs[-1]][0]].source
            yield Problem(source, reader, reason[:500], _REMEDY)


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


def _list_two_named(labels: Sequence[LabelObservation]) -> Iterator[tuple[int, int]]:
    """Places of labels of one picture, from two files, that give two classes to one object (decision 38 says when boxes
    are one object's); a label is second in one at most."""
    labels_at = [n for n, label in enumerate(labels) if label.box_xyxy]
    boxes = np.array([labels[n].box_xyxy for n in labels_at], np.float32).reshape(-1, 4)
    names = np.array([labels[n].class_name for n in labels_at])
    files = np.array([labels[n].source.path for n in labels_at])
    for index in range(1, len(labels_at)):
        before = slice(index)
        is_other = (files[before] != files[index]) & (names[before] != names[index])
        if not is_other.any():
            continue
        ious = measure_ious(boxes[index : index + 1], boxes[before])[0]
        apart_px = np.abs(boxes[before] - boxes[index]).max(axis=1)
        is_near = (ious >= SAME_OBJECT_IOU) & (apart_px <= CLOSE_PX)
        is_one = (ious >= CLOSE_IOU) | is_near | (apart_px <= EQUAL_PX)
        found = np.flatnonzero(is_other & is_one)
        if len(found):
            yield labels_at[found[0]], labels_at[index]


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
