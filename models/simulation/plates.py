"""Draw number plates of several layouts: ground, band, frame and characters, flat and seen from in front.

No plate of a real vehicle is copied: characters are drawn at random, and a layout stands for a family (a long white one
with a blue band, a short one under a state's name, one of two rows), not for a country.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from models.types import Image

Colour = tuple[int, int, int]
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_DIGITS = "0123456789"
_WHITE: Colour = (236, 236, 230)
_BLACK: Colour = (18, 18, 20)


@dataclass(frozen=True)
class Layout:
    """A family of plates. In a row `L` is a letter and `D` a digit, others stand for themselves."""

    name: str
    aspect: float  # width over height
    ground_rgb: Colour
    ink_rgb: Colour
    rows: tuple[str, ...]
    band: Literal["left", "right", "top", "none"] = "none"
    band_rgb: Colour = (20, 60, 160)


LAYOUTS = (
    Layout("long white, blue band", 4.7, _WHITE, _BLACK, ("LL DDDD",), "left"),
    Layout(
        "long yellow, blue band", 4.7, (240, 196, 30), _BLACK, ("LLDD LLL",), "left"
    ),
    Layout("long white, two bands", 4.6, _WHITE, _BLACK, ("LL-DDD-LL",), "right"),
    Layout("long black", 4.3, (24, 24, 26), _WHITE, ("LLL DDD",)),
    Layout(
        "short white, name on top", 2.0, _WHITE, (20, 40, 130), ("LLL DDDD",), "top"
    ),
    Layout("short yellow", 2.0, (236, 190, 40), (20, 30, 90), ("DLLLDDD",)),
    Layout("two rows, white", 1.4, _WHITE, _BLACK, ("LL", "DDDD")),
    Layout("two rows, yellow", 1.5, (238, 188, 36), _BLACK, ("LLD", "DLL")),
    Layout("long green ink", 3.1, _WHITE, (20, 110, 60), ("LLL-DDD",)),
)
UNSEEN_LAYOUTS = (
    Layout("long blue", 3.2, (24, 70, 170), _WHITE, ("LL-DDDDD",)),
    Layout("two rows, green ink", 2.0, _WHITE, (16, 96, 56), ("LL DDD", "DD-DD")),
    Layout("long white, no band", 4.9, (224, 226, 228), (40, 36, 40), ("D LLL DD",)),
    Layout(
        "short orange, name on top", 1.9, (232, 132, 52), _BLACK, ("DDD LLL",), "top"
    ),
    Layout("long red", 4.4, (168, 30, 36), _WHITE, ("LLDDDLL",)),
)
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_PLAIN)
UNSEEN_FONTS = (cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX)
PLATE_HEIGHT_PX = 64  # as drawn; a scene makes it smaller
_NAME = "LLLLLLLL"


def draw_plate(layout: Layout, font: int, rng: np.random.Generator) -> Image:
    """A plate of PLATE_HEIGHT_PX, with its frame."""
    height, width = PLATE_HEIGHT_PX, round(PLATE_HEIGHT_PX * layout.aspect)
    plate = np.empty((height, width, 3), np.uint8)
    plate[:] = layout.ground_rgb
    x_min, y_min, x_max, y_max = _draw_band(plate, layout, font, rng)
    row_px = (y_max - y_min) / len(layout.rows)
    for number, row in enumerate(layout.rows):
        top = y_min + number * row_px
        area = (x_min, round(top), x_max, round(top + row_px))
        write(plate, fill_in(row, rng), area, layout.ink_rgb, font)
    if rng.random() < 0.6:
        cv2.rectangle(plate, (1, 1), (width - 2, height - 2), layout.ink_rgb, 2)
    return plate


def fill_in(row: str, rng: np.random.Generator) -> str:
    """Characters at random in the places of a row."""
    kinds = {"L": _LETTERS, "D": _DIGITS}
    return "".join(
        kinds[c][int(rng.integers(len(kinds[c])))] if c in kinds else c for c in row
    )


def write(
    image: Image,
    text: str,
    area_xyxy: tuple[int, int, int, int],
    ink: Colour,
    font: int,
) -> None:
    """Draw a line of text as large as fits into an area of the image, in its middle."""
    x_min, y_min, x_max, y_max = area_xyxy
    (width, height), _ = cv2.getTextSize(text, font, 1.0, 2)
    scale = min(0.86 * (x_max - x_min) / width, 0.72 * (y_max - y_min) / height)
    weight = max(1, round(2.6 * scale))
    (width, height), _ = cv2.getTextSize(text, font, scale, weight)
    at = (x_min + x_max - width) // 2, (y_min + y_max + height) // 2
    cv2.putText(image, text, at, font, scale, ink, weight, cv2.LINE_AA)


def _draw_band(
    plate: Image, layout: Layout, font: int, rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """Draw the band, and give the area that is left for characters, px."""
    height, width = plate.shape[:2]
    side = round(0.62 * height)
    if layout.band == "left":
        plate[:, :side] = layout.band_rgb
        write(plate, fill_in("L", rng), (0, height // 2, side, height), _WHITE, font)
        return side, 0, width, height
    if layout.band == "right":
        plate[:, :side] = plate[:, -side:] = layout.band_rgb
        return side, 0, width - side, height
    if layout.band == "top":
        name = (0, 0, width, height // 3)
        write(plate, fill_in(_NAME, rng), name, layout.ink_rgb, font)
        return 0, height // 4, width, height
    return 0, 0, width, height
