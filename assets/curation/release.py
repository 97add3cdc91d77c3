"""Freeze a dataset: an immutable release whose id is the hash of its content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assets.choice import EVERYTHING, Choice
from assets.code_versions import version_of
from assets.curation.annotations import read_statements
from assets.curation.chosen import (
    choose_classes,
    choose_frames,
    list_reasons,
    require_classes,
)
from assets.curation.clusters import Sides
from assets.curation.pictures import choose_pictures, count_lost
from assets.curation.weaknesses import find_weaknesses
from assets.kinds import find_kind
from assets.tables.catalog import Catalog
from assets.tables.class_list import (
    ClassCount,
    count_classes,
    describe_release,
    draw_class_list,
)
from assets.tables.commits import pin
from assets.tables.releases import hash_content, summarise
from assets.tables.schemas import TABLES, content_id, to_table
from assets.tables.seals import seal_tables

_NO_TARGET: dict[str, Any] = {"class_id": None, "boxes_xyxy": [], "box_class_ids": []}


@dataclass(frozen=True)
class Draft:
    """A release before it is written. `excluded` counts what was left out, by reason."""

    row: dict[str, Any]
    frame_rows: list[dict[str, Any]]
    excluded: dict[str, int] = field(default_factory=dict)

    @property
    def num_empty(self) -> int:
        """Frames that show no object, in a release of a task that looks for objects."""
        counts_empty = find_kind(self.row["task"]).learns_absence
        return (
            sum(not r["box_class_ids"] for r in self.frame_rows) if counts_empty else 0
        )

    @property
    def summary(self) -> str:
        """What is in it, and what was labelled and is not, in one line."""
        row = self.row
        empty = (
            f", {self.num_empty} of them without an object" if self.num_empty else ""
        )
        lost = "; ".join(
            f"{reason}: {count}" for reason, count in count_lost(self.excluded).items()
        )
        counts = f"{row['num_frames']} frames{empty}, {row['num_labels']} labels"
        return f"{row['task']} dataset {row['release_id'][:16]}: {counts}{f'; left out: {lost}' if lost else ''}"

    @property
    def class_list(self) -> list[ClassCount]:
        """What it holds of each class."""
        return count_classes(self.row["class_names"], self.frame_rows)

    def list_lines(self, most_classes: int | None = None) -> list[str]:
        """What a person wants to know before a training starts on it: sizes, what it was chosen by, classes."""
        described = self.facts
        parts = described["parts"].items()
        frames = ", ".join(f"{part} {count:,}" for part, count in parts)
        return [
            self.summary,
            f"chosen: {described['chosen']}; frames: {frames}",
            *draw_class_list(self.class_list, most_classes),
        ]

    @property
    def facts(self) -> dict[str, Any]:
        """What it would be, as JSON has it: id, what it was chosen by, classes, parts, what is left out, weaknesses."""
        return {
            "task": self.row["task"],
            "release_id": self.row["release_id"],
            **describe_release(self.row, self.frame_rows),
            "excluded": dict(self.excluded),
        }


def draft_release(
    catalog: Catalog,
    task: str,
    choice: Choice = EVERYTHING,
    sides: Sides | None = None,
) -> Draft:
    """Collect the published, split frames of a task that `choose_pictures` takes: labelled ones, and those that
    somebody found empty; of pretraining all. Frames with equal bytes are one picture with the labels of all.

    `sides` None: as the tables have them. Raises ValueError, with the remedy, when there is nothing to release, and for
    a choice that cannot be made.
    """
    kind = find_kind(task)
    frames = choose_frames(catalog, choice)
    sides = sides or _read_sides(catalog)
    statements = read_statements(catalog, task, frames)
    if kind.needs_labels and not any(s.labels or s.faults for s in statements.values()):
        of = "" if choice.is_everything else f" among {choice.summary}"
        raise ValueError(
            f"no published {task} labels{of}: ingest labelled captures, or see `daguerre query` on publications"
        )
    if not sides.split_of:
        raise ValueError(
            "no published splits: materialise curation/splits, or let `daguerre train` make them"
        )
    classes = choose_classes(kind, choice, frames, statements)
    pictures, excluded = choose_pictures(
        kind, frames, statements, sides.split_of, sides.cluster_of, classes
    )
    if not pictures or (
        kind.needs_labels and not any(picture.said.labels for picture in pictures)
    ):
        remedy = f"; {kind.remedy}" if kind.remedy else ""
        raise ValueError(
            f"no frame is left for a release of {task}: {list_reasons(excluded)}{remedy}"
        )
    class_names = sorted(
        {label["class_name"] for picture in pictures for label in picture.said.labels}
    )
    require_classes(choice, class_names, excluded)
    frame_rows = []
    for picture in pictures:
        frame = frames[picture.frame_id]
        labels = picture.said.labels
        class_ids = [class_names.index(label["class_name"]) for label in labels]
        target = _NO_TARGET | kind.make_target(labels, class_ids, frame)
        frame_rows.append(
            {
                "frame_id": frame["frame_id"],
                "capture_id": frame["capture_id"],
                "session": frame["session"],
                "sensor": frame["sensor"],
                "sha256": frame["sha256"],
                "split": sides.split_of[picture.frame_id],
                **target,
            }
        )
    return _seal(catalog, task, class_names, frame_rows, excluded, choice)


def write_release(catalog: Catalog, draft: Draft) -> str:
    """Store the release, frames first, pin its frames, and seal all tables. Writing it again changes nothing."""
    release_id = draft.row["release_id"]
    dataset = catalog.dataset("frames")
    tag = f"release-{release_id}"
    pin(dataset, tag, draft.row["frames_version"])
    catalog.merge(
        "release_frames", to_table(TABLES["release_frames"], draft.frame_rows)
    )
    catalog.merge("releases", to_table(TABLES["releases"], [draft.row]))
    seal_tables(catalog)
    return str(release_id)


def _read_sides(catalog: Catalog) -> Sides:
    splits = catalog.read("splits", ["frame_id", "split"]).to_pylist()
    clusters = catalog.read("unique_frames", ["frame_id", "cluster_id"]).to_pylist()
    return Sides(
        {r["frame_id"]: r["split"] for r in splits},
        {r["frame_id"]: r["cluster_id"] for r in clusters},
    )


def _seal(
    catalog: Catalog,
    task: str,
    class_names: list[str],
    rows: list[dict[str, Any]],
    excluded: Mapping[str, int],
    choice: Choice,
) -> Draft:
    content = hash_content(task, class_names, rows, choice.text)
    release_id = content[:32]
    for row in rows:
        row |= {
            "release_id": release_id,
            "row_id": content_id("release_frame", release_id, row["frame_id"]),
        }
    version = catalog.published_version("frames")
    assert version is not None, "frames were read as published"
    release = {
        "release_id": release_id,
        "task": task,
        "class_names": class_names,
        "content_sha256": content,
        "frames_version": version,
        "code_version": version_of("releases"),
        "choice": choice.text,
        "weaknesses": find_weaknesses(catalog, task, class_names, rows, choice),
        **summarise(task, rows),
    }
    return Draft(release, rows, dict(excluded))
