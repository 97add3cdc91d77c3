"""Seeded trajectories as text: TUM with its habits of writing numbers, and EuRoC's ground truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np

_NS = 1_000_000_000
_START_NS = 1_403_636_579_763_555_584
_HEADER = (
    "#timestamp, p_RS_R_x [m], p_RS_R_y [m], p_RS_R_z [m], q_RS_w [], q_RS_x [], "
    "q_RS_y [], q_RS_z [], v_RS_R_x [m s^-1], v_RS_R_y [m s^-1], v_RS_R_z [m s^-1]"
)


def _draw_poses(seed: int, count: int) -> np.ndarray:
    """(N, 7): xyz m, quaternion xyzw of length 1."""
    rng = np.random.default_rng(seed)
    turns = rng.normal(size=(count, 4))
    turns /= np.linalg.norm(turns, axis=1, keepdims=True)
    return np.hstack([rng.normal(size=(count, 3)), turns])


def write_tum(root: Path, seed: int) -> None:
    """Fixed decimals, and numbers with exponents as `numpy.savetxt` and evo write them."""
    root.mkdir(parents=True)
    poses = _draw_poses(seed, 200)
    times_ns = [_START_NS + 5_000_000 * n + n % 7 for n in range(len(poses))]
    fixed = ["# timestamp tx ty tz qx qy qz qw"]
    exponents = []
    for t_ns, pose in zip(times_ns, poses, strict=True):
        numbers = " ".join(f"{v:.9f}" for v in pose)
        fixed.append(f"{t_ns // _NS}.{t_ns % _NS:09d} {numbers}")
        exponents.append(" ".join(f"{v:.18e}" for v in (t_ns / _NS, *pose)))
    (root / "fixed.txt").write_text("\n".join([*fixed, ""]))
    (root / "exponents.txt").write_text("\n".join([*exponents, ""]))


def write_euroc(root: Path, seed: int) -> None:
    folder = root / "mav0" / "state_groundtruth_estimate0"
    folder.mkdir(parents=True)
    (folder / "sensor.yaml").write_text("sensor_type: visual-inertial\n")
    rows = [_HEADER]
    for number, pose in enumerate(_draw_poses(seed, 300)):
        x, y, z, qx, qy, qz, qw = (f"{v:.6f}" for v in pose)
        t_ns = _START_NS + 5_000_000 * number + number % 11
        rows.append(f"{t_ns},{x},{y},{z},{qw},{qx},{qy},{qz},0.1,0.2,0.3")
    (folder / "data.csv").write_text("\n".join([*rows, ""]))
