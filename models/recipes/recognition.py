"""Recipes for recognition. The figures behind each choice are in docs/decisions."""

from __future__ import annotations

from models.recipes.config import TrainConfig
from models.recipes.space import Choice, Range, Space

# What a search tries in place of the recipe's own, unless it is told otherwise.
SPACE: Space = {
    "lr": Range(2e-4, 5e-3),
    "backbone_lr_factor": Range(0.1, 1.0),
    "weight_decay": Range(1e-3, 1e-1),
    "label_smoothing": Range(0.0, 0.2),
    "mixup_alpha": Choice(("0.0", "0.2")),
}


def tiny_recognition() -> TrainConfig:
    """Some 20 seconds on two CPU cores for a few hundred frames."""
    return TrainConfig(
        name="tiny_recognition",
        task="recognition",
        image_size_px=128,
        epochs=3,
        batch_size=16,
        lr=1e-3,
        frozen_stages=3,
        label_smoothing=0.05,
    )


def base_recognition() -> TrainConfig:
    """Real images: two thousand small ones in six minutes on two CPU cores. What the backbone knows changes little."""
    return TrainConfig(
        name="base_recognition",
        task="recognition",
        image_size_px=160,
        epochs=10,
        batch_size=32,
        lr=1e-3,
        backbone_lr_factor=0.1,
        ema_decay=0.99,
        label_smoothing=0.1,
        mixup_alpha=0.2,
    )
