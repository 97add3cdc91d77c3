"""The tasks that can be trained, those of a user's own too: torch is loaded only where there are such."""

from __future__ import annotations

import os

from models.task_names import ADDED_TASKS, DATASET_NAMES


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
