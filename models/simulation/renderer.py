"""Cast camera rays into a scene: colour, depth and the solid seen at each pixel, all by closed formulas in NumPy.

One ray a pixel through its centre gives depth and instance; pixels on an edge are then shaded again by four rays each,
so edges look smooth while depth and masks stay exact. Rays are kept as pixel coordinates (x, y): in the frame of any
solid a ray's direction is linear in them, and z of the camera frame is 1, so the ray parameter is the depth itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.geometry.camera import Camera
from models.simulation.lighting import (
    TABLE_PX,
    bake_table,
    find_lit,
    paint_backdrop,
    shade_solid,
)
from models.simulation.primitives import Plane, Vector, find_surface, intersect, turn
from models.simulation.scene import Primitive, Scene
from models.simulation.skins import (
    CAP_PX,
    NUM_LEVELS,
    SKIN_PX,
    paint_skin,
    sample_texture,
)

TABLE_KEY = 1
FACES_PER_KEY = 8
# rotated grid
_SUBPIXELS = ((-0.375, -0.125), (0.125, -0.375), (0.375, 0.125), (-0.125, 0.375))
_BACKDROP_ELEVATION_RAD = np.float32(np.deg2rad(40.0))


@dataclass(frozen=True)
class Rendering:
    """What one camera sees."""

    image_rgb: NDArray[np.uint8]  # (H, W, 3)
    # (H, W) along the optical axis; 0 where nothing is within the world
    depth_m: NDArray[np.float32]
    # (H, W) track id of the solid seen; 0 for table and backdrop
    instances: NDArray[np.uint8]


class Renderer:
    """Draws one scene; construction bakes everything that does not depend on the camera's pose."""

    def __init__(
        self, scene: Scene, photos: Mapping[str, NDArray[np.uint8]], camera: Camera
    ) -> None:
        self.scene = scene
        self.camera = camera
        self._table = bake_table(scene, photos)
        self._backdrop = paint_backdrop(scene, photos)
        self._skins = {p.track_id: paint_skin(p, photos) for p in scene.primitives}
        x, y = (
            (np.arange(side_px, dtype=np.float32) - np.float32(centre_px))
            / np.float32(focal_px)
            for side_px, centre_px, focal_px in zip(
                camera.size_px, camera.centre_px, camera.focal_px, strict=True
            )
        )
        # (H * W,) ray coordinates
        self._x = np.tile(x, len(y))
        self._y = np.repeat(y, len(x))
        corner = np.float32(0.16 / float(x.max() ** 2 + y.max() ** 2))
        self._vignette = 1 - corner * (self._x**2 + self._y**2)

    def render(self, world_from_camera: NDArray[np.floating]) -> Rendering:
        """Draw the scene from a pose (4, 4) in metres."""
        width, height = self.camera.size_px
        pose = np.asarray(world_from_camera, np.float64)
        color, depth, keys = self._shade(pose, self._x, self._y)
        edges = _find_edges(keys.reshape(height, width))
        if len(edges):
            color[edges] = self._shade_edges(pose, edges)
        color *= self._vignette[:, None]
        instances = (keys // FACES_PER_KEY).astype(np.uint8)
        is_known = np.isfinite(depth)
        depth_m = np.where(is_known, depth, np.float32(0)).reshape(height, width)
        return Rendering(
            _encode_srgb(color).reshape(height, width, 3),
            depth_m,
            instances.reshape(height, width),
        )

    def _shade_edges(
        self, pose: NDArray[np.float64], edges: NDArray[np.int64]
    ) -> Plane:
        dx, dy = (
            np.asarray(_SUBPIXELS, np.float32) / np.float32(self.camera.focal_px[0])
        ).T
        x, y = self._x[edges, None] + dx, self._y[edges, None] + dy
        color, _, _ = self._shade(pose, x.ravel(), y.ravel())
        # Saturated highlights would outshine the other three rays: clip before the mean.
        return np.asarray(
            np.minimum(color, 1).reshape(-1, len(_SUBPIXELS), 3).mean(axis=1),
            np.float32,
        )

    def _shade(
        self, pose: NDArray[np.float64], x: Plane, y: Plane
    ) -> tuple[Plane, Plane, NDArray[np.uint16]]:
        """Colour (N, 3), depth (N,) and surface key (N,) of rays: key = track id * 8 + face, 1 the table, 0 nothing."""
        depth, winner = self._hit_table(pose, x, y)
        is_table = np.isfinite(depth)
        keys = is_table.astype(np.uint16)
        for solid in self.scene.primitives:
            nearby = self._find_nearby(solid, pose, x, y)
            if len(nearby):
                origin, direction = _to_object(solid, pose, x[nearby], y[nearby])
                t = intersect(solid.class_name, solid.half_size_m, origin, direction)
                is_nearer = t < depth[nearby]
                depth[nearby[is_nearer]] = t[is_nearer]
                winner[nearby[is_nearer]] = solid.track_id
        color = np.empty((len(x), 3), np.float32)
        self._paint_still(pose, x, y, depth, winner, is_table, color)
        for solid in self.scene.primitives:
            chosen = np.flatnonzero(winner == solid.track_id)
            if len(chosen):
                color[chosen], faces = self._paint_solid(
                    solid, pose, x[chosen], y[chosen], depth[chosen]
                )
                keys[chosen] = solid.track_id * FACES_PER_KEY + faces
        return color, depth, keys

    def _hit_table(
        self, pose: NDArray[np.float64], x: Plane, y: Plane
    ) -> tuple[Plane, NDArray[np.uint8]]:
        direction = _rotate(pose[:3, :3], x, y)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.float32(-pose[2, 3]) / direction[2]
            px = np.float32(pose[0, 3]) + t * direction[0]
            py = np.float32(pose[1, 3]) + t * direction[1]
            is_hit = (t > 0) & (
                px * px + py * py <= np.float32(self.scene.table_radius_m**2)
            )
        return np.where(is_hit, t, np.float32(np.inf)), np.zeros(len(x), np.uint8)

    def _find_nearby(
        self, solid: Primitive, pose: NDArray[np.float64], x: Plane, y: Plane
    ) -> NDArray[np.int64]:
        """Rays inside the rectangle that holds the solid's bounding sphere."""
        center = pose[:3, :3].T @ (np.asarray(solid.center_m) - pose[:3, 3])
        radius = solid.bound_radius_m
        if center[2] < -radius:
            return np.empty(0, np.int64)
        if center[2] <= 1.05 * radius:
            return np.arange(len(x))
        low_x, high_x = _project_sphere(center[0], center[2], radius)
        low_y, high_y = _project_sphere(center[1], center[2], radius)
        return np.flatnonzero(
            (x >= low_x) & (x <= high_x) & (y >= low_y) & (y <= high_y)
        )

    def _paint_still(
        self,
        pose: NDArray[np.float64],
        x: Plane,
        y: Plane,
        depth: Plane,
        winner: NDArray[np.uint8],
        is_table: NDArray[np.bool_],
        color: Plane,
    ) -> None:
        """Table and backdrop, where no solid stands before them."""
        direction = _rotate(pose[:3, :3], x, y)
        table = np.flatnonzero(is_table & (winner == 0))
        scale = np.float32(TABLE_PX / (2 * self.scene.table_radius_m))
        t = depth[table]
        column = (
            np.float32(pose[0, 3]) + t * direction[0][table]
        ) * scale + np.float32(TABLE_PX / 2 - 0.5)
        row = (np.float32(pose[1, 3]) + t * direction[1][table]) * scale + np.float32(
            TABLE_PX / 2 - 0.5
        )
        color[table] = sample_texture(self._table, column, row)
        far = np.flatnonzero(~is_table & (winner == 0))
        dx, dy, dz = (plane[far] for plane in direction)
        rows, columns = self._backdrop.shape[:2]
        elevation = np.arctan2(dz, np.sqrt(dx * dx + dy * dy)) / _BACKDROP_ELEVATION_RAD
        row = np.clip((1 - elevation) / 2, 0, 1).astype(np.float32) * np.float32(
            rows - 1
        )
        column = np.mod(np.arctan2(dy, dx) * np.float32(0.5 / np.pi), 1) * np.float32(
            columns
        ) - np.float32(0.5)
        color[far] = sample_texture(self._backdrop, column, row)

    def _paint_solid(
        self,
        solid: Primitive,
        pose: NDArray[np.float64],
        x: Plane,
        y: Plane,
        depth: Plane,
    ) -> tuple[Plane, NDArray[np.uint8]]:
        origin, direction = _to_object(solid, pose, x, y)
        point = tuple(o + depth * d for o, d in zip(origin, direction, strict=True))
        normal, u, v, faces = find_surface(
            solid.class_name, solid.half_size_m, (point[0], point[1], point[2])
        )
        skin = self._choose_level(solid, float(np.median(depth)))
        rows = skin.shape[0] * SKIN_PX // (SKIN_PX + CAP_PX)
        columns = skin.shape[1]
        half = np.float32(0.5)  # texel centres
        albedo = sample_texture(
            skin, u * np.float32(columns) - half, v * np.float32(rows) - half
        )
        rotation = solid.world_from_object
        normal_world = turn(rotation, normal)
        offset = turn(rotation, (point[0], point[1], point[2]))
        place = tuple(
            np.float32(c) + o for c, o in zip(solid.center_m, offset, strict=True)
        )
        lifted = tuple(
            p + np.float32(1e-3) * n for p, n in zip(place, normal_world, strict=True)
        )
        is_lit = find_lit(
            solid,
            self.scene.primitives,
            (lifted[0], lifted[1], lifted[2]),
            self.scene.light,
        )
        to_eye = _normalize(
            tuple(np.float32(c) - p for c, p in zip(pose[:3, 3], place, strict=True))
        )
        light = self.scene.light
        return shade_solid(
            albedo, normal_world, place[2], to_eye, is_lit, light, solid.gloss
        ), faces

    def _choose_level(self, solid: Primitive, depth_m: float) -> Plane:
        """The prefiltered skin whose texels are about as large as pixels."""
        width_px = (
            2 * solid.half_size_m[0] * self.camera.focal_px[0] / max(depth_m, 1e-3)
        )
        level = int(
            np.clip(
                np.floor(np.log2(SKIN_PX / max(width_px, 1.0)) + 0.35),
                0,
                NUM_LEVELS - 1,
            )
        )
        return self._skins[solid.track_id][level]


def _find_edges(keys: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Flat indices of pixels that differ from a neighbour to the right, left, above or below."""
    is_edge = np.zeros(keys.shape, bool)
    across = keys[:, 1:] != keys[:, :-1]
    down = keys[1:] != keys[:-1]
    is_edge[:, 1:] |= across
    is_edge[:, :-1] |= across
    is_edge[1:] |= down
    is_edge[:-1] |= down
    return np.flatnonzero(is_edge)


def _to_object(
    solid: Primitive, pose: NDArray[np.float64], x: Plane, y: Plane
) -> tuple[Vector, Vector]:
    """Origin (scalars) and directions of camera rays in the solid's frame."""
    object_from_world = solid.world_from_object.T
    origin = (object_from_world @ (pose[:3, 3] - np.asarray(solid.center_m))).astype(
        np.float32
    )
    return (origin[0], origin[1], origin[2]), _rotate(
        object_from_world @ pose[:3, :3], x, y
    )


def _rotate(matrix: NDArray[np.float64], x: Plane, y: Plane) -> Vector:
    """Camera rays (x, y, 1) turned by a rotation (3, 3)."""
    m = matrix.astype(np.float32)
    return (
        m[0, 0] * x + m[0, 1] * y + m[0, 2],
        m[1, 0] * x + m[1, 1] * y + m[1, 2],
        m[2, 0] * x + m[2, 1] * y + m[2, 2],
    )


def _normalize(v: tuple[Plane, ...]) -> Vector:
    scale = 1 / np.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2])
    return v[0] * scale, v[1] * scale, v[2] * scale


def _project_sphere(
    side: float, ahead: float, radius: float
) -> tuple[np.float32, np.float32]:
    """Bounds of a sphere in ray coordinates along one axis: the tangents of its silhouette in that plane."""
    middle = np.arctan2(side, ahead)
    half = np.arcsin(min(radius / np.hypot(side, ahead), 1.0))
    limit = np.pi / 2 - 1e-3
    low, high = np.clip([middle - half, middle + half], -limit, limit)
    return np.float32(np.tan(low)), np.float32(np.tan(high))


_SRGB_STEPS = 4096
_LINEAR = np.arange(_SRGB_STEPS) / (_SRGB_STEPS - 1)
_SRGB = np.where(
    _LINEAR <= 0.0031308, _LINEAR * 12.92, 1.055 * _LINEAR ** (1 / 2.4) - 0.055
)
_SRGB_TABLE = np.round(_SRGB * 255).astype(np.uint8)


def _encode_srgb(linear: Plane) -> NDArray[np.uint8]:
    """uint8 sRGB of linear light, clipped to [0, 1] (IEC 61966-2-1)."""
    steps = np.clip(linear * np.float32(_SRGB_STEPS - 1), 0, _SRGB_STEPS - 1).astype(
        np.int16
    )
    return _SRGB_TABLE[steps]
