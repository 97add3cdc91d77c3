"""A session of stereo pairs whose depth is known: a wall at 1 m, and a square at 0.5 m before it. Scenes of several
pictures, drawn, or of features alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from assets.reconstruction.board_pictures import BoardPicture
from assets.reconstruction.sparse_models import climb
from assets.reconstruction.sparse_pairs import choose_pairs
from assets.reconstruction.sparse_pictures import Scene, SessionCamera, guess_camera
from assets.reconstruction.sparse_process import Features, GivenCamera, Workshop
from assets.reconstruction.sparse_rows import Made
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from bench.synthetic_home import plain_row
from models.geometry.camera import Camera

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


# ---- scenes of several pictures ----------------------------------------------------------------------------------

VIEW_FOCAL_PX, VIEW_STEP_M, PAIR_M = 240.0, 0.2, 0.1
_PLANES = ((1.2, 0, 0, 240, 900), (0.8, 40, 60, 120, 300), (0.6, 150, 180, 70, 200))


def draw_planes(x_m: float, seed: int = 0) -> np.ndarray:
    """320 x 240 grey of a wall at 1.2 m and boards at 0.8 and 0.6 m, from a camera so far to the right."""
    rng = np.random.default_rng(seed)
    image = np.zeros((240, 320), np.uint8)
    for depth_m, top, left, height, width in _PLANES:
        coarse = rng.integers(0, 255, (height // 9 + 1, width // 9 + 1)).astype(
            np.uint8
        )
        texture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        start = left - round(VIEW_FOCAL_PX * x_m / depth_m)
        first, last = max(start, 0), min(start + width, 320)
        if first < last:
            image[top : top + height, first:last] = texture[
                :, first - start : last - start
            ]
    return image


def store_scene(
    catalog: Catalog,
    session: str = "hall",
    num_views: int = 3,
    sensors: tuple[str, ...] = ("left", "right"),
    is_calibrated: bool = True,
) -> Catalog:
    """Publish pictures of a rig that moves to the right by `VIEW_STEP_M`, and what it was calibrated to."""
    frames = []
    for view in range(num_views):
        for sensor in sensors:
            x_m = VIEW_STEP_M * view + PAIR_M * (sensor == "right")
            payload = cv2.imencode(".png", draw_planes(x_m))[1].tobytes()
            facts = {
                "frame_id": content_id(session, sensor, view),
                "capture_id": CAPTURE,
                "session": session,
                "sensor": sensor,
                "kind": "color",
                "t_ns": view * STEP_NS,
                "sequence": view,
                "width_px": 320,
                "height_px": 240,
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
            "width_px": 320,
            "height_px": 240,
            "fx_px": VIEW_FOCAL_PX,
            "fy_px": VIEW_FOCAL_PX,
            "cx_px": 159.5,
            "cy_px": 119.5,
            "distortion_model": "none",
            "distortion": [],
            "rig_from_camera": [PAIR_M * (sensor == "right"), 0, 0, 0, 0, 0, 1.0],
        }
        for sensor in sensors
        if is_calibrated
    ]
    for name, stored in (("frames", frames), ("calibrations", rows)):
        catalog.merge(name, to_table(TABLES[name], stored))
        if stored:
            catalog.publish(name, session, catalog.latest_version(name))
    return catalog


SCENE_CAMERA = Camera((640, 480), (500.0, 500.0), (319.5, 239.5))
SCENE_NOISE_PX = 0.3


@dataclass(frozen=True)
class DrawnScene:
    """Pictures that nobody took: features of points with descriptors of their own, and where each was taken."""

    scene: Scene
    features: tuple[Features, ...]
    world_from_camera: tuple[np.ndarray, ...]

    def reconstruct(self) -> Made:
        """As the asset does it with pictures."""
        with Workshop() as workshop:
            self.put_into(workshop)
            return climb(self.scene, workshop)

    def put_into(self, workshop: Workshop) -> None:
        for number, found in enumerate(self.features):
            workshop.put_features(number, found)
            grey = np.full((len(found.pixels), 3), 90, np.uint8)
            workshop.put_colours(number, grey)


def draw_scene(
    centres: np.ndarray,
    points: np.ndarray | None = None,
    turns_rad: np.ndarray | None = None,
    is_known: bool = True,
    groups: Sequence[int] = (),
) -> DrawnScene:
    """Cameras at centres (N, 3), turned about the vertical; 0.3 px of noise. Pictures of different groups share no
    point."""
    rng = np.random.default_rng(0)
    if points is None:
        points = rng.uniform([-1, -1, 3], [1, 1, 5], (120, 3))
    kinds = groups or [0] * len(centres)
    descriptors = {
        kind: rng.integers(0, 256, (len(points), 128)).astype(np.uint8)
        for kind in sorted(set(kinds))
    }
    turns_rad = -0.25 * centres[:, 0] if turns_rad is None else turns_rad
    features, poses = [], []
    for centre, turn, kind in zip(centres, turns_rad, kinds, strict=True):
        pose = np.eye(4)
        pose[:3, :3] = cv2.Rodrigues(np.array([0.0, turn, 0.0]))[0]
        pose[:3, 3] = centre
        camera_from_world = np.linalg.inv(pose)
        seen = points @ camera_from_world[:3, :3].T + camera_from_world[:3, 3]
        pixels = SCENE_CAMERA.project(seen)
        pixels += rng.normal(0, SCENE_NOISE_PX, pixels.shape)
        inside = ((pixels > 0) & (pixels < [639, 479])).all(axis=1)
        features.append(Features(pixels[inside], descriptors[kind][inside]))
        poses.append(pose)
    pictures = tuple(
        BoardPicture(content_id(n), CAPTURE, "cam", n, f"{n}.png", (640, 480), "", n)
        for n in range(len(centres))
    )
    given = GivenCamera(SCENE_CAMERA, is_known=True)
    if not is_known:
        given = GivenCamera(guess_camera((640, 480)), False, "SIMPLE_RADIAL")
    source = "recorded" if is_known else "estimated"
    camera = SessionCamera(CAPTURE, "cam", given, source, None, None, "")
    pairing = choose_pairs(range(len(pictures)), None)
    places = (0,) * len(pictures)
    scene = Scene("drawn", len(pictures), pictures, (camera,), places, pairing)
    return DrawnScene(scene, tuple(features), tuple(poses))
