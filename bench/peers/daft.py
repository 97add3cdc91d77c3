"""Daft: files listed and downloaded by it, figures in a batch function with a thread a core. Nothing is stored."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import daft

from bench.peers.figures import measure_payloads, report

_KIND = daft.DataType.struct(
    {
        "sha256": daft.DataType.string(),
        "height_px": daft.DataType.int64(),
        "width_px": daft.DataType.int64(),
        **dict.fromkeys(
            (
                "brightness",
                "contrast",
                "sharpness",
                "crispness",
                "clipped_dark",
                "clipped_bright",
                "noise",
            ),
            daft.DataType.float64(),
        ),
        "perceptual_hash": daft.DataType.string(),
    }
)


@daft.func.batch(return_dtype=_KIND)
def measure(payloads: daft.Series) -> list[dict[str, Any]]:
    return measure_payloads(payloads.to_pylist())


def run(folder: Path) -> int:
    """All images of a folder."""
    frame = daft.from_glob_path(f"{folder}/*.jpg").with_column(
        "payload", daft.col("path").download()
    )
    return len(frame.select(measure(daft.col("payload")).alias("figures")).collect())


if __name__ == "__main__":
    report(run)
    sys.stdout.flush()
    os._exit(0)  # threads of Daft outlive Python at times, and abort the process
