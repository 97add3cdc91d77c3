"""Where a training is written down while it goes on: what it needs of a registry, which it does not know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class RunStart:
    """What is known of a training when it begins. Equal `key`s are one training: it goes on where it ended."""

    task: str
    recipe: str
    key: str
    release_id: str
    seed: int
    dagster_run_id: str
    config: Mapping[str, Any]  # as JSON has it


@dataclass(frozen=True)
class LiveRun:
    """A run under way: `log_epoch` takes a row of the history, `finish` the hash of the model that came of it."""

    log_epoch: Callable[[Mapping[str, Any]], None]
    finish: Callable[[str], None]


class RunLog(Protocol):
    """Keeps runs of trainings."""

    def open_run(self, start: RunStart) -> AbstractContextManager[LiveRun]:
        """A run for as long as the context lasts. One that ends by an error has failed, with the error as reason."""
        ...
