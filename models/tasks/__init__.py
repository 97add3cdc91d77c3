"""Tasks: one file each; `TASKS` finds them by name."""

from __future__ import annotations

from models.tasks.base import Batch, Task
from models.tasks.detection import Detection
from models.tasks.recognition import Recognition
from models.tasks.segmentation import Segmentation

TASKS: dict[str, Task] = {t.name: t for t in (Recognition(), Detection(), Segmentation())}

__all__ = ["TASKS", "Batch", "Task"]
