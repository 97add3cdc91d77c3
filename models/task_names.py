"""The tasks there are, by name alone: for code that must not load torch to list them."""

from __future__ import annotations

import os

RECOGNITION = "recognition"
DETECTION = "detection"
SEGMENTATION = "segmentation"
MULTILABEL = "multilabel"
PRETRAINING = "pretraining"
INSTANCES = "instances"
KEYPOINTS = "keypoints"
# answers about an image: predicted, reported, monitored
TASK_NAMES = (RECOGNITION, DETECTION, SEGMENTATION)
# what a release can be for
DATASET_NAMES = (*TASK_NAMES, MULTILABEL, PRETRAINING, INSTANCES, KEYPOINTS)
# a part of an image may lack what a label names
PLACED = (DETECTION, SEGMENTATION, MULTILABEL, INSTANCES, KEYPOINTS)
ADDED_TASKS = "DAGUERRE_TASKS"  # the environment variable that names the files of a user's own tasks


def all_task_names() -> tuple[str, ...]:
    """Everything that can be trained, a user's own tasks last."""
    return (*DATASET_NAMES, *_read_added())


def dataset_of(task: str) -> str:
    """Which kind of release a task learns from. Raises ValueError that lists the known tasks."""
    if task in DATASET_NAMES:
        return task
    if task not in (added := _read_added()):
        raise ValueError(
            f"there is no task '{task}': choose one of {', '.join((*DATASET_NAMES, *added))}"
        )
    return added[task]


def _read_added() -> dict[str, str]:
    """Name -> kind of release of each added task; only where there is one does this load torch."""
    if not os.environ.get(ADDED_TASKS):
        return {}
    from models.tasks.added import load_added

    return {name: one.task.dataset for name, one in load_added().items()}
