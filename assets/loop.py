"""What the closed loop may cost: labels that it asks people for by itself, and trainings."""

from __future__ import annotations

from dataclasses import dataclass

LABELS_A_DAY = 60
COOLDOWN_S = 6 * 3600


@dataclass(frozen=True)
class LoopLimits:
    """`labels_a_day`: frames that alarms may ask for, a task, in any 24 hours; 0: alarms ask for none. `cooldown_s`:
    between two requests for a training of one task.

    What a person asks for by `daguerre queue` or `daguerre train` is bound by neither.
    """

    labels_a_day: int = LABELS_A_DAY
    cooldown_s: int = COOLDOWN_S
