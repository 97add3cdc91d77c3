"""The tasks there are, by name alone: for code that must not load torch to list them."""

from __future__ import annotations

from typing import Literal, get_args

TaskName = Literal["recognition", "detection", "segmentation"]
TASK_NAMES: tuple[str, ...] = get_args(TaskName)
