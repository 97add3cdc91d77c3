"""Recipes for multi-label recognition: those of recognition, without what needs one class an image."""

from __future__ import annotations

from dataclasses import replace

from models.recipes.config import TrainConfig
from models.recipes.recognition import base_recognition, tiny_recognition


def tiny_multilabel() -> TrainConfig:
    """Some 40 seconds on two CPU cores for a few hundred frames."""
    return replace(
        tiny_recognition(),
        name="tiny_multilabel",
        task="multilabel",
        label_smoothing=0.0,
    )


def base_multilabel() -> TrainConfig:
    """Real images: two thousand small ones in ten minutes on two CPU cores."""
    return replace(
        base_recognition(),
        name="base_multilabel",
        task="multilabel",
        label_smoothing=0.0,
        mixup_alpha=0.0,
    )
