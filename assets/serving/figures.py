"""What a server counts of itself, for Prometheus and for people."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

import numpy as np

_KEPT = 2000  # latencies and batch sizes that quantiles and means are of


@dataclass
class ServerFigures:
    """Counts since the start; latencies in seconds of the last answered requests."""

    requests: Counter[tuple[str, int]] = field(default_factory=Counter)  # task, status
    images: Counter[tuple[str, str, str]] = field(
        default_factory=Counter
    )  # task, version, role
    retried: int = 0  # requests that a canary failed and the champion answered
    returned: Counter[str] = field(default_factory=Counter)  # canaries, by task
    disagreements: dict[str, deque[float]] = field(default_factory=dict)
    latencies: dict[str, deque[float]] = field(default_factory=dict)
    batch_sizes: deque[int] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def add(self, task: str, status: int, seconds: float) -> None:
        """A request that was answered or refused."""
        self.requests[task, status] += 1
        if status == 200:
            self.latencies.setdefault(task, deque(maxlen=_KEPT)).append(seconds)

    def compare(self, version: str, disagreement: float) -> None:
        """An answer of a shadow or canary beside the champion's."""
        kept = self.disagreements.setdefault(version, deque(maxlen=_KEPT))
        kept.append(disagreement)

    def quantile(self, task: str, share: float) -> float:
        """Of the latencies of a task; 0 before the first."""
        found = self.latencies.get(task)
        return float(np.quantile(found, share)) if found else 0.0
