"""Recipes: functions that return one complete frozen training configuration.

`tiny_*` suit a laptop and the simulated world, `base_*` real data. Variants are the caller's: `replace(recipe, ...)`.
"""

from __future__ import annotations

from collections.abc import Callable

from models.recipes import detection, recognition, segmentation
from models.recipes.config import TrainConfig
from models.recipes.detection import base_detection, tiny_detection
from models.recipes.recognition import base_recognition, tiny_recognition
from models.recipes.segmentation import base_segmentation, tiny_segmentation
from models.recipes.space import Space

RECIPES: dict[str, Callable[[], TrainConfig]] = {
    r.__name__: r
    for r in (
        tiny_recognition, tiny_detection, tiny_segmentation, base_recognition, base_detection, base_segmentation,
    )
}  # fmt: skip
SPACES: dict[str, Space] = {  # by task: what a search of its recipes tries
    "recognition": recognition.SPACE, "detection": detection.SPACE, "segmentation": segmentation.SPACE,
}  # fmt: skip


def get_recipe(name: str) -> TrainConfig:
    """The configuration of the recipe called `name`. Raises ValueError that lists the known names."""
    if name not in RECIPES:
        raise ValueError(f"there is no recipe '{name}': choose one of {', '.join(RECIPES)}")
    return RECIPES[name]()


__all__ = ["RECIPES", "SPACES", "TrainConfig", "get_recipe"]
