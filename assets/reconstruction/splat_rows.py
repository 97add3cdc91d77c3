"""Rows of splats: of the whole, and of each picture whether it was learned from, and how near what is drawn comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from assets.previews.drawing import encode_jpeg
from assets.reconstruction.splat_scene import (
    ScenePicture,
    SplatScene,
    find_nearest,
)
from assets.tables.schemas import content_id
from models.metrics.pictures import find_psnr_db
from models.types import Image

if TYPE_CHECKING:
    from models.splats.fast_rasteriser import Rasterise
    from models.splats.gaussians import Gaussians
    from models.splats.views import Shot

Row = dict[str, Any]
DIFFERENCE_BY = 4
_MOST_WIDE_PX = 640  # of each of the pictures of a comparison
_JPEG_QUALITY = 90


@dataclass(frozen=True)
class Held:
    """A held-out picture, what was taken there, and the nearest of those that were learned from."""

    picture: ScenePicture
    shot: Shot
    nearest: ScenePicture
    nearest_shot: Shot


def name_splats(session: str) -> str:
    """The id of a session's splats."""
    return content_id("splats", session)


def describe_scene(scene: SplatScene) -> Row:
    """What is known of the splats' row before anything was learned."""
    return {
        "splats_id": name_splats(scene.session),
        "sparse_model_id": scene.model_row["sparse_model_id"],
        "session": scene.session,
        "device": scene.device,
        "num_images": len(scene.learned),
        "num_held_out": len(scene.held_out),
        "most_px": scene.recipe.most_px,
        "num_steps": scene.recipe.num_steps,
        "num_start": len(scene.model.points),
        "length_unit": scene.model.length_unit,
        "input_sha256": scene.input_sha256,
    }


def describe_views(scene: SplatScene) -> list[Row]:
    """A row a picture of the model."""
    return [
        {
            "splat_view_id": content_id("splat view", scene.session, p.frame_id),
            "splats_id": name_splats(scene.session),
            "frame_id": p.frame_id,
            "capture_id": p.capture,
            "session": scene.session,
            "sensor": p.image.sensor,
            "t_ns": p.t_ns,
            "is_held_out": p.is_held_out,
        }
        for p in scene.pictures
    ]


def list_held(scene: SplatScene, shots: Sequence[Shot]) -> list[Held]:
    """Held-out pictures of a scene, whose shots are in the order of its pictures."""
    by_frame = {p.frame_id: shot for p, shot in zip(scene.pictures, shots, strict=True)}
    pairs = [(p, find_nearest(scene, p)) for p in scene.held_out]
    return [
        Held(p, by_frame[p.frame_id], near, by_frame[near.frame_id])
        for p, near in pairs
    ]


def find_mean_colour(shots: Sequence[Shot]) -> Image:
    """(1, 1, 3) of all known pixels of the shots."""
    known = [shot.picture_rgb.numpy()[shot.is_known.numpy()] for shot in shots]
    mean = np.concatenate(known).mean(axis=0)
    return np.asarray(mean.round().astype(np.uint8)[None, None])


def measure_held(held: Held, drawn: Image, mean_colour: Image) -> Row:
    """How near the drawn picture comes to what was taken, beside two guesses that know no space."""
    truth, known = held.shot.picture_rgb.numpy(), held.shot.is_known.numpy()
    near = held.nearest_shot.picture_rgb.numpy()
    if near.shape != truth.shape:
        size_px = held.shot.view.camera.size_px
        near = np.asarray(cv2.resize(near, size_px, interpolation=cv2.INTER_AREA))
    flat = np.broadcast_to(mean_colour, truth.shape)
    return {
        "nearest_frame_id": held.nearest.frame_id,
        "psnr_db": find_psnr_db(truth, drawn, known),
        "mean_colour_psnr_db": find_psnr_db(truth, np.asarray(flat), known),
        "nearest_psnr_db": find_psnr_db(truth, near, known),
        "comparison": compare(truth, drawn),
    }


def compare(truth: Image, drawn: Image) -> bytes:
    """JPEG: the picture, what is drawn of it, and four times the difference of both."""
    off = np.abs(truth.astype(np.int64) - drawn)
    apart = np.minimum(DIFFERENCE_BY * off, 255).astype(np.uint8)
    strip = np.concatenate([truth, drawn, apart], axis=1)
    share = _MOST_WIDE_PX / truth.shape[1]
    how = cv2.INTER_AREA if share < 1 else cv2.INTER_NEAREST
    size_px = 3 * _MOST_WIDE_PX, max(1, round(truth.shape[0] * share))
    return encode_jpeg(
        np.asarray(cv2.resize(strip, size_px, interpolation=how), np.uint8),
        _JPEG_QUALITY,
    )


def draw_all(
    gaussians: Gaussians, shots: Sequence[Shot], degree: int, rasterise: Rasterise
) -> list[Image]:
    """What is seen from each of the shots."""
    from models.splats.training import draw

    return [draw(gaussians, shot.view, degree, rasterise) for shot in shots]


def find_mean_psnr_db(shots: Sequence[Shot], drawn: Sequence[Image]) -> float:
    """The mean over pictures."""
    return float(
        np.mean(
            [
                find_psnr_db(shot.picture_rgb.numpy(), one, shot.is_known.numpy())
                for shot, one in zip(shots, drawn, strict=True)
            ]
        )
    )
