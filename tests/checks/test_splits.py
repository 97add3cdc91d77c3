"""Leaks between splits: recordings, groups and near-duplicates on two sides; sides without frames."""

from __future__ import annotations

from assets.tables.schemas import content_id
from checks.splits import (
    duplicates_point_to_a_kept_frame,
    every_split_has_frames,
    sessions_are_of_more_than_one_picture,
    splits_share_no_near_duplicate,
    splits_share_no_recording,
)

IDS = [content_id("frame", i) for i in range(3)]
A, B, C = (content_id(name) for name in "abc")
SIDES = ["train", "val", "test"]


def test_a_recording_in_two_splits_blocks(rows_of):
    torn = rows_of("splits", 3, capture_id=[A, A, B], split=SIDES, rule="recording")
    verdict = splits_share_no_recording(torn)
    assert verdict.stops and verdict.examples == (f"recording {A}: train, val",)


def test_a_folder_of_loose_images_may_be_split_by_cluster(rows_of):
    assert splits_share_no_recording(
        rows_of("splits", 3, capture_id=A, split=SIDES, rule="cluster")
    ).passed


def test_a_group_in_two_splits_blocks_under_every_rule(rows_of):
    for rule in ("producer", "recording", "cluster"):
        rows = rows_of(
            "splits",
            3,
            group_id=[A, B, B],
            split=SIDES,
            rule=rule,
            capture_id=[A, B, C],
        )
        assert splits_share_no_recording(rows).examples == (f"group {B}: test, val",)


def test_near_duplicates_on_two_sides_block(rows_of):
    splits = rows_of("splits", 3, frame_id=IDS, split=SIDES)
    apart = rows_of("unique_frames", 3, frame_id=IDS, cluster_id=[A, B, C])
    assert splits_share_no_near_duplicate(splits, apart).passed
    alike = rows_of("unique_frames", 3, frame_id=IDS, cluster_id=[A, B, A])
    assert splits_share_no_near_duplicate(splits, alike).examples == (
        f"cluster {A}: test, train",
    )


def test_a_frame_that_was_never_compared_blocks(rows_of):
    verdict = splits_share_no_near_duplicate(
        rows_of("splits", 3, frame_id=IDS, split=SIDES),
        rows_of("unique_frames", 2, frame_id=IDS[:2], cluster_id=[A, B]),
    )
    assert verdict.stops and verdict.examples == (f"frame {IDS[2]} was never compared",)


def test_an_empty_side_blocks(rows_of):
    verdict = every_split_has_frames(
        rows_of("splits", 3, split=["train", "train", "test"])
    )
    assert verdict.stops and verdict.examples == ("val",)
    assert (
        verdict.figures["num_train"],
        verdict.figures["num_val"],
        verdict.figures["num_test"],
    ) == (2, 0, 1)


def test_a_duplicate_must_point_to_a_kept_frame_of_its_cluster(rows_of):
    good = rows_of(
        "unique_frames",
        3,
        frame_id=IDS,
        cluster_id=[A, A, B],
        duplicate_of=[None, IDS[0], None],
    )
    assert duplicates_point_to_a_kept_frame(good).figures["num_kept"] == 2
    chain = rows_of(
        "unique_frames",
        3,
        frame_id=IDS,
        cluster_id=A,
        duplicate_of=[None, IDS[0], IDS[1]],
    )
    assert duplicates_point_to_a_kept_frame(chain).stops
    elsewhere = rows_of(
        "unique_frames",
        3,
        frame_id=IDS,
        cluster_id=[A, B, B],
        duplicate_of=[None, IDS[0], None],
    )
    assert duplicates_point_to_a_kept_frame(elsewhere).stops


def test_a_session_of_nearly_one_picture_is_told_with_what_helps_and_blocks_nothing(
    rows_of,
):
    def judge(num_alike: int):
        ids = [content_id(n) for n in range(20)]
        alike = [ids[0]] * num_alike + [None] * (20 - num_alike)
        rows = rows_of("unique_frames", 20, frame_id=ids, duplicate_of=alike)
        return sessions_are_of_more_than_one_picture(rows)

    assert judge(16).passed, "four in five"
    told = judge(17)
    assert not told.passed and not told.stops
    assert "17 of 20 frames are near-duplicates of others" in told.examples[0]
    assert "`daguerre queue`" in told.examples[0]
