"""What stands on the table: solids, table, light and backdrop of one simulated world, and how they are drawn.

Classes are "box", "ball" and "cylinder"; "cone" exists for worlds that hold something no model has seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.simulation.camera import rotation_zyx

CLASS_NAMES = ("box", "ball", "cylinder")
UNSEEN_CLASS = "cone"

# Photographs by what they cover. Boxes, balls and tins differ in what is printed on them, as in a shop.
SKIN_PHOTOS: dict[str, tuple[str, ...]] = {
    "box": ("astronaut", "chelsea", "coffee", "motorcycle", "rocket", "camera"),
    "ball": ("color", "logo", "moon", "retina", "hubble"),
    "cylinder": ("brick", "coins", "page", "text", "ihc"),
    "cone": ("gravel",),
}
TABLE_PHOTOS = ("wood", "brick", "grass", "gravel")
BACKDROP_PHOTOS = ("motorcycle", "coffee", "chelsea", "rocket")
PHOTOS = tuple(
    sorted(
        {p for photos in SKIN_PHOTOS.values() for p in photos}
        | {*TABLE_PHOTOS, *BACKDROP_PHOTOS}
    )
)

_TINTS: dict[str, tuple[tuple[float, float, float], ...]] = {
    "box": ((0.86, 0.80, 0.70), (0.93, 0.93, 0.90), (0.62, 0.46, 0.30)),
    "ball": (
        (0.95, 0.30, 0.22),
        (0.20, 0.55, 0.95),
        (0.98, 0.78, 0.15),
        (0.35, 0.80, 0.35),
    ),
    "cylinder": (
        (0.20, 0.70, 0.66),
        (0.85, 0.33, 0.45),
        (0.92, 0.70, 0.25),
        (0.45, 0.42, 0.85),
    ),
    "cone": ((1.0, 0.42, 0.08),),
}
_GLOSS = {"box": 0.05, "ball": 0.55, "cylinder": 0.25, "cone": 0.1}
_TABLE_TINTS: dict[str, tuple[float, float, float]] = {
    "wood": (1.0, 0.92, 0.82),
    "brick": (1.0, 0.80, 0.68),
    "grass": (0.62, 0.86, 0.52),
    "gravel": (0.86, 0.88, 0.95),
}


@dataclass(frozen=True)
class Primitive:
    """One solid. `half_size_m` is (x, y, z) of a box and (radius, radius, half height) of the round ones."""

    track_id: int  # 1-based, unique in its scene
    class_name: str
    center_m: tuple[float, float, float]  # world
    half_size_m: tuple[float, float, float]
    euler_rad: tuple[float, float, float]  # yaw, pitch, roll of the solid in the world
    photo: str
    tint_rgb: tuple[float, float, float]
    gloss: float = 0.0

    @cached_property
    def world_from_object(self) -> NDArray[np.float64]:
        """Rotation (3, 3) from the solid's frame to the world's."""
        return np.asarray(rotation_zyx(*self.euler_rad), np.float64)

    @cached_property
    def bound_radius_m(self) -> float:
        """Radius of a sphere around `center_m` that holds the whole solid."""
        x, y, z = self.half_size_m
        if self.class_name == "ball":
            return x
        return float(
            np.sqrt(x * x + z * z + (y * y if self.class_name == "box" else 0.0))
        )


@dataclass(frozen=True)
class Light:
    """One sun-like key light and a soft sky. Radiance is linear; 1 is white paper in the sun's full light."""

    # unit, world, from the table towards the light
    direction: tuple[float, float, float]
    key_rgb: tuple[float, float, float] = (1.12, 1.02, 0.88)
    sky_rgb: tuple[float, float, float] = (0.34, 0.38, 0.44)
    backdrop_gain: float = 1.0


@dataclass(frozen=True)
class Scene:
    """One simulated world: solids on a round table."""

    primitives: tuple[Primitive, ...]
    light: Light
    table_photo: str
    table_tint_rgb: tuple[float, float, float]
    backdrop_photo: str
    table_radius_m: float = 0.78


def sample_scene(
    rng: np.random.Generator, with_unseen: bool = False, table_photo: str | None = None
) -> Scene:
    """Draw a world of three to six solids on an arc, far enough apart that none touches its neighbour.

    Every world holds at least two classes. With `with_unseen` every second solid is a cone, at least one.
    `table_photo` is one of TABLE_PHOTOS; None draws one.
    """
    num = int(rng.integers(3, 7))
    start = rng.uniform(0.0, 2.0 * np.pi)
    # six must leave the circle open
    steps = np.deg2rad(rng.uniform(0.0, 6.0, num) + (52.0 if num == 6 else 58.0))
    names = rng.permutation(
        [CLASS_NAMES[(i + int(start * 100)) % len(CLASS_NAMES)] for i in range(num)]
    )
    solids = [
        _sample_primitive(rng, i + 1, str(names[i]), start + float(steps[:i].sum()))
        for i in range(num)
    ]
    table = table_photo or str(rng.choice(TABLE_PHOTOS))
    azimuth = start + steps.sum() / 2 + rng.choice([-1.0, 1.0]) * rng.uniform(0.7, 1.6)
    elevation = np.deg2rad(rng.uniform(38.0, 56.0))
    direction = (
        np.cos(azimuth) * np.cos(elevation),
        np.sin(azimuth) * np.cos(elevation),
        np.sin(elevation),
    )
    light = Light(
        direction=(float(direction[0]), float(direction[1]), float(direction[2]))
    )
    backdrop = str(rng.choice(BACKDROP_PHOTOS))
    if with_unseen:  # drawn last, so that the rest of the world is that of the same seed without cones
        solids = [_as_cone(rng, s) if s.track_id % 2 == 0 else s for s in solids]
    return Scene(tuple(solids), light, table, _TABLE_TINTS[table], backdrop)


def _sample_primitive(
    rng: np.random.Generator, track_id: int, class_name: str, azimuth_rad: float
) -> Primitive:
    """A solid that covers 120 to 145 cm^2 whatever its class, so that nearness decides which looks largest."""
    half = _half_size(class_name, rng.uniform(0.0120, 0.0145), rng.uniform(1.05, 1.5))
    radius = rng.uniform(0.36, 0.42)
    yaw = rng.uniform(-np.pi, np.pi)
    tilt = rng.uniform(-0.5, 0.5, 2) if class_name == "ball" else np.zeros(2)
    center = (
        float(radius * np.cos(azimuth_rad)),
        float(radius * np.sin(azimuth_rad)),
        half[2],
    )
    photo = str(rng.choice(SKIN_PHOTOS[class_name]))
    tint = _choose(rng, _TINTS[class_name])
    euler = (float(yaw), float(tilt[0]), float(tilt[1]))
    return Primitive(
        track_id, class_name, center, half, euler, photo, tint, _GLOSS[class_name]
    )


def _as_cone(rng: np.random.Generator, solid: Primitive) -> Primitive:
    """The same place taken by a cone."""
    half = _half_size("cone", rng.uniform(0.0120, 0.0145), rng.uniform(1.05, 1.5))
    center = (solid.center_m[0], solid.center_m[1], half[2])
    photo = SKIN_PHOTOS["cone"][0]
    tint = _TINTS["cone"][0]
    euler = (solid.euler_rad[0], 0.0, 0.0)
    return Primitive(
        solid.track_id, "cone", center, half, euler, photo, tint, _GLOSS["cone"]
    )


def _half_size(
    class_name: str, area_m2: float, slenderness: float
) -> tuple[float, float, float]:
    """Half sizes of a solid whose side view covers `area_m2`; `slenderness` is height over width."""
    if class_name == "ball":
        half_width = float(np.sqrt(area_m2 / np.pi))
        return half_width, half_width, half_width
    # A box turned by a random yaw shows 1.27 of its width on average; a cone fills half of its bounding rectangle.
    width = float(
        np.sqrt(
            area_m2
            / slenderness
            * {"box": 1 / 1.27, "cylinder": 1.0, "cone": 2.0}[class_name]
        )
    )
    return width / 2, width / 2, width * slenderness / 2


def _choose(
    rng: np.random.Generator, tints: tuple[tuple[float, float, float], ...]
) -> tuple[float, float, float]:
    return tints[int(rng.integers(len(tints)))]
