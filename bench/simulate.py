"""Measure the simulator: frames a second on one thread, pictures alone and whole captures written to disk.

A frame is one left colour picture with depth and instance map at 320x240; a captured frame also has the right picture,
encoding, labels, 20 IMU samples and 5 poses. Run: `python -m bench.simulate --json`.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROUNDS = 3  # the best round counts: others share the machine
NUM_FRAMES = 60
THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> None:
    """Print the figures, as text or as one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    figures = measure()
    if parser.parse_args().json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:32} {value:8.1f}")


def measure() -> dict[str, float]:
    """Rates on one thread: `frames_per_s` (RGB-D rendered) and `captured_frames_per_s` (all sensors, written)."""
    # NumPy reads them once, when it is first imported
    os.environ.update(dict.fromkeys(THREAD_LIMITS, "1"))
    import cv2

    cv2.setNumThreads(1)
    rendered, rendered_cpu = _time_best(_render_frames)
    with tempfile.TemporaryDirectory() as folder:
        captured, captured_cpu = _time_best(lambda: _write_capture(Path(folder)))
    return {
        "frames_per_s": NUM_FRAMES / rendered,
        "captured_frames_per_s": NUM_FRAMES / captured,
        "frames_per_cpu_s": NUM_FRAMES / rendered_cpu,
        "captured_frames_per_cpu_s": NUM_FRAMES / captured_cpu,
    }


def _time_best(action: Callable[[], None]) -> tuple[float, float]:
    """Least wall and least processor seconds of ROUNDS calls, after one call to warm up."""
    action()
    walls = []
    cpus = []
    for _ in range(ROUNDS):
        wall = time.perf_counter()
        cpu = time.process_time()
        action()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return min(walls), min(cpus)


def _render_frames() -> None:
    """Scene, baking and NUM_FRAMES left pictures with depth, each from another pose."""
    import numpy as np

    from assets.capture.simulation.textures import load_photos
    from models.simulation.camera import Rig, make_camera
    from models.simulation.motion import plan_trajectory
    from models.simulation.renderer import Renderer
    from models.simulation.scene import sample_scene

    scene = sample_scene(np.random.default_rng(1))
    rig = Rig(make_camera(320, 240))
    trajectory = plan_trajectory(scene, NUM_FRAMES / 10, np.random.default_rng(2))
    renderer = Renderer(scene, load_photos(), rig.camera)
    for pose in trajectory.at(np.arange(NUM_FRAMES) / 10).poses():
        renderer.render(pose @ rig.rig_from_camera("left"))


def _write_capture(folder: Path) -> None:
    from assets.capture.simulate import SimulationSpec, simulate

    simulate(folder, SimulationSpec(captures=1, seconds=NUM_FRAMES / 10, seed=1))


if __name__ == "__main__":
    main()
