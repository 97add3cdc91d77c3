"""Intervals of figures: what is weighted once is the figure itself, and bounds hold the truth as often as they say."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from models.metrics.detection import score_detections
from models.metrics.frame_parts import describe_detections
from models.metrics.resampling import (
    MIN_UNITS,
    find_interval,
    weigh_class_ious,
    weigh_share,
)
from models.types import BoxSet, Detections


def test_a_share_counts_each_frame_as_often_as_it_is_drawn() -> None:
    weights = np.array([[1, 1, 1, 1], [4, 0, 0, 0], [0, 1, 3, 0]])
    is_right = np.array([True, False, True, True])
    # 3 of 4; the first alone; one wrong of 4
    assert weigh_share(weights, is_right).tolist() == [0.75, 1.0, 0.75]


def test_pixels_of_a_frame_count_as_often_as_it_is_drawn() -> None:
    hits = np.array([[4, 0], [2, 4]])
    truth = np.array([[4, 0], [4, 4]])
    found = np.array([[4, 0], [2, 6]])
    weights = np.array([[1, 1], [0, 2], [2, 0]])
    values = weigh_class_ious(weights, hits, truth, found)
    # 6 of 8 and 4 of 6; 2 of 4 and 4 of 6; the first class alone, whole
    assert values.tolist() == pytest.approx(
        [(6 / 8 + 4 / 6) / 2, (1 / 2 + 4 / 6) / 2, 1]
    )


def draw_boxes(seed: int, num_images: int) -> tuple[list[BoxSet], list[Detections]]:
    """Objects of three classes; some are missed, some found twice, some taken for another."""
    rng = np.random.default_rng(seed)
    truths = []
    found = []
    for _ in range(num_images):
        count = int(rng.integers(1, 6))
        corner = rng.uniform(0, 200, (count, 2))
        boxes = np.concatenate([corner, corner + rng.uniform(20, 60, (count, 2))], 1)
        ids = rng.integers(0, 3, count)
        kept = rng.random(count) < 0.8
        moved = boxes[kept] + rng.normal(0, 4, (int(kept.sum()), 4))
        again = moved[:1] + 1
        said = np.concatenate([moved, again]).astype(np.float32)
        classes = np.concatenate([ids[kept], ids[kept][:1]])
        swapped = rng.random(len(classes)) < 0.2
        classes = np.where(swapped, (classes + 1) % 3, classes)
        truths.append(BoxSet(boxes.astype(np.float32), ids))
        scores = np.sort(rng.random(len(classes)).astype(np.float32))[::-1]
        found.append(Detections(said, scores, classes))
    return truths, found


@pytest.mark.parametrize("seed", range(4))
def test_each_frame_once_is_the_average_precision_of_coco(seed: int) -> None:
    truths, found = draw_boxes(seed, 12)
    expected = score_detections(truths, found, 3).map50
    parts = describe_detections(truths, found, 3)
    value = parts.weigh(np.ones((1, 12), np.int64))
    assert value.tolist() == pytest.approx([expected], abs=1e-9)


def test_a_frame_that_is_drawn_twice_counts_as_two_frames() -> None:
    truths, found = draw_boxes(7, 5)
    weights = np.array([[2, 0, 1, 0, 2]])
    places = [0, 0, 2, 4, 4]
    expected = score_detections(
        [truths[p] for p in places], [found[p] for p in places], 3
    )
    value = describe_detections(truths, found, 3).weigh(weights)
    # boxes of equal score stand in one order or the other
    assert value.tolist() == pytest.approx([expected.map50], abs=0.02)


def test_no_object_has_no_average_precision() -> None:
    nothing = BoxSet(np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    found = Detections(
        np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64)
    )
    parts = describe_detections([nothing], [found], 3)
    assert np.isnan(parts.weigh(np.ones((1, 1), np.int64)))
    assert parts.figures()["map50"] is None


def test_bounds_hold_the_true_share_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for seed in range(200):
        is_right = rng.random(150) < 0.7
        found = find_interval(partial(weigh_share, is_right=is_right), range(150), seed)
        assert found is not None and found.num_units == 150
        held += found.low <= 0.7 <= found.high
    # 190 expected; below 178 comes once in ten thousand times
    assert held >= 178


def test_frames_of_one_recording_are_no_more_sure_than_the_recording() -> None:
    """Twenty recordings of 30 equal frames are twenty draws, not 600."""
    is_right = np.repeat(np.random.default_rng(1).random(20) < 0.7, 30)
    recordings = np.repeat(np.arange(20), 30).tolist()
    weigh = partial(weigh_share, is_right=is_right)
    of_recordings = find_interval(weigh, recordings)
    of_frames = find_interval(weigh, range(600))
    assert of_recordings is not None and of_frames is not None
    wide = of_recordings.high - of_recordings.low
    assert wide > 4 * (of_frames.high - of_frames.low)


def test_too_few_units_have_no_interval() -> None:
    weigh = partial(weigh_share, is_right=np.ones(90, bool))
    assert find_interval(weigh, [n % (MIN_UNITS - 1) for n in range(90)]) is None
    found = find_interval(weigh, [n % MIN_UNITS for n in range(90)])
    assert found is not None and (found.low, found.high) == (1.0, 1.0)
