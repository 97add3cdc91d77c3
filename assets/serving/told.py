"""What the sampled requests say of each model, in a line for a person."""

from __future__ import annotations

import numpy as np

from assets.tables.catalog import Catalog

_COLUMNS = ["model_name", "model_version", "role", "latency_ms", "confidence"]


def count_by_model(catalog: Catalog) -> dict[str, str]:
    """Name, version and role of each model that answered -> how many rows, its latency, its confidence."""
    rows = catalog.read_latest("requests", _COLUMNS).to_pylist()
    names = [f"{r['model_name']} v{r['model_version']}, {r['role']}" for r in rows]
    told = {}
    for name in sorted(set(names)):
        mine = [row for row, other in zip(rows, names, strict=True) if other == name]
        latencies = np.quantile([r["latency_ms"] for r in mine], (0.5, 0.99))
        sure = [r["confidence"] for r in mine if r["confidence"] is not None]
        told[name] = (
            f"{len(mine)} rows, latency {latencies[0]:.0f} ms (median), {latencies[1]:.0f} ms (99th of 100)"
            + (f", mean confidence {np.mean(sure):.2f}" if sure else "")
        )
    return told
