"""What a training costs: images and operations a second, time spent waiting for data, memory, device-hours, energy."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor, cuda, nn

from models.training.flops import count_flops_by_size, peak_flops
from models.training.power import Power, find_devices, sum_joules
from models.training.workers import Workers

_NOTHING = {"seconds": 0.0, "device_hours": 0.0, "energy_wh": 0.0}
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes that getrusage counts in


class Meter:
    """Counts over one epoch at a time. `spent` is what earlier processes of this training came to, as `spend` tells."""

    def __init__(
        self, net: nn.Module, precision: str, spent: Mapping[str, float] | None = None
    ) -> None:
        self._device = next(net.parameters()).device
        self._spent = spent or _NOTHING
        self._started = time.monotonic()
        self._flops_of_image, self._peak_flops = (
            count_flops_by_size(net),
            peak_flops(self._device, precision),
        )
        self._power = Power(find_devices(self._device))
        self.start_epoch()

    def start_epoch(self) -> None:
        """Count from zero."""
        self._epoch_began = time.monotonic()
        self._waited = 0.0
        self._num_images = 0
        self._flops: int | None = 0
        self._power.start_epoch()

    @property
    def seconds(self) -> float:
        """Since the training began."""
        return self._spent["seconds"] + time.monotonic() - self._started

    @property
    def epoch_seconds(self) -> float:
        """Since the epoch began."""
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

    def count(self, images: Tensor) -> None:
        """(B, 3, H, W) images that a step has learnt from, or (B, V, 3, H, W) where each is seen V times."""
        self._power.look()
        self._num_images += len(images)
        of_one = self._flops_of_image(*images.shape[-2:])
        self._flops = (
            None
            if self._flops is None or of_one is None
            else self._flops + images.shape[:-3].numel() * of_one
        )

    def spend(self, workers: Workers) -> dict[str, float]:
        """Of all epochs so far, over all workers: `seconds`, `device_hours`, and `energy_wh` of GPUs, or of the CPU
        packages where it trains on those, absent where one of them does not tell."""
        self._power.look(0.0)
        joules = sum_joules(workers.gather(self._power.joules()))
        before = self._spent.get("energy_wh")
        hours = (self.seconds - self._spent["seconds"]) / 3600
        return {
            "seconds": self.seconds,
            "device_hours": self._spent["device_hours"] + hours * workers.num_workers,
            **(
                {"energy_wh": before + joules / 3600}
                if before is not None and joules is not None
                else {}
            ),
        }

    def measure(self, workers: Workers) -> dict[str, float]:
        """Of the epoch so far, over all workers: `images_per_s`, `tflops_per_s` (10^12 operations of the model), `mfu`
        (their share in [0, 1] of what the devices can do), both absent where they are not known; `data_wait_share` in
        [0, 1] (mean), `peak_memory_mib` (the largest: of the device, or of the process where it trains on the CPU);
        `gpu_utilisation` in [0, 1] (mean share of the time in which GPUs compute), absent where it is not told;
        `device_hours` and `energy_wh` as `spend` has them.
        """
        seconds = self.epoch_seconds
        spent = self.spend(workers)
        shares = [
            share
            for found in workers.gather(self._power.shares())
            for share in found or [None]
        ]
        mine = (
            self._num_images,
            self._flops,
            self._peak_flops,
            self._waited / seconds,
            self._peak_bytes(),
        )
        images, flops, peaks, waits, peak_bytes = zip(
            *workers.gather(mine), strict=True
        )
        return {
            "images_per_s": sum(images) / seconds,
            **(
                {"tflops_per_s": sum(flops) / seconds / 1e12}
                if None not in flops
                else {}
            ),
            **(
                {"mfu": sum(flops) / seconds / sum(peaks)}
                if None not in (*flops, *peaks)
                else {}
            ),
            "data_wait_share": sum(waits) / len(waits),
            **(
                {"gpu_utilisation": sum(shares) / len(shares)}
                if None not in shares
                else {}
            ),
            "peak_memory_mib": max(peak_bytes) / 2**20,
            **{name: value for name, value in spent.items() if name != "seconds"},
        }

    def _peak_bytes(self) -> int:
        if self._device.type == "cuda":
            return int(cuda.max_memory_allocated(self._device))
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT
