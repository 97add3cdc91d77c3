"""Join what is said of equal pictures: frames with equal bytes, landed twice, speak of one picture.

Labels that say the same are one. Labels that differ on one object are a conflict, and so is a picture that one side
calls empty and another gives objects: nobody knows who is right.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from assets.curation.annotations import NO_MASK, Row, Statement
from models.box_pairs import find_overlap, find_repeats, pair_equal
from models.masks import decode_counts
from models.task_names import INSTANCES, PRETRAINING

_SIDES = ("x_min", "y_min", "x_max", "y_max")
_SAME_MASK_IOU = 0.75  # tools draw one outline each in their own way
_MAX_DISPUTED = 0.5  # of the pixels that two maps both label
BOXES_DIFFER, CLASSES_DIFFER, IS_EMPTY = "boxes differ", "classes differ", "one side calls it empty"
MASKS_DIFFER = "masks differ"


def find_conflict(one: Statement, other: Statement, dataset: str) -> str | None:
    """What two statements on one picture contradict each other in; None where they complete each other."""
    if dataset == "recognition":
        return CLASSES_DIFFER if _classes(one) and _classes(other) and _classes(one) != _classes(other) else None
    if dataset == "segmentation":  # pixels that two classes claim are unlabelled
        return MASKS_DIFFER if _share_disputed(one.labels, other.labels) > _MAX_DISPUTED else None
    if dataset == PRETRAINING:  # a picture of two classes has none there
        return None
    ours, theirs = _boxed(one), _boxed(other)
    if ("detection" in one.empty_for and theirs) or ("detection" in other.empty_for and ours):
        return IS_EMPTY
    names, boxes = _describe(ours)
    other_names, others = _describe(theirs)
    pairs = pair_equal(names, boxes, other_names, others)
    if dataset == INSTANCES and any(not _have_equal_masks(ours[a], theirs[b]) for a, b in pairs):
        return MASKS_DIFFER
    left = sorted(set(range(len(ours))) - {a for a, _ in pairs})
    others_left = sorted(set(range(len(theirs))) - {b for _, b in pairs})
    if _share_a_box(names, boxes, left, other_names, others, range(len(theirs))) or _share_a_box(
        other_names, others, others_left, names, boxes, range(len(ours))
    ):
        return CLASSES_DIFFER
    return BOXES_DIFFER if find_overlap(boxes[left], others[others_left]) else None


def find_any_conflict(statements: Sequence[Statement], dataset: str) -> str | None:
    """What any two of the statements on one picture contradict each other in."""
    distinct = {_sign(statement): statement for statement in statements}  # copies mostly say the same
    return next(filter(None, (find_conflict(a, b, dataset) for a, b in combinations(distinct.values(), 2))), None)


def join_statements(statements: Sequence[Statement], dataset: str) -> Statement:
    """One statement for the picture: every label once, with its mask where only another copy has one.

    A statement that lacks an object counts for nothing where a whole one has all of its labels: it is an earlier, or a
    worse, export of the same work.
    """
    whole = [s for s in statements if s.is_whole]
    counting = whole + [s for s in statements if not s.is_whole and not any(_covers(w, s, dataset) for w in whole)]
    labels: list[Row] = []
    for statement in counting:
        labels = _add(labels, statement.labels, dataset)
    labelled = {label["task"] for label in labels}
    needs_mask = dataset == INSTANCES
    usable = [label for label in labels if label["mask_rle"] is not None or not needs_mask]
    return Statement(
        labels=tuple(sorted(usable, key=lambda r: r["label_id"])),
        faults=(*(fault for s in counting for fault in s.faults), *[NO_MASK] * (len(labels) - len(usable))),
        num_missing=sum(s.num_missing for s in counting),
        has_ignored=any(s.has_ignored for s in counting),
        empty_for=frozenset().union(*(s.empty_for for s in counting)) - labelled,
    )


def _covers(whole: Statement, lacking: Statement, dataset: str) -> bool:
    """Whether a whole statement has every label of one that lacks an object."""
    if not whole.labels:
        return False
    return len(_pair(whole.labels, lacking.labels, dataset)) == len(lacking.labels)


def _add(labels: list[Row], more: Sequence[Row], dataset: str) -> list[Row]:
    found = {b: a for a, b in _pair(labels, more, dataset)}
    joined = list(labels)
    for b, a in found.items():
        if joined[a]["mask_rle"] is None and more[b]["mask_rle"] is not None:
            joined[a] = {**joined[a], "mask_rle": more[b]["mask_rle"]}
    return joined + [label for b, label in enumerate(more) if b not in found]


def _pair(labels: Sequence[Row], others: Sequence[Row], dataset: str) -> list[tuple[int, int]]:
    """Places of labels that say the same."""
    names, boxes = _describe(labels, with_mask=dataset == "segmentation")
    other_names, others_xyxy = _describe(others, with_mask=dataset == "segmentation")
    return pair_equal(names, boxes, other_names, others_xyxy)


def _describe(labels: Sequence[Row], with_mask: bool = False) -> tuple[list[Hashable], NDArray[np.float64]]:
    """What labels must share to be compared, and boxes (N, 4), zeros where there is none."""
    names = [(label["task"], label["class_name"], label["mask_rle"] if with_mask else None) for label in labels]
    boxes = [[0.0 if label[side] is None else label[side] for side in _SIDES] for label in labels]
    return list(names), np.array(boxes, np.float64).reshape(-1, 4)


def _share_a_box(
    names: Sequence[Hashable], boxes: NDArray[np.float64], left: Sequence[int], other_names: Sequence[Hashable],
    others: NDArray[np.float64], other_places: Sequence[int],
) -> bool:  # fmt: skip
    """Whether a label that has no equal one has the box of one of another class."""
    if not len(left) or not len(other_places):
        return False
    both = np.concatenate([others[list(other_places)], boxes[list(left)]])
    of_both = [*(other_names[place] for place in other_places), *(names[place] for place in left)]
    repeats = find_repeats([None] * len(both), both)
    num_others = len(other_places)
    return any(0 <= repeats[n] < num_others and of_both[repeats[n]] != of_both[n] for n in range(num_others, len(both)))


def _have_equal_masks(one: Row, other: Row) -> bool:
    """Whether two masks show one object, or one label has none."""
    texts = one["mask_rle"], other["mask_rle"]
    if None in texts or texts[0] == texts[1]:
        return True
    try:
        ends, other_ends = (np.cumsum(decode_counts(text)) for text in texts)
    except ValueError:
        return False
    if ends[-1] != other_ends[-1]:
        return False
    edges = np.unique(np.concatenate([[0], ends, other_ends]))
    lengths, starts = np.diff(edges), edges[:-1]
    shown, other_shown = (np.searchsorted(e, starts, side="right") % 2 == 1 for e in (ends, other_ends))
    union = lengths[shown | other_shown].sum()
    return bool(union) and lengths[shown & other_shown].sum() >= _SAME_MASK_IOU * union


def _share_disputed(labels: Sequence[Row], others: Sequence[Row]) -> float:
    """Of the pixels that both sides give one class, the share that gets two."""
    names = sorted({label["class_name"] for label in (*labels, *others)})
    ours, theirs = (_paint(side, names) for side in (labels, others))
    if ours is None or theirs is None:
        return 0.0
    is_known = (ours >= 0) & (theirs >= 0)
    return float((ours != theirs)[is_known].mean()) if is_known.any() else 0.0


def _paint(labels: Sequence[Row], names: Sequence[str]) -> NDArray[np.int32] | None:
    """The class of each pixel, down the columns; -1 where there is none or more than one. None without labels."""
    painted: NDArray[np.int32] | None = None
    for label in labels:
        counts = decode_counts(label["mask_rle"])
        shows = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
        painted = np.full(len(shows), -1, np.int32) if painted is None else painted
        class_id = names.index(label["class_name"])
        painted[shows] = np.where((painted[shows] == -1) | (painted[shows] == class_id), class_id, -2)
    return None if painted is None else np.maximum(painted, -1)


def _boxed(statement: Statement) -> list[Row]:
    return [label for label in statement.labels if label["task"] == "detection"]


def _classes(statement: Statement) -> set[str]:
    return {label["class_name"] for label in statement.labels}


def _sign(statement: Statement) -> Hashable:
    """Equal for statements that say the same, whoever said it."""
    said = sorted((label["task"], label["class_name"], *((label[side] is None, label[side] or 0.0) for side in _SIDES),
                   label["mask_rle"] or "") for label in statement.labels)  # fmt: skip
    return tuple(said), statement.empty_for
