"""Recipes for instance segmentation. The figures behind each choice are in docs/results.md."""

from __future__ import annotations

from models.recipes.config import TrainConfig


def tiny_instances() -> TrainConfig:
    """A first look, on images of 320x240 or so: few epochs, a coarser image, less of the backbone to learn."""
    return TrainConfig(
        name="tiny_instances",
        task="instances",
        image_size_px=256,
        epochs=4,
        batch_size=4,
        lr=1e-3,
        frozen_stages=3,
        zoom=(0.8, 1.3),
    )


def base_instances() -> TrainConfig:
    """Real or simulated scenes: some 170 frames of 320x240 in eight minutes on two CPU cores."""
    return TrainConfig(
        name="base_instances",
        task="instances",
        image_size_px=320,
        epochs=10,
        batch_size=4,
        lr=1e-3,
        zoom=(0.8, 1.5),
        score_every=2,
    )
