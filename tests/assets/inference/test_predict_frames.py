"""Prediction of stored frames: order, batches, ids, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assets.inference.predict import (
    PredictionFacts,
    Predictor,
    StoredImages,
    predict_frames,
)
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from assets.workspace import Workspace
from models.semantic_maps import compose_map
from models.types import (
    Detections,
    Image,
    Probabilities,
    SemanticMap,
    SemanticPrediction,
)

MODEL_SHA256 = "cd" * 32
FACTS = PredictionFacts("recognition", MODEL_SHA256, ("dark", "light"), "test")
Stored = tuple[Catalog, list[dict[str, Any]]]


def predict(
    images: StoredImages,
    frames: list[dict[str, Any]],
    predictor: Predictor,
    facts: PredictionFacts,
    batch_size: int = 32,
) -> list[Any]:
    """In this process."""
    here = Workspace(Path())
    batches = predict_frames(
        images, frames, lambda _: predictor, facts, here, batch_size
    )
    return [row for batch in batches for row in batch]


def tell_light(images: list[Image]) -> list[Probabilities]:
    """Probability of "light" is the grey level in percent."""
    levels = [float(image.mean()) / 100 for image in images]
    return [Probabilities(np.array([1 - level, level], np.float32)) for level in levels]


def test_every_frame_has_one_row_in_the_order_of_the_table(stored: Stored):
    catalog, frames = stored
    asked = [frames[3], frames[0], frames[4]]
    rows = predict(StoredImages(catalog), asked, tell_light, FACTS, batch_size=2)
    assert [row["frame_id"] for row in rows] == [
        frames[n]["frame_id"] for n in (0, 3, 4)
    ]
    assert [
        row["scores"][row["class_names"].index("light")] for row in rows
    ] == pytest.approx([0.1, 0.4, 0.5])


def test_recognition_lists_all_classes_surest_first(stored: Stored):
    catalog, frames = stored
    (row,) = predict(StoredImages(catalog), frames[:1], tell_light, FACTS)
    assert (row["class_names"], row["boxes_xyxy"]) == (["dark", "light"], [])
    assert row["scores"] == pytest.approx([0.9, 0.1])


def test_detection_lists_boxes_flat_with_names_and_scores(stored: Stored):
    catalog, frames = stored

    def find(images: list[Image]) -> list[Detections]:
        boxes = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.float32)
        return [
            Detections(boxes, np.array([0.75, 0.5], np.float32), np.array([1, 0]))
        ] * len(images)

    facts = PredictionFacts("detection", MODEL_SHA256, ("ball", "box"), "monitoring")
    (row,) = predict(StoredImages(catalog), frames[:1], find, facts)
    assert row["boxes_xyxy"] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert (row["class_names"], row["scores"], row["purpose"]) == (
        ["box", "ball"],
        [0.75, 0.5],
        "monitoring",
    )


def test_rows_fit_the_table_and_say_the_same_when_repeated(stored: Stored):
    catalog, frames = stored
    images = StoredImages(catalog)
    first, again = (predict(images, frames, tell_light, FACTS) for _ in range(2))
    assert first == again
    assert first[0]["prediction_id"] == content_id(
        MODEL_SHA256, frames[0]["frame_id"], "test"
    )
    assert (
        catalog.merge("predictions", to_table(TABLES["predictions"], first)).inserted
        == 5
    )


def test_no_more_images_than_a_batch_are_handed_over(stored: Stored):
    catalog, frames = stored
    sizes: list[int] = []

    def count(images: list[Image]) -> list[Probabilities]:
        sizes.append(len(images))
        return tell_light(images)

    predict(StoredImages(catalog), frames, count, FACTS, 2)
    assert sizes == [2, 2, 1]


def test_no_frames_are_refused(stored: Stored):
    with pytest.raises(ValueError, match="no frames to predict"):
        predict(StoredImages(stored[0]), [], tell_light, FACTS)


def test_a_frame_that_the_pinned_version_lacks_is_refused(
    stored: Stored, frame_row: Callable[..., dict[str, Any]]
):
    catalog, _ = stored
    pinned = catalog.latest_version("frames")
    late = frame_row("late", 99)
    catalog.merge("frames", to_table(TABLES["frames"], [late]))
    with pytest.raises(
        ValueError, match=f"not in the frames table at version {pinned}"
    ):
        predict(StoredImages(catalog, pinned), [late], tell_light, FACTS)


def test_bytes_that_are_not_those_accepted_are_refused(stored: Stored):
    catalog, frames = stored
    with pytest.raises(ValueError, match="daguerre verify"):
        predict(
            StoredImages(catalog),
            [{**frames[0], "sha256": "0" * 64}],
            tell_light,
            FACTS,
        )


def test_a_predictor_that_drops_an_image_is_refused(stored: Stored):
    catalog, frames = stored
    with pytest.raises(ValueError, match="4 answers for 5 images"):
        predict(
            StoredImages(catalog),
            frames,
            lambda i: tell_light(i)[1:],
            FACTS,
        )


def test_a_predictor_with_other_classes_is_refused(stored: Stored):
    catalog, frames = stored
    facts = PredictionFacts("recognition", MODEL_SHA256, ("a", "b", "c"), "test")
    with pytest.raises(ValueError, match="2 probabilities for 3 classes"):
        predict(StoredImages(catalog), frames, tell_light, facts)


def test_segmentation_lists_a_mask_a_class_that_together_are_the_map(stored: Stored):
    catalog, frames = stored
    ids = np.array([[0, 2, 2], [0, 0, 2]], np.uint8)
    answer = SemanticPrediction(
        SemanticMap(ids), np.array([0.75, 0.0, 1.0000001], np.float32)
    )
    facts = PredictionFacts(
        "segmentation", MODEL_SHA256, ("road", "car", "sky"), "test"
    )
    (row,) = predict(
        StoredImages(catalog),
        frames[:1],
        lambda images: [answer],
        facts,
    )
    assert (row["class_names"], row["scores"], row["boxes_xyxy"]) == (
        ["road", "sky"],
        [0.75, 1.0],
        [],
    )
    np.testing.assert_array_equal(
        compose_map(row["mask_rles"], [0, 2], (2, 3)).class_ids, ids
    )
    stored_row = to_table(TABLES["predictions"], [row]).to_pylist()[0]
    assert stored_row["mask_rles"] == row["mask_rles"]
