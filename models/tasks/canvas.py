"""What tasks share that keep an image's proportions: batches of moved images, and letterboxed ones to predict on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.augment.colour import draw_colour
from models.augment.geometry import draw_move, move_image
from models.augment.letterbox import canvas_for, letterbox
from models.recipes.config import TrainConfig
from models.tasks.base import Batch
from models.types import Image, Sample

_PREDICT_BATCH = 8
# the target of a sample, the matrix to the canvas, height and width of the canvas, the sample's generator
MoveTarget = Callable[
    [Any, NDArray[np.float64], tuple[int, int], np.random.Generator], Any
]


def make_moved_batch(
    samples: Sequence[Sample],
    config: TrainConfig,
    rngs: Sequence[np.random.Generator],
    move_target: MoveTarget,
) -> Batch:
    """Every image moved onto one canvas by its own generator, its target moved along; the targets are a list."""
    canvas_hw = canvas_for([s.image_rgb for s in samples], config.image_size_px)
    images = np.empty((len(samples), *canvas_hw, 3), np.uint8)
    targets = []
    colour = []
    for index, (sample, rng) in enumerate(zip(samples, rngs, strict=True)):
        move = draw_move(
            rng,
            sample.image_rgb.shape[:2],
            canvas_hw,
            config.zoom,
            config.shift_share,
            config.flip_horizontal,
            config.flip_vertical,
        )
        images[index] = move_image(sample.image_rgb, move, canvas_hw)
        targets.append(move_target(sample.target, move, canvas_hw, rng))
        colour.append(draw_colour(rng, config.colour_jitter))
    return Batch(
        tuple(s.frame_id for s in samples),
        torch.from_numpy(images).permute(0, 3, 1, 2),
        torch.from_numpy(np.stack(colour)),
        targets,
    )


def letterbox_batches(
    images_rgb: Sequence[Image], config: TrainConfig, device: torch.device
) -> Iterator[tuple[Sequence[Image], Tensor, tuple[int, int]]]:
    """A few images at a time, as (B, 3, H, W) float pixels 0-255 on the device, and (height, width) of their canvas."""
    for start in range(0, len(images_rgb), _PREDICT_BATCH):
        some = images_rgb[start : start + _PREDICT_BATCH]
        canvas_hw = canvas_for(some, config.image_size_px)
        pixels = np.stack([letterbox(image, canvas_hw) for image in some])
        yield (
            some,
            torch.from_numpy(pixels).permute(0, 3, 1, 2).to(device).float(),
            canvas_hw,
        )
