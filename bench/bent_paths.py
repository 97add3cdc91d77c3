"""Paths as pictures give them: bent where their cameras turn about the points that they look at, and as much wherever
the camera comes by again, since it sees the same points there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from models.geometry.camera import Array
from models.geometry.gravity import PoseTrack
from models.geometry.sparse_model import align

BEND_RAD, BEND_M = np.radians(0.2), 0.2  # how much, and over which way it changes
AWAY_M = 0.6  # of the points
POSITION_NOISE_M, ATTITUDE_NOISE_RAD = 1e-4, np.radians(0.02)


def bend(path_m: PoseTrack, rng: np.random.Generator) -> PoseTrack:
    """A true path in m, of a camera that looks along its z axis, as models of rendered worlds have it."""
    turned = Rotation.from_rotvec(BEND_RAD * _draw_smooth(path_m.position_m, rng))
    seen = path_m.position_m + AWAY_M * path_m.world_from_body[:, :, 2]
    places = seen + turned.apply(path_m.position_m - seen)
    shaken = rng.normal(0, ATTITUDE_NOISE_RAD, places.shape)
    return replace(
        path_m,
        position_m=places + rng.normal(0, POSITION_NOISE_M, places.shape),
        world_from_body=turned.as_matrix()
        @ path_m.world_from_body
        @ Rotation.from_rotvec(shaken).as_matrix(),
    )


def measure_scale(true_m: Array, found: Array) -> float:
    """Metres by the unit of places (N, 3) that were found, by the similarity that brings them to the true ones."""
    similarity = align(found, true_m)
    return float(np.cbrt(np.linalg.det(similarity[:3, :3])))


def _draw_smooth(places_m: Array, rng: np.random.Generator) -> Array:
    """(N, 3) with a variance of 1, alike where places (N, 3) are near one another."""
    apart = np.linalg.norm(places_m[:, None] - places_m, axis=2)
    alike = np.exp(-0.5 * (apart / BEND_M) ** 2) + 1e-7 * np.eye(len(places_m))
    return np.asarray(np.linalg.cholesky(alike) @ rng.normal(size=places_m.shape))
