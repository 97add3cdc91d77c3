"""Frames that are unreadable, changed, missing, or without calibration."""

from __future__ import annotations

import json

import pytest

from assets.formats.annotations.label_book import DISAGREE
from assets.tables.schemas import TABLES, content_id
from checks.captures import (
    captures_hold_what_they_counted,
    frames_decode_to_their_size,
    frames_have_calibration,
    frames_match_their_hashes,
    images_are_readable,
    label_files_agree,
    no_record_was_refused,
)

A, B = content_id("a"), content_id("b")


def refused(rows_of, count, **columns):
    return rows_of(
        "quarantine",
        count,
        **(
            {"source_path": "frames/1.jpg", "sensor": "cam", "reason": "cut off"}
            | columns
        ),
    )


def test_a_fifth_of_the_images_in_quarantine_warns(rows_of):
    # 2 of 10 arrived unreadable
    verdict = images_are_readable(rows_of("frames", 8), refused(rows_of, 2))
    assert not verdict.passed and not verdict.stops
    assert verdict.num_checked == 10 and verdict.figures["share_offending"] == 0.2


def test_more_than_a_fifth_blocks(rows_of):
    # 2 of 9
    assert images_are_readable(rows_of("frames", 7), refused(rows_of, 2)).stops


def test_a_session_of_which_no_image_could_be_read_blocks(rows_of):
    verdict = images_are_readable(
        TABLES["frames"].schema.empty_table(), refused(rows_of, 2)
    )
    assert verdict.stops and verdict.num_checked == 2


def test_refused_records_that_are_no_images_do_not_count(rows_of):
    other = refused(rows_of, 3, source_path=["a.csv", "b.mcap", "c.xml"], sensor=None)
    lost = refused(
        rows_of,
        1,
        source_path="boxes.json",
        reason="label 'cup' is for a frame that is not there",
    )
    assert images_are_readable(rows_of("frames", 1), other).passed
    assert images_are_readable(rows_of("frames", 1), lost).passed
    mask = refused(
        rows_of,
        1,
        source_path="mask.png",
        sensor=None,
        reason="label image (mask): no reader for masks yet",
    )
    assert images_are_readable(rows_of("frames", 1), mask).passed
    assert not images_are_readable(
        rows_of("frames", 1), refused(rows_of, 1, source_path="rec.mcap")
    ).passed


def test_one_changed_byte_is_found_and_named(image_rows):
    rows = image_rows(3)
    payloads = rows["payload"].to_pylist()
    payloads[1] = payloads[1][:-1] + bytes([payloads[1][-1] ^ 1])
    changed = image_rows(3, payload=payloads)
    verdict = frames_match_their_hashes(changed)
    assert verdict.stops and verdict.examples == (changed["frame_id"][1].as_py(),)
    assert frames_match_their_hashes(rows).passed


def test_a_frame_of_another_size_and_one_that_is_no_image_fail(image_rows):
    payloads = image_rows(3)["payload"].to_pylist()
    verdict = frames_decode_to_their_size(
        image_rows(3, width_px=[16, 17, 16], payload=[*payloads[:2], b"no image"])
    )
    assert verdict.stops and len(verdict.examples) == 2
    assert "16 x 12 px, its row says 17 x 12" in verdict.examples[0]


def test_a_long_session_is_sampled_evenly(image_rows):
    verdict = frames_decode_to_their_size(image_rows(130))  # every third of 130: 44
    assert (
        verdict.passed
        and verdict.num_checked == 44
        and verdict.figures["num_frames"] == 130
    )


def test_a_colour_image_marked_as_depth_fails(image_rows):
    assert frames_decode_to_their_size(image_rows(2, kind="depth")).stops


def test_a_camera_without_calibration_beside_one_that_has_it_blocks(rows_of):
    frames = rows_of("frames", 2, capture_id=A, sensor=["left", "right"])
    verdict = frames_have_calibration(
        frames,
        rows_of("calibrations", 1, capture_id=A, sensor="left"),
        rows_of("captures", 1, capture_id=A, reader="mcap"),
    )
    assert verdict.stops and verdict.examples == (f"right of capture {A}",)


def test_a_recording_without_any_calibration_warns(rows_of):
    none = TABLES["calibrations"].schema.empty_table()
    verdict = frames_have_calibration(
        rows_of("frames", 2, capture_id=A),
        none,
        rows_of("captures", 1, capture_id=A, reader="mcap"),
    )
    assert not verdict.passed and not verdict.stops


@pytest.mark.parametrize("reader", ["kitti_raw", "asl", "7scenes", "arkitscenes"])
def test_formats_with_calibrations_are_told_that_they_lost_them_and_block_when_they_lost_some(
    rows_of, reader
):
    frames = rows_of("frames", 2, capture_id=A, sensor=["image_00", "image_02"])
    captures = rows_of("captures", 1, capture_id=A, reader=reader)
    verdict = frames_have_calibration(
        frames, TABLES["calibrations"].schema.empty_table(), captures
    )
    assert (
        not verdict.passed
        and not verdict.stops
        and verdict.figures["num_offending"] == 2
    )
    some = rows_of("calibrations", 1, capture_id=A, sensor="image_00")
    assert frames_have_calibration(frames, some, captures).stops


@pytest.mark.parametrize("reader", ["tum_rgbd", "image_folder", "video", "coco"])
def test_formats_without_calibrations_are_not_asked_for_them(rows_of, reader):
    frames = rows_of("frames", 2, capture_id=A, sensor=["left", "right"])
    captures = rows_of("captures", 1, capture_id=A, reader=reader)
    verdict = frames_have_calibration(
        frames, TABLES["calibrations"].schema.empty_table(), captures
    )
    assert verdict.passed and verdict.num_checked == 0
    # somebody gave one: the other is told
    one = rows_of("calibrations", 1, capture_id=A, sensor="left")
    verdict = frames_have_calibration(frames, one, captures)
    assert (
        not verdict.passed
        and not verdict.stops
        and verdict.examples == (f"right of capture {A}",)
    )


def test_an_archive_is_asked_for_what_is_inside(rows_of):
    frames = rows_of("frames", 1, capture_id=A)
    none = TABLES["calibrations"].schema.empty_table()

    def judge(inside):
        notes = json.dumps({"read as": inside})
        return frames_have_calibration(
            frames,
            none,
            rows_of("captures", 1, capture_id=A, reader="archive", notes=notes),
        )

    assert (
        not judge("kitti_raw").passed
        and judge("image_folder").passed
        and judge("image_folder, kitti_raw").passed
    )


def test_a_calibration_of_another_capture_does_not_count(rows_of):
    frames = rows_of("frames", 2, capture_id=[A, B])
    captures = rows_of("captures", 2, capture_id=[A, B], reader="mcap")
    assert not frames_have_calibration(
        frames, rows_of("calibrations", 1, capture_id=A), captures
    ).passed
    assert frames_have_calibration(
        frames, rows_of("calibrations", 2, capture_id=[A, B]), captures
    ).passed


def test_plain_images_need_no_calibration(rows_of):
    none = TABLES["calibrations"].schema.empty_table()
    verdict = frames_have_calibration(
        rows_of("frames", 2, capture_id=A),
        none,
        rows_of("captures", 1, reader="images"),
    )
    assert (
        verdict.passed
        and verdict.summary == "no rows: these formats carry no calibration"
    )


def test_a_frame_that_intake_counted_and_the_table_lacks_blocks(rows_of):
    captures = rows_of("captures", 2, capture_id=[A, B], num_frames=[2, 0])
    assert captures_hold_what_they_counted(
        captures, rows_of("frames", 2, capture_id=A)
    ).passed
    verdict = captures_hold_what_they_counted(
        captures, rows_of("frames", 1, capture_id=A)
    )
    assert verdict.stops and "1 of 2 frames" in verdict.examples[0]


def test_what_is_in_quarantine_is_listed_and_never_blocks(rows_of):
    verdict = no_record_was_refused(
        rows_of(
            "quarantine",
            1,
            source_path="a.jpg",
            reason="cut off",
            remedy="send it again",
        )
    )
    assert not verdict.passed and not verdict.stops
    assert verdict.examples == ("a.jpg: cut off; send it again",)
    assert verdict.summary == "1 records of 1 file are in quarantine: 1 x cut off"


def test_refused_records_of_one_cause_are_told_once_with_a_count(rows_of):
    reasons = [f"image {n}: there is no '{n}.jpg'" for n in range(4)] + ["cut off"]
    verdict = no_record_was_refused(rows_of("quarantine", 5, reason=reasons))
    assert verdict.summary == (
        "5 records of 1 file are in quarantine: 4 x image 0: there is no '0.jpg' (and the like); 1 x cut off"
    )
    assert verdict.figures["num_causes"] == 2 and len(verdict.examples) == 5


def test_label_files_that_disagree_are_counted_by_picture_and_never_block(rows_of):
    told = ["'a.png', detection, one.json and two.json: ...", "'b.png', detection, ..."]
    reasons = [DISAGREE + told[0], DISAGREE + told[0], DISAGREE + told[1], "cut off"]
    verdict = label_files_agree(rows_of("quarantine", 4, reason=reasons))
    assert not verdict.passed and not verdict.stops
    assert verdict.figures["num_pictures"] == 2
    assert verdict.summary.startswith("label files disagree on 2 pictures, which stay")
    assert label_files_agree(rows_of("quarantine", 1, reason="cut off")).passed
