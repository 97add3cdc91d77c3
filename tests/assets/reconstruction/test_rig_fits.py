"""A rig held against its calibration by what it sees in an ordinary session: as it was, and turned by 1.5 degrees."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from assets.reconstruction.rig_fits import fit_session
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from checks.gates import gate_session
from checks.verdicts import stops_flow
from models.geometry.camera import Camera

SIZE_PX = (320, 240)
CAMERA = Camera(SIZE_PX, (260.0, 260.0), (159.5, 119.5))
BASELINE_M = 0.1
NUM_PAIRS = 6
STEP_NS = 100_000_000


def draw_walls() -> dict[tuple[str, int], bytes]:
    """PNGs by camera and number: spots on walls at several distances and slants, seen from two places."""
    rng = np.random.default_rng(5)
    drawn = {}
    for number in range(NUM_PAIRS):
        page = np.full((900, 1200), 128, np.uint8)
        for _ in range(900):
            x, y, size = (
                rng.integers(0, 1200),
                rng.integers(0, 900),
                int(rng.integers(6, 26)),
            )
            cv2.rectangle(
                page, (x, y), (x + size, y + size), int(rng.integers(0, 256)), -1
            )
        pose = np.eye(4)
        pose[:3, :3] = Rotation.from_rotvec(rng.uniform(-0.4, 0.4, 3)).as_matrix()
        distance = rng.uniform(0.8, 2.5)
        pose[2, 3] = distance
        # a page is as wide as twice its distance
        scale = 2 * distance / 1200
        metres = np.array(
            [[scale, 0, -600 * scale], [0, scale, -450 * scale], [0, 0, 1]]
        )
        for sensor, shift in (("left", 0.0), ("right", BASELINE_M)):
            seen = pose.copy()
            seen[0, 3] -= shift
            plane = CAMERA.matrix @ seen[:3, [0, 1, 3]] @ metres
            image = cv2.warpPerspective(
                page, plane, SIZE_PX, flags=cv2.INTER_AREA, borderValue=128
            )
            drawn[sensor, number] = cv2.imencode(
                ".png", cv2.GaussianBlur(image, (3, 3), 0.8)
            )[1].tobytes()
    return drawn


@pytest.fixture
def walls(catalog: Catalog, frame_row) -> Catalog:
    """A published session "friday" of stamped pairs."""
    rows = []
    for (sensor, number), payload in draw_walls().items():
        facts = {
            "sensor": sensor,
            "sequence": number,
            "t_ns": number * STEP_NS,
            "payload": payload,
        }
        facts |= {
            "width_px": 320,
            "height_px": 240,
            "sha256": hashlib.sha256(payload).hexdigest(),
        }
        rows.append(frame_row(f"{sensor} {number}", 0, "friday") | facts)
    catalog.merge("frames", to_table(TABLES["frames"], rows))
    catalog.publish("frames", "friday", catalog.latest_version("frames"))
    return catalog


def calibrate(catalog: Catalog, session: str, turned_deg: float, made_ns: int) -> None:
    """A published calibration whose right camera is stated with a turn about the axis that it looks along."""
    turn = Rotation.from_rotvec([0, 0, np.radians(turned_deg)]).as_quat()
    poses = {"left": [0.0, 0, 0, 0, 0, 0, 1], "right": [BASELINE_M, 0, 0, *turn]}
    rows = [
        {
            "calibration_id": content_id(session, sensor), "session": session, "sensor": sensor,
            "reference_sensor": "left", "board": "chessboard:9x6:25mm", "length_unit": "m", "width_px": 320,
            "height_px": 240, "num_pictures": 9, "num_found": 9, "fx_px": 260.0, "fy_px": 260.0, "cx_px": 159.5,
            "cy_px": 119.5, "distortion_model": "none", "distortion": [], "rig_from_camera": pose,
            "made_ns": made_ns, "input_sha256": "0" * 64, "code_version": "1",
        }
        for sensor, pose in poses.items()
    ]  # fmt: skip
    catalog.merge("rig_calibrations", to_table(TABLES["rig_calibrations"], rows))
    catalog.publish(
        "rig_calibrations", session, catalog.latest_version("rig_calibrations")
    )


def test_a_rig_as_it_was_passes_and_one_that_was_knocked_asks_for_a_new_calibration(
    walls,
):
    calibrate(walls, "board-1", 0.0, made_ns=1)
    (sound,) = fit_session(walls, "friday")
    assert (
        sound["tilt_deg"] < 0.3
        and sound["epipolar_px"] < 0.5
        and sound["calibrated_in"] == "board-1"
    )
    assert not stops_flow(gate_session(walls, "rig_fits", "friday"))
    # newer, and no longer true: the rig was knocked since
    calibrate(walls, "board-2", 1.5, made_ns=2)
    (knocked,) = fit_session(walls, "friday")
    assert (
        knocked["tilt_deg"] == pytest.approx(1.5, abs=0.3)
        and knocked["calibrated_in"] == "board-2"
    )
    verdicts = gate_session(walls, "rig_fits", "friday")
    assert stops_flow(verdicts) and "since board-2" in verdicts[-1].examples[0]


def test_a_rig_without_a_calibration_has_rows_that_say_so(walls):
    rows = fit_session(walls, "friday")
    assert [r["sensor"] for r in rows] == ["left", "right"]
    assert {r["reason"] for r in rows} == {
        "no calibration of a session has two of these cameras"
    }
    assert not stops_flow(gate_session(walls, "rig_fits", "friday"))
