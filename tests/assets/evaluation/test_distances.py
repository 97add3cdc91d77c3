"""Distances of the objects of an exam: by the depth image of their camera and moment, and by no other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from assets.evaluation.distances import add_distances
from assets.evaluation.slices import SliceRule, cut_objects, score_objects
from assets.kinds import find_kind
from assets.kinds.judging.pairs import Subject
from assets.tables.catalog import Catalog
from assets.tables.frame_scores import collect_scores
from assets.tables.schemas import TABLES, content_id, to_table

Row = dict[str, Any]
NAMES = ("ball", "box")
BOX = [2.0, 2.0, 10.0, 10.0]
SECOND_NS = 1_000_000_000
LEFT, RIGHT = [0, 0.03, 0, 0, 0, 0, 1], [0, -0.03, 0, 0, 0, 0, 1]
DISTANCE = SliceRule(
    "distance", "objects", "case when distance_m < 2 then 'near' end", "a test"
)


def draw_depth(millimetres: int) -> bytes:
    depth = np.full((12, 16), millimetres, np.uint16)
    return cv2.imencode(".png", depth)[1].tobytes()


def store_capture(
    catalog: Catalog, frame_row: Callable[..., Row], lag_ns: int = 0
) -> dict[str, str]:
    """A colour frame of the left and of the right camera at 1 s, and a depth image of the left one; ids by sensor."""
    capture = content_id("capture")
    cameras = [("left", LEFT), ("right", RIGHT), ("depth", LEFT)]
    frames = []
    for sensor, _ in cameras:
        row = frame_row(sensor, 10) | {"capture_id": capture, "sensor": sensor}
        row |= {"t_ns": SECOND_NS}
        if sensor == "depth":
            payload = draw_depth(1_500)
            row |= {"kind": "depth", "encoding": "png", "payload": payload}
            row |= {"depth_m_per_unit": 0.001, "t_ns": SECOND_NS + lag_ns}
            row |= {"sha256": hashlib.sha256(payload).hexdigest()}
        frames.append(row)
    catalog.merge("frames", to_table(TABLES["frames"], frames))
    calibrations = [
        {
            **dict.fromkeys(TABLES["calibrations"].schema.names),
            **{"calibration_id": content_id("k", sensor), "capture_id": capture},
            **{"session": "monday", "sensor": sensor, "width_px": 16, "height_px": 12},
            **{"fx_px": 10.0, "fy_px": 10.0, "cx_px": 8.0, "cy_px": 6.0},
            **{"distortion": [], "rig_from_camera": place, "source_path": "k.yaml"},
            "source_offset": 0,
        }
        for sensor, place in cameras
    ]
    catalog.merge("calibrations", to_table(TABLES["calibrations"], calibrations))
    return {row["sensor"]: row["frame_id"] for row in frames}


def examine(
    ids: dict[str, str], release_row: Callable[..., Row]
) -> tuple[Any, list[Row]]:
    """Both colour frames show a ball where nothing was found."""
    frames = [
        release_row(sensor, boxes=BOX, ids=[0])
        | {"frame_id": ids[sensor], "capture_id": content_id("capture")}
        for sensor in ("left", "right")
    ]
    said = [
        {
            **{"frame_id": row["frame_id"], "model_sha256": "ab" * 32},
            **{"boxes_xyxy": [], "class_names": [], "scores": [], "mask_rles": None},
        }
        for row in frames
    ]
    pairs = find_kind("detection").pair(said, frames, NAMES)  # type: ignore[arg-type]
    of_frames, objects = pairs.list_frames(frames, {})
    return collect_scores(of_frames, NAMES), objects  # type: ignore[return-value]


def test_an_object_is_as_far_as_the_depth_image_of_its_own_camera_says(
    catalog: Catalog,
    frame_row: Callable[..., Row],
    release_row: Callable[..., Row],
):
    ids = store_capture(catalog, frame_row)
    scores, objects = examine(ids, release_row)
    found = {row["frame_id"]: row for row in add_distances(catalog, objects)}
    assert found[ids["left"]]["distance_m"] == pytest.approx(1.5)
    # of the right camera nobody knows
    assert found[ids["right"]]["distance_m"] is None
    rows = list(found.values())
    catalog.upsert("object_scores", to_table(TABLES["object_scores"], rows))
    cut = cut_objects(catalog, [DISTANCE], rows)
    told = score_objects(Subject("ab" * 32, "1" * 32, "test", NAMES), scores, rows, cut)
    assert [(r["slice_by"], r["slice_value"], r["value"]) for r in told] == [
        ("distance", "near", 0.0),
        ("distance", "unknown", 0.0),
    ]


def test_a_depth_image_of_another_moment_tells_nothing_and_makes_no_slice(
    catalog: Catalog,
    frame_row: Callable[..., Row],
    release_row: Callable[..., Row],
):
    ids = store_capture(catalog, frame_row, lag_ns=30_000_000)
    scores, objects = examine(ids, release_row)
    rows = add_distances(catalog, objects)
    assert [row["distance_m"] for row in rows] == [None, None]
    catalog.upsert("object_scores", to_table(TABLES["object_scores"], rows))
    cut = cut_objects(catalog, [DISTANCE], rows)
    subject = Subject("ab" * 32, "1" * 32, "test", NAMES)
    assert score_objects(subject, scores, rows, cut) == []
