"""Recipes: functions that return one complete frozen training configuration.

`tiny_*` suit a laptop and the simulated world, `base_*` real data. Variants are the caller's: `replace(recipe, ...)`.
"""

from __future__ import annotations

from collections.abc import Callable

from models.recipes import detection, recognition, segmentation
from models.recipes.config import TrainConfig
from models.recipes.detection import base_detection, tiny_detection
from models.recipes.instances import base_instances, tiny_instances
from models.recipes.keypoints import base_keypoints, tiny_keypoints
from models.recipes.multilabel import base_multilabel, tiny_multilabel
from models.recipes.pretraining import base_pretraining, tiny_pretraining
from models.recipes.recognition import base_recognition, tiny_recognition
from models.recipes.segmentation import base_segmentation, tiny_segmentation
from models.recipes.space import Range, Space
from models.task_names import DETECTION, RECOGNITION, SEGMENTATION

RECIPES: dict[str, Callable[[], TrainConfig]] = {
    r.__name__: r
    for r in (
        tiny_recognition,
        tiny_detection,
        tiny_segmentation,
        tiny_multilabel,
        tiny_pretraining,
        tiny_instances,
        tiny_keypoints,
        base_recognition,
        base_detection,
        base_segmentation,
        base_multilabel,
        base_pretraining,
        base_instances,
        base_keypoints,
    )
}
_SPACES: dict[str, Space] = {
    RECOGNITION: recognition.SPACE,
    DETECTION: detection.SPACE,
    SEGMENTATION: segmentation.SPACE,
}


def get_recipe(name: str) -> TrainConfig:
    """The configuration of the recipe called `name`, one of ours or of the user's own tasks.

    Raises ValueError that lists the known names.
    """
    if name in RECIPES:
        return RECIPES[name]()
    from models.tasks.added import load_added

    added = {
        recipe: make
        for one in load_added().values()
        for recipe, make in one.recipes.items()
    }
    if name not in added:
        raise ValueError(
            f"there is no recipe '{name}': choose one of {', '.join((*RECIPES, *added))}"
        )
    return added[name]()


def space_of(config: TrainConfig) -> Space:
    """What a search of the recipe tries: its task's own space, or rates around its own."""
    rates: Space = {
        "lr": Range(config.lr / 5, config.lr * 5),
        "weight_decay": Range(1e-3, 1e-1),
    }
    return _SPACES.get(config.task, rates)


__all__ = ["RECIPES", "TrainConfig", "get_recipe", "space_of"]
