"""How far two people agree who answered the same frames, each by themselves: kappa of classes, IoU of boxes and masks.

Compared is the last answer of each that is one of their own: a correction of what another said is no second opinion.
Objects are paired by what they overlap, whatever their class, so that another class for one object counts as that. An
object that only one of the two marked counts as a class against none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.label_versions import to_rows
from assets.tables.catalog import Catalog, repr_sql
from assets.tables.incremental import Refreshed, replace_rows
from assets.tables.rows import SIDES, LabelRow, LabelVersionRow
from assets.tables.schemas import TABLES, content_id, to_table
from assets.tables.seals import seal_tables
from models.box_pairs import SAME_OBJECT_IOU
from models.masks import decode_counts
from models.metrics.agreement import measure_kappa
from models.metrics.matching import measure_ious

_NOTHING = None  # what somebody says of an object that they did not mark


@dataclass
class Tally:
    """What two people said of the same objects of N frames, side by side."""

    classes: list[tuple[str | None, str | None]] = field(default_factory=list)
    box_ious: list[float] = field(default_factory=list)
    mask_ious: list[float] = field(default_factory=list)
    num_frames: int = 0

    @property
    def num_alone(self) -> int:
        """Objects that only one of them marked."""
        return sum(_NOTHING in pair for pair in self.classes)


def update_agreements(catalog: Catalog) -> Refreshed:
    """Bring `label_agreements` up to date with what is stored: a row a task, a guideline and two people."""
    versions: list[LabelVersionRow] = catalog.read_latest(
        "label_versions", where="author_kind = 'person'"
    ).to_pylist()
    rows = to_table(TABLES["label_agreements"], measure_agreements(versions))
    done = replace_rows(catalog, "label_agreements", rows, len(rows))
    seal_tables(catalog, ["label_agreements"])
    return done


def list_agreements(catalog: Catalog, task: str) -> list[dict[str, Any]]:
    """The stored rows of a task."""
    where = f"task = {repr_sql(task)}"
    rows: list[dict[str, Any]] = catalog.read_latest(
        "label_agreements", where=where
    ).to_pylist()
    return rows


def measure_agreements(versions: Iterable[LabelVersionRow]) -> list[dict[str, Any]]:
    """Rows of `label_agreements`."""
    tallies: dict[tuple[str, str, str, str | None], Tally] = defaultdict(Tally)
    for one, other in _list_pairs(versions):
        guideline = one["guideline_id"]
        # of two guidelines nobody knows which the difference comes from
        if guideline == other["guideline_id"]:
            key = one["task"], one["author"], other["author"], guideline
            _compare(tallies[key], one, other)
    return [
        {
            "agreement_id": content_id("agreement", task, author, other, guideline),
            "task": task,
            "author": author,
            "other_author": other,
            "guideline_id": guideline,
            "num_frames": tally.num_frames,
            "num_paired": len(tally.classes) - tally.num_alone,
            "num_alone": tally.num_alone,
            "kappa": measure_kappa(*_unzip(tally.classes)),
            "box_iou": _mean(tally.box_ious),
            "mask_iou": _mean(tally.mask_ious),
        }
        for (task, author, other, guideline), tally in sorted(
            tallies.items(), key=lambda item: tuple(map(str, item[0]))
        )
    ]


def pair_objects(
    labels: Sequence[LabelRow], others: Sequence[LabelRow]
) -> list[tuple[int | None, int | None]]:
    """Places of labels that are one object's, the best overlap first, at an IoU of 0.5 or more, each in one pair; then
    those without a partner. Labels without a box are one object's where their class is one."""
    ious = measure_ious(_stack(labels), _stack(others))
    is_bare = np.isnan(ious)
    same = [[a["class_name"] == b["class_name"] for b in others] for a in labels]
    is_same = np.array(same, bool).reshape(ious.shape)
    ious = np.where(is_bare, np.where(is_same & is_bare, 1.0, 0.0), ious)
    # of equal overlaps those of one class come first
    order = np.lexsort((~is_same.ravel(), -ious.ravel()))
    pairs: list[tuple[int | None, int | None]] = []
    free, free_others = set(range(len(labels))), set(range(len(others)))
    for place in order.tolist():
        a, b = divmod(place, max(len(others), 1))
        if ious[a, b] >= SAME_OBJECT_IOU and a in free and b in free_others:
            pairs.append((a, b))
            free.discard(a)
            free_others.discard(b)
    return [
        *pairs,
        *((a, None) for a in sorted(free)),
        *((None, b) for b in sorted(free_others)),
    ]


def measure_mask_iou(mask_rle: str, other_rle: str) -> float:
    """The overlap of two masks of one image. Raises ValueError for texts that are no run lengths, or of two sizes."""
    mask, other = (_flatten(text) for text in (mask_rle, other_rle))
    if len(mask) != len(other):
        raise ValueError(
            f"masks of {len(mask)} and {len(other)} px: give two of one image"
        )
    union = int((mask | other).sum())
    return int((mask & other).sum()) / union if union else 1.0


def _list_pairs(
    versions: Iterable[LabelVersionRow],
) -> Iterator[tuple[LabelVersionRow, LabelVersionRow]]:
    """Two people's own last answers on the same bytes, the people by the alphabet."""
    by_subject: dict[tuple[str, str, str], dict[str, LabelVersionRow]] = defaultdict(
        dict
    )
    for version in sorted(versions, key=lambda v: v["number"]):
        if version["act"] == "answer":
            subject = version["frame_id"], version["task"], version["frame_sha256"]
            by_subject[subject][version["author"]] = version
    for _, found in sorted(by_subject.items()):
        yield from combinations([found[author] for author in sorted(found)], 2)


def _compare(tally: Tally, one: LabelVersionRow, other: LabelVersionRow) -> None:
    labels, others = to_rows(one)[0], to_rows(other)[0]
    tally.num_frames += 1
    if one["task"] == "recognition":
        # what they call the picture, in place of objects
        tally.classes.append((_name_all(labels), _name_all(others)))
        return
    for a, b in pair_objects(labels, others):
        mine = None if a is None else labels[a]
        theirs = None if b is None else others[b]
        tally.classes.append(
            (mine and mine["class_name"], theirs and theirs["class_name"])
        )
        if mine and theirs:
            _measure(tally, mine, theirs)


def _measure(tally: Tally, mine: LabelRow, theirs: LabelRow) -> None:
    if mine["x_min"] is not None and theirs["x_min"] is not None:
        tally.box_ious.append(
            float(measure_ious(_stack([mine]), _stack([theirs]))[0, 0])
        )
    if mine["mask_rle"] is not None and theirs["mask_rle"] is not None:
        tally.mask_ious.append(measure_mask_iou(mine["mask_rle"], theirs["mask_rle"]))


def _name_all(labels: Sequence[LabelRow]) -> str | None:
    return ", ".join(sorted({x["class_name"] for x in labels})) or _NOTHING


def _stack(labels: Sequence[LabelRow]) -> NDArray[np.float64]:
    """Boxes (N, 4), NaN where there is none."""
    sides = [
        [np.nan if x[s] is None else float(x[s] or 0) for s in SIDES] for x in labels
    ]
    return np.array(sides, np.float64).reshape(-1, 4)


def _flatten(mask_rle: str) -> NDArray[np.bool_]:
    counts = decode_counts(mask_rle)
    return np.repeat(np.arange(len(counts)) % 2 == 1, counts)


def _unzip(
    pairs: Sequence[tuple[str | None, str | None]],
) -> tuple[list[str | None], list[str | None]]:
    return [a for a, _ in pairs], [b for _, b in pairs]


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
