"""What may become an alarm: something that happened, in words for a person."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """Something that happened: its kind, what it is told once for, and what tells it from others of that cause.

    `task` is that of the champion it is about, `session` the one whose frames explain it; where one of them is named,
    people are asked for labels (`orchestration/sensors/labelling.py`).
    """

    kind: str
    cause: str
    name: str
    summary: str
    remedy: str
    task: str | None = None
    session: str | None = None
