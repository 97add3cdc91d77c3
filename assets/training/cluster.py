"""The Ray that trainings run on: one that is there or a small one of our own, and its room."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

_WAIT_FOR_ALL_S = 20.0  # before fewer workers start
_log = logging.getLogger("daguerre.training")
_RAY_SETTINGS = {
    "RAY_AUTH_MODE": "token",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # stays on loopback
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # at Ray's 15, whatever else runs on a laptop takes a training's cores
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
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
    _start(num_workers)
    try:
        yield
    finally:
        ray.shutdown()


def _start(num_workers: int) -> None:
    """Start Ray in a thread of its own. In the main thread it takes over SIGTERM at once and looks at it when it is up:
    for a signal to all processes, which ends what it waits for, that is half a minute later. Until it is up SIGTERM
    does what it did before, and Ray's reaper ends what has started; then it ends this process as Ray would.
    """
    import ray

    former = signal.getsignal(signal.SIGTERM)
    with ThreadPoolExecutor(1) as starter, _quiet_start():
        starter.submit(
            ray.init,
            address="local",  # else it joins whatever Ray last ran on this machine
            num_cpus=max(num_workers, os.cpu_count() or 1),
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            object_store_memory=150 * 2**20,
        ).result()
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and former is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _end)


def _end(signum: int, _: object) -> None:
    """What is under way is put away on the way out."""
    sys.exit(128 + signum)


@contextmanager
def _quiet_start() -> Iterator[None]:
    """Ray starts its processes anew: nothing of Lance is used in a fork. That SIGTERM is not Ray's is meant."""
    log = logging.getLogger("ray._private.worker")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "lance is not fork-safe")
            yield
    finally:
        log.setLevel(level)


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
