"""Read what an exam found of each frame and object, and make the figures of any choice of frames from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assets.tables.catalog import Catalog, is_in, repr_sql
from assets.tables.rows import FrameScoreRow, ObjectScoreRow
from models.known_tasks import dataset_of
from models.task_names import KEYPOINTS

if TYPE_CHECKING:
    from models.metrics.frame_parts import BoxParts, ClassParts, MapParts
    from models.metrics.resampling import Interval, Weights

# of the names of average precisions, where it is not boxes or masks that overlap
_PREFIXES = {KEYPOINTS: "oks_"}


@dataclass(frozen=True)
class FrameScores:
    """One exam of one model on one split of one release: N frames, sorted by frame id.

    Two models that sat the same exam have the same frames at the same places.
    """

    task: str
    model_sha256: str
    release_id: str
    split: str
    class_names: tuple[str, ...]
    frame_ids: tuple[str, ...]
    group_ids: tuple[str, ...]  # what splits keep together: drawn as one
    capture_ids: tuple[str, ...]
    sessions: tuple[str, ...]
    sensors: tuple[str, ...]
    values: NDArray[
        np.float64
    ]  # (N,) the frame's own score in [0, 1]; NaN: nothing to judge
    parts: ClassParts | BoxParts | MapParts

    def __len__(self) -> int:
        return len(self.frame_ids)

    def take(self, places: Sequence[int]) -> FrameScores:
        """The frames at these places, in that order."""
        return replace(
            self,
            frame_ids=tuple(self.frame_ids[p] for p in places),
            group_ids=tuple(self.group_ids[p] for p in places),
            capture_ids=tuple(self.capture_ids[p] for p in places),
            sessions=tuple(self.sessions[p] for p in places),
            sensors=tuple(self.sensors[p] for p in places),
            values=self.values[list(places)],
            parts=self.parts.take(places),
        )

    def take_classes(self, class_ids: Sequence[int]) -> FrameScores:
        """Some classes: the frames that show them where a frame shows one, else all with their objects or pixels.

        The leading metric of one class alone is its recall, its ap50 or its IoU.
        """
        from models.metrics.frame_parts import ClassParts, MapParts

        if isinstance(self.parts, ClassParts):
            shows = np.isin(self.parts.true_ids, class_ids)
            return self.take(np.flatnonzero(shows).tolist())
        kept = replace(self, parts=self.parts.take_classes(class_ids))
        if isinstance(self.parts, MapParts):
            names = tuple(self.class_names[class_id] for class_id in class_ids)
            return replace(kept, class_names=names)
        return kept

    def figures(self) -> dict[str, float | None]:
        """The totals over all frames by metric, as `scores` has them; None where nothing of it shows."""
        return self.parts.figures()

    def weigh(self, weights: Weights) -> NDArray[np.float64]:
        """(R,) the leading metric where frame n counts weights[r, n] times: for a bootstrap, paired or not."""
        return self.parts.weigh(weights)

    def find_interval(self) -> Interval | None:
        """Of the leading metric, by drawing groups; None for too few groups to tell."""
        from models.metrics.resampling import find_interval

        return find_interval(self.weigh, self.group_ids)


def read_frame_scores(
    catalog: Catalog, model_sha256: str, release_id: str, split: str = "test"
) -> FrameScores | None:
    """What the exam of a model on a release stored; None where it sat none, or one that stores no frames."""
    rows: list[FrameScoreRow] = sorted(
        catalog.read_latest(
            "frame_scores", where=_of_exam(model_sha256, release_id, split)
        ).to_pylist(),
        key=lambda row: row["frame_id"],
    )
    if not rows:
        return None
    releases = is_in("release_id", [release_id])
    found = catalog.read_latest("releases", ["class_names"], releases).to_pylist()
    if not found:
        raise ValueError(
            f"release {release_id} is gone, and its frames' scores rest on its classes: restore it from a backup"
        )
    return collect_scores(rows, found[0]["class_names"])


def collect_scores(
    rows: Sequence[FrameScoreRow], class_names: Sequence[str]
) -> FrameScores:
    """Rows of one exam, in their order. Raises ValueError for rows that hold nothing totals are made of."""
    first = rows[0]
    names = tuple(class_names)
    return FrameScores(
        first["task"],
        first["model_sha256"],
        first["release_id"],
        first["split"],
        names,
        tuple(row["frame_id"] for row in rows),
        tuple(row["group_id"] for row in rows),
        tuple(row["capture_id"] for row in rows),
        tuple(row["session"] for row in rows),
        tuple(row["sensor"] for row in rows),
        np.array(
            [np.nan if row["value"] is None else row["value"] for row in rows],
            np.float64,
        ),
        restore_parts(rows, names),
    )


def read_object_scores(
    catalog: Catalog, model_sha256: str, release_id: str, split: str = "test"
) -> list[ObjectScoreRow]:
    """The objects of that exam and the answers that hit none, by frame and place."""
    rows: list[ObjectScoreRow] = catalog.read_latest(
        "object_scores", where=_of_exam(model_sha256, release_id, split)
    ).to_pylist()
    return sorted(
        rows, key=lambda row: (row["frame_id"], not row["is_object"], row["place"])
    )


def restore_parts(
    rows: Sequence[FrameScoreRow], class_names: Sequence[str]
) -> ClassParts | BoxParts | MapParts:
    """The parts that rows of one exam hold, in their order. Raises ValueError for rows that hold none."""
    first = rows[0]
    if first["object_class_ids"] is not None:
        return _restore_boxes(rows, len(class_names))
    if first["class_hits_px"] is not None:
        return _restore_maps(rows, len(class_names))
    if first["true_class"] is not None:
        return _restore_classes(rows, class_names)
    raise ValueError(
        f"frame {first['frame_id']} has a score of {first['task']} and nothing that totals are made of: score again"
    )


def _restore_classes(
    rows: Sequence[FrameScoreRow], class_names: Sequence[str]
) -> ClassParts:
    from models.metrics.frame_parts import ClassParts

    id_of: dict[str | None, int] = {name: n for n, name in enumerate(class_names)}
    return ClassParts(
        len(class_names),
        np.array([id_of[row["true_class"]] for row in rows], np.int64),
        np.array([id_of[row["found_class"]] for row in rows], np.int64),
        np.array([row["confidence"] for row in rows], np.float64),
        np.array([row["log_loss"] for row in rows], np.float64),
    )


def _restore_boxes(rows: Sequence[FrameScoreRow], num_classes: int) -> BoxParts:
    from models.metrics.frame_parts import BoxParts

    places = np.arange(len(rows))
    objects = [row["object_class_ids"] or [] for row in rows]
    found = [row["found_class_ids"] or [] for row in rows]
    return BoxParts(
        num_classes,
        len(rows),
        np.repeat(places, [len(ids) for ids in objects]),
        np.array([i for ids in objects for i in ids], np.int64),
        np.repeat(places, [len(ids) for ids in found]),
        np.array([i for ids in found for i in ids], np.int64),
        np.array([s for row in rows for s in row["found_scores"] or []], np.float64),
        np.array([h for row in rows for h in row["found_hits"] or []], np.int64),
        rows[0]["operating_score"],
        _PREFIXES.get(dataset_of(rows[0]["task"]), ""),
    )


def _restore_maps(rows: Sequence[FrameScoreRow], num_classes: int) -> MapParts:
    from models.metrics.frame_parts import MapParts

    return MapParts(
        num_classes,
        np.array([row["class_hits_px"] for row in rows], np.int64),
        np.array([row["class_truth_px"] for row in rows], np.int64),
        np.array([row["class_found_px"] for row in rows], np.int64),
        np.array([row["boundary_hits_px"] for row in rows], np.int64),
        np.array([row["boundary_union_px"] for row in rows], np.int64),
        np.array([row["found_scores"] for row in rows], np.float64),
    )


def _of_exam(model_sha256: str, release_id: str, split: str) -> str:
    models, releases = (
        is_in("model_sha256", [model_sha256]),
        is_in("release_id", [release_id]),
    )
    return f"{models} AND {releases} AND split = {repr_sql(split)}"
