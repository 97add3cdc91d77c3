"""Poses and inertial samples in a Rerun recording: bodies that move, each below what it moves in, and curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from assets.retrieval.rerun_recording import (
    WORLD,
    Z_UP,
    Recording,
    group_signals,
    join,
)
from assets.tables.catalog import Catalog
from assets.tables.rows import SignalRow

# xyz m, and the quaternion xyzw but for the last
_MOTION = ("pose", "odometry", "position")
_INERTIAL = {"imu": ("gyro", "accel"), "acceleration": ("accel",)}  # three values each
_UNITS = {"gyro": "rad/s", "accel": "m/s^2"}


@dataclass(frozen=True)
class Bodies:
    """Of one capture: the entity of each body that a pose moves, and the poses that move it."""

    recording: Recording
    root: str
    paths: dict[str, str] = field(default_factory=dict)
    poses: dict[str, list[list[SignalRow]]] = field(default_factory=dict)

    def find(self, name: str | None, otherwise: str) -> str:
        """The entity of a body; of what no pose moves one in the world."""
        return self.paths.get(name or "") or join(self.open(WORLD), otherwise)

    def open(self, frame: str) -> str:
        """The entity of an outermost frame, which is a space of its own."""
        path = join(self.root, frame)
        self.recording.set_apart(path, Z_UP)
        return path


def read_signals(catalog: Catalog, where: str) -> list[SignalRow]:
    """In order of time, or of place in the file where there is no time."""
    rows = catalog.read_latest("signals", where=where).to_pylist()
    return sorted(
        rows, key=lambda r: (r["t_ns"] is None, r["t_ns"] or r.get("sequence") or 0)
    )


def write_poses(
    recording: Recording, root: str, signals: Sequence[SignalRow]
) -> Bodies:
    """Each moving body with its path. A body that moves in another hangs below it; the outermost frames are spaces of
    their own."""
    import rerun as rr

    poses = [s for s in signals if s["kind"] in _MOTION]
    parents = {
        p["child_frame"] or p["sensor"]: p["frame_of_reference"] or WORLD for p in poses
    }
    bodies = Bodies(recording, root)
    for (world, body, _), rows in group_signals(
        poses,
        lambda p: (
            p["frame_of_reference"] or WORLD,
            p["child_frame"] or p["sensor"],
            len(p["values"]),
        ),
    ):
        chain = _chain(world, parents)
        bodies.open(chain[0])
        parent = join(root, *chain)
        bodies.paths[body] = join(parent, body)
        bodies.poses.setdefault(body, []).append(rows)
        move(recording, bodies.paths[body], rows)
        places = np.array([row["values"][:3] for row in rows], float)
        recording.log(join(parent, f"{body}_path"), rr.LineStrips3D([places]))
        recording.counts["poses"] += len(rows)
    return bodies


def move(recording: Recording, path: str, rows: Sequence[SignalRow]) -> None:
    """Make an entity move by poses, or positions, of one length."""
    import rerun as rr

    values = np.array([row["values"] for row in rows], float)  # (N, 7) or (N, 3)
    rotation = values[:, 3:7] if values.shape[1] == 7 else None
    columns = rr.Transform3D.columns(translation=values[:, :3], quaternion=rotation)
    recording.send(path, rows, columns)


def write_imu(recording: Recording, root: str, signals: Sequence[SignalRow]) -> None:
    """Three curves for the turn rate, three for the acceleration."""
    import rerun as rr

    samples = [s for s in signals if s["kind"] in _INERTIAL]
    for (sensor, kind), rows in group_signals(
        samples, lambda s: (s["sensor"], s["kind"])
    ):
        values = np.array([row["values"] for row in rows], float)  # (N, 6) or (N, 3)
        for index, name in enumerate(_INERTIAL[kind]):
            path = join(root, "imu", sensor, name)
            titles = [f"{name} {axis} [{_UNITS[name]}]" for axis in "xyz"]
            recording.log(path, rr.SeriesLines(names=titles))
            columns = rr.Scalars.columns(
                scalars=values[:, 3 * index : 3 * index + 3].ravel()
            )
            recording.send(path, rows, columns.partition([3] * len(rows)))
        recording.counts["imu"] += len(rows)


def _chain(frame: str, parents: dict[str, str]) -> list[str]:
    """The frame and what it moves in, outermost first: ['map', 'odom']. A ring is cut where it closes."""
    chain = [frame]
    while (parent := parents.get(chain[0])) is not None and parent not in chain:
        chain.insert(0, parent)
    return chain
