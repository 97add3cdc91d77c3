"""What devices count themselves: energy, and the time in which a GPU computes.

NVIDIA's GPUs by NVML, the packages of a CPU by the kernel's RAPL, which only root may read. What is not told is None:
nothing is estimated.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

_POWERCAP = Path("/sys/class/powercap")
_INTERVAL_S = 1.0  # between looks: a GPU tells of its last second, and a CPU's counter starts anew within the hour


class Device:
    """A device observed since it was made. Its readers raise one of `errors` where it does not tell.

    `read_joules` counts from an unknown beginning, and from 0 again after `range_joules`; `read_share` is the share in
    [0, 1] of the last moments in which the device computed.
    """

    def __init__(
        self,
        name: str,
        read_joules: Callable[[], float],
        range_joules: float = math.inf,
        read_share: Callable[[], float] | None = None,
        errors: tuple[type[Exception], ...] = (OSError, ValueError),
    ) -> None:
        self.name = name
        self._range = range_joules
        self._errors = errors
        self._read_joules = read_joules
        self._read_share = read_share
        self.joules: float | None = 0.0
        self._shares: list[float | None] = []
        self._last = self._ask(read_joules)

    @property
    def share(self) -> float | None:
        """Mean of those that were read since the last call of `forget_shares`."""
        told = [share for share in self._shares if share is not None]
        return (
            sum(told) / len(told) if told and len(told) == len(self._shares) else None
        )

    def forget_shares(self) -> None:
        """Begin the mean of the shares anew."""
        self._shares = []

    def look(self) -> None:
        """Read the counters; one that cannot be read makes the whole sum unknown."""
        if self._read_share:
            self._shares.append(self._ask(self._read_share))
        now = self._ask(self._read_joules)
        if self.joules is None or self._last is None or now is None:
            self.joules = None
            return
        self.joules += now - self._last + (self._range if now < self._last else 0.0)
        # a counter without an end went back: its driver was loaded anew
        if math.isinf(self.joules):
            self.joules = None
        self._last = now

    def _ask(self, read: Callable[[], float]) -> float | None:
        try:
            return read()
        except self._errors:
            return None


class Power:
    """The devices of one process, looked at about once a second."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self._devices = devices
        self._looked = time.monotonic()

    def look(self, least_s: float = _INTERVAL_S) -> None:
        """Unless the last look was less than `least_s` ago."""
        if time.monotonic() - self._looked >= least_s:
            self._looked = time.monotonic()
            for device in self._devices:
                device.look()

    def start_epoch(self) -> None:
        """Shares are those of an epoch, joules those since the beginning."""
        for device in self._devices:
            device.forget_shares()

    def joules(self) -> dict[str, float | None]:
        """By device, since the beginning."""
        return {device.name: device.joules for device in self._devices}

    def shares(self) -> list[float | None]:
        """Of this epoch."""
        return [device.share for device in self._devices]


def sum_joules(by_worker: Sequence[dict[str, float | None]]) -> float | None:
    """Over all devices, each counted once though several workers share it. None where a device does not tell."""
    totals: dict[str, float] = {}
    for devices in by_worker:
        for name, joules in devices.items():
            if joules is None:
                return None
            totals[name] = max(joules, totals.get(name, 0.0))
    return sum(totals.values()) if all(by_worker) else None


def find_devices(device: torch.device) -> list[Device]:
    """What a process that trains on `device` can observe: its GPU, or every package of the machine's CPUs."""
    if device.type != "cuda":
        return find_packages(_POWERCAP)
    try:
        import pynvml
    except ImportError:
        return []
    try:
        pynvml.nvmlInit()
        return [
            find_gpu(pynvml, f"GPU-{torch.cuda.get_device_properties(device).uuid}")
        ]
    except pynvml.NVMLError:
        return []


def find_gpu(nvml: Any, uuid: str) -> Device:
    """The GPU of this UUID. Raises NVMLError where NVML does not know it, as with a part of one (MIG)."""
    handle = nvml.nvmlDeviceGetHandleByUUID(uuid)
    return Device(
        uuid,
        lambda: (
            nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3
        ),  # mJ since the driver was loaded
        read_share=lambda: nvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100,
        errors=(nvml.NVMLError,),
    )


def find_packages(powercap: Path) -> list[Device]:
    """CPU packages in the kernel's `powercap` folder, with all that runs on them; [] where there are none."""
    host = socket.gethostname()
    try:
        return [
            Device(
                f"{host} {zone.name}",
                partial(_read_joules, zone / "energy_uj"),
                _read_joules(zone / "max_energy_range_uj"),
            )
            for zone in sorted(powercap.glob("intel-rapl:*"))
            if (zone / "name")
            .read_text()
            .startswith("package")  # other zones are parts of these, or hold them
        ]
    except (OSError, ValueError):
        return []


def _read_joules(file: Path) -> float:
    return int(file.read_text()) / 1e6
