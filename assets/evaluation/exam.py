"""One exam of one model: predict the test split of its release and score it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

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
from assets.tables.frame_scores import collect_scores
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

    `frames` and `objects` are what `scores` over all are made of, frame by frame. Answers count from `operating_score`
    on, where they are counted.
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
    operating_score: float | None

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
    exam = examine_on(catalog, workspace, package, release)
    return _with_spoilt(exam, _count_spoilt(exam))


def examine_champion(catalog: Catalog, workspace: Workspace, exam: Exam) -> Exam | None:
    """The same exam for the task's champion, so that the gate compares on one test split.

    Of classes that the champion does not know it finds none; it is then asked about no spoilt pictures, where only
    totals are stored. None when there is no other champion, or when it knows classes that the release lacks.
    """
    package = _open_champion(catalog, workspace, exam.task, exam.model_sha256)
    if package is None:
        return None
    known = tuple(package.facts.class_names)
    if not set(known) <= set(exam.release.class_names):
        return None
    sat = examine_on(catalog, workspace, package, exam.release)
    is_same = known == exam.release.class_names
    return _with_spoilt(sat, _count_spoilt(exam)) if is_same else sat


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
    """Predict and score a model on the test split of a release with its classes, and maybe others."""
    from assets.evaluation.distances import add_distances
    from assets.evaluation.operating import choose_operating_score
    from assets.evaluation.regions import discover, mark_regions
    from assets.evaluation.score import name_maker
    from assets.evaluation.slices import (
        add_intervals,
        cut_frames,
        cut_objects,
        read_rules,
        score_objects,
    )

    task = package.facts.task
    model_sha256 = package.model_sha256
    rows = release.frames.filter(pc.equal(release.frames["split"], "test")).to_pylist()
    images = StoredImages(catalog, release.frames_version)
    known = tuple(package.facts.class_names)
    facts = PredictionFacts(task, model_sha256, known, "test")
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
    operating_score = choose_operating_score(release, images, load, facts, workspace)
    ids = [row["frame_id"] for row in rows]
    rules = read_rules(workspace.home)
    slices = cut_frames(catalog, rules, ids)
    kind = find_kind(task)
    pairs = kind.pair(predictions, rows, release.class_names).at(operating_score)
    frames, objects = pairs.list_frames(rows, read_groups(catalog, ids))
    objects = add_distances(catalog, objects)
    by_frame = collect_scores(frames, release.class_names)
    scores = add_intervals(pairs.score(slices), by_frame, slices, kind.leading_metric)
    worse, region_of = discover(
        catalog, pairs.subject, by_frame, slices, kind.leading_metric
    )
    scores += worse
    if kind.slices_of_objects:
        cut = cut_objects(catalog, rules, objects)
        scores += score_objects(pairs.subject, by_frame, objects, cut)
    return Exam(
        task,
        model_sha256,
        package,
        release,
        rows,
        predictions,
        name_maker(scores),
        mark_regions(frames, region_of),
        objects,
        images,
        operating_score,
    )


def _count_spoilt(exam: Exam) -> int:
    """Of how many frames the model of an exam may be asked spoilt, by what its training cost; 0 where of none."""
    from assets.evaluation.robustness import count_affordable

    splits = exam.release.frames["split"]
    num_train = pc.sum(pc.equal(splits, "train")).as_py() or 0
    return count_affordable(exam.package.facts, num_train)


def _with_spoilt(exam: Exam, count: int) -> Exam:
    """The exam with what the model scores on so many frames, the same for every model, that are spoilt."""
    from assets.evaluation.robustness import choose_frames, score_corrupted
    from assets.evaluation.score import name_maker
    from assets.inference.package import load_predictor

    if not count:
        return exam
    names = exam.release.class_names
    facts = PredictionFacts(exam.task, exam.model_sha256, names, "test")
    chosen = choose_frames(exam.release_rows, count)
    predict = load_predictor(exam.package)
    group_of = {row["frame_id"]: row["group_id"] for row in exam.frames}
    spoilt = score_corrupted(exam.images, chosen, predict, facts, group_of)
    return replace(exam, scores=[*exam.scores, *name_maker(spoilt)])


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
