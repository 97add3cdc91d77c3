"""Find where a camera sits on its rig, from the transforms of a recording."""

from __future__ import annotations

import math
from collections.abc import Sequence

from assets.formats.observations import SignalObservation
from models.geometry.quaternions import multiply

_MAX_CHAIN = 32
# a transform that is repeated unchanged does not move
_STILL_M = 1e-9
_STILL_Q = 1e-9

Pose = tuple[float, ...]  # xyz m, quaternion xyzw


class RigTransforms:
    """Collects transforms between parts of the rig. One that changes (a pan head) gives no fixed place."""

    def __init__(self) -> None:
        self._parent_from: dict[str, tuple[str, Pose]] = {}
        self._moving: set[str] = set()

    def add(self, signal: SignalObservation) -> None:
        """Take a transform; everything else, and one without a rotation, is not looked at."""
        if (
            signal.kind != "transform"
            or not signal.child_frame
            or not signal.frame_of_reference
        ):
            return
        if not any(signal.values[3:]):
            return  # a quaternion of zeros is no rotation
        child = signal.child_frame
        new = (signal.frame_of_reference, tuple(signal.values))
        known = self._parent_from.setdefault(child, new)
        if known[0] != new[0] or not _is_same(known[1], new[1]):
            self._moving.add(child)

    def find_rig_from_camera(self, *camera_frames: str) -> Pose | None:
        """xyz m and quaternion xyzw of the first of these frames that is known, in the root of its fixed chain."""
        for frame in camera_frames:
            name = frame.strip("/")
            if name in self._parent_from:
                return self._climb(name)
        return None

    def _climb(self, frame: str) -> Pose | None:
        parent, pose = self._parent_from[frame]
        seen = {frame}
        while (
            frame not in self._moving
            and parent in self._parent_from
            and parent not in self._moving
        ):
            if parent in seen or len(seen) > _MAX_CHAIN:
                return None  # a loop is no place
            seen.add(parent)
            parent, above = self._parent_from[parent]
            pose = compose(above, pose)
        return None if frame in self._moving else pose


def compose(a_from_b: Sequence[float], b_from_c: Sequence[float]) -> Pose:
    """a_from_c. Quaternions are xyzw and normalised first. Raises ValueError for a zero quaternion."""
    qa, qb = _normalise(a_from_b[3:]), _normalise(b_from_c[3:])
    x, y, z = _rotate(qa, b_from_c[:3])
    return (a_from_b[0] + x, a_from_b[1] + y, a_from_b[2] + z, *multiply(qa, qb))


def _normalise(quaternion: Sequence[float]) -> tuple[float, ...]:
    length = math.sqrt(sum(v * v for v in quaternion))
    if length == 0:
        raise ValueError(
            "a quaternion of zeros is no rotation: check the recorder's transforms"
        )
    return tuple(v / length for v in quaternion)


def _rotate(q: Sequence[float], v: Sequence[float]) -> tuple[float, float, float]:
    inverse = (-q[0], -q[1], -q[2], q[3])
    x, y, z, _ = multiply(multiply(q, (*v, 0.0)), inverse)
    return x, y, z


def _is_same(a: Pose, b: Pose) -> bool:
    near = (
        abs(x - y) <= limit
        for x, y, limit in zip(a, b, (_STILL_M,) * 3 + (_STILL_Q,) * 4, strict=True)
    )
    return all(near)
