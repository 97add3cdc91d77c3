"""What a training costs: images a second, time spent waiting for data, memory, device-hours."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from models.training.workers import Workers

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes that getrusage counts in


class Meter:
    """Counts over one epoch at a time. `seconds_before` is what earlier processes of this training took."""

    def __init__(self, device: torch.device, seconds_before: float = 0.0) -> None:
        self._device, self._began = device, time.monotonic() - seconds_before
        self.start_epoch()

    def start_epoch(self) -> None:
        self._epoch_began, self._waited, self._num_images = time.monotonic(), 0.0, 0

    @property
    def seconds(self) -> float:
        """Since the training began."""
        return time.monotonic() - self._began

    @property
    def epoch_seconds(self) -> float:
        return time.monotonic() - self._epoch_began

    @property
    def rate(self) -> float:
        """Images a second of this worker, in this epoch."""
        return self._num_images / self.epoch_seconds

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While the next batch is not there."""
        began = time.monotonic()
        yield
        self._waited += time.monotonic() - began

    def count(self, num_images: int) -> None:
        self._num_images += num_images

    def measure(self, workers: Workers) -> dict[str, float]:
        """Of the epoch so far, over all workers: `images_per_s`, `data_wait_share` in [0, 1] (mean), `peak_memory_mib`
        (the largest: of the device, or of the process where it trains on the CPU); `device_hours` of all epochs.
        """
        seconds = self.epoch_seconds
        parts = workers.gather((self._num_images, self._waited / seconds, self._peak_bytes()))
        return {
            "images_per_s": sum(p[0] for p in parts) / seconds,
            "data_wait_share": sum(p[1] for p in parts) / len(parts),
            "peak_memory_mib": max(p[2] for p in parts) / 2**20,
            "device_hours": self.seconds * len(parts) / 3600,
        }

    def _peak_bytes(self) -> int:
        if self._device.type == "cuda":
            return int(torch.cuda.max_memory_allocated(self._device))
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT
