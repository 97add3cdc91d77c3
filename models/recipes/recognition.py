"""Recipes for recognition. The figures behind each choice are in docs/decisions."""

from __future__ import annotations

from models.recipes.config import TrainConfig


def tiny_recognition() -> TrainConfig:
    """Some 40 seconds on two CPU cores for a few hundred frames."""
    return TrainConfig(
        name="tiny_recognition", task="recognition", image_size_px=128, epochs=5, batch_size=16, lr=1e-3,
        frozen_stages=3, label_smoothing=0.05,
    )  # fmt: skip


def base_recognition() -> TrainConfig:
    """Real images: two thousand small ones in six minutes on two CPU cores."""
    return TrainConfig(
        name="base_recognition", task="recognition", image_size_px=128, epochs=8, batch_size=32, lr=1e-3,
        label_smoothing=0.1, mixup_alpha=0.2,
    )  # fmt: skip
