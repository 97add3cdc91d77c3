"""Average precision by object-keypoint similarity, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.metrics.keypoints import find_sigmas, score_poses
from models.types import PoseDetections, PoseSet

BOX = [0.0, 0.0, 100.0, 100.0]  # an area of 10,000 px^2


def _truth(*points: list[list[float]], class_ids: list[int] | None = None) -> PoseSet:
    ids = np.array([0] * len(points) if class_ids is None else class_ids, np.int64)
    return PoseSet(
        np.array([BOX] * len(points), np.float32).reshape(-1, 4),
        ids,
        np.array(points, np.float32),
    )


def _found(
    *points: list[list[float]], scores: list[float] | None = None
) -> PoseDetections:
    count = len(points)
    boxes = np.array([BOX] * count, np.float32).reshape(-1, 4)
    ids = np.zeros(count, np.int64)
    return PoseDetections(
        boxes,
        np.array(scores or [0.9] * count, np.float32),
        ids,
        np.array(points, np.float32),
    )


def test_points_at_their_places_are_a_perfect_pose():
    result = score_poses(
        [_truth([[10, 20, 2], [30, 40, 1]])], [_found([[10, 20], [30, 40]])]
    )
    assert (result.oks_map, result.oks_map50, result.box_map50) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    "wanted, num_thresholds", [(0.97, 10), (0.72, 5), (0.52, 1), (0.48, 0)]
)
def test_a_point_beside_its_place_counts_up_to_its_similarity(wanted, num_thresholds):
    # OKS = exp(-d^2 / (2 (2 sigma)^2 area)), so d = sqrt(-2 ln OKS) * 2 * 0.07 * 100 px; both points are off by it
    distance = math.sqrt(-2 * math.log(wanted)) * 14
    truth = [[10.0, 20.0, 2.0], [30.0, 40.0, 2.0]]
    result = score_poses(
        [_truth(truth)], [_found([[10 + distance, 20], [30 + distance, 40]])]
    )
    assert result.oks_map == pytest.approx(num_thresholds / 10)
    assert result.oks_map50 == (1.0 if num_thresholds else 0.0)


def test_points_that_nobody_labelled_count_for_nothing():
    truth = [[10, 20, 2], [0, 0, 0]]
    found = [[10, 20], [900, 900]]
    assert score_poses([_truth(truth)], [_found(found)]).oks_map == 1.0


def test_truth_with_fewer_points_than_the_prediction_is_judged_by_those_that_it_has():
    assert (
        score_poses([_truth([[10, 20, 2]])], [_found([[10, 20], [900, 900]])]).oks_map
        == 1.0
    )


def test_a_wrong_pose_of_higher_score_halves_the_precision():
    truth = [[10, 20, 2], [30, 40, 2]]
    found = _found([[900, 900], [900, 900]], [[10, 20], [30, 40]], scores=[0.9, 0.8])
    # the boxes are equal: only points tell the two apart; precision is 1/2 at every recall
    assert score_poses([_truth(truth)], [found]).oks_map == pytest.approx(0.5)


def test_objects_without_a_labelled_point_are_neither_wanted_nor_wrong():
    seen = [[10, 20, 2], [30, 40, 2]]
    unseen = [[0, 0, 0], [0, 0, 0]]
    result = score_poses(
        [_truth(seen), _truth(unseen)],
        [_found([[10, 20], [30, 40]]), _found([[50, 50], [50, 50]])],
    )
    assert result.oks_map == 1.0
    alone = score_poses([_truth(unseen)], [_found([[50, 50], [50, 50]])])
    assert (alone.oks_map, alone.oks_map50, alone.box_map50) == (None, None, 1.0)


def test_no_prediction_is_zero_and_no_object_is_no_figure():
    nothing = PoseDetections(
        np.zeros((0, 4), np.float32),
        np.zeros(0, np.float32),
        np.zeros(0, np.int64),
        np.zeros((0, 2, 2), np.float32),
    )
    empty = PoseSet(
        np.zeros((0, 4), np.float32),
        np.zeros(0, np.int64),
        np.zeros((0, 0, 3), np.float32),
    )
    assert score_poses([_truth([[10, 20, 2], [30, 40, 2]])], [nothing]).oks_map == 0.0
    assert score_poses([empty], [nothing]).oks_map is None


def test_a_person_has_the_sigmas_of_coco():
    assert find_sigmas(17)[0] == 0.026 and find_sigmas(17)[11] == 0.107
    assert find_sigmas(4).tolist() == [0.07] * 4


@pytest.mark.parametrize(
    ("truths", "found", "message"),
    [
        ([], [], "0 images have truth"),
        ([_truth([[1, 1, 2]])], [], "1 images have truth, 0 have predictions"),
        (
            [_truth([[1, 1, 2], [2, 2, 2]])],
            [_found([[1, 1]])],
            "labelled are 2, and the first image has 1",
        ),
        ([_truth([[1, 1, 2]])], [_found([[math.nan, 1]])], "point that is not finite"),
    ],
)
def test_what_cannot_be_judged_is_refused(truths, found, message):
    with pytest.raises(ValueError, match=message):
        score_poses(truths, found)
