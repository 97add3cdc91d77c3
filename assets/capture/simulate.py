"""Write simulated captures: a rig with stereo colour, depth camera and IMU circles a table, and all truth is known.

Each capture is one MCAP file with well-known schemas. Everything follows from the seed: the same call writes the same
bytes. A shift changes the world or the sensors of every capture; a fault befalls the first capture alone, so that its
neighbours show that they went on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from assets.capture.simulation.faults import FAULTS, truncate
from assets.capture.simulation.spec import SHIFTS, SimulationSpec

__all__ = ["FAULTS", "SHIFTS", "SimulationSpec", "simulate"]


def simulate(
    out: Path,
    spec: SimulationSpec,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write the captures into folder `out` and return their paths, in order.

    Files appear complete or not at all (a truncated one is complete in that sense) and replace files of the same name.
    `on_progress` gets frames done and frames in all, after each frame.
    """
    from assets.capture.simulation.capture import record_capture

    out.mkdir(parents=True, exist_ok=True)
    report = on_progress or (lambda done, total: None)
    total = spec.captures * spec.num_frames
    paths: list[Path] = []
    for index in range(spec.captures):
        fault = spec.fault if index == 0 else None
        before = index * spec.num_frames

        def tell(done: int, before: int = before) -> None:
            report(before + done, total)

        data = record_capture(spec, index, fault, tell)
        name = name_capture(spec, index)
        paths.append(
            _write(
                out / f"{name}.mcap",
                truncate(data) if fault == "truncated_file" else data,
            )
        )
        if fault == "duplicate":
            paths.append(_write(out / f"{name}_copy.mcap", data))
    return paths


def name_capture(spec: SimulationSpec, index: int) -> str:
    """File name without suffix: seed, shift, fault (of the first capture) and number."""
    parts = (
        "sim",
        f"s{spec.seed}",
        spec.shift,
        spec.fault if index == 0 else None,
        f"{index:03d}",
    )
    return "_".join(part for part in parts if part)


def _write(path: Path, data: bytes) -> Path:
    """Write through a hidden neighbour, so that no watcher sees half a file."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    os.replace(part, path)
    return path
