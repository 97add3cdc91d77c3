"""Paint photographs onto solids: the texture that each solid wears, prefiltered at several sizes.

Textures are float32 linear RGB (sRGB decoded), so that shading adds light as light adds.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from models.simulation.scene import Primitive

Texture = NDArray[np.float32]  # (H, W, 3) linear RGB, 1 is white paper

SKIN_PX = 256  # side of the photograph on a skin; objects cover 60 to 120 px of a 320 px wide image
CAP_PX = 64  # rows below it that hold what a flat end wears, by distance from the axis
NUM_LEVELS = 4


def decode_srgb(image_rgb: NDArray[np.uint8]) -> Texture:
    """Linear light in [0, 1] of an sRGB image (IEC 61966-2-1)."""
    levels = np.arange(256, dtype=np.float64) / 255
    table = np.where(
        levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4
    ).astype(np.float32)
    return table[image_rgb]


def paint_skin(
    primitive: Primitive, photos: Mapping[str, NDArray[np.uint8]]
) -> tuple[Texture, ...]:
    """The skin of a solid at NUM_LEVELS sizes, each half the one before, largest first.

    Raises ValueError when the photograph that the solid names is not among `photos`.
    """
    if primitive.photo not in photos:
        raise ValueError(
            f"no photo {primitive.photo!r} for track {primitive.track_id}: known are {sorted(photos)}"
        )
    photo = _square(decode_srgb(photos[primitive.photo]))
    tint = np.asarray(primitive.tint_rgb, np.float32)
    skin = np.empty((SKIN_PX + CAP_PX, SKIN_PX, 3), np.float32)
    skin[:SKIN_PX] = _PAINT[primitive.class_name](photo, tint)
    skin[SKIN_PX:] = _paint_cap(tint)
    levels = [skin]
    while len(levels) < NUM_LEVELS:
        smaller = cv2.resize(
            levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA
        )
        levels.append(np.asarray(smaller, np.float32))
    return tuple(levels)


def sample_texture(
    texture: Texture, x_px: NDArray[np.float32], y_px: NDArray[np.float32]
) -> Texture:
    """Bilinear samples (N, 3) at pixel-centre coordinates (N,); the texture repeats in both directions."""
    # cv2.remap wants an image, and not an empty one: fold the list into rows
    num = len(x_px)
    columns = 256
    rows = max(1, -(-num // columns))
    folded = np.zeros((2, rows * columns), np.float32)
    folded[0, :num] = x_px
    folded[1, :num] = y_px
    grid = folded.reshape(2, rows, columns)
    samples = cv2.remap(
        texture, grid[0], grid[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )
    return np.asarray(samples.reshape(-1, 3)[:num], np.float32)


def _square(image: Texture) -> Texture:
    height, width = image.shape[:2]
    side = min(height, width)
    top = (height - side) // 2
    left = (width - side) // 2
    crop = image[top : top + side, left : left + side]
    return np.asarray(
        cv2.resize(crop, (SKIN_PX, SKIN_PX), interpolation=cv2.INTER_AREA), np.float32
    )


def _paint_box(photo: Texture, tint: Texture) -> Texture:
    """A photograph printed on cardboard, with a margin."""
    face = np.broadcast_to(tint, photo.shape).copy()
    margin = SKIN_PX // 12
    inner = SKIN_PX - 2 * margin
    face[margin:-margin, margin:-margin] = cv2.resize(
        photo, (inner, inner), interpolation=cv2.INTER_AREA
    )
    face[[0, 1, 2, -3, -2, -1]] *= 0.72  # worn edges
    face[:, [0, 1, 2, -3, -2, -1]] *= 0.72
    return face


def _paint_ball(photo: Texture, tint: Texture) -> Texture:
    """Two coloured halves in the relief of a photograph, with a white belt."""
    luma = photo.mean(axis=2, keepdims=True)
    face = (
        tint * (0.70 + 0.30 * luma / max(float(luma.max()), 1e-3)) * 0.72
        + 0.28 * photo * tint.max()
    )
    rows = np.abs(np.linspace(-1, 1, SKIN_PX, dtype=np.float32))[:, None, None]
    return np.asarray(
        np.where(rows < 0.13, 0.88 - 0.1 * (rows > 0.10), face), np.float32
    )


def _paint_cylinder(photo: Texture, tint: Texture) -> Texture:
    """A tin: metal rims above and below a printed, tinted label."""
    luma = photo.mean(axis=2, keepdims=True)
    label = tint * (0.30 + 0.85 * luma / max(float(np.quantile(luma, 0.98)), 1e-3))
    rows = np.linspace(0, 1, SKIN_PX, dtype=np.float32)[:, None, None]
    metal = np.float32(0.62) + np.float32(0.14) * np.sin(rows * np.float32(260))
    face = np.where(
        (rows < 0.09) | (rows > 0.91),
        metal * np.array([0.95, 0.97, 1.0], np.float32),
        label,
    )
    return np.asarray(
        np.where(
            (np.abs(rows - 0.11) < 0.018) | (np.abs(rows - 0.89) < 0.018), 0.9, face
        ),
        np.float32,
    )


def _paint_cone(photo: Texture, tint: Texture) -> Texture:
    """A traffic cone: bright, with two white bands."""
    rows = np.linspace(0, 1, SKIN_PX, dtype=np.float32)[:, None, None]
    face = tint * (0.85 + 0.15 * photo.mean(axis=2, keepdims=True))
    is_white = ((rows > 0.34) & (rows < 0.5)) | ((rows > 0.68) & (rows < 0.82))
    return np.asarray(np.where(is_white, 0.9, face), np.float32)


def _paint_cap(tint: Texture) -> Texture:
    """Brushed metal with a raised ring; columns are the distance from the axis."""
    radius = np.linspace(0, 1, SKIN_PX, dtype=np.float32)
    ring = (
        0.66
        + 0.10 * np.cos(radius * 40)
        - 0.25 * (np.abs(radius - 0.86) < 0.03)
        + 0.16 * (radius > 0.92)
    )
    strip = ring[None, :, None] * (
        np.array([0.95, 0.97, 1.0], np.float32) * 0.8 + 0.2 * tint
    )
    return np.asarray(np.broadcast_to(strip, (CAP_PX, SKIN_PX, 3)), np.float32)


_PAINT = {
    "box": _paint_box,
    "ball": _paint_ball,
    "cylinder": _paint_cylinder,
    "cone": _paint_cone,
}
