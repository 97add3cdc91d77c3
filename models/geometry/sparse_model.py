"""A sparse model: cameras with their places, points, and what each picture saw of them. How good it is, and how another
one lies to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.geometry.camera import Array, Camera

_FAR = 5.0  # by the median distance: farther points say nothing of the shape
_MIDDLE = (5, 95)  # per cent


@dataclass(frozen=True)
class SparseImage:
    """A registered picture, and its features that are points of the model: K of them.

    Pixels have the centre of the first one at (0, 0), of the picture at its full size.
    """

    name: str
    sensor: str
    camera: Camera
    world_from_camera: Array  # (4, 4)
    pixels: Array  # (K, 2)
    points: NDArray[np.int64]  # (K,) places in the model's points
    descriptors: NDArray[np.uint8]  # (K, 128) SIFT, square roots of shares, times 512


@dataclass(frozen=True)
class SparseModel:
    """Points in the model's own world, whose axes mean nothing; lengths in `length_unit`: "m" or "unknown"."""

    length_unit: str
    points: Array  # (N, 3)
    colours_rgb: NDArray[np.uint8]  # (N, 3)
    images: tuple[SparseImage, ...]  # in the order of time


@dataclass(frozen=True)
class Quality:
    """How well a model holds together. None where there is nothing to measure."""

    num_observations: int
    track_length: float | None  # mean number of pictures of a point
    reprojection_px: float | None  # mean over observations
    angle_deg: float | None  # median over points of the widest angle between its rays
    flatness: float | None  # thickness by width of the points, robust: 0 is a plane


def measure_quality(model: SparseModel) -> Quality:
    """Figures of a model as a whole."""
    num_seen = sum(len(image.points) for image in model.images)
    if not len(model.points) or not num_seen:
        return Quality(num_seen, None, None, None, None)
    errors = np.concatenate(measure_errors(model))
    return Quality(
        num_seen,
        num_seen / len(model.points),
        float(errors.mean()),
        float(np.median(measure_angles(model))),
        measure_flatness(model.points),
    )


def measure_errors(model: SparseModel) -> list[Array]:
    """For each picture how far, in px, each of its features lies off its point (K,)."""
    errors = []
    for image in model.images:
        camera_from_world = np.linalg.inv(image.world_from_camera)
        points = model.points[image.points] @ camera_from_world[:3, :3].T
        pixels = image.camera.project(points + camera_from_world[:3, 3])
        errors.append(np.linalg.norm(pixels - image.pixels, axis=1))
    return errors


def measure_angles(model: SparseModel) -> Array:
    """The angle in degrees (N,) between the rays that are widest apart at each point, of the first that saw it and any
    other."""
    first = np.full((len(model.points), 3), np.nan)
    least = np.ones(len(model.points))  # cosine
    for image in model.images:
        rays = model.points[image.points] - image.world_from_camera[:3, 3]
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        known = first[image.points]
        is_new = np.isnan(known[:, 0])
        first[image.points[is_new]] = rays[is_new]
        cosine = np.where(is_new, 1.0, (known * rays).sum(axis=1))
        np.minimum.at(least, image.points, cosine)
    return np.asarray(np.degrees(np.arccos(np.clip(least, -1.0, 1.0))))


def measure_flatness(points: Array) -> float | None:
    """How thick points (N, 3) are by how wide, of the middle nine tenths along each axis; None for fewer than four."""
    if len(points) < 4:
        return None
    off = points - np.median(points, axis=0)
    near = off[
        np.linalg.norm(off, axis=1) <= _FAR * np.median(np.linalg.norm(off, axis=1))
    ]
    axes = np.linalg.svd(near - near.mean(axis=0), full_matrices=False)[2]
    low, high = np.percentile(near @ axes.T, _MIDDLE, axis=0)
    wide = float((high - low).max())
    return float((high - low).min()) / wide if wide > 0 else None


def align(points: Array, targets: Array) -> Array:
    """The similarity (4, 4) that brings points (N, 3) nearest to targets (N, 3), by least squares (Umeyama 1991).

    Raises ValueError for fewer than three points, or points of one place.
    """
    off, to = points - points.mean(axis=0), targets - targets.mean(axis=0)
    spread = float((off**2).sum())
    if len(points) < 3 or not spread > 0:
        raise ValueError(
            f"{len(points)} points do not fix a similarity: it takes three"
        )
    u, stretch, v = np.linalg.svd(to.T @ off)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ v))])
    similarity = np.eye(4)
    similarity[:3, :3] = (stretch @ signs) / spread * (u * signs) @ v
    similarity[:3, 3] = targets.mean(axis=0) - similarity[:3, :3] @ points.mean(axis=0)
    return similarity


def rescale(model: SparseModel, by: float, length_unit: str) -> SparseModel:
    """The model with every length times `by`."""
    images = []
    for image in model.images:
        pose = image.world_from_camera.copy()
        pose[:3, 3] *= by
        images.append(replace(image, world_from_camera=pose))
    return replace(
        model, points=model.points * by, images=tuple(images), length_unit=length_unit
    )
