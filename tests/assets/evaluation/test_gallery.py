"""What is picked for a person to see, and that an exam draws it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from assets.evaluation.exam import Exam
from assets.evaluation.gallery import draw_exam, gather_gallery
from assets.evaluation.score import score_predictions
from assets.inference.package import WEIGHTS, ModelPackage, PackageFacts
from assets.inference.predict import StoredImages
from assets.kinds import find_kind
from assets.previews.drawing import paint_map
from assets.previews.gallery import NUM_THUMBNAILS
from assets.tables.catalog import Catalog
from assets.tables.releases import Release
from models.types import SemanticMap

Row = dict[str, Any]
Make = Callable[..., Row]
Stored = tuple[Catalog, list[Row]]
MODEL_SHA256 = "ab" * 32
RELEASE_ID = "cd" * 16
BOX = [2.0, 2.0, 30.0, 40.0]
FAR = [40.0, 10.0, 60.0, 40.0]


def make_exam(
    stored: Stored,
    task: str,
    names: tuple[str, ...],
    frames: list[Row],
    predictions: list[Row],
) -> Exam:
    """An exam over the stored frames, in their order."""
    catalog, images = stored
    rows = [
        {**f, "frame_id": i["frame_id"], "sha256": i["sha256"]}
        for f, i in zip(frames, images, strict=True)
    ]
    said = [
        {**p, "frame_id": i["frame_id"]}
        for p, i in zip(predictions, images, strict=True)
    ]
    history = [
        {"epoch": n, "train_loss": 1.0 / (n + 1), "val_metric": 0.2 * n}
        for n in range(3)
    ]
    facts = PackageFacts(task, "tiny", {}, names, RELEASE_ID, 64, 0, "1", history, {})
    release = Release(RELEASE_ID, task, names, 1, "0" * 64, None)  # type: ignore[arg-type]
    scores = score_predictions(task, said, rows, names, {})
    package = ModelPackage(Path("."), facts, {WEIGHTS: MODEL_SHA256})
    dataset = StoredImages(catalog)
    return Exam(
        *(task, MODEL_SHA256, package, release, rows, said, scores, [], []),
        images=dataset,
        operating_score=None,
    )


def test_an_exam_of_detection_draws_its_pictures(
    stored: Stored, release_row: Make, prediction_row: Make
):
    frames = [release_row(str(n), boxes=BOX + FAR, ids=[0, 1]) for n in range(5)]
    predictions = [
        prediction_row(str(n), ["ball", "box"], [0.9, 0.6], BOX + BOX) for n in range(5)
    ]
    drawn = draw_exam(
        make_exam(stored, "detection", ("ball", "box"), frames, predictions)
    )
    assert list(drawn) == [
        "contact sheet",
        "labels 1",
        "predictions 1",
        "precision and recall",
        "confusion matrix",
        "reliability",
        "learning curve",
        "slices",
        "worst mistake 1",
        "worst mistake 2",
        "worst mistake 3",
    ]
    for name, picture in drawn.items():
        assert (
            cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR) is not None
        ), name


def test_an_exam_of_recognition_draws_its_pictures(
    stored: Stored, release_row: Make, prediction_row: Make
):
    frames = [release_row(str(n), n % 2) for n in range(5)]
    predictions = [prediction_row(str(n), ["cat", "dog"], [0.9, 0.1]) for n in range(5)]
    drawn = draw_exam(
        make_exam(stored, "recognition", ("cat", "dog"), frames, predictions)
    )
    assert list(drawn) == [
        "contact sheet",
        "confusion matrix",
        "reliability",
        "learning curve",
        "slices",
        "worst mistake 1",
        "worst mistake 2",
    ]


def test_a_model_that_finds_nothing_is_drawn_too(
    stored: Stored, release_row: Make, prediction_row: Make
):
    frames = [release_row(str(n), boxes=BOX, ids=[0]) for n in range(5)]
    predictions = [prediction_row(str(n), [], [], []) for n in range(5)]
    drawn = draw_exam(
        make_exam(stored, "detection", ("ball", "box"), frames, predictions)
    )
    assert "reliability" not in drawn and "worst mistake 1" in drawn


def test_pictures_without_an_object_are_drawn_and_false_boxes_in_them_are_mistakes(
    stored: Stored, release_row: Make, prediction_row: Make
):
    frames = [
        release_row("0", boxes=BOX, ids=[0]),
        *(release_row(str(n)) for n in range(1, 5)),
    ]
    predictions = [
        prediction_row("0", ["ball"], [0.9], BOX),
        prediction_row("1", ["ball", "box"], [0.95, 0.9], BOX + FAR),
        *(prediction_row(str(n), [], [], []) for n in range(2, 5)),
    ]
    exam = make_exam(stored, "detection", ("ball", "box"), frames, predictions)
    pairs = find_kind("detection").pair(
        exam.predictions, exam.release_rows, exam.release.class_names
    )
    gallery = gather_gallery(pairs, exam.release_rows, exam.images, [], "v1")
    assert sorted(p.caption for p in gallery.thumbnails) == ["0 objects"] * 4 + [
        "1 object"
    ]
    assert [p.caption for p in gallery.mistakes] == ["2 false"]
    assert "worst mistake 1" in draw_exam(exam)


@pytest.mark.parametrize("num_frames", [3, 500])
def test_thumbnails_take_classes_in_turn(
    num_frames: int, release_row: Make, prediction_row: Make
):
    class Gray:
        def read(self, frame_rows: Any, /) -> dict[str, np.ndarray]:
            return {
                row["frame_id"]: np.zeros((8, 8, 3), np.uint8) for row in frame_rows
            }

    names = ("a", "b", "c")
    frames = [
        release_row(str(n), 0 if n < num_frames - 2 else n - num_frames + 3)
        for n in range(num_frames)
    ]
    predictions = [
        prediction_row(str(n), list(names), [0.5, 0.3, 0.2]) for n in range(num_frames)
    ]
    gallery = gather_gallery(
        find_kind("recognition").pair(predictions, frames, names),
        frames,
        Gray(),
        [],
        "v1",
    )
    # b and c have one frame each
    assert [p.caption for p in gallery.thumbnails][:3] == ["a", "b", "c"]
    assert len(gallery.thumbnails) == min(num_frames, NUM_THUMBNAILS // 3 + 2)


def test_an_exam_of_segmentation_paints_maps_and_names_the_commonest_mistake(
    stored: Stored, map_rows: Callable[..., tuple[Row, Row]]
):
    names = ("road", "sky")
    images = StoredImages(stored[0]).read(stored[1])
    height, width = next(iter(images.values())).shape[:2]
    truth = np.zeros((height, width), np.uint8)
    truth[: height // 2] = 1
    found = [
        np.where(np.arange(height)[:, None] < height // 2 - n, truth, 0)
        for n in range(5)
    ]  # frame 0 is right
    frames, predictions = zip(
        *(map_rows(str(n), truth, ids, names) for n, ids in enumerate(found)),
        strict=True,
    )
    exam = make_exam(stored, "segmentation", names, list(frames), list(predictions))
    drawn = draw_exam(exam)
    assert {
        "contact sheet",
        "labels 1",
        "predictions 1",
        "confusion matrix",
        "reliability",
        "learning curve",
        "slices",
    } <= set(drawn)
    pairs = find_kind("segmentation").pair(exam.predictions, exam.release_rows, names)
    gallery = gather_gallery(pairs, exam.release_rows, exam.images, [], "model")
    assert len(gallery.mistakes) == 4 and gallery.mistakes[0].caption.endswith(
        "sky, called road"
    )
    assert [float(m.caption[5:10]) for m in gallery.mistakes] == sorted(
        float(m.caption[5:10]) for m in gallery.mistakes
    )


def test_a_painted_map_has_its_colours_and_leaves_the_ignored_grey():
    image = np.full((1, 3, 3), 100, np.uint8)
    painted = paint_map(
        image,
        SemanticMap(np.array([[0, 1, 255]], np.uint8)),
        [(200, 0, 0), (0, 0, 200)],
        opacity=0.5,
    )
    np.testing.assert_array_equal(
        painted, [[[150, 50, 50], [50, 50, 150], [100, 100, 100]]]
    )
