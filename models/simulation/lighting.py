"""Light of a still world: the table top with its soft shadows, baked once; the backdrop; shading of solids.

The table is matt, so what it sends to a camera depends on the place alone: one picture of it serves every frame.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from models.simulation.primitives import Plane, Vector, intersect, turn
from models.simulation.scene import Light, Primitive, Scene
from models.simulation.skins import Texture, decode_srgb

TABLE_PX = 720  # 1.56 m across: 460 px a metre, what a 320 px wide camera resolves at half a metre
TILE_M = {"wood": 0.26, "brick": 0.62, "grass": 0.55, "gravel": 0.62}
SHADOW_PX = 240
TABLE_ALBEDO = 0.33
NUM_SUN_RAYS = 16
NUM_SKY_RAYS = 40
SUN_RADIUS_RAD = 0.09  # a softbox, not the sun: shadows soften with height
BACKDROP_PX = (64, 256)


def bake_table(scene: Scene, photos: Mapping[str, NDArray[np.uint8]]) -> Texture:
    """What the table top looks like from above under the scene's light: (TABLE_PX, TABLE_PX, 3), linear RGB.

    Columns run along world x and rows along world y, from -radius to +radius.
    """
    albedo = _tile(
        decode_srgb(photos[scene.table_photo]),
        2 * scene.table_radius_m / TILE_M[scene.table_photo],
    )
    albedo = (
        np.clip(albedo, 0, 3 * albedo.mean())
        / albedo.mean()
        * np.asarray(scene.table_tint_rgb, np.float32)
    )
    # softened, so that solids stand out from the table
    albedo = TABLE_ALBEDO * (0.25 + 0.75 * albedo)
    sun, sky = _find_table_light(scene)
    key = np.asarray(scene.light.key_rgb, np.float32) * np.float32(
        scene.light.direction[2]
    )
    light = sun[..., None] * key + sky[..., None] * np.asarray(
        scene.light.sky_rgb, np.float32
    )
    light = np.asarray(
        cv2.resize(light, (TABLE_PX, TABLE_PX), interpolation=cv2.INTER_CUBIC),
        np.float32,
    )
    axis = (np.arange(TABLE_PX, dtype=np.float32) + 0.5) / TABLE_PX * 2 - 1
    radius = np.hypot(axis[None, :], axis[:, None])
    rim = (
        1
        - 0.45 * np.clip((radius - 0.965) / 0.01, 0, 1)
        + 0.3 * np.clip((radius - 0.985) / 0.01, 0, 1)
    )
    return np.asarray(albedo * light * rim[..., None], np.float32)


def paint_backdrop(scene: Scene, photos: Mapping[str, NDArray[np.uint8]]) -> Texture:
    """The room out of focus: (64, 256, 3) linear RGB, columns once around, rows from 40 degrees up to 40 down."""
    rows, columns = BACKDROP_PX
    photo = cv2.resize(
        decode_srgb(photos[scene.backdrop_photo]),
        (columns // 2, rows),
        interpolation=cv2.INTER_AREA,
    )
    room = np.concatenate([photo, photo[:, ::-1]], axis=1)
    wrapped = np.concatenate([room[:, -32:], room, room[:, :32]], axis=1)
    blurred = cv2.GaussianBlur(wrapped, (0, 0), 3.2)[:, 32:-32]
    wall = np.linspace(0.80, 0.30, rows, dtype=np.float32)[:, None, None] * np.array(
        [0.95, 0.97, 1.0], np.float32
    )
    # 1 by day
    sky = np.asarray(scene.light.sky_rgb, np.float32) / np.float32(Light.sky_rgb[1])
    return np.asarray(
        (0.75 * blurred + 0.40 * wall) * sky * scene.light.backdrop_gain, np.float32
    )


def shade_solid(
    albedo: Texture,
    normal: Vector,
    height_m: Plane,
    to_eye: Vector,
    is_lit: Plane,
    light: Light,
    gloss: float,
) -> Texture:
    """Linear RGB (N, 3) of matt paint under a glossy coat: Lambert, a soft sky, and Blinn's highlight (1977).

    All vectors are in the world frame; `is_lit` is 1 where the key light reaches, 0 in shadow.
    """
    to_light = tuple(np.float32(c) for c in light.direction)
    lambert = (
        np.maximum(
            normal[0] * to_light[0] + normal[1] * to_light[1] + normal[2] * to_light[2],
            0,
        )
        * is_lit
    )
    openness = (np.float32(0.62) + np.float32(0.38) * normal[2]) * (
        1 - np.float32(0.55) * np.exp(height_m * -35)
    )
    key = np.asarray(light.key_rgb, np.float32)
    sky = np.asarray(light.sky_rgb, np.float32)
    color = albedo * (lambert[:, None] * key + openness[:, None] * sky)
    if gloss > 0:
        half = tuple(e + c for e, c in zip(to_eye, to_light, strict=True))
        length = np.sqrt(half[0] * half[0] + half[1] * half[1] + half[2] * half[2])
        facing = np.maximum(
            (normal[0] * half[0] + normal[1] * half[1] + normal[2] * half[2]) / length,
            0,
        )
        color += (np.float32(gloss) * facing**48 * is_lit)[:, None] * key
    return np.asarray(color, np.float32)


def find_lit(
    solid: Primitive, others: tuple[Primitive, ...], points: Vector, light: Light
) -> Plane:
    """1 where the key light reaches points (world frame) of a solid, 0 where another solid stands between."""
    lit = np.ones_like(points[0])
    for other in others:
        if other is not solid and _may_shade(other, solid, light):
            lit[np.isfinite(_cast(other, points, light.direction))] = 0
    return lit


def _may_shade(other: Primitive, solid: Primitive, light: Light) -> bool:
    """Whether a ray from the solid towards the light can pass within reach of the other solid."""
    gap = np.subtract(other.center_m, solid.center_m)
    along = float(gap @ np.asarray(light.direction))
    reach = other.bound_radius_m + solid.bound_radius_m
    return along > -reach and float(gap @ gap) - along * along < reach * reach


def _cast(
    solid: Primitive,
    points: Vector,
    direction: tuple[float, float, float] | NDArray[np.float64],
) -> Plane:
    """Hit parameters of rays from points (world) along one direction (world) with one solid."""
    rotation = solid.world_from_object.T
    shifted = [p - np.float32(c) for p, c in zip(points, solid.center_m, strict=True)]
    origin = turn(solid.world_from_object.T, (shifted[0], shifted[1], shifted[2]))
    heading = (rotation @ np.asarray(direction)).astype(np.float32)
    return intersect(
        solid.class_name,
        solid.half_size_m,
        origin,
        (heading[0], heading[1], heading[2]),
    )


def _find_table_light(scene: Scene) -> tuple[Plane, Plane]:
    """Shares of the sun's disc and of the sky seen from each place of the table: two (SHADOW_PX, SHADOW_PX) maps."""
    sun = cv2.GaussianBlur(
        _find_open_share(scene, _spread_sun(scene.light.direction)), (0, 0), 0.8
    )
    sky = cv2.GaussianBlur(_find_open_share(scene, _spread_sky()), (0, 0), 1.2)
    return np.asarray(sun, np.float32), np.asarray(sky, np.float32)


def _find_open_share(scene: Scene, directions: NDArray[np.float64]) -> Plane:
    """Share of the directions (K, 3) that no solid blocks, for each place of the table."""
    size_m = 2 * scene.table_radius_m
    axis = (
        (np.arange(SHADOW_PX) + 0.5) / SHADOW_PX * size_m - scene.table_radius_m
    ).astype(np.float32)
    blocked = np.zeros((SHADOW_PX, SHADOW_PX), np.float32)
    for direction in directions:
        is_blocked = np.zeros((SHADOW_PX, SHADOW_PX), bool)
        for solid in scene.primitives:
            rows, columns = _find_shadow_window(solid, direction, axis)
            x, y = axis[None, columns], axis[rows, None]
            if x.size and y.size:
                hits = _cast(solid, (x, y, np.zeros((1, 1), np.float32)), direction)
                is_blocked[rows, columns] |= np.isfinite(hits)
        blocked += is_blocked
    return 1 - blocked / np.float32(len(directions))


def _find_shadow_window(
    solid: Primitive, direction: NDArray[np.float64], axis: Plane
) -> tuple[slice, slice]:
    """Rows and columns of the table that a solid can shade along one direction."""
    slide = solid.center_m[2] / direction[2]
    reach = solid.bound_radius_m / direction[2]
    x = solid.center_m[0] - slide * direction[0]
    y = solid.center_m[1] - slide * direction[1]
    rows = np.searchsorted(axis, [y - reach, y + reach])
    columns = np.searchsorted(axis, [x - reach, x + reach])
    return slice(int(rows[0]), int(rows[1])), slice(int(columns[0]), int(columns[1]))


def _spread_sun(direction: tuple[float, float, float]) -> NDArray[np.float64]:
    """Directions (K, 3) over the disc of the key light, on a Fermat spiral: even, and the same in every run."""
    main = np.asarray(direction)
    side = np.cross(main, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side)
    radius, angle = _spiral(NUM_SUN_RAYS)
    spread = np.cos(angle)[:, None] * side + np.sin(angle)[:, None] * np.cross(
        main, side
    )
    rays = main + SUN_RADIUS_RAD * radius[:, None] * spread
    return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))


def _spread_sky() -> NDArray[np.float64]:
    """Cosine-weighted directions (K, 3) of the upper half space, no lower than 9 degrees."""
    radius, angle = _spiral(NUM_SKY_RAYS)
    radius = radius * 0.985
    return np.stack(
        [radius * np.cos(angle), radius * np.sin(angle), np.sqrt(1 - radius * radius)],
        axis=1,
    )


def _spiral(num: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    index = np.arange(num) + 0.5
    return np.sqrt(index / num), index * np.pi * (3.0 - np.sqrt(5.0))


def _tile(photo: Texture, num_tiles: float) -> Texture:
    """A square texture of TABLE_PX that shows `num_tiles` mirrored copies of the photo's middle square."""
    side = min(photo.shape[:2])
    tile_px = round(TABLE_PX / num_tiles)
    method = cv2.INTER_CUBIC if tile_px > side else cv2.INTER_AREA
    tile = cv2.resize(photo[:side, :side], (tile_px, tile_px), interpolation=method)
    pad = (TABLE_PX - tile_px) // 2, TABLE_PX - tile_px - (TABLE_PX - tile_px) // 2
    return np.asarray(np.pad(tile, (pad, pad, (0, 0)), mode="symmetric"), np.float32)
