"""What producers land in the schedules: a small session in steps, with fixed time stamps, the same for each run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

Step = Mapping[str, bytes]  # path below the session -> bytes

_FIRST_LANDING_S = 1_700_000_000
_STEP_S = 3_600


@cache
def make_recording(seed: int) -> bytes:
    """A short simulated MCAP capture with one corrupt frame."""
    from assets.capture.simulate import SimulationSpec, simulate

    spec = SimulationSpec(
        1, 0.5, seed, fault="corrupt_frame", width_px=96, height_px=72
    )
    with tempfile.TemporaryDirectory() as folder:
        return simulate(Path(folder), spec)[0].read_bytes()


@cache
def make_png(seed: int, width_px: int = 64, height_px: int = 48) -> bytes:
    """An image of seeded noise, 9 KB."""
    import cv2
    import numpy as np

    pixels = np.random.default_rng(seed).integers(
        0, 256, (height_px, width_px, 3), dtype=np.uint8
    )
    return bytes(cv2.imencode(".png", pixels)[1])


def first_step() -> Step:
    """A recording, a folder of images of which one is cut short, a document, and a file that nobody can read."""
    images = {f"images/{n}.png": make_png(n) for n in range(3)}
    broken = {"images/cut.png": make_png(8)[:99], "what.xyz": b"?"}
    return {"drive.mcap": make_recording(3), "README.md": b"about", **images, **broken}


def second_step() -> Step:
    """The cut image is repaired; an image, a recording and an unreadable file join."""
    return {
        "drive2.mcap": make_recording(4),
        "images/9.png": make_png(9),
        "images/cut.png": make_png(8),
        "images/late.png": make_png(10)[:120],
    }


def replacing_step() -> Step:
    """Other bytes under keys that were taken in already."""
    return {"drive.mcap": make_recording(5), "images/0.png": make_png(20)}


def land(folder: Path, step: Step, number: int = 0) -> None:
    """Write the files as the `number`-th landing: their time stamps follow from it alone."""
    for path, data in step.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        landed_s = _FIRST_LANDING_S + number * _STEP_S
        os.utime(target, (landed_s, landed_s))
