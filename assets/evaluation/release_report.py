"""One release as a page shows it: parts, classes, sessions, sensors, sizes, where its labels come from, what it left
out, what came with it, and which models learnt from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.captions import caption_released, name_sensor
from assets.choice import read_choice
from assets.comparison.release_page import tell_diff
from assets.comparison.releases import ReleaseDiff, diff_releases
from assets.evaluation.model_report import name_anchor
from assets.evaluation.slice_tables import METRIC_NAMES, format_figure
from assets.inference.predict import StoredImages
from assets.kinds import find_kind
from assets.previews.drawing import color_classes
from assets.previews.gallery import Picture, spread
from assets.previews.labelled import draw_labels, tell_labels
from assets.tables.catalog import Catalog, is_in
from assets.tables.class_list import PARTS, count_classes, count_parts
from assets.tables.releases import open_release
from assets.tables.rows import ModelRow, ReleaseRow
from models.metrics.detection import OBJECT_SIZES, name_object_size

NUM_PICTURES = 9
MAX_ROWS = 200  # sessions in the table
_WITH_ARTICLE = {"import": "an import", "interpolation": "interpolation"}


@dataclass(frozen=True)
class LearntModel:
    """A model that was trained on a release, with its leading figure there; None: it was not scored."""

    model_sha256: str
    recipe: str
    seed: int
    metric: str
    value: float | None


@dataclass(frozen=True)
class ReleaseReport:
    """One release. `frames` are its `release_frames`; `labels_of` counts labels by where they come from, `num_copies`
    near-duplicates of its sessions that were left out, `before` is what differs from the one before; None: the first.
    """

    row: ReleaseRow
    frames: pa.Table
    sizes: tuple[tuple[str, int], ...]  # of images in px, and frames of it
    labels_of: tuple[tuple[str, int], ...]
    num_frames_of_sessions: int
    num_copies: int
    models: tuple[LearntModel, ...]
    before: ReleaseDiff | None
    pictures: tuple[Picture, ...]

    @property
    def release_id(self) -> str:
        """That of its content."""
        return self.row["release_id"]


def read_release_report(catalog: Catalog, release_id: str) -> ReleaseReport:
    """Raises ValueError for a release that is gone or changed."""
    release = open_release(catalog, release_id)
    rows: list[ReleaseRow] = catalog.read_latest("releases").to_pylist()
    (row,) = (r for r in rows if r["release_id"] == release_id)
    ids = release.frames["frame_id"]
    facts = catalog.read_of(
        "frames", ["frame_id", "width_px", "height_px"], "frame_id", ids
    )
    sizes = Counter(
        f"{width} × {height}"
        for width, height in zip(
            facts["width_px"].to_pylist(), facts["height_px"].to_pylist(), strict=True
        )
    )
    of_sessions = is_in("session", row["sessions"])
    unique = catalog.read_latest("unique_frames", ["duplicate_of"], of_sessions)
    return ReleaseReport(
        row,
        release.frames,
        tuple(sizes.most_common()),
        tuple(count_origins(catalog, row, ids)),
        len(unique),
        len(unique) - unique["duplicate_of"].null_count,
        tuple(list_models(catalog, release_id)),
        _find_before(catalog, rows, row),
        tuple(_draw_some(catalog, row, release.frames)),
    )


def describe_release(release: ReleaseReport) -> dict[str, Any]:
    """What the template takes."""
    row, frames = release.row, release.frames
    classes = count_classes(row["class_names"], frames)
    totals = [sum(c.objects.values()) for c in classes]
    sessions = count_sessions(frames)
    return {
        "anchor": name_anchor(row["release_id"]),
        "of": release,
        "row": row,
        "chosen": read_choice(row["choice"]).summary,
        "weaknesses": row["weaknesses"] or [],
        "tiles": [
            ("frames", len(frames)),
            ("labels", row["num_labels"]),
            ("classes", len(row["class_names"])),
            ("sessions", len(row["sessions"])),
            ("near-duplicates left out", release.num_copies),
        ],
        "splits": PARTS,
        "frames": list(count_parts(frames).values()),
        "num_frames": len(frames),
        "classes": [
            (c.name, list(c.objects.values())) for c in classes if not c.is_empty
        ],
        "empty_classes": [c.name for c in classes if c.is_empty],
        "most": max([*totals, 1]),
        "sessions": sessions[:MAX_ROWS],
        "num_sessions": len(sessions),
        "sensors": [
            (name_sensor(sensor) or "no named sensor", count)
            for sensor, count in count_column(frames["sensor"])
        ],
        "object_sizes": _count_object_sizes(row["task"], frames),
        "diff": None if release.before is None else tell_diff(release.before),
        "before": release.before and release.before.first.release_id,
        "models": [
            (
                one.model_sha256[:16],
                one.recipe,
                one.seed,
                METRIC_NAMES.get(one.metric, one.metric),
                format_figure(one.value),
            )
            for one in release.models
        ],
    }


def count_column(column: pa.ChunkedArray) -> list[tuple[str, int]]:
    """Each value and how often it is there, the most frequent first."""
    counts = [(c["values"], c["counts"]) for c in column.value_counts().to_pylist()]
    return sorted(counts, key=lambda pair: (-pair[1], pair[0]))


def count_sessions(frames: pa.Table) -> list[tuple[str, list[int], list[str]]]:
    """Each session with its frames by part, and its sensors."""
    counts = frames.group_by(["session", "split"]).aggregate([([], "count_all")])
    parts: dict[str, dict[str, int]] = {}
    for row in counts.to_pylist():
        parts.setdefault(row["session"], {})[row["split"]] = row["count_all"]
    sensors: dict[str, list[str]] = {}
    for row in frames.group_by(["session", "sensor"]).aggregate([]).to_pylist():
        sensors.setdefault(row["session"], []).append(row["sensor"])
    return [
        (
            session,
            [parts[session].get(part, 0) for part in PARTS],
            sorted(sensors[session]),
        )
        for session in sorted(parts)
    ]


def _count_object_sizes(task: str, frames: pa.Table) -> list[tuple[str, list[int]]]:
    """COCO's sizes by part, of kinds whose objects have boxes."""
    if not find_kind(task).counts_answers:
        return []
    boxes = frames["boxes_xyxy"].combine_chunks()
    sides = np.asarray(boxes.flatten()).reshape(-1, 4)
    areas_px2 = (sides[:, 2] - sides[:, 0]) * (sides[:, 3] - sides[:, 1])
    places = pc.list_parent_indices(boxes).to_numpy()[::4]
    parts = frames["split"].combine_chunks().take(pa.array(places)).to_pylist()
    sizes = map(name_object_size, areas_px2.tolist())
    found = Counter(zip(sizes, parts, strict=True))
    return [(size, [found[size, part] for part in PARTS]) for size in OBJECT_SIZES]


def count_origins(
    catalog: Catalog, row: ReleaseRow, frame_ids: pa.ChunkedArray
) -> list[tuple[str, int]]:
    """Labels of its frames by where files say they are from, and versions of labels by who made them."""
    kind = find_kind(row["task"])
    labels = catalog.read_of("labels", ["task", "origin"], "frame_id", frame_ids)
    is_mine = pc.is_in(
        labels["task"], value_set=pa.array(kind.label_tasks, pa.string())
    )
    found = [
        (f"labels of files: {origin}", count)
        for origin, count in count_column(labels.filter(is_mine)["origin"])
    ]
    of_release = is_in("release_id", [row["release_id"]])
    taken = catalog.read_latest("release_labels", ["version_id"], of_release)
    versions = catalog.read_of(
        "label_versions", ["author_kind"], "version_id", taken["version_id"]
    )
    return found + [
        (f"versions of labels by {_WITH_ARTICLE.get(author, f'a {author}')}", count)
        for author, count in count_column(versions["author_kind"])
    ]


def list_models(catalog: Catalog, release_id: str) -> list[LearntModel]:
    """Every model that was trained on a release, the best first."""
    mine = is_in("release_id", [release_id])
    models: list[ModelRow] = catalog.read_latest("models", where=mine).to_pylist()
    scores = catalog.read_latest(
        "scores",
        ["model_sha256", "metric", "value"],
        f"{mine} AND slice_by = 'all' AND split = 'test'",
    ).to_pylist()
    value_of = {(r["model_sha256"], r["metric"]): r["value"] for r in scores}
    found = []
    for model in models:
        sha256, task = model["model_sha256"], model["task"]
        metric = find_kind(task).leading_metric or next(
            (m for s, m in value_of if s == sha256), ""
        )
        value = value_of.get((sha256, metric))
        found.append(LearntModel(sha256, model["recipe"], model["seed"], metric, value))
    return sorted(found, key=lambda one: -(one.value or 0.0))


def _find_before(
    catalog: Catalog, rows: Sequence[ReleaseRow], row: ReleaseRow
) -> ReleaseDiff | None:
    """What differs from the release of the task that was frozen before, as releases are stored one after the other."""
    mine = [r["release_id"] for r in rows if r["task"] == row["task"]]
    place = mine.index(row["release_id"])
    if not place:
        return None
    return diff_releases(catalog, mine[place - 1], row["release_id"])


def _draw_some(catalog: Catalog, row: ReleaseRow, frames: pa.Table) -> list[Picture]:
    """Frames of all sessions in turn, with their labels."""
    places = spread(frames["session"].to_pylist(), NUM_PICTURES)
    some = frames.take(places).to_pylist()
    images = StoredImages(catalog, row["frames_version"]).read(some)
    names = row["class_names"]
    colors = color_classes(names)
    return [
        Picture(
            draw_labels(one, images[one["frame_id"]], names, colors),
            tell_labels(one, names),
            f"{caption_released(one['session'], one['sensor'])} · {one['split']}",
        )
        for one in some
    ]
