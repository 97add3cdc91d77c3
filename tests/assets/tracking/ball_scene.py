"""A ball, or a brick that turns, on a table, seen from a rig on a circle: colour, depth, poses and labels that follow
from one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from assets.annotation.labels import Answer, Author, Marked, record_answers
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from bench.synthetic_home import plain_row
from checks.gates import gate_session
from models.geometry.boxes3d import Box3D, project_box
from models.geometry.camera import Camera

CAPTURE = content_id("capture")
CAMERA = Camera((160, 120), (120.0, 120.0), (79.5, 59.5))
CENTRE, RADIUS_M = np.array([0.02, -0.01, 0.06]), 0.06
BRICK_M = np.array([0.16, 0.08, 0.12])
AZIMUTHS = (0.0, 0.8, 1.6)
EVERY_NS = 10**9
BASELINE_M = 0.06
_AHEAD = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])  # rig_from_camera, turned


def make_ball(centre_m: np.ndarray) -> Box3D:
    none = np.zeros((7, 7))
    size = np.full(3, 2 * RADIUS_M)
    return Box3D("spheroid", centre_m, size, 0.0, none, none[0], None, np.ones(0, bool))


def make_brick(centre_m: np.ndarray, yaw_rad: float) -> Box3D:
    ball = make_ball(centre_m)
    return replace(ball, shape="cuboid", size_m=BRICK_M, yaw_rad=yaw_rad)


BALL = make_ball(CENTRE)


def world_from_rig(azimuth: float) -> np.ndarray:
    at = np.array([0.5 * np.cos(azimuth), 0.5 * np.sin(azimuth), 0.3])
    ahead = np.array([0, 0, 0.06]) - at
    ahead /= np.linalg.norm(ahead)
    left = np.cross([0, 0, 1], ahead)
    left /= np.linalg.norm(left)
    pose = np.eye(4)
    pose[:3, :3] = np.column_stack([ahead, left, np.cross(ahead, left)])
    pose[:3, 3] = at
    return pose


def rig_from_camera(sensor: str) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, :3] = _AHEAD
    pose[1, 3] = -BASELINE_M if sensor == "right" else 0.0
    return pose


def to_seven(pose: np.ndarray) -> list[float]:
    from models.simulation.camera import quaternion_xyzw

    return [*pose[:3, 3].tolist(), *quaternion_xyzw(pose[:3, :3])]


def draw_depth(pose: np.ndarray, box: Box3D = BALL) -> bytes:
    """16-bit PNG in tenths of a millimetre: the ball or brick, and the table at z = 0."""
    width, height = CAMERA.size_px
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).reshape(
        -1, 2
    )
    rays = CAMERA.unproject(pixels) @ pose[:3, :3].T  # of depth 1
    meet = _meet_brick if box.shape == "cuboid" else _meet_ball
    found = meet(rays, pose[:3, 3] - box.centre_m, box)
    table = np.where(
        rays[:, 2] < 0, -pose[2, 3] / np.minimum(rays[:, 2], -1e-9), np.inf
    )
    depth = np.minimum(found, table)
    units = np.where(depth < 6, np.round(depth * 1e4), 0).astype(np.uint16)
    return cv2.imencode(".png", units.reshape(height, width))[1].tobytes()


def _meet_ball(rays: np.ndarray, away: np.ndarray, box: Box3D) -> np.ndarray:
    """Depths (N,) at which rays from a place beside the centre meet it; infinite where they do not."""
    a, b, c = (rays**2).sum(1), 2 * rays @ away, away @ away - (box.size_m[0] / 2) ** 2
    square = b * b - 4 * a * c
    return np.where(square > 0, (-b - np.sqrt(np.maximum(square, 0))) / (2 * a), np.inf)


def _meet_brick(rays: np.ndarray, away: np.ndarray, box: Box3D) -> np.ndarray:
    """The same, by slabs."""
    c, s = np.cos(box.yaw_rad), np.sin(box.yaw_rad)
    box_from_world = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    rays, away = rays @ box_from_world.T, box_from_world @ away
    ends = (np.array([[-1.0], [1.0]]) * box.size_m / 2 - away)[:, None] / rays
    enter, leave = ends.min(axis=0).max(axis=1), ends.max(axis=0).min(axis=1)
    return np.where((enter < leave) & (enter > 0), enter, np.inf)


def store_ball(
    catalog: Catalog,
    has_poses: bool = True,
    has_depth: bool = True,
    is_named: bool = True,
    azimuths: Sequence[float] = AZIMUTHS,
    every_ns: int = EVERY_NS,
    velocity_m_s: Sequence[float] = (0.0, 0.0, 0.0),
    brick_rad_s: float | None = None,
) -> None:
    """Published frames of the session "desk": both cameras and the depth of the left one, at three times or as many as
    azimuths. The left one has labels by a person: the ball, with a track id where `is_named`, and a cup that the border
    cuts off. The ball begins at `CENTRE`; with `brick_rad_s` it is a brick in its place that turns so fast."""
    frames: list[dict[str, Any]] = []
    signals, answers = [], []
    blank = cv2.imencode(".png", np.zeros((120, 160, 3), np.uint8))[1].tobytes()
    for n, azimuth in enumerate(azimuths):
        t_ns = n * every_ns
        centre_m = CENTRE + np.array(velocity_m_s) * t_ns / 1e9
        pose = world_from_rig(azimuth)
        left = pose @ rig_from_camera("left")
        shown = make_ball(centre_m)
        if brick_rad_s is not None:
            shown = make_brick(centre_m, brick_rad_s * t_ns / 1e9)
        outline = project_box(shown, CAMERA, left)
        assert outline is not None
        kinds = [("left", "color", blank), ("right", "color", blank)]
        kinds += [("depth", "depth", draw_depth(left, shown))] if has_depth else []
        for sensor, kind, payload in kinds:
            frames.append(
                plain_row("frames", {})
                | {
                    "frame_id": content_id(sensor, n),
                    "capture_id": CAPTURE,
                    "session": "desk",
                    "sensor": sensor,
                    "kind": kind,
                    "t_ns": t_ns,
                    "sequence": n,
                    "width_px": 160,
                    "height_px": 120,
                    "encoding": "png",
                    "payload": payload,
                    "sha256": f"{n}{sensor[0]}".encode().hex().zfill(64),
                    "depth_m_per_unit": 1e-4 if kind == "depth" else None,
                }
            )
        signals.append(
            plain_row("signals", {})
            | {
                "signal_id": content_id("pose", n),
                "capture_id": CAPTURE,
                "session": "desk",
                "sensor": "tf",
                "kind": "pose",
                "t_ns": t_ns,
                "values": to_seven(pose),
                "frame_of_reference": "world",
                "child_frame": "rig",
            }
        )
        ball = Marked("ball", outline.whole_xyxy, track_id=1 if is_named else None)
        cup = Marked("cup", (0.0, 20.0, 12.0, 40.0), track_id=2 if is_named else None)
        answers.append(Answer(content_id("left", n), "detection", (ball, cup)))
    calibrations = [
        plain_row("calibrations", {})
        | {
            "calibration_id": content_id("camera", sensor),
            "capture_id": CAPTURE,
            "session": "desk",
            "sensor": sensor,
            "width_px": 160,
            "height_px": 120,
            "fx_px": 120.0,
            "fy_px": 120.0,
            "cx_px": 79.5,
            "cy_px": 59.5,
            "distortion_model": None,
            "distortion": [],
            "rig_from_camera": to_seven(rig_from_camera(sensor)),
        }
        for sensor in ("left", "right", "depth")
    ]
    tables = {"frames": frames, "calibrations": calibrations}
    tables |= {"signals": signals} if has_poses else {}
    for name, rows in tables.items():
        catalog.merge(name, to_table(TABLES[name], rows))
        catalog.publish(name, "desk", catalog.latest_version(name))
    record_answers(catalog, answers, Author("person", "Anna"))
    gate_session(catalog, "label_versions", None)
