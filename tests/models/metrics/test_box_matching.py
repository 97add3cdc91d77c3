"""Matching of boxes in one image, confusion counts and operating points, by hand."""

import numpy as np
import pytest

from models.metrics.matching import (
    choose_operating_point,
    count_confusions,
    judge_detections,
    match_detections,
    measure_ious,
    measure_operating_point,
)
from models.types import BoxSet, Detections

LEFT = (0.0, 0.0, 10.0, 10.0)
RIGHT = (100.0, 0.0, 110.0, 10.0)


def truth(*boxes: tuple[float, ...], ids: list[int]) -> BoxSet:
    return BoxSet(np.array(boxes, np.float32).reshape(-1, 4), np.array(ids, np.int64))


def found(*boxes: tuple[float, ...], ids: list[int], scores: list[float]) -> Detections:
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.array(ids, np.int64),
    )


def test_half_a_box_overlaps_by_a_third():
    # intersection 50, union 100 + 100 - 50
    assert measure_ious(
        np.array([LEFT]), np.array([(5.0, 0.0, 15.0, 10.0)])
    ) == pytest.approx(50 / 150)


def test_boxes_without_area_overlap_by_nothing():
    point = np.array([(5.0, 5.0, 5.0, 5.0)], np.float32)
    assert measure_ious(point, point).tolist() == [[0.0]]


def test_an_overlap_of_exactly_one_half_matches():
    matches = match_detections(
        truth(LEFT, ids=[0]), found((0, 0, 10, 5), ids=[0], scores=[0.9])
    )
    assert (matches.truth_ids.tolist(), matches.detection_ids.tolist()) == ([0], [0])


def test_the_surer_of_two_detections_takes_the_object():
    matches = match_detections(
        truth(LEFT, ids=[0]), found(LEFT, LEFT, ids=[0, 0], scores=[0.4, 0.9])
    )
    assert (matches.detection_ids.tolist(), matches.false_detection_ids.tolist()) == (
        [1],
        [0],
    )


def test_the_right_class_wins_over_a_surer_wrong_one():
    matches = match_detections(
        truth(LEFT, ids=[0]), found(LEFT, LEFT, ids=[1, 0], scores=[0.9, 0.4])
    )
    assert (matches.detection_ids.tolist(), matches.false_detection_ids.tolist()) == (
        [1],
        [0],
    )


def test_a_wrong_class_on_an_object_is_a_confusion_not_a_miss():
    matches = match_detections(truth(LEFT, ids=[0]), found(LEFT, ids=[1], scores=[0.9]))
    assert (matches.truth_ids.tolist(), matches.missed_truth_ids.tolist()) == ([0], [])


def test_boxes_below_the_score_do_not_take_part():
    matches = match_detections(
        truth(LEFT, ids=[0]), found(LEFT, ids=[0], scores=[0.3]), min_score=0.5
    )
    assert (
        matches.missed_truth_ids.tolist(),
        matches.false_detection_ids.tolist(),
    ) == ([0], [])


def test_nothing_matches_nothing():
    matches = match_detections(truth(ids=[]), found(ids=[], scores=[]))
    assert [
        len(a)
        for a in (
            matches.truth_ids,
            matches.missed_truth_ids,
            matches.false_detection_ids,
        )
    ] == [0, 0, 0]


def test_confusions_have_misses_in_the_last_column_and_false_boxes_in_the_last_row():
    truths = [truth(LEFT, RIGHT, ids=[0, 1]), truth(LEFT, ids=[1]), truth(ids=[])]
    detections = [
        found(LEFT, ids=[0], scores=[0.9]),  # 0 right, 1 missed
        found(LEFT, ids=[0], scores=[0.9]),  # 1 called 0
        found(RIGHT, ids=[1], scores=[0.9]),  # around nothing
    ]
    assert count_confusions(truths, detections, 2, 0.5).tolist() == [
        [1, 0, 0],
        [1, 0, 1],
        [0, 1, 0],
    ]


def test_confusions_of_no_images_are_refused():
    with pytest.raises(ValueError, match="no images"):
        count_confusions([], [], 2, 0.5)


def find_operating_point(truths, detections):
    num_objects = sum(len(t.class_ids) for t in truths)
    return choose_operating_point(*judge_detections(truths, detections), num_objects)


def test_an_operating_point_is_measured_where_it_was_not_chosen():
    scores = np.array([0.9, 0.8, 0.7, 0.2])
    is_hit = np.array([True, False, True, True])
    # from 0.7 on: 2 hits of 3 answers, of 4 objects; F1 = 4 / (3 + 4)
    point = measure_operating_point(scores, is_hit, 4, 0.7)
    assert (point.precision, point.recall) == (pytest.approx(2 / 3), 0.5)
    assert point.f1 == pytest.approx(4 / 7)
    nothing = measure_operating_point(scores, is_hit, 4, 0.95)
    assert (nothing.precision, nothing.recall, nothing.f1) == (None, 0.0, 0.0)
    empty = measure_operating_point(scores[:0], is_hit[:0], 0, 0.5)
    assert (empty.precision, empty.recall, empty.f1) == (None, None, None)


def test_the_operating_point_has_the_best_f1():
    # sorted: hit 0.9, hit 0.8, false 0.7; F1 after each: 2/(1+2), 4/(2+2), 4/(3+2)
    point = find_operating_point(
        [truth(LEFT, RIGHT, ids=[0, 0])],
        [found(LEFT, RIGHT, (50, 50, 60, 60), ids=[0, 0, 0], scores=[0.9, 0.8, 0.7])],
    )
    assert point is not None
    assert (point.min_score, point.precision, point.recall, point.f1) == (
        pytest.approx(0.8),
        1.0,
        1.0,
        1.0,
    )


def test_equal_scores_are_accepted_together():
    # hit and false box both at 0.9: keeping one alone is not possible, so precision is 1/2
    point = find_operating_point(
        [truth(LEFT, ids=[0])], [found(LEFT, RIGHT, ids=[0, 0], scores=[0.9, 0.9])]
    )
    assert point is not None and point.precision == 0.5


def test_without_detections_or_objects_there_is_no_operating_point():
    assert (
        find_operating_point([truth(LEFT, ids=[0])], [found(ids=[], scores=[])]) is None
    )
    assert (
        find_operating_point([truth(ids=[])], [found(LEFT, ids=[0], scores=[0.9])])
        is None
    )


def test_a_detection_is_judged_by_class_and_overlap():
    scores, is_hit = judge_detections(
        [truth(LEFT, RIGHT, ids=[0, 0])],
        [found(LEFT, RIGHT, ids=[0, 1], scores=[0.9, 0.8])],
    )
    assert (scores.tolist(), is_hit.tolist()) == (
        pytest.approx([0.9, 0.8]),
        [True, False],
    )
