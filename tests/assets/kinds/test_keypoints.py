"""Keypoints: from label rows to a release and its samples, and what stays out of it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from assets.curation.annotations import read_datasets
from assets.curation.release import draft_release, write_release
from assets.kinds import KINDS, find_kind
from assets.kinds.keypoints import parse_points, read_poses
from assets.samples import ReleaseImages, read_release
from assets.tables.releases import open_release
from assets.tables.schemas import TABLES, content_id, to_table
from checks.release import release_matches_its_hash, release_targets_are_whole
from models.types import PoseSet

WIDTH = 16
HEIGHT = 12
BOX = (2, 3, 10, 9)
OTHER_BOX = (11, 1, 15, 5)
POINTS = "3 4 2 9 8 1 0 0 0"
MOVED = "3 6 2 9 8 1 0 0 0"
SIDES = ["train"] * 4 + ["val", "test"]


@pytest.fixture
def land(catalog, frame_rows):
    """land("monday"): six published frames with a split each; equal to those of other sessions."""

    def add(session: str = "monday") -> list[str]:
        rows = frame_rows(6, 0, session)
        ids = rows["frame_id"].to_pylist()
        splits = [
            {
                "frame_id": f,
                "capture_id": content_id("capture", session),
                "session": session,
                "group_id": f,
                "split": s,
                "rule": "cluster",
            }
            for f, s in zip(ids, SIDES, strict=True)
        ]
        catalog.publish("frames", session, catalog.merge("frames", rows).version)
        catalog.publish(
            "splits",
            None,
            catalog.merge("splits", to_table(TABLES["splits"], splits)).version,
        )
        return ids

    return add


@pytest.fixture
def label(catalog):
    """label([(frame id, class, box, points or None), ...], "monday"): published labels of detection."""

    def add(
        said: list[tuple[str, str, tuple[float, ...], str | None]],
        session: str = "monday",
    ) -> None:
        rows = [
            {
                "label_id": content_id(session, n, *one),
                "frame_id": one[0],
                "session": session,
                "task": "detection",
                "capture_id": content_id("capture", session),
                "class_name": one[1],
                "origin": "imported",
                "source_path": "l.json",
                "source_offset": 0,
                "attributes": None
                if one[3] is None
                else json.dumps([["pose", "sits"], ["keypoints", one[3]]]),
                **dict(zip(("x_min", "y_min", "x_max", "y_max"), one[2], strict=True)),
            }
            for n, one in enumerate(said)
        ]
        catalog.publish(
            "labels",
            session,
            catalog.merge("labels", to_table(TABLES["labels"], rows)).version,
        )

    return add


def test_a_release_holds_the_points_of_each_box(catalog, land, label):
    ids = land()
    label(
        [(i, "ant", BOX, POINTS) for i in ids] + [(ids[0], "bee", OTHER_BOX, "12 2 2")]
    )
    release_id = write_release(catalog, draft_release(catalog, "keypoints"))
    release = open_release(catalog, release_id)
    assert (release.task, release.class_names, len(release.frames)) == (
        "keypoints",
        ("ant", "bee"),
        6,
    )
    row = next(r for r in release.frames.to_pylist() if r["frame_id"] == ids[0])
    found = read_poses(row)
    ant = found.class_ids.tolist().index(0)
    bee = found.class_ids.tolist().index(1)
    assert found.boxes_xyxy[ant].tolist() == [2, 3, 10, 9]
    assert found.points[ant].tolist() == [[3, 4, 2], [9, 8, 1], [0, 0, 0]]
    # it has one point: no other is labelled
    assert found.points[bee].tolist() == [[12, 2, 2], [0, 0, 0], [0, 0, 0]]
    releases = catalog.read_latest("releases")
    frames = catalog.read_latest("release_frames")
    assert (
        release_matches_its_hash(releases, frames).passed
        and release_targets_are_whole(frames, releases).passed
    )


def test_other_points_are_another_release(catalog, land, label):
    ids = land()
    label([(i, "ant", BOX, POINTS) for i in ids[1:]])
    first = draft_release(catalog, "keypoints").row["release_id"]
    label([(ids[0], "ant", BOX, MOVED)])
    second = draft_release(catalog, "keypoints")
    assert second.row["release_id"] != first
    write_release(catalog, second)
    row = catalog.read_latest(
        "release_frames", where=f"frame_id = '{ids[0]}'"
    ).to_pylist()[0]
    catalog.upsert(
        "release_frames",
        to_table(TABLES["release_frames"], [row | {"keypoints": [POINTS]}]),
    )
    with pytest.raises(ValueError, match="has changed: its rows hash to"):
        open_release(catalog, second.row["release_id"])


def test_points_move_with_the_image_that_a_sample_holds(catalog, land, label):
    ids = land()
    label([(i, "ant", BOX, POINTS) for i in ids])
    release = read_release(
        catalog,
        write_release(catalog, draft_release(catalog, "keypoints")),
        "keypoints",
    )
    whole, half = (
        ReleaseImages(catalog, release, "train", side)[0] for side in (None, WIDTH // 2)
    )
    assert isinstance(half.target, PoseSet) and half.image_rgb.shape == (
        HEIGHT // 2,
        WIDTH // 2,
        3,
    )
    assert whole.target.points.tolist() == [[[3, 4, 2], [9, 8, 1], [0, 0, 0]]]
    assert half.target.points.tolist() == [[[1.5, 2, 2], [4.5, 4, 1], [0, 0, 0]]]
    assert half.target.boxes_xyxy.tolist() == [[1, 1.5, 5, 4.5]]


def test_frames_with_an_object_that_has_no_points_stay_out_by_reason(
    catalog, land, label
):
    ids = land()
    label(
        [
            (ids[0], "ant", BOX, POINTS),
            (ids[0], "bee", OTHER_BOX, None),
            (ids[1], "ant", BOX, "3 4"),
            (ids[2], "ant", BOX, "3 4 nan"),
            (ids[3], "ant", BOX, POINTS),
        ]
    )
    draft = draft_release(catalog, "keypoints")
    assert [row["frame_id"] for row in draft.frames.to_pylist()] == [ids[3]]
    assert draft.excluded == {
        "label without keypoints": 1,
        "keypoints that cannot be read": 2,
        "frame without labels": 2,
        "frame with an object that has no label": 3,
        "labels on frames with an object that has no label": 1,
    }


def test_boxes_alone_make_no_release_of_keypoints(catalog, land, label):
    ids = land()
    label([(i, "ant", BOX, None) for i in ids])
    with pytest.raises(
        ValueError,
        match=r": label without keypoints: 6, .*; give keypoints to every object",
    ):
        draft_release(catalog, "keypoints")


@pytest.mark.parametrize(
    "box",
    [
        (2, 3.5, 10, 9),  # equal within a pixel
        (3.5, 3, 10, 9),  # 39 / 48: drawn by another hand, and tighter
        (2, 3, 10, 10.5),  # 48 / 60: wider
    ],
)
def test_a_copy_gives_the_points_that_a_box_lacks(catalog, land, label, box):
    here = land()
    there = land("tuesday")
    label([(i, "ant", BOX, None) for i in here])
    label([(i, "ant", box, POINTS) for i in there], "tuesday")
    draft = draft_release(catalog, "keypoints")
    assert (draft.row["num_frames"], draft.row["num_labels"]) == (6, 6)
    assert all(row["keypoints"] == [POINTS] for row in draft.frames.to_pylist())


def test_copies_whose_points_differ_contradict_each_other(catalog, land, label):
    here = land()
    there = land("tuesday")
    label([(i, "ant", BOX, POINTS) for i in here])
    label(
        [(i, "ant", BOX, MOVED if n == 0 else POINTS) for n, i in enumerate(there)],
        "tuesday",
    )  # 2 px of 8 px
    draft = draft_release(catalog, "keypoints")
    assert (
        draft.row["num_frames"] == 5
        and draft.excluded["copy of a picture with other labels"] == 2
    )
    assert draft_release(catalog, "detection").row["num_frames"] == 6, (
        "their boxes are equal"
    )


def list_datasets(catalog):
    """Frame id -> names of the kinds that what is said of it is good for."""
    return {
        row["frame_id"]: {
            k.name for n, k in enumerate(KINDS) if row["datasets"] >> n & 1
        }
        for row in read_datasets(catalog).to_pylist()
    }


def test_frames_are_good_for_keypoints_where_every_object_has_some(
    catalog, land, label
):
    ids = land()
    label([(i, "ant", BOX, None) for i in ids])
    assert list_datasets(catalog) == {i: {"detection"} for i in ids}
    label([(i, "bee", OTHER_BOX, POINTS) for i in ids[:2]], "monday")
    assert not any("keypoints" in found for found in list_datasets(catalog).values()), (
        "the ants have none"
    )
    other = land("tuesday")
    label([(other[0], "ant", BOX, POINTS)], "tuesday")
    assert {
        i for i, found in list_datasets(catalog).items() if "keypoints" in found
    } == {other[0]}


@pytest.mark.parametrize(
    ("keypoints", "fault"),
    [
        (None, "has no keypoints"),
        ([], "keypoints of 0 objects for 1 boxes"),
        (["3 4"], "are not x, y and visibility of each point"),
        (["3 four 2"], "could not convert string to float"),
        ([POINTS], None),
    ],
)
def test_a_row_whose_points_are_none_is_no_target(keypoints, fault):
    row = {"boxes_xyxy": [0, 0, 5, 5], "box_class_ids": [0], "keypoints": keypoints}
    found = find_kind("keypoints").find_target_fault(row)
    assert found is None if fault is None else found is not None and fault in found


def test_points_are_text_of_three_numbers_each():
    np.testing.assert_array_equal(
        parse_points("1.5 2 2 0 0 0"), [[1.5, 2, 2], [0, 0, 0]]
    )


def test_an_empty_picture_is_a_target():
    row = {"boxes_xyxy": [], "box_class_ids": [], "keypoints": []}
    assert find_kind("keypoints").find_target_fault(row) is None
    assert read_poses(row).points.shape == (0, 0, 3)


def test_a_row_without_the_column_is_no_empty_picture():
    row = {"boxes_xyxy": [], "box_class_ids": [], "keypoints": None}
    with pytest.raises(ValueError, match="has no keypoints"):
        read_poses(row)
