"""Boxes in space from boxes in images: what a view says of an object, joined over views, with what stays unknown.

A side of a box in an image is a plane through the camera that touches the object; the nearest depth within the box is
another. So a view says how far the object reaches in some directions, and of no more: how far it goes on behind what
is seen, one view cannot say. Shapes stand upright: z of the frame of reference is up. Nothing here knows sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from models.geometry.camera import Array, Camera

SHAPES = ("cuboid", "cylinder", "spheroid")
# standard errors from which on something is not known
UNKNOWN_M, UNKNOWN_RAD = 0.5, 0.5
_ROOM_M = 10.0
PLAUSIBLE = (
    10.0  # by the criterion: more is very strong evidence (Kass and Raftery 1995)
)
_MAD = 0.6745  # of a normal distribution: its middle absolute value
LEAST_M = 1e-4
OUTLYING = 5.0  # standard errors, by the spread of all
YAWS = np.deg2rad([0.0, 22.5, 45.0, 67.5])
_NEAR_M = 0.01
_ROUND = 24  # points of a circle
_EDGE = 5  # points of an edge: a lens bends it
_PIXEL = 0.5  # the centre of the first pixel lies half a pixel within an image


@dataclass(frozen=True)
class BoxView:
    """One sight of an object. `box_xyxy` in px from the outer corner of the first pixel; of it those sides are looked
    at that are `seen` (left, top, right, bottom), each with a standard error of `sigma_px`. `near_m` is the depth of
    its nearest part, None where there is none."""

    camera: Camera
    world_from_camera: Array  # (4, 4)
    box_xyxy: tuple[float, float, float, float]
    seen: tuple[bool, bool, bool, bool]
    sigma_px: float
    near_m: float | None = None
    near_sigma_m: float | None = None


@dataclass(frozen=True)
class Planes:
    """Planes that touch an object: no part of it has more than `offsets` along `normals` (N, 3), which point away.

    `per_m` (N,) is the standard error of an offset: in m for those of depth, in rad for sides, which lie further off
    the further away the object is; `origins` (N, 3) are the cameras'. `views` (N,) are places among the views.
    """

    normals: Array
    offsets: Array
    errors: Array
    is_side: NDArray[np.bool_]
    origins: Array
    views: NDArray[np.int64]

    def measure_sigmas(self, centre: Array) -> Array:
        """(N,) m, for an object that is there."""
        away = np.linalg.norm(centre - self.origins, axis=1)
        return np.where(self.is_side, self.errors * away, self.errors)

    def keep(self, kept: NDArray[np.bool_]) -> Planes:
        """Those of them."""
        return Planes(
            self.normals[kept],
            self.offsets[kept],
            self.errors[kept],
            self.is_side[kept],
            self.origins[kept],
            self.views[kept],
        )


@dataclass(frozen=True)
class Box3D:
    """An upright box: centre (3,) and whole size (3,) in m, turned by `yaw_rad` about z; round shapes are not turned.

    `sigmas` (7,) are standard errors of centre, size and yaw, NaN where the views do not tell; `covariance` (7, 7) of
    them all, as far as the views tell. `chi2` is what is left by degree of freedom; errors hold it where it is above 1.
    `is_used` (N,) says which planes it rests on.
    """

    shape: str
    centre_m: Array
    size_m: Array
    yaw_rad: float
    covariance: Array
    sigmas: Array
    chi2: float | None
    is_used: NDArray[np.bool_]

    def list_points(self) -> Array:
        """(N, 3) points of its hull, in the world."""
        return (
            _sample(self.shape, self.size_m / 2) @ _turn(self.yaw_rad).T + self.centre_m
        )


@dataclass(frozen=True)
class Outline:
    """What a camera sees of a box. `whole_xyxy` may reach out of the image, `box_xyxy` is what lies in it; `truncated`
    is the share of the former's area outside. `hull` (N, 2) px; `near_m` and `far_m` are depths."""

    whole_xyxy: tuple[float, float, float, float]
    box_xyxy: tuple[float, float, float, float]
    truncated: float
    hull: Array
    near_m: float
    far_m: float


def list_planes(views: Sequence[BoxView]) -> Planes:
    """The planes of all views, those of a view one after the other."""
    rows: list[tuple[Array, float, float, bool, Array, int]] = []
    for place, view in enumerate(views):
        turn, origin = view.world_from_camera[:3, :3], view.world_from_camera[:3, 3]
        for normal in _find_sides(view):
            away = turn @ normal
            error = view.sigma_px / view.camera.mean_focal_px
            rows.append((away, float(away @ origin), error, True, origin, place))
        if view.near_m is not None and view.near_sigma_m is not None:
            back = -turn[:, 2]
            offset = float(back @ origin) - view.near_m
            rows.append((back, offset, view.near_sigma_m, False, origin, place))
    return Planes(
        np.array([r[0] for r in rows]).reshape(-1, 3),
        np.array([r[1] for r in rows]),
        np.array([r[2] for r in rows]),
        np.array([r[3] for r in rows], bool),
        np.array([r[4] for r in rows]).reshape(-1, 3),
        np.array([r[5] for r in rows], np.int64),
    )


def fit_box(planes: Planes) -> Box3D:
    """The box that the planes of several views touch, of the shape that they fit best (by the Bayesian criterion).

    Where another shape fits almost as well, by what both differ is in the errors. A plane off by more than five
    standard errors, or five times what all are off by, is left out. Raises ValueError for fewer than ten planes, as two
    whole views have with depth.
    """
    if len(planes.offsets) < 10:
        raise ValueError(
            f"{len(planes.offsets)} sides and depths are seen: two views are joined from ten on"
        )
    start = solve_upright(planes)
    found, _ = _choose(planes, planes.measure_sigmas(start[:3]), start)
    sigmas = planes.measure_sigmas(found.values[:3])
    off = np.abs(found.measure(planes) / sigmas)
    is_used = off <= find_bound(off)
    if is_used.sum() < 10:
        is_used[:] = True
    kept = planes.keep(is_used)
    best, others = _choose(kept, sigmas[is_used], found.values)
    return _describe(best, len(kept.offsets), is_used, others)


def fit_view(view: BoxView) -> Box3D:
    """The box of one whole view with depth, turned as the camera looks: x goes away from it.

    How far the object goes on behind what is seen nobody knows: that size is NaN, and its centre is as sure as for an
    object that is as deep as it is wide, or twice that, or a sheet. Raises ValueError without depth, and for a view
    that lacks a side.
    """
    planes = list_planes([view])
    if len(planes.offsets) < 5:
        raise ValueError(
            f"{len(planes.offsets)} sides and depths are seen: one view tells a box by its four sides and its depth"
        )
    assert view.near_m is not None, "five planes have a depth"
    ahead = view.world_from_camera[:3, 2]
    yaw = float(np.arctan2(ahead[1], ahead[0]))
    wide = np.diff(np.array(view.box_xyxy).reshape(2, 2), axis=0)[0]
    half = 0.5 * float(wide.mean()) * view.near_m / view.camera.mean_focal_px
    middle = np.array(view.box_xyxy).reshape(2, 2).mean(axis=0) - _PIXEL
    at = view.camera.unproject(middle[None], view.near_m + half)[0]
    centre = view.world_from_camera[:3, :3] @ at + view.world_from_camera[:3, 3]
    # where along its depth it touches a side is not known either
    along = np.abs(planes.normals @ ahead) * half
    sigmas = planes.measure_sigmas(centre)
    sigmas = np.where(planes.is_side, np.hypot(sigmas, 1.2 * along), sigmas)
    start = np.array([*centre, half, half, half])
    found = _fit("cuboid", planes, sigmas, start, yaw, half)
    return _describe(found, len(planes.offsets), np.ones(len(planes.offsets), bool))


def project_box(box: Box3D, camera: Camera, world_from_camera: Array) -> Outline | None:
    """What the camera sees of it; None where no part lies in the image, or some lies behind the camera."""
    points = (box.list_points() - world_from_camera[:3, 3]) @ world_from_camera[:3, :3]
    if points[:, 2].min() < _NEAR_M:
        return None
    pixels = camera.project(points) + _PIXEL
    pixels = pixels[np.isfinite(pixels).all(axis=1)]
    if len(pixels) < 3:
        return None
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    inside_low = np.clip(low, 0, camera.size_px)
    inside_high = np.clip(high, 0, camera.size_px)
    if not (inside_high > inside_low).all():
        return None
    hull = cv2.convexHull(pixels.astype(np.float32)).reshape(-1, 2)
    area = float((high - low).prod())
    return Outline(
        (*low.tolist(), *high.tolist()),
        (*inside_low.tolist(), *inside_high.tolist()),
        1.0 - float((inside_high - inside_low).prod()) / area,
        hull.astype(np.float64),
        float(points[:, 2].min()),
        float(points[:, 2].max()),
    )


def fill_outline(outline: Outline, size_px: tuple[int, int]) -> NDArray[np.bool_]:
    """(H, W) the pixels of an image that the hull covers."""
    drawn = np.zeros(size_px[::-1], np.uint8)
    corners = np.round((outline.hull - _PIXEL) * 16).astype(np.int32)
    cv2.fillConvexPoly(drawn, corners, 1, shift=4)
    return drawn > 0


def measure_occlusion(
    outline: Outline,
    covered: NDArray[np.bool_],
    depth_m: NDArray[np.floating] | None,
    margin_m: float,
) -> float | None:
    """The share of a box's pixels in the image that something hides; None where none lies in it.

    `depth_m` (H, W), 0 or not finite where nothing is known: what is nearer than the box by more than `margin_m` hides
    it. Where nothing is known, pixels count that `covered` (H, W) says nearer boxes to have.
    """
    mine = fill_outline(outline, covered.shape[::-1])
    if not mine.any():
        return None
    is_hidden = covered
    if depth_m is not None:
        is_known = np.isfinite(depth_m) & (depth_m > 0)
        is_hidden = np.where(is_known, depth_m < outline.near_m - margin_m, covered)
    return float(is_hidden[mine].mean())


def solve_upright(planes: Planes) -> Array:
    """Centre and half sizes (6,) of a cuboid that is not turned: all planes are linear in them."""
    design = np.hstack([planes.normals, np.abs(planes.normals)])
    weights = np.where(planes.is_side, 1.0, 0.2)[:, None]
    solved = np.linalg.lstsq(
        design * weights, planes.offsets * weights[:, 0], rcond=1e-6
    )[0]
    return np.concatenate([solved[:3], np.maximum(solved[3:], 10 * LEAST_M)])


def find_bound(off: Array) -> float:
    """By how many standard errors a plane may be off, of those that all are off by (N,)."""
    return OUTLYING * max(1.0, float(np.median(off)) / _MAD)


def measure_off(box: Box3D, planes: Planes) -> Array:
    """(N,) m by which planes are off a box."""
    half = box.size_m / 2
    if box.shape == "cuboid":
        values = np.array([*box.centre_m, *half, box.yaw_rad])
    else:
        values = np.array([*box.centre_m, half[0], half[2]])
    return _measure_off(box.shape, values, None, planes)


def tell_known(covariance: Array, has_yaw: bool) -> Array:
    """Standard errors (7,) of centre, size and yaw; NaN of what the views do not tell."""
    sigmas = np.sqrt(np.maximum(covariance.diagonal(), 0.0))
    is_told = sigmas <= UNKNOWN_M
    is_told[6] = has_yaw and sigmas[6] <= UNKNOWN_RAD
    return np.where(is_told, sigmas, np.nan)


# ---- below -----------------------------------------------------------------------------------------------------------


def _find_sides(view: BoxView) -> list[Array]:
    """Unit normals, camera frame, of the planes through its seen sides, pointing away from the box."""
    x_min, y_min, x_max, y_max = np.array(view.box_xyxy) - _PIXEL
    # by two points of a side: a lens bends what lies between
    thirds = (1 / 3, 2 / 3)
    ys, xs = (
        [low + t * (high - low) for t in thirds]
        for low, high in ((y_min, y_max), (x_min, x_max))
    )
    sides = [
        [(x_min, ys[1]), (x_min, ys[0])],
        [(xs[0], y_min), (xs[1], y_min)],
        [(x_max, ys[0]), (x_max, ys[1])],
        [(xs[1], y_max), (xs[0], y_max)],
    ]
    found = []
    for ends, is_seen in zip(sides, view.seen, strict=True):
        rays = view.camera.find_rays(np.array(ends))
        normal = -np.cross(rays[0], rays[1])
        length = np.linalg.norm(normal)
        if is_seen and np.isfinite(length) and length > 0:
            found.append(normal / length)
    return found


def _turn(yaw_rad: float) -> Array:
    c, s = np.cos(yaw_rad), np.sin(yaw_rad)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _reach_cuboid(normals: Array, values: Array) -> Array:
    return np.asarray(np.abs(normals @ _turn(values[6])) @ values[3:6])


def _reach_cylinder(normals: Array, values: Array) -> Array:
    flat = np.hypot(normals[:, 0], normals[:, 1])
    return np.asarray(flat * values[3] + np.abs(normals[:, 2]) * values[4])


def _reach_spheroid(normals: Array, values: Array) -> Array:
    flat = np.hypot(normals[:, 0], normals[:, 1])
    return np.hypot(flat * values[3], normals[:, 2] * values[4])


# how far a shape about its centre reaches along directions; its numbers come after the centre
REACH: dict[str, Callable[[Array, Array], Array]] = {
    "cuboid": _reach_cuboid,
    "cylinder": _reach_cylinder,
    "spheroid": _reach_spheroid,
}


@dataclass(frozen=True)
class _Fit:
    """A shape with its numbers: centre and half sizes, and of a cuboid that is not held its yaw."""

    shape: str
    values: Array
    yaw_rad: float | None
    jacobian: Array
    cost: float

    def measure(self, planes: Planes) -> Array:
        """(N,) m by which planes are off."""
        return _measure_off(self.shape, self.values, self.yaw_rad, planes)


def _measure_off(
    shape: str, values: Array, yaw_rad: float | None, planes: Planes
) -> Array:
    whole = (
        values if yaw_rad is None or shape != "cuboid" else np.append(values, yaw_rad)
    )
    reach = REACH[shape](planes.normals, whole)
    return np.asarray(planes.normals @ values[:3] + reach - planes.offsets)


def _choose(
    planes: Planes, sigmas: Array, start: Array
) -> tuple[_Fit, tuple[_Fit, ...]]:
    """The best shape, and those that may be the right one too."""
    fits = []
    half = start[3:6] if len(start) >= 6 else start[[3, 3, 4]]
    for shape in SHAPES:
        if shape == "cuboid":
            starts = [np.array([*start[:3], *half, yaw]) for yaw in YAWS]
        else:
            starts = [np.array([*start[:3], half[:2].mean(), half[2]])]
        tried = [_fit(shape, planes, sigmas, one) for one in starts]
        fits.append(min(tried, key=lambda fit: fit.cost))
    costs = [f.cost + np.log(len(sigmas)) * len(f.values) for f in fits]
    best = fits[int(np.argmin(costs))]
    pairs = zip(fits, costs, strict=True)
    return best, tuple(
        f for f, c in pairs if f is not best and c < min(costs) + PLAUSIBLE
    )


def _fit(
    shape: str,
    planes: Planes,
    sigmas: Array,
    start: Array,
    yaw_rad: float | None = None,
    depth_m: float | None = None,
) -> _Fit:
    """`depth_m`: half of how far it may go on, give or take as much."""

    def miss(values: Array) -> Array:
        off = _measure_off(shape, values, yaw_rad, planes) / sigmas
        return off if depth_m is None else np.append(off, values[3] / depth_m - 1)

    low = np.full(len(start), -np.inf)
    low[3 : 3 + (3 if shape == "cuboid" else 2)] = LEAST_M
    start = np.maximum(start, low + LEAST_M)
    solved = least_squares(miss, start, bounds=(low, np.inf), x_scale=0.1, max_nfev=60)
    return _Fit(shape, solved.x, yaw_rad, solved.jac, 2 * float(solved.cost))


def _describe(
    fit: _Fit,
    num_planes: int,
    is_used: NDArray[np.bool_],
    others: Sequence[_Fit] = (),
) -> Box3D:
    spare = num_planes - len(fit.values)
    chi2 = fit.cost / spare if spare > 0 else None
    spread, has_yaw = _spread(fit)
    inverse = _invert(fit.jacobian, max(1.0, chi2 or 1.0))
    covariance = spread @ inverse @ spread.T
    for other in others:
        differs = _spread(other)[0] @ other.values - spread @ fit.values
        differs[6] = 0.0
        covariance = covariance + np.outer(differs, differs)
    told = tell_known(covariance, has_yaw)
    if spare <= 0:
        told[3] = np.nan  # of one view: that size was supposed
    size = spread[3:6] @ fit.values
    yaw = float(fit.values[6]) if has_yaw else (fit.yaw_rad or 0.0)
    return Box3D(
        fit.shape,
        fit.values[:3],
        size,
        yaw,
        covariance,
        told,
        chi2,
        is_used,
    )


def _invert(jacobian: Array, scale: float) -> Array:
    """The covariance of the numbers; of directions that nothing tells of it is as large as a room."""
    values, vectors = np.linalg.eigh(jacobian.T @ jacobian)
    return np.asarray(
        (vectors * (scale / np.maximum(values, 1 / _ROOM_M**2))) @ vectors.T
    )


def _spread(fit: _Fit) -> tuple[Array, bool]:
    """(7, P) centre, whole size and yaw from the numbers of a fit, and whether yaw is one of them."""
    has_yaw = fit.shape == "cuboid" and fit.yaw_rad is None
    spread = np.zeros((7, len(fit.values)))
    spread[:3, :3] = np.eye(3)
    if fit.shape == "cuboid":
        spread[3:6, 3:6] = 2 * np.eye(3)
        spread[6, 6:] = 1.0
    else:
        spread[[3, 4], 3] = 2.0
        spread[5, 4] = 2.0
    return spread, has_yaw


def _sample(shape: str, half: Array) -> Array:
    """Points whose hull is the shape, about its centre."""
    if shape == "cuboid":
        steps = np.linspace(-1, 1, _EDGE)
        points = [p for p in product(steps, repeat=3) if np.sum(np.abs(p) == 1) >= 2]
        return np.array(points) * half
    angles = np.linspace(0, 2 * np.pi, _ROUND, endpoint=False)
    ring = np.column_stack([np.cos(angles), np.sin(angles)])
    heights = (
        np.array([-1.0, 1.0])
        if shape == "cylinder"
        else np.sin(np.linspace(-1, 1, 17) * np.pi / 2)
    )
    widths = np.ones(2) if shape == "cylinder" else np.sqrt(1 - heights**2)
    rows = [
        np.column_stack([ring * w, np.full(_ROUND, h)])
        for w, h in zip(widths, heights, strict=True)
    ]
    return np.concatenate(rows) * half
