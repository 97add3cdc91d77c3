"""Objects of a session in space: where the truth is, seen by every camera, and why not where nothing tells."""

from __future__ import annotations

import numpy as np
import pytest

from assets.previews.object_boxes import draw_objects, list_objects
from assets.retrieval.lineage import trace
from assets.tables.schemas import TABLES, content_id, to_table
from assets.tracking.object_boxes import place_objects, try_objects
from assets.tracking.object_sights import load_depth, read_captures
from bench.synthetic_home import plain_row
from checks.gates import gate_session
from checks.object_boxes import object_boxes_have_size, views_agree_on_objects
from tests.assets.tracking.ball_scene import (
    AZIMUTHS,
    BALL,
    CAMERA,
    CAPTURE,
    CENTRE,
    RADIUS_M,
    project_box,
    rig_from_camera,
    store_ball,
    world_from_rig,
)

SIDES = ("x_min", "y_min", "x_max", "y_max")
ENDS = ("_m", "_sigma_m")


def find(placed, name):
    return next(row for row in placed.boxes if row["class_name"] == name)


def test_a_ball_is_where_it_is_within_two_standard_errors_and_a_camera_without_labels_sees_it(
    catalog,
):
    store_ball(catalog)
    done = place_objects(catalog, "desk")
    ball = find(done, "ball")
    assert (ball["shape"], ball["frame_of_reference"], ball["t_ns"]) == (
        "spheroid",
        "world",
        None,
    )
    assert (ball["num_views"], ball["num_depths"], ball["source"]) == (3, 3, "labels")
    for name, true in zip("xyz", CENTRE, strict=True):
        assert abs(ball[f"{name}_m"] - true) <= 2 * ball[f"{name}_sigma_m"] < 0.01
    assert abs(ball["width_m"] - 2 * RADIUS_M) <= 2 * ball["width_sigma_m"] < 0.02
    right = next(v for v in done.views if v["frame_id"] == content_id("right", 1))
    truth = project_box(BALL, CAMERA, world_from_rig(0.8) @ rig_from_camera("right"))
    assert [right[s] for s in SIDES] == pytest.approx(truth.box_xyxy, abs=1.0)
    assert (right["occluded"], right["iou"], right["is_used"], right["has_depth"]) == (
        0,
        None,
        False,
        False,
    )
    left = [v for v in done.views if v["sensor"] == "left"]
    assert len(left) == 3 and all(
        v["iou"] > 0.95 and v["occluded"] < 0.05 for v in left
    )


def test_a_ball_that_rolls_has_a_box_a_moment_with_its_velocity(catalog):
    """Eight views in 1.75 s from a camera that goes round; the ball rolls 14 cm."""
    velocity = (0.06, -0.05, 0.0)
    azimuths = np.linspace(0.0, 1.2, 8)
    store_ball(catalog, azimuths=azimuths, every_ns=250_000_000, velocity_m_s=velocity)
    done = place_objects(catalog, "desk")
    (ball,) = [rows for rows in done.list_objects() if rows[0]["class_name"] == "ball"]
    assert [row["t_ns"] for row in ball] == [n * 250_000_000 for n in range(8)]
    assert (done.num_known, ball[0]["shape"]) == (1, "spheroid")
    off, sigmas = [], []
    for row in ball:
        centre = CENTRE + np.array(velocity) * row["t_ns"] / 1e9
        true = [*centre, *velocity, *(3 * [2 * RADIUS_M])]
        names = [f"{n}_m" for n in "xyz"] + [f"v{n}_m_s" for n in "xyz"]
        names += ["length_m", "width_m", "height_m"]
        ends = [n.replace("_m", "_sigma_m", 1) for n in names]
        off.append([row[n] - t for n, t in zip(names, true, strict=True)])
        sigmas.append([row[n] for n in ends])
    weighed = np.abs(off) / np.array(sigmas)
    assert (weighed <= 2).mean() >= 0.9 and np.abs(off)[:, :3].max() < 0.006
    assert np.array(sigmas)[:, :3].max() < 0.02
    # both cameras, at all times
    seen = [
        v
        for v in done.views
        if v["object_box_id"] in {r["object_box_id"] for r in ball}
    ]
    assert len(seen) == 16 and min(v["iou"] for v in seen if v["iou"] is not None) > 0.9
    verdicts = {v.name: v for v in gate_session(catalog, "object_boxes", "desk")}
    assert verdicts["objects_are_still_or_move_smoothly"].passed
    assert verdicts["objects_have_a_box"].num_checked == 2, "a ball and a cup"
    assert {row["yaw_rate_rad_s"] for row in ball} == {None}
    assert "| ball 1 | spheroid, moves |" in list_objects(done.list_objects())


def test_a_brick_that_turns_has_its_yaw_and_its_rate_at_each_moment(catalog):
    """Twelve views in 2.2 s from a camera that goes round it the other way; the brick turns by 2.2 rad."""
    azimuths = np.linspace(0.0, -1.1, 12)
    store_ball(catalog, azimuths=azimuths, every_ns=200_000_000, brick_rad_s=1.0)
    done = place_objects(catalog, "desk")
    (brick,) = [rows for rows in done.list_objects() if rows[0]["class_name"] == "ball"]
    assert (len(brick), brick[0]["shape"]) == (12, "cuboid")
    for row in brick:
        assert abs(row["yaw_rate_rad_s"] - 1.0) <= 3 * row["yaw_rate_sigma_rad_s"]
        # the same box after each quarter of a turn
        off = (row["yaw_rad"] - row["t_ns"] / 1e9 + np.pi / 4) % (np.pi / 2) - np.pi / 4
        assert abs(off) <= 3 * row["yaw_sigma_rad"] < 0.3
        assert -np.pi <= row["yaw_rad"] < np.pi
    assert "| ball 1 | cuboid, moves and turns |" in list_objects(done.list_objects())
    verdicts = {v.name: v for v in gate_session(catalog, "object_boxes", "desk")}
    assert verdicts["objects_are_still_or_move_smoothly"].passed


def test_lineage_names_what_a_box_rests_on_and_frames_name_their_boxes(catalog):
    store_ball(catalog)
    ball = find(place_objects(catalog, "desk"), "ball")
    found = trace(catalog, "box", ball["object_box_id"][:12])
    up, seen = found["upstream"], found["downstream"]["object_views"]
    assert {r["track_id"] for r in up["labels"]} == {1} and len(up["labels"]) == 3
    frames = {r["frame_id"] for r in up["frames"]}
    assert frames == {content_id(s, n) for s in ("left", "depth") for n in range(3)}
    assert {r["sensor"] for r in up["calibrations"]} == {"left", "depth"}
    assert up["tracks"] == [] and len(seen) == 6
    for kind in ("left", "right"):
        after = trace(catalog, "frame", content_id(kind, 1))["downstream"]
        assert [r["object_box_id"] for r in after["object_boxes"]] == [
            ball["object_box_id"]
        ]


def test_lineage_of_a_box_by_tracks_names_the_track_and_no_frame_that_only_a_gap_had(
    catalog,
):
    store_ball(catalog, is_named=False)
    track_id = store_track(catalog, filled=(1,))
    (ball,) = place_objects(catalog, "desk").boxes
    assert (ball["source"], ball["object"]) == ("tracks", track_id)
    assert ball["reason"] is None and ball["num_views"] == 2
    up = trace(catalog, "box", ball["object_box_id"])["upstream"]
    assert [r["track_id"] for r in up["tracks"]] == [track_id] and up["labels"] == []
    frames = {r["frame_id"] for r in up["frames"]}
    assert frames == {content_id(s, n) for s in ("left", "depth") for n in (0, 2)}
    (after,) = trace(catalog, "track", track_id)["downstream"]["object_boxes"]
    assert after["object_box_id"] == ball["object_box_id"]


def store_track(catalog, filled: tuple[int, ...]) -> str:
    """The ball's boxes in the left camera as a published track."""
    track_id, rows = content_id("track"), []
    for n, azimuth in enumerate(AZIMUTHS):
        pose = world_from_rig(azimuth) @ rig_from_camera("left")
        box = project_box(BALL, CAMERA, pose).whole_xyxy
        facts = {
            "track_box_id": content_id("track box", n),
            "track_id": track_id,
            "frame_id": content_id("left", n),
            "capture_id": CAPTURE,
            "session": "desk",
            "sensor": "left",
            "class_name": "ball",
            "is_filled": n in filled,
            **dict(zip(SIDES, box, strict=True)),
        }
        rows.append(plain_row("tracks", {}) | facts)
    catalog.merge("tracks", to_table(TABLES["tracks"], rows))
    catalog.publish("tracks", "desk", catalog.latest_version("tracks"))
    return track_id


def test_a_rectified_depth_beside_a_bent_picture_is_not_taken_for_its_own(catalog):
    store_ball(catalog)
    (left,) = catalog.read_latest("calibrations", None, "sensor = 'left'").to_pylist()
    bent = {**left, "distortion_model": "plumb_bob", "distortion": [-0.2, 0, 0, 0, 0]}
    catalog.upsert("calibrations", to_table(TABLES["calibrations"], [bent]))
    catalog.publish("calibrations", "desk", catalog.latest_version("calibrations"))
    ball = find(place_objects(catalog, "desk"), "ball")
    assert "a depth camera with the same optics" in ball["reason"]


def test_what_the_border_cuts_off_in_every_view_is_named(catalog):
    store_ball(catalog)
    cup = find(place_objects(catalog, "desk"), "cup")
    assert "no view shows it whole" in cup["reason"] and cup["x_m"] is None


def test_rows_stay_until_what_they_rest_on_changes_and_pass_their_gates(catalog):
    store_ball(catalog)
    first = place_objects(catalog, "desk")
    again = place_objects(catalog, "desk")
    assert (first.num_made, again.num_made) == (1, 0)
    assert len(again.views) == len(first.views) == 6
    verdicts = {
        v.name: v
        for table in ("object_boxes", "object_views")
        for v in gate_session(catalog, table, "desk")
    }
    assert (
        verdicts["views_agree_on_objects"].passed
        and verdicts["objects_are_still_or_move_smoothly"].passed
    )
    told = verdicts["objects_have_a_box"]
    assert (
        not told.passed
        and not told.stops
        and "cup 2: no view shows it whole" in told.examples[0]
    )
    assert draw_objects(catalog, first.boxes, first.views)[:2] == b"\xff\xd8"
    assert "| ball 1 | spheroid | 0.1" in list_objects(first.list_objects())


def test_without_poses_a_box_is_of_one_moment_and_its_depth_is_unknown(catalog):
    store_ball(catalog, has_poses=False)
    done = try_objects(catalog, "desk")
    ball = find(done, "ball")
    assert (ball["frame_of_reference"], ball["num_views"]) == ("rig", 1)
    assert (
        ball["t_ns"] is not None
        and ball["length_m"] is None
        and ball["width_m"] is not None
    )
    assert {v["sensor"] for v in done.views} == {"left", "right"}, "of that moment"
    assert not catalog.exists("object_boxes")


def test_without_depth_or_ids_the_reason_is_said(catalog):
    store_ball(catalog, has_depth=False)
    done = place_objects(catalog, "desk")
    assert "its picture has no depth" in find(done, "ball")["reason"] and not done.views
    (told, *_) = [
        v
        for v in gate_session(catalog, "object_boxes", "desk")
        if v.name == "objects_have_a_box"
    ]
    assert told.stops


def test_labels_without_ids_make_no_object(catalog):
    store_ball(catalog, is_named=False)
    assert not place_objects(catalog, "desk").boxes
    with pytest.raises(ValueError, match="monday has no published colour frame"):
        place_objects(catalog, "monday")


def test_two_pictures_beside_one_depth_image_both_have_it(catalog):
    store_ball(catalog)
    where = f"frame_id = '{content_id('left', 0)}'"
    (first,) = catalog.read_latest("frames", None, where).to_pylist()
    later = {**first, "frame_id": content_id("left", "later"), "t_ns": 15_000_000}
    catalog.merge("frames", to_table(TABLES["frames"], [later]))
    catalog.publish("frames", "desk", catalog.latest_version("frames"))
    (capture,) = read_captures(catalog, "desk")
    ids = [first["frame_id"], later["frame_id"]]
    assert [capture.depth_of[i] for i in ids] == [content_id("depth", 0)] * 2
    assert load_depth(catalog, capture, ids).keys() == set(ids)


def test_views_that_show_no_object_whole_do_not_dilute_those_that_do():
    views = [
        plain_row("object_views", {})
        | {"object_view_id": content_id(n), "is_whole": n < 2}
        | ({"iou": 0.1, "off_sigmas": 40.0} if n < 2 else {})
        for n in range(40)
    ]
    table = to_table(TABLES["object_views"], views)
    told = views_agree_on_objects(table)
    assert told.stops and told.num_checked == 2
    told = views_agree_on_objects(table.slice(2))
    assert told.passed and told.empty_reason and not told.figures


@pytest.mark.parametrize("side", ["length", "width", "height"])
def test_a_size_without_its_error_is_no_size(side):
    sizes = {f"{n}{end}": 0.1 for n in ("length", "width", "height") for end in ENDS}
    row = plain_row("object_boxes", {}) | {"reason": None, **sizes}
    for wrong, is_right in (
        ({}, True),
        ({f"{side}_m": None, f"{side}_sigma_m": None}, True),
        ({f"{side}_sigma_m": None}, False),
        ({f"{side}_m": float("nan")}, False),
    ):
        table = to_table(TABLES["object_boxes"], [row | wrong])
        assert object_boxes_have_size(table).passed == is_right
