"""Where a ray meets a solid, and the normal and texture coordinates there, in the solid's own frame.

Vectors are tuples of three arrays (or scalars) that broadcast, because separate float32 planes are the fastest form in
NumPy: many rays from one camera and many shadow rays in one direction go through the same formulas. Solids are convex
and closed; formulas as in Ericson, Real-Time Collision Detection (2005), 5.3.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Vector = tuple[Plane, Plane, Plane]
Surface = tuple[Vector, Plane, Plane, NDArray[np.uint8]]
NEAR_M = 1e-4
NO_HIT = np.float32(np.inf)
CAP_V = 1.125  # texture row of a cylinder's end: below the side's rows, where the skin holds the radial pattern


def intersect(
    class_name: str,
    half_size_m: tuple[float, float, float],
    origin: Vector,
    direction: Vector,
) -> Plane:
    """Ray parameter of the first hit in front of the origin, +inf where there is none. Float32, broadcast shape.

    The parameter is in lengths of `direction`: for camera rays whose z is 1, it is the depth along the optical axis.
    """
    half = tuple(np.float32(h) for h in half_size_m)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return _INTERSECT[class_name](half, origin, direction)


def find_surface(
    class_name: str, half_size_m: tuple[float, float, float], point: Vector
) -> Surface:
    """Unit normal, texture u and v, and face number of points on the solid; all in the solid's frame.

    u and v are in [0, 1] on the skin's photograph, which wraps twice around a round solid; v = CAP_V on flat ends,
    where u is the distance from the axis. Face numbers only tell faces apart.
    """
    half = tuple(np.float32(h) for h in half_size_m)
    return _SURFACE[class_name](half, point)


def turn(rotation: NDArray[np.float64], vector: Vector) -> Vector:
    """A vector in planes, turned by a rotation (3, 3)."""
    m = rotation.astype(np.float32)
    rows = [
        m[i, 0] * vector[0] + m[i, 1] * vector[1] + m[i, 2] * vector[2]
        for i in range(3)
    ]
    return rows[0], rows[1], rows[2]


def _hit_ball(half: tuple, o: Vector, d: Vector) -> Plane:
    a = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
    b = o[0] * d[0] + o[1] * d[1] + o[2] * d[2]
    c = o[0] * o[0] + o[1] * o[1] + o[2] * o[2] - half[0] * half[0]
    t = (-b - np.sqrt(b * b - a * c)) / a
    return np.where(t > NEAR_M, t, NO_HIT)  # a miss is NaN and compares false


def _hit_box(half: tuple, o: Vector, d: Vector) -> Plane:
    enter = np.float32(-np.inf)
    leave = np.float32(np.inf)
    for axis in range(3):
        inverse = np.float32(1) / d[axis]
        near = (-half[axis] - o[axis]) * inverse
        far = (half[axis] - o[axis]) * inverse
        enter = np.fmax(enter, np.fmin(near, far))
        leave = np.fmin(leave, np.fmax(near, far))
    return np.where((enter <= leave) & (enter > NEAR_M), enter, NO_HIT)


def _hit_cylinder(half: tuple, o: Vector, d: Vector) -> Plane:
    a = d[0] * d[0] + d[1] * d[1]
    b = o[0] * d[0] + o[1] * d[1]
    c = o[0] * o[0] + o[1] * o[1] - half[0] * half[0]
    side = (-b - np.sqrt(b * b - a * c)) / a
    side = np.where(
        (side > NEAR_M) & (np.abs(o[2] + side * d[2]) <= half[2]), side, NO_HIT
    )
    return np.fmin(side, _hit_disc(half[0], -np.sign(d[2]) * half[2], o, d))


def _hit_cone(half: tuple, o: Vector, d: Vector) -> Plane:
    slope2 = (half[0] / (2 * half[2])) ** 2
    height = half[2] - o[2]
    a = d[0] * d[0] + d[1] * d[1] - slope2 * d[2] * d[2]
    b = o[0] * d[0] + o[1] * d[1] + slope2 * height * d[2]
    c = o[0] * o[0] + o[1] * o[1] - slope2 * height * height
    root = np.sqrt(b * b - a * c)
    best = _hit_disc(half[0], -half[2], o, d)
    for t in ((-b - root) / a, (-b + root) / a):
        best = np.where(
            (t > NEAR_M) & (np.abs(o[2] + t * d[2]) <= half[2]) & (t < best), t, best
        )
    return best


def _hit_disc(radius: np.float32, z: Plane | np.float32, o: Vector, d: Vector) -> Plane:
    t = (z - o[2]) / d[2]
    x, y = o[0] + t * d[0], o[1] + t * d[1]
    return np.where((t > NEAR_M) & (x * x + y * y <= radius * radius), t, NO_HIT)


def _ball_surface(half: tuple, p: Vector) -> Surface:
    n = (p[0] / half[0], p[1] / half[0], p[2] / half[0])
    v = np.arccos(np.clip(n[2], -1.0, 1.0)) * np.float32(1 / np.pi)
    # mirrored: a ball shows no seam
    return (n, np.abs(2 * _wrap(p) - 1), v, np.zeros_like(v, np.uint8))


def _box_surface(half: tuple, p: Vector) -> Surface:
    q = np.stack([p[0] / half[0], p[1] / half[1], p[2] / half[2]])
    axis = np.argmax(np.abs(q), axis=0)
    sign = np.sign(np.take_along_axis(q, axis[None], 0)[0])
    n = tuple(np.where(axis == i, sign, np.float32(0)) for i in range(3))
    u = np.where(axis == 0, q[1] * sign, np.where(axis == 1, -q[0] * sign, q[0]))
    v = np.where(axis == 2, q[1], q[2])
    half32 = np.float32(0.5)
    return (
        (n[0], n[1], n[2]),
        half32 + half32 * u,
        half32 - half32 * v,
        (axis * 2 + (sign > 0)).astype(np.uint8),
    )


def _cylinder_surface(half: tuple, p: Vector) -> Surface:
    radial = np.sqrt(p[0] * p[0] + p[1] * p[1])
    is_cap = half[2] - np.abs(p[2]) < half[0] - radial
    n = (
        np.where(is_cap, 0, p[0] / half[0]),
        np.where(is_cap, 0, p[1] / half[0]),
        np.where(is_cap, np.sign(p[2]), 0),
    )
    u = np.where(is_cap, radial / half[0], _wrap(p))
    v = np.where(is_cap, np.float32(CAP_V), np.float32(0.5) - p[2] / (2 * half[2]))
    return (n[0], n[1], n[2]), u, v, is_cap.astype(np.uint8)


def _cone_surface(half: tuple, p: Vector) -> Surface:
    radial = np.sqrt(p[0] * p[0] + p[1] * p[1]) + np.float32(1e-9)
    length = np.float32(np.hypot(half[0], 2 * half[2]))
    out = 2 * half[2] / length / radial
    up = np.full_like(radial, half[0] / length)
    v = np.float32(0.5) - p[2] / (2 * half[2])
    return (p[0] * out, p[1] * out, up), _wrap(p), v, np.zeros_like(v, np.uint8)


def _wrap(p: Vector) -> Plane:
    """Twice around the axis: 0 to 1 and 0 to 1 again."""
    return np.mod(np.arctan2(p[1], p[0]) * np.float32(1 / np.pi) + 1, np.float32(1))


_INTERSECT: dict[str, Callable[[tuple, Vector, Vector], Plane]] = {
    "ball": _hit_ball,
    "box": _hit_box,
    "cylinder": _hit_cylinder,
    "cone": _hit_cone,
}
_SURFACE: dict[str, Callable[[tuple, Vector], Surface]] = {
    "ball": _ball_surface,
    "box": _box_surface,
    "cylinder": _cylinder_surface,
    "cone": _cone_surface,
}
