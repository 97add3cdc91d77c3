"""Tasks of a user's own: one Python file each, named by DAGUERRE_TASKS (paths, separated like those of PATH).

A file has `TASK`, an object of a class derived from `models.tasks.base.OpenTask`, and `RECIPES`, functions that return
a `TrainConfig` for it; `base_<task>` is the one that is taken where none is named.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from models.recipes.config import TrainConfig
from models.task_names import ADDED_TASKS, DATASET_NAMES
from models.tasks.base import OpenTask


@dataclass(frozen=True)
class AddedTask:
    """A task and its recipes, by name."""

    task: OpenTask
    recipes: dict[str, Callable[[], TrainConfig]]


def load_added() -> dict[str, AddedTask]:
    """The added tasks by name. Raises ValueError that says which file is not right, and why."""
    paths = os.environ.get(ADDED_TASKS, "").split(os.pathsep)
    added: dict[str, AddedTask] = {}
    for path in filter(None, paths):
        one = _load(str(Path(path).expanduser().absolute()))
        if one.task.name in added:
            raise ValueError(
                f"{path}: there is already a task '{one.task.name}', give this one another name"
            )
        added[one.task.name] = one
    return added


@cache
def _load(path: str) -> AddedTask:
    where = f"{path}, named by {ADDED_TASKS}"
    if not Path(path).is_file():
        raise ValueError(
            f"{where}, is no file: give the path of a Python file with TASK and RECIPES"
        )
    spec = importlib.util.spec_from_file_location(
        f"daguerre_task_{Path(path).stem}", path
    )
    if spec is None or spec.loader is None:
        raise ValueError(f"{where}, is no Python file: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever stands in a user's file
        raise ValueError(
            f"{where}, cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    task = getattr(module, "TASK", None)
    recipes = getattr(module, "RECIPES", ())
    if not isinstance(task, OpenTask):
        raise ValueError(
            f"{where}, has no TASK derived from models.tasks.base.OpenTask"
        )
    if not task.name.isidentifier() or task.dataset not in DATASET_NAMES:
        raise ValueError(
            f"{where}: name = {task.name!r} must be a word, and dataset = {task.dataset!r} "
            f"one of {', '.join(DATASET_NAMES)}"
        )
    if task.name in DATASET_NAMES:
        raise ValueError(
            f"{where}: there is already a task '{task.name}', give this one another name"
        )
    found = {recipe.__name__: recipe for recipe in recipes}
    if f"base_{task.name}" not in found:
        raise ValueError(f"{where}, has no recipe base_{task.name} in RECIPES")
    for name, recipe in found.items():
        if ((config := recipe()).name, config.task) != (name, task.name):
            raise ValueError(
                f"{where}: recipe {name} says name = {config.name!r} and task = {config.task!r}"
            )
    return AddedTask(task, found)
