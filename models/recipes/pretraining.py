"""Recipes for pretraining. The figures behind each choice are in docs/results.md."""

from __future__ import annotations

from models.recipes.config import TrainConfig


def tiny_pretraining() -> TrainConfig:
    """Some minutes on two CPU cores for a few hundred frames: shows that all is in place, not what it can do."""
    return TrainConfig(
        name="tiny_pretraining",
        task="pretraining",
        image_size_px=64,
        epochs=4,
        batch_size=32,
        lr=1e-3,
        weights="none",
        frozen_stages=0,
        crop_area=(0.2, 1.0),
        colour_jitter=0.4,
    )


def base_pretraining() -> TrainConfig:
    """Two thousand small images in a quarter of an hour on two CPU cores, from random weights.

    ResNet-18 learns faster from nothing than our own net, whose batch normalisations are folded away.
    """
    return TrainConfig(
        name="base_pretraining",
        task="pretraining",
        net="resnet18",
        image_size_px=64,
        epochs=30,
        batch_size=64,
        lr=1e-3,
        weights="none",
        frozen_stages=0,
        crop_area=(0.2, 1.0),
        colour_jitter=0.4,
        score_every=5,
    )
