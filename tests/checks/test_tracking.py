"""What the gate of tracks refuses."""

from __future__ import annotations

from assets.tables.schemas import content_id
from checks.tracking import (
    track_boxes_have_area,
    tracks_are_in_one_place,
    tracks_are_mostly_seen,
    tracks_rest_on_answers,
)

ONE, OTHER = content_id("one"), content_id("other")


def test_a_track_twice_in_a_frame_blocks(rows_of):
    frame = content_id("frame")
    rows = rows_of(
        "tracks",
        2,
        track_id=ONE,
        frame_id=frame,
        capture_id=ONE,
        sensor="a",
        class_name="cup",
    )
    verdict = tracks_are_in_one_place(rows)
    assert verdict.stops and verdict.examples == (ONE,)


def test_a_track_of_two_classes_blocks(rows_of):
    shared = {"track_id": ONE, "capture_id": ONE, "sensor": "a"}
    rows = rows_of("tracks", 2, **shared, class_name=["cup", "ball"])
    assert tracks_are_in_one_place(rows).stops
    whole = rows_of("tracks", 2, **shared, class_name="cup")
    assert tracks_are_in_one_place(whole).passed


def test_a_box_without_a_width_blocks(rows_of):
    sides = {"x_min": 1.0, "y_min": 1.0, "y_max": 2.0}
    assert track_boxes_have_area(rows_of("tracks", 2, **sides, x_max=[2.0, 1.0])).stops
    assert track_boxes_have_area(rows_of("tracks", 2, **sides, x_max=2.0)).passed


def test_a_found_box_that_no_answer_has_blocks(rows_of):
    frame = content_id("frame")
    answers = rows_of(
        "predictions", 1, prediction_id=ONE, frame_id=frame, class_names=[["cup"]]
    )
    row = {
        "is_filled": False,
        "prediction_id": ONE,
        "frame_id": frame,
        "class_name": "cup",
        "box_number": 0,
    }
    assert tracks_rest_on_answers(rows_of("tracks", 1, **row), answers).passed
    for fault in (
        {"prediction_id": OTHER},
        {"frame_id": OTHER},
        {"box_number": 1},
        {"class_name": "ball"},
    ):
        assert tracks_rest_on_answers(
            rows_of("tracks", 1, **row | fault), answers
        ).stops


def test_tracks_that_are_mostly_guessed_warn(rows_of):
    rows = rows_of("tracks", 4, track_id=ONE, is_filled=[False, True, True, True])
    verdict = tracks_are_mostly_seen(rows)
    assert not verdict.passed and not verdict.stops and verdict.examples == (ONE,)
    half = rows_of("tracks", 4, track_id=ONE, is_filled=[False, False, True, True])
    assert tracks_are_mostly_seen(half).passed
