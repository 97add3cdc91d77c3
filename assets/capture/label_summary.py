"""How many labels the pictures of a session have, how many have none, and what was left out: for people to look at.

A picture without an object that somebody looked at is empty; one that nobody looked at may hold anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from assets.causes import AND_ALIKE, group_by_cause
from assets.tables.catalog import Catalog, session_is
from assets.wording import name_many

_MOST_CLASSES = 8


@dataclass(frozen=True)
class TaskLabels:
    """The labels of one task in one session."""

    task: str
    num_labels: int
    num_pictures: int  # colour frames of the session, and others that it speaks of
    num_labelled: int  # pictures with a label
    num_empty: int  # pictures that were looked at and hold nothing
    num_unseen: int  # pictures that nobody looked at for this task
    num_missing: int  # marked objects that are no labels
    num_ignored: int  # marked regions that stand for no single object
    fewest: int  # labels on a picture that has any
    median: float
    most: int
    # name and number of labels, the most frequent first
    classes: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        """One line for a terminal."""
        parts = [
            f"{self.task}: {self.num_labels:,} {name_many(self.num_labels, 'label')} on {self.num_labelled:,} of "
            f"{self.num_pictures:,} {name_many(self.num_pictures, 'picture')}"
        ]
        if self.num_labelled:
            parts.append(self._tell_spread())
        pictures = "picture" if self.num_empty == 1 else "pictures"
        parts += [f"{self.num_empty:,} {pictures} looked at and empty"] * bool(
            self.num_empty
        )
        parts += [f"{self.num_unseen:,} that nobody looked at"] * bool(self.num_unseen)
        parts += [f"{self.num_missing:,} marked objects are no labels"] * bool(
            self.num_missing
        )
        parts += [f"{self.num_ignored:,} regions ignored"] * bool(self.num_ignored)
        shown = [f"{name} {count:,}" for name, count in self.classes[:_MOST_CLASSES]]
        more = (
            f", and {len(self.classes) - len(shown)} more"
            if len(self.classes) > len(shown)
            else ""
        )
        parts += [f"classes: {', '.join(shown)}{more}"] * bool(shown)
        return "; ".join(parts)

    def _tell_spread(self) -> str:
        if self.fewest == self.most:
            return f"{self.fewest} a picture"
        return f"{self.fewest} to {self.most} a picture, median {self.median:g}"

    @property
    def row(self) -> dict[str, object]:
        """The same as a row of a table."""
        shown = (
            "labels",
            "pictures",
            "labelled",
            "empty",
            "unseen",
            "missing",
            "ignored",
        )
        classes = ", ".join(
            f"{name} {count}" for name, count in self.classes[:_MOST_CLASSES]
        )
        counts = {name: getattr(self, f"num_{name}") for name in shown}
        return {
            "task": self.task,
            **counts,
            "median a picture": self.median,
            "classes": classes,
        }


@dataclass(frozen=True)
class LabelSummary:
    """All tasks of a session, and why records were left out, the most frequent reason first."""

    tasks: tuple[TaskLabels, ...]
    left_out: tuple[tuple[str, int], ...]


def summarise_labels(catalog: Catalog, session: str) -> LabelSummary:
    """What the tables hold of a session, checked or not."""
    import numpy as np

    where = session_is(session)
    pictures = set(
        catalog.read_latest("frames", ["frame_id"], f"{where} AND kind = 'color'")[
            "frame_id"
        ].to_pylist()
    )
    labels = catalog.read_latest(
        "labels", ["frame_id", "task", "class_name"], where
    ).to_pylist()
    columns = ["frame_id", "task", "num_labels", "num_missing", "num_ignored"]
    looked = catalog.read_latest("annotated_frames", columns, where).to_pylist()
    # labels may be of frames of other sessions
    pictures |= {row["frame_id"] for row in (*labels, *looked)}
    found = []
    for task in sorted({row["task"] for row in (*labels, *looked)}):
        mine = [row for row in labels if row["task"] == task]
        seen = [row for row in looked if row["task"] == task]
        counts = Counter(row["frame_id"] for row in mine)
        full = {
            row["frame_id"] for row in seen if row["num_missing"] or row["num_ignored"]
        } | counts.keys()
        seen_ids = {row["frame_id"] for row in seen} | counts.keys()
        numbers = list(counts.values())
        found.append(
            TaskLabels(
                task,
                len(mine),
                len(pictures),
                len(counts),
                len(seen_ids - full),
                len(pictures - seen_ids),
                sum(row["num_missing"] for row in seen),
                sum(row["num_ignored"] for row in seen),
                min(numbers, default=0),
                float(np.median(numbers)) if numbers else 0.0,
                max(numbers, default=0),
                tuple(Counter(row["class_name"] for row in mine).most_common()),
            )
        )
    return LabelSummary(tuple(found), tuple(_count_reasons(catalog, where)))


def describe_labels(
    summary: LabelSummary, told: Collection[str] = (), most: int = 5
) -> list[str]:
    """Lines for a terminal, but for what is said of the files that are `told` by themselves."""
    of_told = tuple(f"{path}: " for path in told)
    left_out = [item for item in summary.left_out if not item[0].startswith(of_told)]
    lines = [f"  labels, {task}" for task in summary.tasks]
    lines += [f"  left out, {count} x {reason}" for reason, count in left_out[:most]]
    more = len(left_out) - most
    return [
        *lines,
        *([f"  ... and {more} more reasons: daguerre quarantine list"] * (more > 0)),
    ]


def _count_reasons(catalog: Catalog, where: str) -> Sequence[tuple[str, int]]:
    """One reason of each cause, and how many there are."""
    columns = ["reason", "source_path"]
    rows = catalog.read_latest("quarantine", columns, where).to_pylist()
    counted = [
        (
            f"{mine[0]['source_path']}: {mine[0]['reason']}"
            + AND_ALIKE * (len(mine) > 1),
            len(mine),
        )
        for mine in group_by_cause(rows, lambda row: (row["reason"],))
    ]
    return sorted(counted, key=lambda item: (-item[1], item[0]))
