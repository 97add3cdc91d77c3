"""Random crops: a part of the image, of any size and a little out of shape, brought to one square.

Szegedy et al., Going deeper with convolutions (CVPR 2015), as torchvision's RandomResizedCrop draws them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from models.augment.crop_plan import ASPECT
from models.types import Image, Sample

_LOG_ASPECT = math.log(ASPECT)
_NUM_TRIES = 10


@dataclass(frozen=True)
class Crop:
    """A part of an image in px, which is then mirrored or not."""

    left: int
    top: int
    width: int
    height: int
    is_mirrored: bool = False


def draw_crop(
    rng: np.random.Generator,
    size_hw: tuple[int, int],
    area: tuple[float, float],
    flip_horizontal: bool,
) -> Crop:
    """A part with a share of the image's area drawn from `area`, and a width between 3/4 and 4/3 of its height.

    Where ten draws do not fit into the image: the largest part in its middle that keeps to these shapes.
    """
    height, width = size_hw
    is_mirrored = flip_horizontal and rng.random() < 0.5
    for share, angle, x, y in rng.random((_NUM_TRIES, 4)).tolist():
        pixels = height * width * (area[0] + (area[1] - area[0]) * share)
        aspect = math.exp(_LOG_ASPECT * (2 * angle - 1))
        w, h = round(math.sqrt(pixels * aspect)), round(math.sqrt(pixels / aspect))
        if 0 < w <= width and 0 < h <= height:
            return Crop(
                int(x * (width - w + 1)), int(y * (height - h + 1)), w, h, is_mirrored
            )
    w, h = min(width, round(height * ASPECT)), min(height, round(width * ASPECT))
    return Crop((width - w) // 2, (height - h) // 2, w, h, is_mirrored)


def cut_crop(sample: Sample, crop: Crop, side_px: int) -> Image:
    """(S, S, 3): the part, averaged where it shrinks (bilinear with antialiasing), mirrored where the crop says so.

    The image is read no finer than the result can show; the part then moves by less than a pixel of it.
    """
    return cut_views(sample, [crop], side_px)[0]


def cut_views(sample: Sample, crops: Sequence[Crop], side_px: int) -> list[Image]:
    """Several crops of one image, as `cut_crop`: it is read once, as finely as the one that needs most."""
    scales = [side_px / min(crop.width, crop.height) for crop in crops]
    image, divisor = sample.read(max(scales))
    return [_cut(image, divisor, crop, side_px) for crop in crops]


def _cut(image: Image, divisor: int, crop: Crop, side_px: int) -> Image:
    left = round(crop.left / divisor)
    top = round(crop.top / divisor)
    right = max(left + 1, round((crop.left + crop.width) / divisor))
    bottom = max(top + 1, round((crop.top + crop.height) / divisor))
    square = resize(image[top:bottom, left:right], side_px)
    return np.asarray(cv2.flip(square, 1), np.uint8) if crop.is_mirrored else square


def resize(image_rgb: Image, side_px: int) -> Image:
    """To a square, bilinear; averaged when it shrinks."""
    pixels = (
        torch.from_numpy(np.ascontiguousarray(image_rgb))
        .unsqueeze(0)
        .permute(0, 3, 1, 2)
    )  # channels last
    square = F.interpolate(pixels, (side_px, side_px), mode="bilinear", antialias=True)
    return np.asarray(square[0].permute(1, 2, 0).numpy(), np.uint8)
