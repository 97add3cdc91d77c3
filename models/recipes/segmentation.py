"""Recipes for segmentation. The figures behind each choice are in docs/decisions."""

from __future__ import annotations

from models.recipes.config import TrainConfig
from models.recipes.space import Choice, Range, Space

# What a search tries in place of the recipe's own, unless it is told otherwise.
SPACE: Space = {
    "lr": Range(1e-3, 2e-2),
    "backbone_lr_factor": Range(0.1, 1.0),
    "weight_decay": Range(1e-3, 1e-1),
    "ema_decay": Choice(("0.9", "0.95", "0.98")),
}


def tiny_segmentation() -> TrainConfig:
    """About a minute on two CPU cores for some 160 frames of 320x240."""
    return TrainConfig(
        name="tiny_segmentation",
        task="segmentation",
        image_size_px=320,
        epochs=3,
        batch_size=4,
        lr=5e-3,
        backbone_lr_factor=1.0,
        ema_decay=0.95,
        zoom=(0.8, 1.3),
    )


def base_segmentation() -> TrainConfig:
    """Real scenes: some fifty images in ten minutes on two CPU cores."""
    return TrainConfig(
        name="base_segmentation",
        task="segmentation",
        image_size_px=384,
        epochs=40,
        batch_size=4,
        lr=4e-3,
        backbone_lr_factor=1.0,
        frozen_stages=3,
        zoom=(0.8, 1.6),
        colour_jitter=0.4,
        score_every=5,
    )
