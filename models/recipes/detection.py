"""Recipes for detection. The figures behind each choice are in docs/decisions."""

from __future__ import annotations

from models.recipes.config import TrainConfig
from models.recipes.space import Choice, Range, Space

# What a search tries in place of the recipe's own, unless it is told otherwise.
SPACE: Space = {
    "lr": Range(4e-4, 1e-2),
    "backbone_lr_factor": Range(0.1, 1.0),
    "weight_decay": Range(1e-3, 1e-1),
    "batch_size": Choice(("4", "8", "16")),
}


def tiny_detection() -> TrainConfig:
    """About a minute on two CPU cores for some 200 frames of 320x240."""
    return TrainConfig(
        name="tiny_detection",
        task="detection",
        image_size_px=320,
        epochs=3,
        batch_size=8,
        lr=2e-3,
        frozen_stages=3,
        zoom=(0.8, 1.3),
    )


def base_detection() -> TrainConfig:
    """Real images, dense and small objects too: some hundred images in ten minutes on two CPU cores."""
    return TrainConfig(
        name="base_detection",
        task="detection",
        image_size_px=320,
        epochs=20,
        batch_size=8,
        lr=2e-3,
        zoom=(0.7, 1.5),
        flip_vertical=True,
        score_every=2,
    )
