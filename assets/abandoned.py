"""Folders of trainings that died: kept for a while, to be resumed, and found by a lock that nobody holds."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from assets.locks import taking

LOCK = "lock"  # in the folder of a training, held by its process
KEPT_DAYS = 7


def find_abandoned(runs: Path, kept_days: float = KEPT_DAYS) -> list[Path]:
    """The folders of trainings that nobody runs, and that nobody has begun or resumed for so long."""
    return [
        folder for folder in sorted(runs.glob("*")) if _is_abandoned(folder, kept_days)
    ]


def drop_abandoned(runs: Path, kept_days: float = KEPT_DAYS) -> None:
    """Remove these folders, but those that somebody resumes meanwhile."""
    for folder in find_abandoned(runs, kept_days):
        with taking(folder / LOCK) as is_mine:
            if is_mine:
                shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path, kept_days: float) -> bool:
    try:
        age_s = time.time() - (folder / LOCK).stat().st_mtime
    except OSError:
        return False
    with taking(folder / LOCK) as is_mine:
        return is_mine and age_s > kept_days * 86_400
