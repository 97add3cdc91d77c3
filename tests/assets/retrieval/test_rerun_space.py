"""Objects in space and the sparse model in a Rerun recording: where their rows say, read back by Rerun's own reader."""

from __future__ import annotations

import io

import numpy as np
import pytest

from assets.reconstruction.sparse_package import pack
from assets.retrieval.rerun_export import export_session
from assets.retrieval.rerun_recording import CLOCK, SEQUENCE
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from bench.synthetic_home import plain_row
from models.geometry.camera import Camera
from models.geometry.sparse_model import SparseImage, SparseModel
from tests.assets.retrieval.test_rerun_export import (
    add_capture,
    add_pose,
    read_back,
    to_ns,
)

PLACE = {"x_m": 1.0, "y_m": 2.0, "z_m": 0.5, "yaw_rad": np.pi / 2}
SIZE = {"length_m": 0.4, "width_m": 0.2, "height_m": 1.0}


def add_object(catalog: Catalog, name: str, shape: str, **more: object) -> None:
    row = plain_row("object_boxes", {}) | {
        "object_box_id": content_id("object", name, str(more.get("t_ns"))),
        "capture_id": content_id("capture", "monday"),
        "session": "monday",
        "source": "labels",
        "object": name,
        "class_name": "cup",
        "frame_of_reference": "map",
        "shape": shape,
        "t_ns": None,
        "reason": None,
        **PLACE,
        **SIZE,
    }
    catalog.upsert("object_boxes", to_table(TABLES["object_boxes"], [row | more]))


def test_objects_stand_in_the_frame_that_they_are_told_in(catalog, tmp_path):
    add_capture(catalog, num_frames=0)
    add_pose(catalog, "map", "rig")
    add_object(catalog, "1", "cuboid")
    add_object(catalog, "2", "cylinder")
    add_object(catalog, "3", "spheroid", frame_of_reference="rig")
    add_object(catalog, "4", "cuboid", reason="one view alone")
    counts = export_session(catalog, "monday", tmp_path / "a.rrd")
    assert counts["objects"] == 3
    entities = read_back(tmp_path / "a.rrd")
    (box,) = entities["/monday/map/objects/labels/cup\\ 1"]
    assert box["Boxes3D:centers"] == [[1.0, 2.0, 0.5]] and CLOCK not in box
    assert box["Boxes3D:half_sizes"] == [pytest.approx([0.2, 0.1, 0.5])]
    # a quarter turn about z
    turn = pytest.approx([0, 0, 0.5**0.5, 0.5**0.5])
    assert box["Boxes3D:quaternions"] == [turn]
    assert box["Boxes3D:labels"] == ["cup"]
    (tube,) = entities["/monday/map/objects/labels/cup\\ 2"]
    assert tube["Cylinders3D:lengths"] == [1.0]
    # a mean of 0.4 and 0.2 across
    assert tube["Cylinders3D:radii"] == pytest.approx([0.15])
    # the rig has its place in the map
    (ball,) = entities["/monday/map/rig/objects/labels/cup\\ 3"]
    assert ball["Ellipsoids3D:half_sizes"] == [pytest.approx([0.2, 0.1, 0.5])]


def test_an_object_that_moves_is_where_it_is_at_each_time_and_gone_after_the_last(
    catalog, tmp_path
):
    add_capture(catalog, num_frames=0)
    for t_ns, x_m in ((10**9, 1.0), (2 * 10**9, 1.5)):
        add_object(catalog, "1", "cuboid", t_ns=t_ns, x_m=x_m)
    assert export_session(catalog, "monday", tmp_path / "a.rrd")["objects"] == 1
    rows = read_back(tmp_path / "a.rrd")["/monday/map/objects/labels/cup\\ 1"]
    found = [(to_ns(r[CLOCK]), r["Boxes3D:centers"][0][0]) for r in rows[:2]]
    assert found == [(10**9, 1.0), (2 * 10**9, 1.5)]
    assert [to_ns(r[CLOCK]) for r in rows[2:]] == [2 * 10**9 + 1]
    assert rows[2]["Clear:is_recursive"] == [False]


def read_spaces(entities: dict[str, list[dict]]) -> dict[str, str]:
    """Entity -> the frame that its transform leads to, of those that are not placed in the entity above."""
    named = "Transform3D:parent_frame"
    return {
        path: row[named][0]
        for path, rows in entities.items()
        for row in rows
        if row.get(named)
    }


def test_frames_of_which_nothing_says_how_they_lie_are_spaces_of_their_own(
    catalog, tmp_path
):
    """The rig moves in the map, so it is in its space; nothing tells of the frame `odom`, nor of the sparse model."""
    add_capture(catalog, num_frames=0)
    add_pose(catalog, "map", "rig")
    add_object(catalog, "1", "cuboid", frame_of_reference="odom")
    store_model(catalog, (10**9,))
    export_session(catalog, "monday", tmp_path / "a.rrd")
    entities = read_back(tmp_path / "a.rrd")
    assert read_spaces(entities) == {
        "/monday/map": "monday/map",
        "/monday/odom": "monday/odom",
        "/sparse_model": f"sparse model {content_id('model')[:12]}",
    }
    assert "/monday/map/rig" in entities
    axes = [
        row["ViewCoordinates:xyz"]
        for path in ("/monday/map", "/sparse_model")
        for row in entities[path]
        if row.get("ViewCoordinates:xyz")
    ]
    # right, forward, up; right, down, forward
    assert axes == [[[3, 5, 1]], [[3, 2, 5]]]


def store_model(catalog: Catalog, times: tuple[int | None, ...]) -> SparseModel:
    """Pictures one step to the right of each other that see one red point; not checked."""
    camera = Camera((640, 480), (500.0, 510.0), (322.0, 236.0))
    images, rows = [], []
    for number, t_ns in enumerate(times):
        pose = np.eye(4)
        pose[0, 3] = 0.5 * number
        pixels = camera.project(np.array([[0.0, 0.0, 4.0]]) - pose[:3, 3])
        descriptors = np.ones((1, 128), np.uint8)
        name = content_id("frame", number)
        images.append(
            SparseImage(name, "cam", camera, pose, pixels, np.array([0]), descriptors)
        )
        row = {"sparse_image_id": content_id(number), "frame_id": name}
        row |= {"capture_id": content_id("capture", "monday"), "t_ns": t_ns}
        rows.append(plain_row("sparse_images", {}) | row | {"session": "monday"})
    model = SparseModel(
        "unknown",
        np.array([[0.0, 0.0, 4.0]]),
        np.array([[255, 0, 0]], np.uint8),
        tuple(images),
    )
    facts = {
        "sparse_model_id": content_id("model"),
        "session": "monday",
        "length_unit": "unknown",
        "scale_sigma": None,
        "scale_reason": "one camera alone gives no length",
        "num_registered": len(times),
        "num_images": len(times),
        "num_points": 1,
        "model_sha256": catalog.blobs.put(io.BytesIO(pack(model))),
        "reason": None,
    }
    for name, some in (
        ("sparse_images", rows),
        ("sparse_models", [plain_row("sparse_models", {}) | facts]),
    ):
        catalog.upsert(name, to_table(TABLES[name], some))
    return model


def test_the_sparse_model_has_its_points_and_its_cameras_at_their_times(
    catalog, tmp_path
):
    add_capture(catalog, num_frames=0)
    store_model(catalog, (10**9, 2 * 10**9))
    counts = export_session(catalog, "monday", tmp_path / "a.rrd")
    assert counts["sparse_points"] == 1
    entities = read_back(tmp_path / "a.rrd")
    (points,) = entities["/sparse_model/points"]
    assert points["Points3D:positions"] == [[0.0, 0.0, 4.0]]
    assert points["Points3D:colors"] == [0xFF0000FF]
    rows = entities["/sparse_model/cameras/cam/camera"]
    placed = [
        (to_ns(r[CLOCK]), r["Transform3D:translation"][0])
        for r in rows
        if r.get("Transform3D:translation")
    ]
    assert placed == [(10**9, [0.0, 0.0, 0.0]), (2 * 10**9, [0.5, 0.0, 0.0])]
    (lens,) = [r for r in rows if r.get("Pinhole:image_from_camera")]
    assert lens["Pinhole:resolution"] == [[640.0, 480.0]]
    (path,) = entities["/sparse_model/cameras/cam/path"]
    assert path["LineStrips3D:strips"] == [[[0.0, 0.0, 0.0], [0.5, 0.0, 0.0]]]
    (about,) = entities["/sparse_model/about"]
    told = about["TextDocument:text"][0]
    assert "a unit that nobody knows" in told
    assert told.endswith("not published: it was not checked")


def test_cameras_without_a_clock_lie_on_the_sequence(catalog, tmp_path):
    add_capture(catalog, num_frames=0)
    store_model(catalog, (None, None))
    export_session(catalog, "monday", tmp_path / "a.rrd")
    rows = read_back(tmp_path / "a.rrd")["/sparse_model/cameras/cam/camera"]
    assert [r[SEQUENCE] for r in rows if r.get("Transform3D:translation")] == [0, 1]


def test_a_session_without_a_model_has_none(catalog, tmp_path):
    add_capture(catalog, num_frames=0)
    assert export_session(catalog, "monday", tmp_path / "a.rrd")["sparse_points"] == 0
    assert not [p for p in read_back(tmp_path / "a.rrd") if "sparse_model" in p]
