"""MOT Challenge truths: boxes with tracks, what does not count, what is wrong, and nothing invented."""

from __future__ import annotations

import pytest

from assets.formats.observations import AnnotationObservation
from tests.assets.formats.conftest import SessionReading

# frame 1: two people; frame 2: one of them; in the form of before 2016, with places in the world
OLD = "1,1,3,5,6,8,1,-1,-1,-1\n1,2,11,5,6,8,1,-1,-1,-1\n2,1,4,5,6,8,1,-1,-1,-1\n"
# a car, a person who is hidden by half, and a reflection that does not count
NEW = "1,7,3,5,6,8,1,3,1\n1,8,11,5,6,8,1,1,0.5\n1,9,11,5,6,8,0,12,1\n"
INFO = "[Sequence]\nname=seq\nimDir=img1\nframeRate=25\nseqLength=3\n"


@pytest.fixture
def read(write_files, read_session, make_image):
    """read(gt, **more): a sequence of three pictures in the folder seq."""

    def do(truth: str, **more: str) -> SessionReading:
        files: dict[str, bytes | str] = {
            f"seq/img1/{n:06}.png": make_image(n, ending=".png") for n in (1, 2, 3)
        }
        return read_session(write_files(files | {"seq/gt/gt.txt": truth} | more))

    return do


def test_boxes_have_their_tracks_and_pixels_begin_at_zero(read):
    reading = read(OLD)
    assert not reading.problems and not reading.leftovers
    told = [(x.frame_path, x.track_id, x.box_xyxy) for x in reading.labels]
    assert told == [
        ("seq/img1/000001.png", 1, (2, 4, 8, 12)),
        ("seq/img1/000001.png", 2, (10, 4, 16, 12)),
        ("seq/img1/000002.png", 1, (3, 4, 9, 12)),
    ]
    assert {x.class_name for x in reading.labels} == {"pedestrian"}
    assert {x.attributes for x in reading.labels} == {()}
    assert [f.t_ns for f in reading.frames] == [None] * 3, "no rate is stated"
    seen = reading.of(AnnotationObservation)
    # somebody looked at the third picture, and saw nobody
    assert [(s.frame_path[-5:], s.num_labels) for s in seen] == [
        ("1.png", 2),
        ("2.png", 1),
        ("3.png", 0),
    ]


def test_classes_visibility_and_what_does_not_count(read):
    more = {"seq/seqinfo.ini": INFO, "seq/det/det.txt": "1,-1,3,5,6,8,0.9,-1,-1,-1\n"}
    reading = read(NEW, **more)
    assert not reading.problems and not reading.leftovers
    car, person = reading.labels
    assert (car.class_name, person.class_name) == ("car", "pedestrian")
    assert person.attributes == (("visibility", "0.5"),)
    assert [f.t_ns for f in reading.frames] == [0, 40_000_000, 80_000_000]
    first = reading.of(AnnotationObservation)[0]
    assert (first.num_labels, first.num_ignored, first.num_missing) == (2, 1, 0)
    notes = reading.plans[0].notes
    assert notes["not read: seq/det/det.txt"] == "what a detector found"
    assert notes["times"] == "25 pictures a second, as seqinfo.ini states"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,4,3,5,0,8,1,-1,-1,-1", "line 4: a box of 0 x 8 px has no area"),
        ("1,1,9,9,6,8,1,-1,-1,-1", "line 4: track 1 has another box in frame 1"),
        ("1,x,9,9,6,8,1,-1,-1,-1", "line 4: 'x' is not a number"),
        ("1,-1,9,9,6,8,1,-1,-1,-1", "line 4: frame 1 and track -1 are no numbers"),
        ("1,4,9,9,6", "line 4: 5 fields, the first row has 10"),
        ("9,4,9,9,6,8,1,-1,-1,-1", "1 rows are of frames without a picture: 1: 9"),
    ],
)
def test_a_wrong_row_is_told_and_the_others_stay(read, row, reason):
    reading = read(OLD + row + "\n")
    assert [p.reason for p in reading.problems] == [reason]
    assert len(reading.labels) == 3
    first = reading.of(AnnotationObservation)[0]
    assert first.num_missing == (0 if row.startswith("9,") else 1)


def test_a_class_that_the_challenge_does_not_have_is_told(read):
    reading = read(NEW + "2,4,9,9,6,8,1,14,1\n")
    assert [p.reason for p in reading.problems] == [
        "line 4: class 14 is none of 1 to 13"
    ]


def test_a_file_that_is_cut_keeps_its_whole_rows(read):
    reading = read(OLD[:-9])
    assert len(reading.labels) == 2 and len(reading.problems) == 1


def test_what_is_no_truth_of_a_sequence_is_left_to_others(read, write_files):
    prose = read("what we saw\n")
    assert not prose.labels and [p.reader for p in prose.plans] != ["mot"]


def test_a_truth_without_its_pictures_is_a_leftover(write_files, read_session):
    reading = read_session(write_files({"seq/gt/gt.txt": OLD}))
    assert not reading.plans and [x.file.path for x in reading.leftovers] == [
        "seq/gt/gt.txt"
    ]
