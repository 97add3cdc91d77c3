"""Pictures with drawn signs, of which it is known what each says and where it stands.

Belongs here: drawing. Does not: reading, or counting what was read. Words, places, sizes, colours and angles are drawn
by chance from a seed; the ground is noise that was made smooth.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from models.types import Image

_WORDS = (
    *("EXIT", "PLATFORM", "FRAGILE", "Reception", "loading", "Danger", "voltage"),
    *("Gate", "closed", "bakery", "Hospital", "parking", "THURSDAY", "diesel"),
    *("cellar", "Laboratory", "museum", "KITCHEN", "harbour", "workshop"),
)


@dataclass(frozen=True)
class Sign:
    """What a sign says, its letters' height, its angle, and the box around it, xyxy in px."""

    text: str
    size_px: int
    angle_deg: float
    box_xyxy: tuple[float, float, float, float]


def draw_picture(
    seed: int,
    width_px: int = 640,
    height_px: int = 480,
    num_signs: int = 4,
    sizes_px: tuple[int, int] = (16, 40),
    most_deg: float = 10.0,
) -> tuple[Image, list[Sign]]:
    """A picture and its signs, one in each band of its height: a word and a number each."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(40, 216, (height_px, width_px, 3), dtype=np.uint8)
    picture = Pillow.fromarray(cv2.GaussianBlur(noise, (0, 0), 3))
    signs = []
    for row in range(num_signs):
        text = f"{rng.choice(_WORDS)} {rng.integers(10, 1000)}"
        size_px = int(rng.integers(sizes_px[0], sizes_px[1] + 1))
        angle_deg = float(rng.uniform(-most_deg, most_deg))
        board = _draw_board(text, size_px, angle_deg, rng)
        band_px = height_px // num_signs
        left = int(rng.integers(0, max(1, width_px - board.width)))
        top = row * band_px + int(rng.integers(0, max(1, band_px - board.height)))
        picture.paste(board, (left, top), board)
        box = (left, top, left + board.width, top + board.height)
        signs.append(Sign(text, size_px, angle_deg, box))
    return np.asarray(picture), signs


def write_sign(path: Path, text: str) -> None:
    """A file of 240 x 80 px, dark letters on white."""
    picture = Pillow.new("RGB", (240, 80), "white")
    font: Any = ImageFont.load_default(28)
    ImageDraw.Draw(picture).text((16, 20), text, font=font, fill="black")
    picture.save(path)


def _draw_board(
    text: str, size_px: int, angle_deg: float, rng: np.random.Generator
) -> Pillow.Image:
    """Light on dark or dark on light, turned, transparent around."""
    font: Any = ImageFont.load_default(size_px)
    left, top, right, bottom = map(int, font.getbbox(text))
    edge = max(4, size_px // 3)
    size = (right - left + 2 * edge, bottom - top + 2 * edge)
    ground = rng.integers(200, 256, 3) if rng.random() < 0.5 else rng.integers(0, 56, 3)
    letters = 255 - ground
    board = Pillow.new("RGBA", size, (*ground.tolist(), 255))
    at = (edge - left, edge - top)
    ImageDraw.Draw(board).text(at, text, font=font, fill=(*letters.tolist(), 255))
    return board.rotate(angle_deg, Pillow.Resampling.BICUBIC, expand=True)
