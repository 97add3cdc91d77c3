"""Parts of frames: the figures that are made of them are those of the answers, of all frames and of any choice."""

from __future__ import annotations

import numpy as np
import pytest

from models.metrics.detection import MAX_DETECTIONS, score_detections
from models.metrics.frame_parts import ClassParts, describe_detections, stack_parts
from models.metrics.matching import judge_boxes, list_hits
from models.metrics.segmentation import count_pixels, score_segmentation
from models.types import IGNORE, BoxSet, Detections, SemanticMap

NUM_CLASSES = 3


def draw_image(rng: np.random.Generator, num_objects: int) -> tuple[BoxSet, Detections]:
    """Objects of three classes, most of them found, more or less exactly; some answers of another class, or again."""
    corner = rng.uniform(0, 200, (num_objects, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(20, 90, (num_objects, 2))], 1)
    ids = rng.integers(0, NUM_CLASSES, num_objects)
    again = rng.integers(0, num_objects, num_objects)
    said = boxes[again] + rng.normal(0, 5, (num_objects, 4))
    classes = np.where(
        rng.random(num_objects) < 0.8, ids[again], (ids[again] + 1) % NUM_CLASSES
    )
    scores = np.sort(rng.random(num_objects).astype(np.float32))[::-1]
    return (
        BoxSet(boxes.astype(np.float32), ids),
        Detections(said.astype(np.float32), scores, classes),
    )


@pytest.mark.parametrize("seed", range(3))
def test_boxes_have_the_figures_of_coco_at_every_overlap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    images = [draw_image(rng, int(rng.integers(1, 8))) for _ in range(9)]
    truths, found = [t for t, _ in images], [d for _, d in images]
    expected = score_detections(truths, found, NUM_CLASSES)
    parts = describe_detections(truths, found, NUM_CLASSES)
    figures = parts.figures()
    for name in ("map", "map50", "map75"):
        assert figures[name] == pytest.approx(getattr(expected, name), abs=1e-9)
    by_class = parts.figures_by_class()
    for one in expected.per_class:
        assert by_class[one.class_id] == pytest.approx(one.ap50, abs=1e-9)


def test_some_frames_of_boxes_have_the_figures_of_those_alone() -> None:
    rng = np.random.default_rng(5)
    images = [draw_image(rng, count) for count in (3, 1, 6, 2)]
    truths, found = [t for t, _ in images], [d for _, d in images]
    chosen = [2, 0]
    part = describe_detections(truths, found, NUM_CLASSES).take(chosen)
    alone = describe_detections(
        [truths[p] for p in chosen], [found[p] for p in chosen], NUM_CLASSES
    )
    assert len(part) == 2 and part.figures() == alone.figures()


def test_an_answer_hits_up_to_the_overlap_that_it_has() -> None:
    truth = BoxSet(np.float32([[0, 0, 10, 10]]), np.array([0]))
    # 10 x 10 and 10 x 7 share 70 of 100: bits 0 to 4, for 0.50 to 0.70; the one of another class hits nothing
    found = Detections(
        np.float32([[0, 0, 10, 7.2], [0, 0, 10, 10]]),
        np.float32([0.9, 0.8]),
        np.array([0, 1]),
    )
    assert list_hits(judge_boxes(truth, found)).tolist() == [0b11111, 0]


def test_more_answers_than_coco_looks_at_count_nowhere() -> None:
    """A hundred boxes on nothing come before the hundred and first, which is right."""
    truth = BoxSet(np.float32([[0, 0, 10, 10]]), np.array([0]))
    boxes = np.tile(np.float32([[50, 50, 60, 60]]), (MAX_DETECTIONS + 1, 1))
    boxes[-1] = [0, 0, 10, 10]
    scores = np.linspace(0.9, 0.1, MAX_DETECTIONS + 1).astype(np.float32)
    found = Detections(boxes, scores, np.zeros(MAX_DETECTIONS + 1, np.int64))
    parts = describe_detections([truth], [found], 1)
    assert parts.figures()["map50"] == 0.0
    assert score_detections([truth], [found], 1).map50 == 0.0
    assert parts.weigh(np.ones((1, 1), np.int64)).tolist() == [0.0]


def test_maps_have_the_figures_of_their_pixels() -> None:
    rng = np.random.default_rng(3)
    counts = []
    for _ in range(4):
        truth = rng.integers(0, NUM_CLASSES, (24, 32)).astype(np.uint8)
        found = np.where(rng.random(truth.shape) < 0.7, truth, 1).astype(np.uint8)
        truth[:4] = IGNORE
        counts.append(count_pixels(SemanticMap(truth), SemanticMap(found), NUM_CLASSES))
    expected = score_segmentation(counts)
    parts = stack_parts(counts, np.full((4, NUM_CLASSES), 0.5))
    figures = parts.figures()
    # all are half sure, and right as often as the accuracy says
    assert figures.pop("ece") == pytest.approx(expected.pixel_accuracy - 0.5)
    for name, value in figures.items():
        assert value == pytest.approx(getattr(expected, name)), name
    once = parts.weigh(np.array([[1, 1, 1, 1], [0, 3, 0, 0]]))
    alone = score_segmentation(counts[1:2])
    assert once.tolist() == pytest.approx([expected.miou, alone.miou])
    assert parts.take([1]).figures()["image_miou"] == pytest.approx(alone.image_miou)


def test_classes_have_accuracy_and_the_surprise_at_the_truth() -> None:
    parts = ClassParts(
        2,
        np.array([0, 1, 1]),
        np.array([0, 1, 0]),
        np.array([1.0, 0.5, 0.75]),
        -np.log([1.0, 0.5, 0.25]),
    )
    figures = parts.figures()
    assert figures["accuracy"] == pytest.approx(2 / 3)
    # 0 + log 2 + log 4, of three
    assert figures["log_loss"] == pytest.approx(np.log(2))
    assert parts.weigh(np.array([[1, 1, 1], [0, 0, 2]])).tolist() == pytest.approx(
        [2 / 3, 0]
    )


def test_no_frames_have_no_figures() -> None:
    with pytest.raises(ValueError, match="no average precision"):
        describe_detections([], [], 2).figures()
    with pytest.raises(ValueError, match="no mean IoU"):
        stack_parts([], np.zeros((0, 2)))
