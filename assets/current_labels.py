"""What is said of frames now, of all that label files and versions say: by whose word counts.

Read are the newest rows, checked or not, for people who look and correct. Releases join what is left more closely
(`assets/curation/annotations.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.label_versions import (
    find_stale,
    list_counting,
    read_versions,
    to_rows,
)
from assets.speakers import choose_speakers, hear
from assets.tables.catalog import Catalog
from assets.tables.rows import (
    SIDES,
    AnnotatedFrameRow,
    FrameRow,
    LabelRow,
    LabelVersionRow,
)
from models.task_names import SEGMENTATION, TASK_NAMES


@dataclass(frozen=True)
class Said:
    """What is said of one frame for one task. `versions` are all that there are, replaced ones too."""

    labels: tuple[LabelRow, ...] = ()
    looked_at: tuple[AnnotatedFrameRow, ...] = ()
    versions: tuple[LabelVersionRow, ...] = ()
    is_interpolated: bool = False  # nobody looked at the frame itself

    @property
    def head(self) -> int:
        """The highest number of a version; 0 where there is none."""
        return max((v["number"] for v in self.versions), default=0)

    @property
    def num_missing(self) -> int:
        """Objects that somebody marked and that are no labels."""
        return sum(row["num_missing"] for row in self.looked_at)

    @property
    def num_ignored(self) -> int:
        """Regions that stand for no single object."""
        return sum(row["num_ignored"] for row in self.looked_at)


def read_said(
    catalog: Catalog, frames: Sequence[FrameRow]
) -> dict[tuple[str, str], Said]:
    """What is said of these frames, by (frame id, task); nothing of those that nobody speaks of.

    `frames` have their id, capture and sha256.
    """
    ids = [frame["frame_id"] for frame in frames]
    labels = _group(catalog.read_of("labels", None, "frame_id", ids).to_pylist())
    looked_at = _group(
        catalog.read_of("annotated_frames", None, "frame_id", ids).to_pylist()
    )
    stored = read_versions(catalog, ids)
    stale = find_stale(catalog, stored)
    versions = _group(stored)
    found = {}
    for frame in frames:
        for task in TASK_NAMES:
            key = frame["frame_id"], task
            rows = labels.get(key, ()), looked_at.get(key, ()), versions.get(key, ())
            if any(rows):
                found[key] = _choose(frame, *rows, stale)
    return found


def _choose(
    frame: FrameRow,
    labels: Sequence[LabelRow],
    looked_at: Sequence[AnnotatedFrameRow],
    versions: Sequence[LabelVersionRow],
    stale: frozenset[str],
) -> Said:
    sha256_of = {frame["frame_id"]: frame["sha256"]}
    counting = list_counting(versions, sha256_of, stale)
    heard = hear(frame["capture_id"], labels, looked_at, counting)
    rows = (*heard.labels, *heard.looked_at)
    speakers = choose_speakers(frame["capture_id"], (r["capture_id"] for r in rows))
    said = [to_rows(version) for version in heard.versions]
    mine = [
        [label for label in heard.labels if label["capture_id"] == speaker]
        for speaker in speakers
    ]
    mine += [list(found) for found, _ in said]
    seen = [row for row in heard.looked_at if row["capture_id"] in speakers]
    return Said(
        tuple(_join(mine)),
        (*seen, *(row for _, row in said)),
        tuple(versions),
        any(v["author_kind"] == "interpolation" for v in heard.versions),
    )


def _join(statements: Sequence[Sequence[LabelRow]]) -> list[LabelRow]:
    """Labels that several state are one; of equal ones in one statement each stands for an object."""
    joined: dict[tuple[object, ...], list[LabelRow]] = {}
    for labels in statements:
        alike: dict[tuple[object, ...], list[LabelRow]] = defaultdict(list)
        for label in sorted(labels, key=lambda row: row["label_id"]):
            alike[_name(label)].append(label)
        for name, found in alike.items():
            joined[name] = max(joined.get(name, []), found, key=len)
    return sorted(
        (label for found in joined.values() for label in found),
        key=lambda row: row["label_id"],
    )


def _name(label: LabelRow) -> tuple[object, ...]:
    """What makes two labels of a frame equal."""
    mask = label["mask_rle"] if label["task"] == SEGMENTATION else None
    return (label["class_name"], *(label[side] for side in SIDES), mask)


def _group(rows: Sequence[Any]) -> Mapping[tuple[str, str], list[Any]]:
    found: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for row in rows:
        found[row["frame_id"], row["task"]].append(row)
    return found
