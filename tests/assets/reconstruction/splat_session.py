"""A session with a published sparse model, made without COLMAP: pictures of three boards, whose points are known."""

from __future__ import annotations

import hashlib
import io

import cv2
import numpy as np

from assets.reconstruction.sparse_package import pack
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from bench.synthetic_home import plain_row
from models.geometry.camera import Camera
from models.geometry.sparse_model import SparseImage, SparseModel
from tests.assets.reconstruction.conftest import (
    CAPTURE,
    STEP_NS,
    VIEW_FOCAL_PX,
    draw_planes,
)

CAMERA = Camera((320, 240), (VIEW_FOCAL_PX, VIEW_FOCAL_PX), (159.5, 119.5))
MODEL_ID = content_id("sparse model", "hall")
WALL_M, NEAR_M, NEXT_M = 1.2, 0.8, 0.6
# depth, and columns and rows of the picture at x = 0 that show it alone
_SEEN = (
    (WALL_M, (0, 320), (0, 38)),
    (WALL_M, (0, 320), (225, 240)),
    (NEAR_M, (60, 320), (40, 148)),
    (NEXT_M, (180, 320), (152, 218)),
)


def store_hall(
    catalog: Catalog,
    num_views: int = 5,
    step_m: float = 0.05,
    session: str = "hall",
    is_published: bool = True,
) -> SparseModel:
    """Frames of a camera that moves to the right, and the model of them, as the asset writes it."""
    frames, images = [], []
    for view in range(num_views):
        payload = cv2.imencode(".png", draw_planes(step_m * view))[1].tobytes()
        name = content_id(session, "left", view)
        facts = {
            "frame_id": name,
            "capture_id": CAPTURE,
            "session": session,
            "sensor": "left",
            "kind": "color",
            "t_ns": view * STEP_NS,
            "sequence": view,
            "width_px": 320,
            "height_px": 240,
            "encoding": "png",
            "payload": payload,
            "sha256": hashlib.sha256(payload).hexdigest(),
            "source_path": f"left/{view}.png",
        }
        frames.append(plain_row("frames", {}) | facts)
        pose = np.eye(4)
        pose[0, 3] = step_m * view
        images.append(_see(name, pose))
    points, colours = draw_points()
    model = SparseModel("m", points, colours, tuple(images))
    where = {"session": session, "sparse_model_id": content_id("sparse model", session)}
    rows = {
        "frames": frames,
        "sparse_models": [
            plain_row("sparse_models", {})
            | where
            | {
                "length_unit": "m",
                "reason": None,
                "model_sha256": catalog.blobs.put(io.BytesIO(pack(model))),
                "input_sha256": "1" * 64,
            }
        ],
        "sparse_images": [
            plain_row("sparse_images", {})
            | where
            | {
                "sparse_image_id": content_id("image", frame["frame_id"]),
                "reason": None,
                **{k: frame[k] for k in ("frame_id", "capture_id", "sensor", "t_ns")},
            }
            for frame in frames
        ],
    }
    for name, stored in rows.items():
        catalog.merge(name, to_table(TABLES[name], stored))
        if is_published or name == "frames":
            catalog.publish(name, session, catalog.latest_version(name))
    return model


def draw_points(count: int = 240) -> tuple[np.ndarray, np.ndarray]:
    """Points on the boards by chance, and their colours."""
    rng = np.random.default_rng(0)
    seen = draw_planes(0.0)
    pixels, depth = [], []
    for depth_m, across, down in _SEEN:
        some = count // len(_SEEN)
        at = rng.uniform((across[0], down[0]), (across[1] - 1, down[1] - 1), (some, 2))
        pixels.append(at)
        depth.append(np.full(some, depth_m))
    at, z = np.concatenate(pixels), np.concatenate(depth)
    x, y = at.round().astype(int).T
    return CAMERA.unproject(at, z), seen[y, x][:, None].repeat(3, axis=1)


def _see(name: str, pose: np.ndarray) -> SparseImage:
    """An image that holds two of the points: splats ask for the camera and its place alone."""
    return SparseImage(
        name,
        "left",
        CAMERA,
        pose,
        np.array([[10.0, 10.0], [20.0, 20.0]]),
        np.arange(2),
        np.zeros((2, 128), np.uint8),
    )
