"""Join what is said of equal pictures: frames with equal bytes, landed twice, speak of one picture.

Labels of one object are one, whichever side they come from. Labels that differ on one object are a conflict, and so is
a picture that one side calls empty and another gives objects: nobody knows who is right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.kinds import Kind
from assets.kinds.boxed_objects import stack_corners
from assets.kinds.kind import Statement
from assets.tables.rows import SIDES, LabelRow
from models.box_pairs import pair_close


def find_any_conflict(statements: Sequence[Statement], kind: Kind) -> str | None:
    """What any two of the statements on one picture contradict each other in."""
    # copies mostly say the same
    distinct = {_sign(statement, kind): statement for statement in statements}
    return next(
        filter(
            None,
            (kind.find_conflict(a, b) for a, b in combinations(distinct.values(), 2)),
        ),
        None,
    )


def join_statements(statements: Sequence[Statement], kind: Kind) -> Statement:
    """One statement for the picture: every object once, by the label that `_rank` puts first, with what only another
    copy has of it. In which order the statements come makes no difference.

    A statement that lacks an object counts for nothing where a whole one has all of its labels: it is an earlier, or a
    worse, export of the same work.
    """
    whole = [s for s in statements if s.is_whole]
    counting = whole + [
        s
        for s in statements
        if not s.is_whole and not any(_covers(w, s, kind) for w in whole)
    ]
    labels: list[LabelRow] = []
    for statement in sorted(counting, key=_order):
        labels = _add(labels, statement.labels, kind)
    labelled = {label["task"] for label in labels}
    gaps = [kind.find_gap(label) for label in labels]
    usable = [label for label, gap in zip(labels, gaps, strict=True) if gap is None]
    return Statement(
        labels=tuple(sorted(usable, key=lambda r: r["label_id"])),
        faults=(*(fault for s in counting for fault in s.faults), *filter(None, gaps)),
        num_missing=sum(s.num_missing for s in counting),
        has_ignored=any(s.has_ignored for s in counting),
        empty_for=frozenset().union(*(s.empty_for for s in counting)) - labelled,
        version_ids=frozenset().union(*(s.version_ids for s in counting)),
        is_interpolated=any(s.is_interpolated for s in counting),
    )


def _covers(whole: Statement, lacking: Statement, kind: Kind) -> bool:
    """Whether a whole statement has every label of one that lacks an object."""
    if not whole.labels:
        return False
    return len(_pair(whole.labels, lacking.labels, kind)) == len(lacking.labels)


def _add(
    labels: list[LabelRow], more: Sequence[LabelRow], kind: Kind
) -> list[LabelRow]:
    if not labels:  # of most pictures there is one statement
        return list(more)
    found = {b: a for a, b in _pair(labels, more, kind)}
    joined = list(labels)
    for b, a in found.items():
        kept, other = sorted((joined[a], more[b]), key=_rank)
        joined[a] = kind.complete(kept, other)
    return joined + [label for b, label in enumerate(more) if b not in found]


def _pair(
    labels: Sequence[LabelRow], others: Sequence[LabelRow], kind: Kind
) -> list[tuple[int, int]]:
    """Places of labels that are one object's."""
    return pair_close(*_describe(labels, kind), *_describe(others, kind))


def _describe(
    labels: Sequence[LabelRow], kind: Kind
) -> tuple[list[Hashable], NDArray[np.float64]]:
    """What labels of one object share, and boxes (N, 4), zeros where there is none."""
    return [kind.identify(label) for label in labels], stack_corners(labels)


def _rank(label: LabelRow) -> tuple[Any, ...]:
    """Which of two labels of one object stays: one whose box belongs to a mask, then the tighter box, then the one that
    lies further left, then up."""
    sides = [label[side] or 0.0 for side in SIDES]
    area = (sides[2] - sides[0]) * (sides[3] - sides[1])
    rest = label["mask_rle"] or "", label["attributes"] or "", label["label_id"]
    return label["mask_rle"] is None, area, *sides, *rest


def _order(statement: Statement) -> tuple[int, list[str]]:
    return -len(statement.labels), sorted(r["label_id"] for r in statement.labels)


def _sign(statement: Statement, kind: Kind) -> Hashable:
    """Equal for statements that say the same, whoever said it."""
    return frozenset(
        Counter(kind.sign(label) for label in statement.labels).items()
    ), statement.empty_for
