"""What an exam stores beside its answers: scores over all and by slice, and of each frame and object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assets.evaluation.distances import add_distances
from assets.evaluation.regions import discover, mark_regions
from assets.evaluation.score import name_maker
from assets.evaluation.slices import (
    add_intervals,
    cut_frames,
    cut_objects,
    read_rules,
    score_objects,
)
from assets.kinds.judging.pairs import Slices, Subject
from assets.kinds.kind import Kind
from assets.tables.catalog import Catalog, is_in
from assets.tables.frame_scores import FrameScores, collect_scores
from assets.tables.rows import FrameScoreRow, ObjectScoreRow, ScoreRow
from assets.tables.schemas import TABLES, to_table


@dataclass(frozen=True)
class ExamRows:
    """Of one model on the test part of one release; an exam that knows of no frames has scores alone."""

    model_sha256: str
    release_id: str
    scores: list[ScoreRow]
    frames: list[FrameScoreRow]
    objects: list[ObjectScoreRow]

    def write(self, catalog: Catalog) -> None:
        """Store them; those of an exam sat before are replaced."""
        for table, rows in (
            ("scores", self.scores),
            ("frame_scores", self.frames),
            ("object_scores", self.objects),
        ):
            if rows:
                catalog.upsert(table, to_table(TABLES[table], rows))
        self._drop_stale_objects(catalog)

    def _drop_stale_objects(self, catalog: Catalog) -> None:
        """Take out objects that an exam of before found on these frames, and this one does not."""
        mine = " AND ".join(
            (
                is_in("model_sha256", [self.model_sha256]),
                is_in("release_id", [self.release_id]),
                "split = 'test'",
            )
        )
        stored = catalog.read_latest("object_scores", ["object_score_id"], mine)
        known = {row["object_score_id"] for row in self.objects}
        stale = set(stored["object_score_id"].to_pylist()) - known
        if stale:
            catalog.delete_keys("object_scores", sorted(stale))


def slice_exam(
    catalog: Catalog,
    home: Path,
    kind: Kind,
    subject: Subject,
    frames: Sequence[FrameScoreRow],
    objects: Sequence[ObjectScoreRow],
    score: Callable[[FrameScores, Slices], list[ScoreRow]],
) -> ExamRows:
    """Rows of frames and objects with all that follows from them: slices, intervals, regions, distances.

    `score` makes the rows of scores, over all and by slice, which get their intervals here.
    """
    objects = add_distances(catalog, objects)
    rules = read_rules(home)
    slices = cut_frames(catalog, rules, [row["frame_id"] for row in frames])
    by_frame = collect_scores(frames, subject.class_names)
    metric = kind.leading_metric
    scores = add_intervals(score(by_frame, slices), by_frame, slices, metric)
    worse, region_of = discover(catalog, subject, by_frame, slices, objects, metric)
    scores += worse
    if kind.slices_of_objects:
        cut = cut_objects(catalog, rules, objects)
        scores += score_objects(subject, by_frame, objects, cut)
    return ExamRows(
        subject.model_sha256,
        subject.release_id,
        name_maker(scores),
        mark_regions(frames, region_of),
        list(objects),
    )


def read_groups(catalog: Catalog, frame_ids: Sequence[str]) -> dict[str, str]:
    """What splits keep together, by frame id: recordings, and pictures that resemble each other."""
    rows = catalog.read_latest(
        "splits", ["frame_id", "group_id"], is_in("frame_id", frame_ids)
    )
    return {row["frame_id"]: row["group_id"] for row in rows.to_pylist()}
