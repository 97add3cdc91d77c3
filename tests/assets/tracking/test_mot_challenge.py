"""Files of the MOT Challenge: read as it counts, refused by the line, and written so that they come back."""

from __future__ import annotations

import numpy as np
import pytest

from assets.tracking.mot_challenge import (
    drop_distracted,
    find_detections,
    list_true,
    read_mot,
    to_sightings,
    write_mot,
)
from assets.tracking.sequences import choose_method, track_sequence
from models.metrics.track_pairs import TrackedBoxes
from models.tracking.sightings import Tracks


@pytest.fixture
def file(tmp_path):
    """file("1,1,...\\n"): a file with these lines."""

    def write(text, name="rows.txt"):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def test_pixels_count_from_one_in_the_file(file):
    rows = read_mot(file("2,7,1,11,20,30,0.5,-1,-1,-1\n\n1,-1,3,4,5,6\n"))
    assert rows.frames.tolist() == [1, 2] and rows.ids.tolist() == [-1, 7]
    assert rows.boxes_xyxy.tolist() == [[2, 3, 7, 9], [0, 10, 20, 40]]
    assert rows.confidences.tolist() == [1.0, 0.5]
    assert rows.classes.tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("1,2,3", "line 2: 3 columns, at least 6 are needed"),
        ("1,2,3,4,5,x", "line 2: '1,2,3,4,5,x' are no numbers"),
        ("1,2,3,4,nan,6", "has a number that is not finite"),
        ("0,2,3,4,5,6", "frame 0, id 2: whole numbers are needed, frames from 1 on"),
        ("1.5,2,3,4,5,6", "whole numbers"),
        ("1,2,3,4,-5,6", "a box of -5 x 6 px"),
    ],
)
def test_a_line_that_is_none_is_named(line, fault, file):
    with pytest.raises(ValueError, match=fault):
        read_mot(file(f"1,1,1,1,2,2,1\n{line}\n"))


def test_bytes_that_are_no_text_are_refused(file):
    with pytest.raises(ValueError, match="is no text, at byte 2"):
        read_mot(file(b"1,\xff\xfe"))


def test_a_file_that_is_too_large_is_refused(file, lower):
    from assets.tracking import mot_challenge

    lower(mot_challenge, MAX_BYTES=4)
    with pytest.raises(ValueError, match="at most 0 are read, cut it by sequence"):
        read_mot(file("1,1,1,1,2,2,1\n"))


def test_an_empty_file_has_no_rows(file):
    assert len(read_mot(file(""))) == 0


def test_scores_that_nobody_can_place_are_refused_or_ignored(file):
    path = file("1,-1,1,1,5,5,-2.5\n1,-1,1,1,5,5,41\n")
    rows = read_mot(path)
    with pytest.raises(ValueError, match=r"scores from -2\.5 to 41: --ignore-scores"):
        to_sightings(rows, path, False)
    assert to_sightings(rows, path, True).scores.tolist() == [1.0, 1.0]


def test_a_truth_without_classes_counts_all_but_confidence_0(file):
    rows = read_mot(file("1,1,1,1,5,5,1,-1,-1,-1\n1,2,9,9,5,5,0,-1,-1,-1\n"))
    assert list_true(rows).ids.tolist() == [1]


def test_a_truth_with_classes_counts_pedestrians_and_forgives_who_follows_a_reflection(
    file,
):
    # a pedestrian, a car, and a reflection
    rows = read_mot(
        file("1,1,1,1,10,10,1,1,1\n1,2,101,1,10,10,1,3,1\n1,3,201,1,10,10,0,12,1\n")
    )
    assert list_true(rows).ids.tolist() == [1]
    boxes = np.array([[0.0, 0, 10, 10], [100, 0, 110, 10], [200, 0, 210, 10]])
    found = TrackedBoxes(np.array([1, 1, 1]), np.array([4, 5, 6]), boxes)
    assert drop_distracted(rows, found).ids.tolist() == [4, 5]


def test_what_is_written_comes_back(file):
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 100, (5, 2))
    boxes = np.concatenate([corner, corner + 7], axis=1)
    tracks = Tracks(
        np.arange(1, 6), np.arange(5), boxes, rng.random(5), np.zeros(5, int)
    )
    rows = read_mot(file("".join(write_mot(tracks))))
    assert rows.frames.tolist() == [1, 2, 3, 4, 5] and rows.ids.tolist() == [
        1,
        2,
        3,
        4,
        5,
    ]
    assert rows.boxes_xyxy == pytest.approx(boxes, abs=2e-3)
    assert rows.confidences == pytest.approx(tracks.scores, abs=1e-5)


def test_a_folder_without_boxes_says_what_it_needs(tmp_path):
    with pytest.raises(ValueError, match=r"no det/det\.txt .* --detections"):
        find_detections(tmp_path)


def test_a_truth_that_has_a_track_twice_is_named(file):
    found = file("1,-1,1,1,5,5,1\n", "det.txt")
    truth = file("1,3,1,1,5,5,1\n1,3,9,9,5,5,1\n", "gt.txt")
    with pytest.raises(ValueError, match=r"gt\.txt: track 3 has two boxes in frame 1"):
        track_sequence(found, truth, choose_method("sort", None))


def test_the_given_boxes_of_tud_campus_reach_what_is_published(test_data):
    folder = test_data("tracking/tud_campus")
    found = {
        tracker: track_sequence(
            folder / "det/det.txt", folder / "gt.txt", choose_method(tracker, None)
        ).figures
        for tracker in ("sort", "bytetrack", "offline")
    }
    sort, offline = found["sort"], found["offline"]
    # as the README of SORT has it: 15 false alarms, 113 misses, 6 switches, MOTA 62.7, MOTP 73.7
    assert (sort["false_alarms"], sort["misses"], sort["switches"]) == (15, 113, 6)
    assert round(100 * sort["mota"], 1) == 62.7 and round(100 * sort["motp"], 1) == 73.7
    assert round(100 * sort["hota"], 2) == 45.26  # by TrackEval 1.3.0
    assert offline["hota"] > sort["hota"] + 0.15 and offline["mota"] > 0.77
