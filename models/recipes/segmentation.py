"""Recipes for segmentation. The figures behind each choice are in docs/decisions."""

from __future__ import annotations

from models.recipes.config import TrainConfig


def tiny_segmentation() -> TrainConfig:
    """About a minute on two CPU cores for some 200 frames of 320x240."""
    return TrainConfig(
        name="tiny_segmentation", task="segmentation", image_size_px=320, epochs=3, batch_size=8, lr=2e-3,
        frozen_stages=3, zoom=(0.8, 1.3),
    )  # fmt: skip


def base_segmentation() -> TrainConfig:
    """Real scenes: some fifty images of 480x360 in ten minutes on two CPU cores."""
    return TrainConfig(
        name="base_segmentation", task="segmentation", image_size_px=480, epochs=40, batch_size=6, lr=2e-3,
        zoom=(0.8, 1.6), colour_jitter=0.4, score_every=4,
    )  # fmt: skip
