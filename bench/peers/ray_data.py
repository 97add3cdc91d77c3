"""Ray Data: read_binary_files and map_batches, with as many tasks as it chooses. Nothing is stored."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # loopback only
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray

from bench.peers.figures import report


def measure(batch: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    from bench.peers.figures import measure_payload

    rows = [measure_payload(payload) for payload in batch["bytes"]]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def run(folder: Path) -> int:
    """All images of a folder."""
    data = ray.data.read_binary_files(str(folder)).map_batches(measure, batch_size=256)
    return int(data.materialize().count())


if __name__ == "__main__":
    root = str(Path(__file__).resolve().parents[2])
    environment = {"env_vars": {"PYTHONPATH": root}}
    ray.init(include_dashboard=False, log_to_driver=False, runtime_env=environment)
    ray.data.DataContext.get_current().enable_progress_bars = False
    report(run)
