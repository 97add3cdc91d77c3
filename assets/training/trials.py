"""What comes of the trials of a search: their record, kept while they run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["waiting", "running", "finished", "stopped", "failed", "interrupted"]


@dataclass
class Trial:
    """One training with settings of its own. `metric` is that of its best epoch: None where it has no score."""

    number: int  # from 0
    settings: Mapping[str, str]
    status: Status = "waiting"
    metric: float | None = None
    epochs: int = 0
    seconds: float = 0.0
    error: str = ""
    _began: float = field(default=0.0, repr=False)


# Called when a trial starts, with the history row of each epoch, and when it has ended.
OnTrial = Callable[[Trial, Mapping[str, Any] | None], None]


class Record:
    """All trials of a search, and who wants to know of them."""

    def __init__(
        self,
        settings: Sequence[Mapping[str, str]],
        metric: str,
        num_epochs: int,
        on_trial: OnTrial,
    ) -> None:
        self.trials = [Trial(number, values) for number, values in enumerate(settings)]
        self._metric = metric
        self._num_epochs = num_epochs
        self._on_trial = on_trial

    def start(self, number: int) -> None:
        """Note that a trial runs from now on."""
        trial = self.trials[number]
        trial.status = "running"
        trial._began = time.monotonic()
        self._on_trial(trial, None)

    def add_epoch(self, number: int, row: Mapping[str, Any], is_last: bool) -> None:
        """`is_last`: the scheduler lets it go no further. Short of all epochs that is a trial that was stopped."""
        trial = self.trials[number]
        trial.epochs = row["epoch"] + 1
        if self._metric in row:
            trial.metric = max(
                row[self._metric],
                float("-inf") if trial.metric is None else trial.metric,
            )
        self._on_trial(trial, row)
        if is_last:
            self._end(
                trial, "finished" if trial.epochs == self._num_epochs else "stopped"
            )

    def finish(self, number: int) -> None:
        """It returned, after all epochs or by its own patience or time limit."""
        if (trial := self.trials[number]).status == "running":
            self._end(trial, "finished")

    def fail(self, number: int, reason: str) -> None:
        """It raised an error, or its process is gone. What it scored before is no score."""
        trial = self.trials[number]
        if trial.status == "waiting":
            self.start(number)
        trial.error = reason
        trial.metric = None
        self._end(trial, "failed")

    def interrupt(self) -> None:
        """The search is over: what still runs has been ended."""
        for trial in self.trials:
            if trial.status == "running":
                self._end(trial, "interrupted")

    def _end(self, trial: Trial, status: Status) -> None:
        trial.status, trial.seconds = status, time.monotonic() - trial._began
        self._on_trial(trial, None)
