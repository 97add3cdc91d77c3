"""Draw pictures with number plates in them: on vehicles, on boxes and walls, among signs and clutter that are none.

A picture is a photograph, over which patches are laid in perspective, one over the other; then comes the light, and
what lens and sensor take away. The box of a plate is around the pixels of it that nothing hides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.simulation.plates import Layout, draw_plate, fill_in, write
from models.types import BoxSet, Image, Sample

MIN_SEEN = 0.4  # of a plate's pixels; of others no box is told
MIN_HEIGHT_PX = 5.0
_PATCH_PX = 256  # side of a vehicle's patch

Photos = Mapping[str, Image]


@dataclass(frozen=True)
class PlateWorld:
    """What pictures are drawn of: layouts and fonts of plates, photographs, and how wide plates are, px."""

    layouts: Sequence[Layout]
    fonts: Sequence[int]
    photos: Photos
    size_px: tuple[int, int]  # width, height
    plate_widths_px: tuple[float, float] = (16.0, 150.0)


@dataclass(frozen=True)
class _Canvas:
    """The picture, and the number of the plate that each pixel shows."""

    image: Image
    plates: NDArray[np.uint8]

    def lay(
        self, patch: Image, ids: NDArray[np.uint8], corners: NDArray[np.float32]
    ) -> None:
        """Put a patch where its corners, from the top left clockwise, are to be in px."""
        height, width = self.image.shape[:2]
        rows, columns = patch.shape[:2]
        source = np.array(
            [[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32
        )
        move = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
        size = (width, height)
        shrink = min(1.0, float(np.linalg.norm(corners[1] - corners[0])) / columns)
        if shrink < 0.6:  # else thin strokes fall between the samples
            blurred = cv2.GaussianBlur(patch, (0, 0), 0.4 / shrink)
            patch = np.asarray(blurred, np.uint8)
        drawn = cv2.warpPerspective(patch, move, size, flags=cv2.INTER_LINEAR)
        shown = cv2.warpPerspective(np.full(ids.shape, 255, np.uint8), move, size)
        moved = cv2.warpPerspective(ids, move, size, flags=cv2.INTER_NEAREST)
        share = shown[..., None].astype(np.float32) / 255
        self.image[:] = np.rint(drawn * share + self.image * (1 - share))
        self.plates[shown > 127] = moved[shown > 127]


def draw_scene(world: PlateWorld, seed: int) -> Sample:
    """A picture and the boxes of its plates, all of class 0. The same seed draws the same."""
    rng = np.random.default_rng(seed)
    width, height = world.size_px
    canvas = _Canvas(_draw_ground(world, rng), np.zeros((height, width), np.uint8))
    for _ in range(int(rng.integers(2, 9))):
        _lay_clutter(canvas, world, rng)
    num_plates = int(rng.choice([0, 1, 2, 3, 4, 5], p=[0.1, 0.2, 0.25, 0.2, 0.15, 0.1]))
    full = {}
    for number in range(1, num_plates + 1):
        full[number] = _lay_plate(canvas, world, number, rng)
    for _ in range(int(rng.integers(0, 3))):
        _lay_clutter(canvas, world, rng, most_px=40)
    boxes = _find_boxes(canvas, full)
    target = BoxSet(boxes, np.zeros(len(boxes), np.int64))
    return Sample(f"plates {seed}", _take(canvas.image, rng), target)


def _draw_ground(world: PlateWorld, rng: np.random.Generator) -> Image:
    """A part of a photograph, turned and tinted, or plain colours that change over the picture."""
    width, height = world.size_px
    if rng.random() < 0.25:
        corners = rng.integers(20, 230, (2, 2, 3)).astype(np.uint8)
        plain = cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(plain, np.uint8)
    photo = _cut_photo(world.photos, rng)
    return np.asarray(
        cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA), np.uint8
    )


def _cut_photo(photos: Photos, rng: np.random.Generator) -> Image:
    photo = photos[sorted(photos)[int(rng.integers(len(photos)))]]
    rows, columns = photo.shape[:2]
    share = rng.uniform(0.3, 1.0)
    high, wide = max(8, int(rows * share)), max(8, int(columns * share))
    y, x = int(rng.integers(rows - high + 1)), int(rng.integers(columns - wide + 1))
    part = photo[y : y + high, x : x + wide]
    return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part)


def _lay_clutter(
    canvas: _Canvas, world: PlateWorld, rng: np.random.Generator, most_px: float = 180.0
) -> None:
    """A patch that is no plate: a photograph, a colour, stripes, or a poster of several lines of text."""
    kind = rng.choice(["photo", "colour", "stripes", "poster"])
    patch = np.empty((96, 96, 3), np.uint8)
    patch[:] = rng.integers(10, 245, 3)
    if kind == "photo":
        patch[:] = cv2.resize(_cut_photo(world.photos, rng), (96, 96))
    elif kind == "stripes":
        patch[:, :: int(rng.integers(4, 16))] = rng.integers(0, 255, 3)
    elif kind == "poster":
        ink = (int(rng.integers(0, 255)),) * 3
        for top in range(0, 96, 19):
            write(patch, fill_in("LLLLL LLLLLLL", rng), (0, top, 96, top + 18), ink, 0)
    width = float(np.exp(rng.uniform(np.log(12), np.log(most_px))))
    corners = _place(canvas, rng, width, width * rng.uniform(0.3, 2.0))
    canvas.lay(patch, np.zeros((96, 96), np.uint8), corners)


def _lay_plate(
    canvas: _Canvas, world: PlateWorld, number: int, rng: np.random.Generator
) -> float:
    """A plate on a vehicle or by itself; how many pixels it has where nothing hides it."""
    layout = world.layouts[int(rng.integers(len(world.layouts)))]
    plate = draw_plate(layout, world.fonts[int(rng.integers(len(world.fonts)))], rng)
    width = float(np.exp(rng.uniform(*np.log(world.plate_widths_px))))
    if rng.random() < 0.65:
        patch, ids, share = _draw_vehicle(plate, number, rng)
        width /= share
    else:
        patch, ids = plate, np.full(plate.shape[:2], number, np.uint8)
    corners = _place(canvas, rng, width, width * patch.shape[0] / patch.shape[1])
    canvas.lay(patch, ids, corners)
    area = cv2.contourArea(corners.astype(np.float32))
    return float(area * (ids == number).mean())


def _draw_vehicle(
    plate: Image, number: int, rng: np.random.Generator
) -> tuple[Image, NDArray[np.uint8], float]:
    """The rear of a vehicle with its plate, the plate's number where it is, and the plate's share of the width."""
    side = _PATCH_PX
    paint = rng.integers(15, 240, 3)
    fade = np.linspace(1.15, 0.6, side)[:, None, None]
    body = np.clip(paint * fade * np.ones((1, side, 1)), 0, 255).astype(np.uint8)
    glass = tuple(int(v) for v in rng.integers(10, 90, 3))
    cv2.rectangle(body, (36, 18), (side - 36, 90), glass, -1)
    for x in (8, side - 44):
        cv2.rectangle(body, (x, 105), (x + 36, 135), (170, 20, 24), -1)
    cv2.rectangle(body, (0, 205), (side, side), (24, 24, 26), -1)
    wide = float(rng.uniform(0.25, 0.42)) * side
    high = wide * plate.shape[0] / plate.shape[1]
    x = round((side - wide) / 2)
    y = round(rng.uniform(120, 200) - high / 2)
    size = (round(wide), max(4, round(high)))
    body[y : y + size[1], x : x + size[0]] = cv2.resize(
        plate, size, interpolation=cv2.INTER_AREA
    )
    ids = np.zeros((side, side), np.uint8)
    ids[y : y + size[1], x : x + size[0]] = number
    return body, ids, wide / side


def _place(
    canvas: _Canvas, rng: np.random.Generator, width: float, height: float
) -> NDArray[np.float32]:
    """Corners (4, 2) px of a patch of that size somewhere in the picture, turned and seen from the side."""
    rows, columns = canvas.plates.shape
    centre = rng.uniform([0.05 * columns, 0.05 * rows], [0.95 * columns, 0.95 * rows])
    turn = rng.normal(0, np.deg2rad(6))
    squeeze = np.array([rng.uniform(0.55, 1.0), rng.uniform(0.85, 1.0)])
    half = np.array([width, height]) / 2 * squeeze
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    far = 1 - rng.uniform(0, 0.3)  # the side that is farther away is lower
    corners[[0, 3] if rng.random() < 0.5 else [1, 2], 1] *= far
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.asarray(corners @ rotation.T + centre, np.float32)


def _find_boxes(canvas: _Canvas, full_px: Mapping[int, float]) -> NDArray[np.float32]:
    """(N, 4) px around what is seen of each plate."""
    boxes = []
    for number, area in full_px.items():
        y, x = np.nonzero(canvas.plates == number)
        if len(x) < MIN_SEEN * area or not len(x):
            continue
        box = x.min(), y.min(), x.max() + 1, y.max() + 1
        if box[3] - box[1] >= MIN_HEIGHT_PX:
            boxes.append(box)
    return np.array(boxes, np.float32).reshape(-1, 4)


def _take(image: Image, rng: np.random.Generator) -> Image:
    """The picture by this light, through a lens, by a sensor, as a JPEG."""
    rows, columns = image.shape[:2]
    light = cv2.resize(rng.uniform(0.35, 1.25, (2, 2)), (columns, rows))[..., None]
    lit = np.clip(image / 255 * light, 0, 1) ** rng.uniform(0.75, 1.4)
    taken = _blur(np.asarray(lit, np.float64), rng)
    noisy = taken + rng.normal(0, rng.uniform(0, 0.04), taken.shape)
    pixels = np.rint(np.clip(noisy, 0, 1) * 255).astype(np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(55, 96))]
    encoded = cv2.imencode(".jpg", pixels[..., ::-1], quality)[1]
    decoded = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])


def _blur(pixels: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Out of focus, and by motion along a row or a column."""
    sigma_px = float(rng.uniform(0, 1.1))
    if sigma_px > 0.3:
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma_px), np.float64)
    if rng.random() < 0.3:
        length = int(rng.integers(2, 6))
        kernel = (length, 1) if rng.random() < 0.7 else (1, length)
        pixels = np.asarray(cv2.blur(pixels, kernel), np.float64)
    return pixels
