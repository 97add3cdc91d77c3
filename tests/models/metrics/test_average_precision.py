"""COCO average precision on cases small enough to sum by hand."""

import numpy as np
import pytest

from models.metrics.detection import name_object_size, score_detections
from models.types import BoxSet, Detections

BOX = (0.0, 0.0, 50.0, 50.0)  # 2500 px2: medium
FAR = (200.0, 200.0, 250.0, 250.0)


def truth(*boxes: tuple[float, ...], ids: list[int] | None = None) -> BoxSet:
    return BoxSet(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(ids or [0] * len(boxes), np.int64),
    )


def found(
    *boxes: tuple[float, ...], scores: list[float], ids: list[int] | None = None
) -> Detections:
    ids = ids or [0] * len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.array(ids, np.int64),
    )


def test_two_identical_boxes_are_one_true_positive():
    # the second is a false positive behind the only hit: precision stays 1 up to full recall
    result = score_detections([truth(BOX)], [found(BOX, BOX, scores=[0.9, 0.8])], 1)
    assert (result.map, result.map50, result.map75) == (1.0, 1.0, 1.0)


def test_a_false_box_ahead_of_the_hit_halves_precision():
    result = score_detections([truth(BOX)], [found(FAR, BOX, scores=[0.9, 0.8])], 1)
    assert result.map50 == pytest.approx(0.5)


def test_finding_one_of_two_gives_precision_one_up_to_half_the_recall():
    result = score_detections([truth(BOX, FAR)], [found(BOX, scores=[0.9])], 1)
    assert result.map50 == pytest.approx(51 / 101)  # recall levels 0.00 .. 0.50 of 101


def test_overlap_of_080_counts_at_the_thresholds_up_to_it():
    # 50 x 40 inside 50 x 50: IoU 2000 / 2500 = 0.8: right at 0.50 .. 0.80, seven of ten
    result = score_detections([truth(BOX)], [found((0, 0, 50, 40), scores=[0.9])], 1)
    assert result.map == pytest.approx(7 / 10)
    assert (result.map50, result.map75) == (1.0, 1.0)


def test_a_class_without_objects_has_no_figure_and_does_not_lower_the_mean():
    result = score_detections(
        [truth(BOX)], [found(BOX, FAR, scores=[0.9, 0.95], ids=[0, 1])], 2
    )
    assert (
        result.per_class[1].ap,
        result.per_class[1].ap50,
        result.per_class[1].precision50,
    ) == (None, None, None)
    assert result.map50 == 1.0


def test_no_detections_score_zero():
    assert score_detections([truth(BOX)], [found(scores=[])], 1).map == 0.0


def test_images_without_objects_have_no_average_precision():
    result = score_detections([truth()], [found(BOX, scores=[0.9])], 1)
    assert (result.map, result.map50, result.num_objects) == (None, None, 0)


def test_a_false_box_in_an_empty_image_costs_precision():
    result = score_detections(
        [truth(BOX), truth()], [found(BOX, scores=[0.5]), found(BOX, scores=[0.9])], 1
    )
    assert result.map50 == pytest.approx(0.5)


def test_sizes_are_scored_apart():
    small = (0.0, 0.0, 20.0, 20.0)
    large = (100.0, 100.0, 300.0, 300.0)
    result = score_detections([truth(small, large)], [found(large, scores=[0.9])], 1)
    assert [(s.size, s.map50, s.num_objects) for s in result.per_size] == [
        ("small", 0.0, 1),
        ("medium", None, 0),
        ("large", 1.0, 1),
    ]


def test_the_mean_of_a_precision_curve_is_its_ap50():
    result = score_detections(
        [truth(BOX, FAR)],
        [found(BOX, (500, 0, 550, 50), FAR, scores=[0.9, 0.8, 0.7])],
        1,
    )
    curve = result.per_class[0].precision50
    assert curve is not None
    # hit, false, hit: precision 1 up to recall 0.5 (51 levels), then 2/3 (50 levels)
    assert (
        result.per_class[0].ap50
        == pytest.approx(curve.mean())
        == pytest.approx((51 + 50 * 2 / 3) / 101)
    )


@pytest.mark.parametrize(
    ("area_px2", "size"),
    [(1024.0, "small"), (1025.0, "medium"), (9216.0, "medium"), (9217.0, "large")],
)
def test_object_sizes_follow_coco(area_px2: float, size: str):
    assert name_object_size(area_px2) == size


def test_no_images_are_refused():
    with pytest.raises(ValueError, match="no images"):
        score_detections([], [], 1)


def test_a_score_that_is_not_a_number_is_refused():
    with pytest.raises(ValueError, match=r"image 0 .* not finite"):
        score_detections([truth(BOX)], [found(BOX, scores=[float("nan")])], 1)


def test_a_class_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"with 1 classes give 0\.\.0"):
        score_detections([truth(BOX, ids=[1])], [found(scores=[])], 1)
