"""Depth of stereo pairs and splats in a Rerun recording: where their rows say, read back by Rerun's own reader."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest

from assets.retrieval.rerun_export import export_session
from assets.retrieval.rerun_recording import CLOCK
from assets.splat_ply import write_splats
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from bench.synthetic_home import plain_row
from tests.assets.retrieval.test_rerun_export import (
    add_capture,
    add_pose,
    read_back,
    to_ns,
)
from tests.assets.retrieval.test_rerun_space import read_spaces
from tests.assets.test_splat_ply import TWO

CAPTURE = content_id("capture", "monday")
HERE = {"capture_id": CAPTURE, "session": "monday", "sensor": "left"}


def add_depth_map(catalog: Catalog, **lens: object) -> None:
    """4 x 3 px of which two are known: 2 m in the middle of the image's axis, 1 m a focal length to its right."""
    units = np.zeros((3, 4), np.uint16)
    units[1, 1], units[1, 3] = 2000, 1000
    sure = np.zeros((3, 4), np.uint8)
    sure[1, 1], sure[1, 3] = 255, 51
    facts = {
        "depth_map_id": content_id("map"),
        "frame_id": content_id("frame"),
        "other_sensor": "right",
        "t_ns": 10**9,
        "calibrated_in": "monday",
        "width_px": 4,
        "height_px": 3,
        "depth_m_per_unit": 0.001,
        "reason": None,
        "payload": cv2.imencode(".png", units)[1].tobytes(),
        "confidence_payload": cv2.imencode(".png", sure)[1].tobytes(),
    }
    calibration = {
        "calibration_id": content_id("lens"),
        "width_px": 4,
        "height_px": 3,
        "fx_px": 2.0,
        "fy_px": 2.0,
        "cx_px": 1.0,
        "cy_px": 1.0,
        "distortion_model": "none",
        "distortion": [],
        "rig_from_camera": None,
    }
    rows = {"depth_maps": facts, "calibrations": calibration | lens}
    for name, more in rows.items():
        row = plain_row(name, {}) | HERE | more
        catalog.upsert(name, to_table(TABLES[name], [row]))


def test_depth_of_a_pair_is_points_where_its_camera_stands_on_the_rig(
    catalog, tmp_path
):
    """A pixel two to the right of the middle, by a focal length of 2 px: 1 m aside at 1 m."""
    add_capture(catalog, num_frames=0)
    add_pose(catalog, "map", "rig")
    add_depth_map(catalog, rig_from_camera=[0.5, 0.0, 0.25, 0.0, 0.0, 0.0, 1.0])
    counts = export_session(catalog, "monday", tmp_path / "a.rrd")
    assert counts["depth_clouds"] == 1
    entities = read_back(tmp_path / "a.rrd")
    (cloud,) = entities["/monday/map/rig/left_depth/right"]
    assert cloud["Points3D:positions"] == [[0.0, 0.0, 2.0], [1.0, 0.0, 1.0]]
    # grey of 255 and 51, opaque
    assert cloud["Points3D:colors"] == [0xFFFFFFFF, 0x333333FF]
    assert to_ns(cloud[CLOCK]) == 10**9
    (place,) = entities["/monday/map/rig/left_depth"]
    assert place["Transform3D:translation"] == [[0.5, 0.0, 0.25]]
    # the flat entity of the camera has no points below it
    assert not [p for p in entities if p.startswith("/monday/map/rig/left/")]


def test_depth_of_a_camera_that_a_pose_moves_goes_with_it(catalog, tmp_path):
    add_capture(catalog, num_frames=0)
    add_pose(catalog, "map", "left")
    add_depth_map(catalog)
    export_session(catalog, "monday", tmp_path / "a.rrd")
    entities = read_back(tmp_path / "a.rrd")
    (moved,) = entities["/monday/map/left_depth"]
    assert moved["Transform3D:translation"] == [[1.0, 2.0, 3.0]]
    assert "/monday/map/left_depth/right" in entities


def test_splats_are_as_wide_as_opaque_and_as_coloured_as_they_were_learned(
    catalog, tmp_path
):
    """Widths are e to the power of what is stored, opacity is a sigmoid, and colour 0.5 + 0.2821 of degree 0."""
    add_capture(catalog, num_frames=0)
    facts = {
        "splats_id": content_id("splats"),
        "sparse_model_id": content_id("model"),
        "session": "monday",
        "degree": 1,
        "num_gaussians": 2,
        "length_unit": "unknown",
        "psnr_db": 20.0,
        "reason": None,
        "blob_sha256": catalog.blobs.put(io.BytesIO(write_splats(TWO))),
    }
    row = plain_row("splats", {}) | facts
    catalog.upsert("splats", to_table(TABLES["splats"], [row]))
    counts = export_session(catalog, "monday", tmp_path / "a.rrd")
    assert counts["splats"] == 2
    entities = read_back(tmp_path / "a.rrd")
    assert read_spaces(entities) == {
        "/splats": f"sparse model {content_id('model')[:12]}"
    }
    (found,) = entities["/splats/gaussians"]
    assert found["GaussianSplats3D:centers"] == [[1, 2, 3], [4, 5, 6]]
    widths = np.array(found["GaussianSplats3D:scales"])
    assert widths[0] == pytest.approx([0.36788, 0.13534, 0.04979], abs=1e-5)
    # w x y z of (0, 2, 0, 0) is half a turn about x
    assert found["GaussianSplats3D:quaternions"] == [[1, 0, 0, 0], [0, 0, 0, 1]]
    red, green, blue, opacity = found["GaussianSplats3D:colors"][0].to_bytes(4, "big")
    # 0.5 + 0.2821 * (0.1, 0.2, 0.3) of 255, and 1 / (1 + e^-0.5)
    assert (red, green, blue, opacity) == (135, 142, 149, 159)
    terms = np.array(found["GaussianSplats3D:sh_coefficients"], float)
    assert terms.shape == (2, 15, 3)
    assert terms[0, :3].tolist() == [[11, 21, 31], [12, 22, 32], [13, 23, 33]]
    assert not terms[0, 3:].any()
    (about,) = entities["/splats/about"]
    assert "lengths in a unit that nobody knows" in about["TextDocument:text"][0]
