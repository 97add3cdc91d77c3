"""A session of stereo pairs whose depth is known: a wall at 1 m, and a square at 0.5 m before it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import cv2
import numpy as np

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from bench.synthetic_home import plain_row

FOCAL_PX, BASELINE_M = 120.0, 0.1  # 12 px of disparity at 1 m, 24 at 0.5 m
SIZE_PX = (160, 120)
NUM_VIEWS = 2
STEP_NS = 100_000_000
CAPTURE = content_id("capture")
SENSORS = {"left": 0.0, "right": BASELINE_M, "depth": 0.0}


def draw_pair(seed: int, apart_px: int = 0) -> dict[str, np.ndarray]:
    """Both images, and depth in mm as a depth camera in the place of the left one has it."""
    rng = np.random.default_rng(seed)
    wall = rng.integers(0, 255, (120, 200)).astype(np.uint8)
    square = rng.integers(0, 255, (50, 50)).astype(np.uint8)
    left, right = wall[:, :160].copy(), wall[:, 12:172].copy()
    left[30:80, 80:130], right[30:80, 56:106] = square, square
    depth = np.full((120, 160), 1000, np.uint16)
    depth[30:80, 80:130] = 500
    return {"left": left, "right": np.roll(right, apart_px, axis=0), "depth": depth}


def store_stereo(
    catalog: Catalog,
    session: str = "desk",
    sensors: tuple[str, ...] = ("left", "right", "depth"),
    calibrated: tuple[str, ...] = ("left", "right", "depth"),
    apart_px: int = 0,
    m_per_unit: float = 0.001,
    late_ns: int = 0,
    draw: Callable[[int, int], dict[str, np.ndarray]] = draw_pair,
    **more: object,
) -> Catalog:
    """Publish the session. `late_ns` is how much later the right camera's stamps are; `more` goes into calibrations."""
    frames = []
    for view in range(NUM_VIEWS):
        drawn = draw(view, apart_px)
        for sensor in sensors:
            payload = cv2.imencode(".png", drawn[sensor])[1].tobytes()
            facts = {
                "frame_id": content_id(session, sensor, view),
                "capture_id": CAPTURE,
                "session": session,
                "sensor": sensor,
                "kind": "depth" if sensor == "depth" else "color",
                "depth_m_per_unit": m_per_unit if sensor == "depth" else None,
                "t_ns": view * STEP_NS + (late_ns if sensor == "right" else 0),
                "sequence": view,
                "width_px": 160,
                "height_px": 120,
                "encoding": "png",
                "payload": payload,
                "sha256": hashlib.sha256(payload).hexdigest(),
                "source_path": f"{sensor}/{view}.png",
            }
            frames.append(plain_row("frames", {}) | facts)
    rows = [
        plain_row("calibrations", {})
        | {
            "calibration_id": content_id("stated", session, sensor),
            "capture_id": CAPTURE,
            "session": session,
            "sensor": sensor,
            **pinhole(sensor),
            **more,
        }
        for sensor in calibrated
    ]
    for name, stored in (("frames", frames), ("calibrations", rows)):
        catalog.merge(name, to_table(TABLES[name], stored))
        if stored:
            catalog.publish(name, session, catalog.latest_version(name))
    return catalog


def pinhole(sensor: str) -> dict[str, object]:
    return {
        "width_px": 160,
        "height_px": 120,
        "fx_px": FOCAL_PX,
        "fy_px": FOCAL_PX,
        "cx_px": 79.5,
        "cy_px": 59.5,
        "distortion_model": "none",
        "distortion": [],
        "rig_from_camera": [SENSORS[sensor], 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    }
