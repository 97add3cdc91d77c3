"""One exam of one model: predict the test split of its release, score it, and draw what a person wants to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.inference.package import ModelPackage
from assets.inference.predict import PredictionFacts, StoredImages, predict_frames
from assets.tables.catalog import Catalog, is_in
from assets.tables.releases import Release

Row = dict[str, Any]


@dataclass(frozen=True)
class Exam:
    """What was asked and answered. `release_rows` are the test split; rows are as the tables hold them."""

    task: str
    model_sha256: str
    package: ModelPackage
    release: Release
    release_rows: Sequence[Row]
    predictions: list[Row]
    scores: list[Row]
    images: StoredImages


def examine(catalog: Catalog, home: Path, task: str) -> Exam:
    """Predict and score the model trained last for `task` on the test split of its release.

    Raises ValueError when there is none, when its files have changed, or when its release has.
    """
    from assets.inference.package import open_package
    from assets.tables.releases import open_release

    model_sha256 = catalog.pointed(f"model/{task}")
    if model_sha256 is None:
        raise ValueError(f"no {task} model has been trained: materialise training/{task} first")
    model = _read_model(catalog, model_sha256)
    return _examine_on(catalog, open_package(home / model["folder"]), open_release(catalog, model["release_id"]))


def examine_champion(catalog: Catalog, home: Path, exam: Exam) -> Exam | None:
    """The same exam for the task's champion, so that the gate compares on one test split.

    None when there is no other champion, or when it knows other classes: then figures do not compare.
    """
    from assets.inference.package import open_package

    champions = catalog.read_latest("champions", where=is_in("task", [exam.task])).to_pylist()
    if not champions or champions[0]["model_sha256"] == exam.model_sha256:
        return None
    champion = _read_model(catalog, champions[0]["model_sha256"])
    package = open_package(home / champion["folder"])
    if tuple(package.facts.class_names) != exam.release.class_names:
        return None
    return _examine_on(catalog, package, exam.release)


def _read_model(catalog: Catalog, model_sha256: str) -> Row:
    return dict(catalog.read_latest("models", where=is_in("model_sha256", [model_sha256])).to_pylist()[0])


def _examine_on(catalog: Catalog, package: ModelPackage, release: Release) -> Exam:
    from assets.evaluation.score import SCORERS, slice_frames
    from assets.inference.package import load_predictor

    task, model_sha256 = package.facts.task, package.model_sha256
    rows = [row for row in release.frames.to_pylist() if row["split"] == "test"]
    images = StoredImages(catalog.dataset("frames", release.frames_version))
    facts = PredictionFacts(task, model_sha256, release.class_names, "test")
    predictions = predict_frames(images, rows, load_predictor(package), facts)
    quality = catalog.read(
        "frame_quality", ["frame_id", "brightness"], is_in("frame_id", [r["frame_id"] for r in rows])
    )
    slices = slice_frames(rows, {r["frame_id"]: r["brightness"] for r in quality.to_pylist()})
    scores = SCORERS[task](predictions, rows, release.class_names, slices)
    return Exam(task, model_sha256, package, release, rows, predictions, scores, images)
