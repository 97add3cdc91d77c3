"""One exam of one model: predict the test split of its release and score it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from assets.evaluation.exam_rows import ExamRows, read_groups, slice_exam
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
        catalog.upsert("predictions", to_table(TABLES["predictions"], self.predictions))
        ExamRows(
            self.model_sha256,
            self.release.release_id,
            self.scores,
            self.frames,
            self.objects,
        ).write(catalog)


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
) -> list[ExamRows]:
    """What an open task finds of the model of `examine` and of its champion, on the test split of the former's release.

    The new model comes first. Raises ValueError as `examine` does, and where a split is empty.
    """
    package = _open_newest(catalog, workspace, task, run_id)
    champion = _open_champion(catalog, workspace, task, package.model_sha256)
    wanted = package.facts.class_names
    both = [one for one in (package, champion) if one]
    able = [one.model_sha256 for one in both if one.facts.class_names == wanted]
    return examine_open_on(catalog, workspace, task, package.facts.release_id, able)


def examine_open_on(
    catalog: Catalog,
    workspace: Workspace,
    task: str,
    release_id: str,
    models: Sequence[str],
) -> list[ExamRows]:
    """What an open task finds of each model, by its sha256, on the test split of a release with its classes.

    Raises ValueError for a release without one.
    """
    from assets.evaluation.open_exam import examine_all, list_open_rows
    from assets.samples import read_release

    release = read_release(catalog, release_id, task)
    if not len(release.split("test")):
        raise ValueError(
            f"release {release.release_id} has no test frame: give a 'test' split with the data"
        )
    found = examine_all(catalog, workspace, release, task, models)
    return [
        list_open_rows(catalog, workspace.home, task, release, sha256, answers)
        for sha256, answers in found.items()
    ]


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
    from assets.evaluation.operating import choose_operating_score

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
    kind = find_kind(task)
    pairs = kind.pair(predictions, rows, release.class_names).at(operating_score)
    group_of = read_groups(catalog, pairs.frame_ids)
    found = slice_exam(
        catalog,
        workspace.home,
        kind,
        pairs.subject,
        *pairs.list_frames(rows, group_of),
        score=lambda _, slices: pairs.score(slices),
    )
    return Exam(
        task,
        model_sha256,
        package,
        release,
        rows,
        predictions,
        found.scores,
        found.frames,
        found.objects,
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
