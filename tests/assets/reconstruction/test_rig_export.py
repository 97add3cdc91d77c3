"""Stored calibrations as documents of other tools: read again they are the same cameras in the same places."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml
from scipy.spatial.transform import Rotation

from assets.reconstruction.rig_export import FORMS, write_rig
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from models.geometry import camera_conventions as conventions

TURN = Rotation.from_rotvec([0.02, -0.05, 0.01])
PLACES = {
    "left": [0.0, 0, 0, 0, 0, 0, 1],
    "middle": [0.1, 0.01, 0.0, *TURN.as_quat()],
    "right": [0.3, 0.0, 0.02, *TURN.inv().as_quat()],
}


@pytest.fixture
def calibrated(catalog: Catalog) -> Catalog:
    """Published calibrations: "metric", and "squares" of a board without a length."""
    for session, unit in (("metric", "m"), ("squares", "square")):
        rows = [
            {
                "calibration_id": content_id(session, sensor), "session": session, "sensor": sensor,
                "reference_sensor": "left", "board": "chessboard:9x6", "length_unit": unit, "width_px": 640,
                "height_px": 480, "num_pictures": 9, "num_found": 9, "fx_px": 430.0, "fy_px": 431.0, "cx_px": 318.5,
                "cy_px": 240.25, "distortion_model": "plumb_bob", "distortion": [-0.2, 0.05, 1e-3, -2e-3, 0.0],
                "rig_from_camera": place, "made_ns": 1, "input_sha256": "0" * 64, "code_version": "1",
            }
            for sensor, place in PLACES.items()
        ]  # fmt: skip
        catalog.merge("rig_calibrations", to_table(TABLES["rig_calibrations"], rows))
        catalog.publish(
            "rig_calibrations", session, catalog.latest_version("rig_calibrations")
        )
    return catalog


def test_a_camchain_leads_from_each_camera_to_the_next(calibrated):
    chain = yaml.safe_load(write_rig(calibrated, "metric", "kalibr"))
    assert [entry["rostopic"] for entry in chain.values()] == [
        f"/{s}/image_raw" for s in PLACES
    ]
    camera_from_rig = np.eye(4)
    for entry, place in zip(chain.values(), PLACES.values(), strict=True):
        camera_from_rig = np.array(entry.get("T_cn_cnm1", np.eye(4))) @ camera_from_rig
        rig_from_camera = np.linalg.inv(camera_from_rig)
        np.testing.assert_allclose(rig_from_camera[:3, 3], place[:3], atol=1e-12)
        np.testing.assert_allclose(
            rig_from_camera[:3, :3],
            Rotation.from_quat(place[3:]).as_matrix(),
            atol=1e-12,
        )
        assert conventions.from_kalibr(entry)[0].centre_px == (318.5, 240.25)


def test_other_forms_hold_the_same_cameras(calibrated):
    frames = json.loads(write_rig(calibrated, "metric", "nerfstudio"))["frames"]
    camera, place = conventions.from_nerfstudio(frames[2])
    assert (
        camera.centre_px == (318.5, 240.25)
        and place[:3, 3].tolist() == PLACES["right"][:3]
    )
    line = write_rig(calibrated, "metric", "colmap").splitlines()[2]
    assert line.startswith("1 OPENCV 640 480 430.0 431.0 319.0 240.75 -0.2")
    for form, read in (
        ("ros", conventions.from_ros),
        ("foxglove", conventions.from_foxglove),
    ):
        found = json.loads(write_rig(calibrated, "metric", form))
        assert [*found] == [*PLACES] and read(found["left"]).focal_px == (430.0, 431.0)


def test_what_cannot_be_written_is_refused(calibrated):
    with pytest.raises(
        ValueError, match=r"in squares: calibrate again .* --board chessboard:9x6:25mm"
    ):
        write_rig(calibrated, "squares", "kalibr")
    assert all(write_rig(calibrated, "squares", form) for form in ("colmap", "ros"))
    with pytest.raises(ValueError, match="there is no session 'monday'"):
        write_rig(calibrated, "monday", "ros")
    with pytest.raises(ValueError, match="format 'basalt' is none of kalibr"):
        write_rig(calibrated, "metric", "basalt")
    assert {*FORMS} == {"kalibr", "colmap", "nerfstudio", "ros", "foxglove"}
