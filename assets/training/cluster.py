"""The Ray that trainings run on: one that is there or a small one of our own, and its room."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_WAIT_FOR_ALL_S = 20.0  # before fewer workers start
_log = logging.getLogger("daguerre.training")
_RAY_SETTINGS = {
    "RAY_AUTH_MODE": "token",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # stays on loopback
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # at Ray's 15, whatever else runs on a laptop takes a training's cores
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    # who is ended ends: no wait for a node of our own to drain, which has nothing to hand over
    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # silences a warning about hidden GPUs
}


@contextmanager
def local_ray(num_workers: int) -> Iterator[None]:
    """Join the Ray that this process is connected to, or start a small one on loopback and end it afterwards."""
    for name, value in _RAY_SETTINGS.items():
        os.environ.setdefault(name, value)
    import ray

    if ray.is_initialized():
        yield
        return
    # Ray starts its processes anew: nothing of Lance is used in a fork
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "lance is not fork-safe")
        ray.init(
            num_cpus=max(num_workers, os.cpu_count() or 1),
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            object_store_memory=150 * 2**20,
        )
    try:
        yield
    finally:
        ray.shutdown()


def count_ready(least: int, most: int, resource: str) -> int:
    """How many workers start now: `most` where there is room for them within a while, else those that there is room
    for, and never under `least`. A worker takes one unit of the `resource`.
    """
    import ray

    deadline = time.monotonic() + _WAIT_FOR_ALL_S
    while (
        free := int(ray.available_resources().get(resource, 0))
    ) < most and time.monotonic() < deadline:
        time.sleep(0.2)
    if free < most:
        _log.warning(
            f"there is room for {free} of {most} workers: training goes on with {max(least, free)}"
        )
    return max(least, min(most, free))
