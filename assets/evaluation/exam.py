"""One exam of one model: predict the test split of its release and score it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from assets.inference.package import ModelPackage
from assets.inference.predict import (
    PredictionFacts,
    StoredImages,
    StoredModel,
    predict_frames,
)
from assets.kinds import find_kind
from assets.tables.catalog import Catalog, is_in
from assets.tables.releases import Release
from assets.tables.rows import (
    FrameScoreRow,
    ObjectScoreRow,
    PredictionRow,
    ReleaseFrameRow,
    ScoreRow,
)
from assets.tables.run_pointers import pointed_in_run
from assets.tables.schemas import TABLES, to_table

if TYPE_CHECKING:
    from assets.workspace import Workspace


@dataclass(frozen=True)
class Exam:
    """What was asked and answered. `release_rows` are the test split; rows are as the tables hold them.

    `frames` and `objects` are what `scores` over all are made of, frame by frame.
    """

    task: str
    model_sha256: str
    package: ModelPackage
    release: Release
    release_rows: Sequence[ReleaseFrameRow]
    predictions: list[PredictionRow]
    scores: list[ScoreRow]
    frames: list[FrameScoreRow]
    objects: list[ObjectScoreRow]
    images: StoredImages

    def write(self, catalog: Catalog) -> None:
        """Store the answers and the scores; those of an exam sat before are replaced."""
        for table, rows in (
            ("predictions", self.predictions),
            ("scores", self.scores),
            ("frame_scores", self.frames),
            ("object_scores", self.objects),
        ):
            catalog.upsert(table, to_table(TABLES[table], rows))
        _drop_stale_objects(catalog, self)


def examine(
    catalog: Catalog, workspace: Workspace, task: str, run_id: str = ""
) -> Exam:
    """Predict and score the model that the run trained for `task`, else the last one, on the test split of its release.

    Raises ValueError when there is none, when its files have changed, or when its release has.
    """
    from assets.tables.releases import open_release

    package = _open_newest(catalog, workspace, task, run_id)
    release = open_release(catalog, package.facts.release_id)
    return examine_on(catalog, workspace, package, release)


def examine_champion(catalog: Catalog, workspace: Workspace, exam: Exam) -> Exam | None:
    """The same exam for the task's champion, so that the gate compares on one test split.

    None when there is no other champion, or when it knows other classes: then figures do not compare.
    """
    package = _open_champion(catalog, workspace, exam.task, exam.model_sha256)
    if package is None or tuple(package.facts.class_names) != exam.release.class_names:
        return None
    return examine_on(catalog, workspace, package, exam.release)


def examine_open(
    catalog: Catalog, workspace: Workspace, task: str, run_id: str = ""
) -> dict[str, list[ScoreRow]]:
    """What an open task finds of the model of `examine` and of its champion, on the test split of the former's release.

    Rows of scores by model, the new one first. Raises ValueError as `examine` does, and where a split is empty.
    """
    from assets.evaluation.open_exam import examine_all
    from assets.evaluation.score import score_open
    from assets.samples import read_release

    package = _open_newest(catalog, workspace, task, run_id)
    champion = _open_champion(catalog, workspace, task, package.model_sha256)
    release = read_release(catalog, package.facts.release_id, task)
    num_test = len(release.split("test"))
    if not num_test:
        raise ValueError(
            f"release {release.release_id} has no test frame: give a 'test' split with the data"
        )
    models = [
        one.model_sha256
        for one in (package, champion)
        if one and one.facts.class_names == release.class_names
    ]
    figures = examine_all(catalog, workspace, release, task, models)
    return {
        sha256: score_open(found, sha256, release.release_id, num_test)
        for sha256, found in figures.items()
    }


def _open_newest(
    catalog: Catalog, workspace: Workspace, task: str, run_id: str
) -> ModelPackage:
    from assets.inference.model_store import open_model

    model_sha256 = pointed_in_run(catalog, f"model/{task}", run_id)
    if model_sha256 is None:
        raise ValueError(
            f"no {task} model has been trained: materialise training/{task} first"
        )
    return open_model(catalog, workspace.home, model_sha256)


def _open_champion(
    catalog: Catalog, workspace: Workspace, task: str, other_than: str
) -> ModelPackage | None:
    from assets.inference.model_store import open_model

    champions = catalog.read_latest(
        "champions", where=is_in("task", [task])
    ).to_pylist()
    if not champions or champions[0]["model_sha256"] == other_than:
        return None
    return open_model(catalog, workspace.home, champions[0]["model_sha256"])


def examine_on(
    catalog: Catalog, workspace: Workspace, package: ModelPackage, release: Release
) -> Exam:
    """Predict and score a model on the test split of a release with its classes."""
    from assets.evaluation.score import slice_frames

    task = package.facts.task
    model_sha256 = package.model_sha256
    rows = release.frames.filter(pc.equal(release.frames["split"], "test")).to_pylist()
    images = StoredImages(catalog, release.frames_version)
    facts = PredictionFacts(task, model_sha256, release.class_names, "test")
    load = StoredModel(catalog, model_sha256)
    made = {
        row["frame_id"]: row
        for batch in predict_frames(images, rows, load, facts, workspace)
        for row in batch
    }
    if len(made) != len(rows):
        raise RuntimeError(
            f"{len(rows)} predictions were to be made, and {len(made)} are there: score again"
        )
    predictions = [made[row["frame_id"]] for row in rows]
    quality = catalog.read("frame_quality", ["frame_id", "brightness"])
    ids = pa.array([row["frame_id"] for row in rows], pa.string())
    quality = quality.filter(pc.is_in(quality["frame_id"], value_set=ids))
    slices = slice_frames(
        rows, {r["frame_id"]: r["brightness"] for r in quality.to_pylist()}
    )
    pairs = find_kind(task).pair(predictions, rows, release.class_names)
    scores = pairs.score(slices)
    frames, objects = pairs.list_frames(rows, read_groups(catalog, ids.to_pylist()))
    return Exam(
        task,
        model_sha256,
        package,
        release,
        rows,
        predictions,
        scores,
        frames,
        objects,
        images,
    )


def read_groups(catalog: Catalog, frame_ids: Sequence[str]) -> dict[str, str]:
    """What splits keep together, by frame id: recordings, and pictures that resemble each other."""
    rows = catalog.read_latest(
        "splits", ["frame_id", "group_id"], is_in("frame_id", frame_ids)
    )
    return {row["frame_id"]: row["group_id"] for row in rows.to_pylist()}


def _drop_stale_objects(catalog: Catalog, exam: Exam) -> None:
    """Take out objects that an exam of before found on these frames, and this one does not."""
    mine = " AND ".join(
        (
            is_in("model_sha256", [exam.model_sha256]),
            is_in("release_id", [exam.release.release_id]),
            "split = 'test'",
        )
    )
    stored = catalog.read_latest("object_scores", ["object_score_id"], mine)
    known = {row["object_score_id"] for row in exam.objects}
    stale = set(stored["object_score_id"].to_pylist()) - known
    if stale:
        catalog.delete_keys("object_scores", sorted(stale))
