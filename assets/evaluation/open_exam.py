"""The exam of an open task as work: a model in, its figures out, on this machine or on a worker of the cluster.

Where the task judges objects, frames and objects have rows, and with them slices, intervals and regions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assets.cluster.pool import Seat, do_all
from assets.cluster.worker_home import require_seen
from assets.evaluation.exam_rows import ExamRows, read_groups, slice_exam
from assets.evaluation.score import score_open
from assets.inference.model_store import open_model
from assets.inference.package import ModelPackage, examine_package, judge_package
from assets.kinds import find_kind
from assets.kinds.judging.frame_rows import (
    Examined,
    list_box_frames,
    list_box_objects,
)
from assets.kinds.judging.pairs import Slices, Subject
from assets.kinds.judging.score_rows import group_places, list_rows
from assets.samples import ReleaseFacts, ReleaseImages, read_release
from assets.tables.catalog import Catalog
from assets.tables.frame_scores import FrameScores
from assets.tables.releases import open_release
from assets.tables.rows import ScoreRow
from models.metrics.frame_parts import BoxParts, describe_objects
from models.metrics.matching import DEFAULT_OPERATING_SCORE, JudgedImage

if TYPE_CHECKING:
    from assets.workspace import Workspace

_OF_ROWS = ("frame_id", "capture_id", "session", "sensor", "split")
_OPERATION = ("ece", "operating_score", "precision50", "recall50", "f1_50")


@dataclass(frozen=True)
class OpenAnswers:
    """What an exam found of a model: figures over all, and of each test image, in the order of the release, what was
    judged; none where the task has no objects. Answers count from `operating_score` on."""

    figures: Mapping[str, float]
    images: tuple[JudgedImage, ...] = ()
    operating_score: float = DEFAULT_OPERATING_SCORE


@dataclass(frozen=True)
class OpenExam:
    """What an open task finds of a model, named by its sha256, on the test split of a release."""

    catalog: Catalog
    release_id: str
    task: str
    name = "exam"
    uses_gpu = True

    def open(self, seat: Seat) -> Callable[[str], OpenAnswers]:
        """Raises ValueError where the tables are not to be seen, and what reading the release raises."""
        import torch

        require_seen(self.catalog.uri, "DAGUERRE_TABLES")
        if seat.num_threads is not None:
            torch.set_num_threads(seat.num_threads)
        release = read_release(self.catalog, self.release_id, self.task)
        train, val, test = (
            ReleaseImages(self.catalog, release, split, None)
            for split in ("train", "val", "test")
        )

        def examine(model_sha256: str) -> OpenAnswers:
            package = open_model(self.catalog, seat.home, model_sha256)
            found = examine_package(package, train, test)
            if not found.images:
                return OpenAnswers(found.figures)
            least = _choose_operating_score(package, val, len(release.class_names))
            return OpenAnswers(found.figures, found.images, least)

        return examine


def examine_all(
    catalog: Catalog,
    workspace: Workspace,
    release: ReleaseFacts,
    task: str,
    models: Sequence[str],
) -> dict[str, OpenAnswers]:
    """What is found of each model, by its sha256: on the cluster of the settings where there are many frames to look
    at, a model a worker."""
    work = OpenExam(catalog, release.release_id, task)
    num_frames = len(release.split("test")) * len(models)
    found = do_all(work, models, num_frames, workspace)
    return dict(zip(models, found, strict=True))


def list_open_rows(
    catalog: Catalog,
    home: Path,
    task: str,
    release: ReleaseFacts,
    model_sha256: str,
    answers: OpenAnswers,
) -> ExamRows:
    """The rows of what an open task found of a model; of a task without objects, its figures alone."""
    test = release.split("test")
    names = release.class_names
    subject = Subject(model_sha256, release.release_id, "test", names)
    if not answers.images:
        scores = score_open(
            answers.figures, model_sha256, release.release_id, len(test)
        )
        return ExamRows(model_sha256, release.release_id, scores, [], [])
    row_of = {
        row["frame_id"]: row
        for row in open_release(
            catalog, release.release_id, _OF_ROWS
        ).frames.to_pylist()
    }
    ids: list[str] = test["frame_id"].to_pylist()
    examined = Examined(
        task, subject, [row_of[i] for i in ids], read_groups(catalog, ids)
    )
    parts = describe_objects(answers.images, len(names), answers.operating_score)
    kind = find_kind(release.task)
    return slice_exam(
        catalog,
        home,
        kind,
        subject,
        list_box_frames(examined, parts, answers.images),
        list_box_objects(examined, parts, answers.images),
        score=lambda by_frame, slices: _score(
            subject, answers.figures, by_frame, slices
        ),
    )


def _choose_operating_score(
    package: ModelPackage, val: ReleaseImages, num_classes: int
) -> float:
    """The score of the best F1 on the validation part, whose answers are not stored."""
    return describe_objects(judge_package(package, val), num_classes).min_score


def _score(
    subject: Subject,
    figures: Mapping[str, float],
    by_frame: FrameScores,
    slices: Slices,
) -> list[ScoreRow]:
    """The task's own figures and the operating point over all; average precisions by slice, and of each class."""
    parts = by_frame.parts
    assert isinstance(parts, BoxParts)
    whole = parts.figures()
    told = {**figures, **{name: whole[name] for name in _OPERATION}}
    rows = list_rows(subject, "all", "all", told.items(), len(by_frame))
    for way, value, places in group_places(by_frame.frame_ids, slices):
        of_slice = parts.take(places).figures()
        averages = [(name, of_slice[name]) for name in figures if name in of_slice]
        rows += list_rows(subject, way, value, averages, len(places))
    counts = parts.count_objects()
    for class_id, ap50 in parts.figures_by_class().items():
        name = subject.class_names[class_id]
        rows += list_rows(subject, "class", name, [("ap50", ap50)], counts[class_id])
    return rows
