"""Recipes for keypoints. Images are not flipped: left and right points would change places."""

from __future__ import annotations

from models.recipes.config import TrainConfig


def tiny_keypoints() -> TrainConfig:
    """A first look, on images of 320x240 or so: few epochs, a coarser image, less of the backbone to learn."""
    return TrainConfig(
        name="tiny_keypoints",
        task="keypoints",
        image_size_px=256,
        epochs=6,
        batch_size=8,
        lr=2e-3,
        frozen_stages=3,
        flip_horizontal=False,
    )


def base_keypoints() -> TrainConfig:
    """Real scenes."""
    return TrainConfig(
        name="base_keypoints",
        task="keypoints",
        image_size_px=320,
        epochs=30,
        batch_size=8,
        lr=2e-3,
        zoom=(0.7, 1.5),
        flip_horizontal=False,
        score_every=2,
    )
