"""What a release holds of each class in each part: objects, and the pictures that show one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from assets.choice import read_choice
from assets.foreign_text import for_line
from assets.tables.releases import list_class_ids

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


def count_classes(
    class_names: Sequence[str], frame_rows: Sequence[Mapping[str, Any]]
) -> list[ClassCount]:
    """The classes in the order of their ids, from `release_frames` rows of one release."""
    objects = Counter[tuple[int, str]]()
    pictures = Counter[tuple[int, str]]()
    for row in frame_rows:
        class_ids = list_class_ids(row)
        objects.update((class_id, row["split"]) for class_id in class_ids)
        pictures.update((class_id, row["split"]) for class_id in set(class_ids))
    return [
        ClassCount(
            name,
            {part: objects[c, part] for part in PARTS},
            {part: pictures[c, part] for part in PARTS},
        )
        for c, name in enumerate(class_names)
    ]


def count_parts(frame_rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Frames by part."""
    found = Counter(row["split"] for row in frame_rows)
    return {part: found[part] for part in PARTS}


def describe_release(
    release: Mapping[str, Any], frame_rows: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What a release is made of, as JSON has it, from its row and its `release_frames`."""
    return {
        "chosen": read_choice(release["choice"]).summary,
        "parts": count_parts(frame_rows),
        "classes": [
            asdict(count) for count in count_classes(release["class_names"], frame_rows)
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
