"""Class IoU, per-image IoU and boundary IoU, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from models.metrics.segmentation import (
    class_ious,
    count_confusion,
    count_pixels,
    mean_iou,
    score_segmentation,
)
from models.types import IGNORE, SemanticMap


def _map(*rows):
    return SemanticMap(np.array(rows, np.uint8))


def _score(*pairs, num_classes=3):
    return score_segmentation([count_pixels(t, p, num_classes) for t, p in pairs])


def test_confusion_counts_true_rows_and_predicted_columns():
    confusion = count_confusion(
        _map([0, 0, 1], [1, 2, 2]), _map([0, 1, 1], [1, 2, 0]), 3
    )
    np.testing.assert_array_equal(confusion, [[1, 1, 0], [0, 2, 0], [1, 0, 1]])


def test_class_iou_is_hits_over_union():
    # class 0: 1 / (2 + 2 - 1), class 1: 2 / (2 + 3 - 2), class 2: 1 / (2 + 1 - 1)
    result = _score((_map([0, 0, 1], [1, 2, 2]), _map([0, 1, 1], [1, 2, 0])))
    assert [c.iou for c in result.per_class] == pytest.approx([1 / 3, 2 / 3, 1 / 2])
    assert result.miou == pytest.approx((1 / 3 + 2 / 3 + 1 / 2) / 3)
    assert result.pixel_accuracy == pytest.approx(4 / 6)


def test_ignored_pixels_count_nowhere():
    truth = _map([0, IGNORE], [1, IGNORE])
    wrong = _map([0, 1], [1, 0])
    assert _score((truth, wrong), num_classes=2).miou == 1.0
    assert _score((truth, wrong), num_classes=2).confusion.sum() == 2


def test_a_class_the_truth_does_not_show_has_no_iou_but_costs_the_class_it_covers():
    result = _score((_map([0, 0, 0, 0]), _map([0, 0, 0, 2])))
    assert [c.iou for c in result.per_class] == [0.75, None, None]
    assert result.miou == 0.75
    assert (
        result.per_class[2].num_predicted_px == 1
        and result.per_class[2].num_images == 0
    )


def test_a_class_that_is_never_predicted_has_iou_zero():
    assert _score((_map([0, 1]), _map([0, 0])), num_classes=2).miou == pytest.approx(
        (1 / 2 + 0) / 2
    )


def test_an_image_where_all_is_ignored_has_no_figures_and_changes_none():
    blank = (_map([IGNORE, IGNORE]), _map([0, 1]))
    full = (_map([0, 1]), _map([0, 0]))
    alone = _score(blank)
    assert (
        alone.miou,
        alone.pixel_accuracy,
        alone.image_miou,
        alone.boundary_miou,
    ) == (None, None, None, None)
    assert _score(blank, full).miou == _score(full).miou
    assert _score(blank, full).image_miou == _score(full).image_miou


def test_per_image_iou_weighs_images_equally_and_miou_weighs_pixels():
    # first image 1.0; second: class 0 is 1/4, no other class
    pairs = ((_map([0]), _map([0])), (_map([0, 0, 0, 0]), _map([0, 1, 1, 1])))
    assert _score(*pairs).image_miou == pytest.approx((1 + 1 / 4) / 2)
    assert _score(*pairs).miou == pytest.approx(2 / 5)


def test_no_image_and_maps_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="no images to score"):
        score_segmentation([])
    with pytest.raises(
        ValueError, match=r"truth has \(1, 2\) pixels, the prediction \(2, 1\)"
    ):
        count_pixels(_map([0, 1]), _map([0], [1]), 2)
    with pytest.raises(
        ValueError, match=r"predicted class id 2: with 2 classes give 0..1"
    ):
        count_pixels(_map([0, 1]), _map([0, 2]), 2)
    with pytest.raises(ValueError, match="predicted class id 255"):
        count_pixels(_map([0, 1]), _map([0, IGNORE]), 2)
    assert (
        mean_iou(np.zeros((3, 3), np.int64)) is None
        and np.isnan(class_ious(np.zeros((3, 3), np.int64))).all()
    )


def test_boundary_iou_looks_at_the_rim_alone():
    """A square of 20 px in 50 x 50, predicted 2 px to the right; the rim reaches 0.02 * 70.7 = 1.4, so 1 px."""
    truth = np.zeros((50, 50), np.uint8)
    found = np.zeros((50, 50), np.uint8)
    truth[10:30, 10:30] = 1
    found[10:30, 12:32] = 1
    counts = count_pixels(SemanticMap(truth), SemanticMap(found), 2)
    # rims of 4 * 19 = 76 px each; they share columns 12..29 of rows 10 and 29
    assert (counts.boundary_hits[1], counts.boundary_union[1]) == (
        2 * 18,
        2 * 76 - 2 * 18,
    )
    whole = score_segmentation([counts])
    assert whole.per_class[1].boundary_iou == pytest.approx(36 / 116)
    assert whole.per_class[1].iou == pytest.approx(18 / 22)


def test_what_is_ignored_makes_no_boundary():
    truth = np.zeros((50, 50), np.uint8)
    found = np.zeros((50, 50), np.uint8)
    truth[:, 20:30] = IGNORE
    counts = count_pixels(SemanticMap(truth), SemanticMap(found), 1)
    # the image's edge, without the ignored columns
    assert counts.boundary_union[0] == 4 * 49 - 2 * 10


def test_equal_maps_have_every_figure_one():
    ids = np.random.default_rng(0).integers(0, 4, (60, 80)).astype(np.uint8)
    result = _score((SemanticMap(ids), SemanticMap(ids)), num_classes=4)
    assert (
        result.miou,
        result.pixel_accuracy,
        result.image_miou,
        result.boundary_miou,
    ) == (1, 1, 1, 1)
