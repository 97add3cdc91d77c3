"""Tasks: one file each; `find_task` finds them by name."""

from __future__ import annotations

from models.known_tasks import dataset_of
from models.tasks.added import load_added
from models.tasks.base import Batch, OpenTask, Task
from models.tasks.detection import Detection
from models.tasks.instances import InstanceSegmentation
from models.tasks.keypoints import Keypoints
from models.tasks.multilabel import MultiLabel
from models.tasks.pretraining import Pretraining
from models.tasks.recognition import Recognition
from models.tasks.segmentation import Segmentation

_OURS: tuple[Task, ...] = (
    Recognition(),
    Detection(),
    Segmentation(),
    MultiLabel(),
    Pretraining(),
    InstanceSegmentation(),
    Keypoints(),
)
TASKS = {task.name: task for task in _OURS}


def find_task(name: str) -> Task:
    """The task called `name`, one of ours or of the user's own. Raises ValueError that lists the known names."""
    if name in TASKS:
        return TASKS[name]
    dataset_of(name)
    return load_added()[name].task


__all__ = ["TASKS", "Batch", "OpenTask", "Task", "find_task"]
