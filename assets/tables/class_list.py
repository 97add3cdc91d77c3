"""What a release holds of each class in each part: objects, and the pictures that show one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from assets.choice import read_choice
from assets.foreign_text import for_line
from assets.tables.releases import tabulate_classes

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class ClassCount:
    """One class of a release, by part."""

    name: str
    objects: dict[str, int]
    pictures: dict[str, int]

    @property
    def is_empty(self) -> bool:
        """Whether no part has an object of it."""
        return not any(self.objects.values())


def count_classes(class_names: Sequence[str], frames: pa.Table) -> list[ClassCount]:
    """The classes in the order of their ids, from the `release_frames` of one release."""
    labels = tabulate_classes(frames).group_by(["class_id", "split"])
    counts = labels.aggregate([([], "count_all"), ("place", "count_distinct")])
    objects: dict[tuple[int, str], int] = {}
    pictures: dict[tuple[int, str], int] = {}
    for row in counts.to_pylist():
        of = row["class_id"], row["split"]
        objects[of] = row["count_all"]
        pictures[of] = row["place_count_distinct"]
    return [
        ClassCount(
            name,
            {part: objects.get((c, part), 0) for part in PARTS},
            {part: pictures.get((c, part), 0) for part in PARTS},
        )
        for c, name in enumerate(class_names)
    ]


def count_parts(frames: pa.Table) -> dict[str, int]:
    """Frames by part."""
    found = {
        c["values"]: c["counts"] for c in frames["split"].value_counts().to_pylist()
    }
    return {part: found.get(part, 0) for part in PARTS}


def describe_release(release: Mapping[str, Any], frames: pa.Table) -> dict[str, Any]:
    """What a release is made of, as JSON has it, from its row and its `release_frames`."""
    return {
        "chosen": read_choice(release["choice"]).summary,
        "parts": count_parts(frames),
        "classes": [
            asdict(count) for count in count_classes(release["class_names"], frames)
        ],
        "warnings": list(release["weaknesses"] or ()),
    }


def draw_class_list(counts: Sequence[ClassCount], most: int | None = None) -> list[str]:
    """A line of titles and one a class, for a terminal; of more than `most` the first, and how many are left.

    Classes without an object are one line below it.
    """
    titles = [
        "class",
        "objects: train",
        "val",
        "test",
        "pictures: train",
        "val",
        "test",
    ]
    held = [count for count in counts if not count.is_empty]
    empty = [for_line(count.name) for count in counts if count.is_empty]
    shown = held[:most]
    rows = [titles, *(_list_cells(count) for count in shown)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(n) for cell, n in zip(row[1:], widths[1:], strict=True)]
        )
        for row in rows
    ]
    left = len(held) - len(shown)
    lines += [f"... and {left} classes more"] * bool(left)
    named = f"without an object, {len(empty)}: {', '.join(empty[:most])}"
    more = f", and {len(empty) - most} more" if most and len(empty) > most else ""
    return [*lines, *[f"{named}{more}"] * bool(empty)]


def _list_cells(count: ClassCount) -> list[str]:
    figures = [*count.objects.values(), *count.pictures.values()]
    return [for_line(count.name), *(f"{figure:,}" for figure in figures)]
