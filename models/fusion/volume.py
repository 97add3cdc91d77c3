"""Depth of many pictures fused into signed distances, kept in blocks of 8 x 8 x 8 voxels near surfaces only.

Each voxel holds the weighted mean of what the pictures say, truncated (Curless and Levoy 1996). A distance is that from
the plane which a pixel lies on, so it does not depend on where one looked from; weights are one by the variance of
depth, and smaller for surfaces that turn away. A block is made where a surface passes, and found by its place (Nießner
et al. 2013), so memory grows with the surface and not with the space around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.fusion.poses import Array, invert, move
from models.fusion.views import (
    Plane,
    find_noise_m,
    fit_planes,
    smooth_depth,
    unproject_all,
)
from models.geometry.camera import Camera

SIDE = 8  # voxels of a block
TRUNCATION = 4.0  # voxels
MOST_BLOCKS = 150_000  # about 1 GB
_AXIS_BITS = 20
_HALF = 1 << (_AXIS_BITS - 1)
_AT_ONCE = 1024  # blocks
_EDGE_SHARE = 0.03  # of the depth: more between pixels is a step
_LEAST_SLANT = 0.12  # 7 degrees
_AROUND = (5, 5)
_MOST_WEIGHT = 1e4

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Picture:
    """What is fused at once: a pinhole camera's depth (H, W) in m, 0 or NaN where unknown, colours (H, W, 3) on the
    same pixels or none, and world_from_camera (4, 4)."""

    camera: Camera
    depth_m: Plane
    rgb: NDArray[np.uint8] | None
    world_from_camera: Array


class Volume:
    """Distances, weights and colours of blocks, by their place in whole blocks."""

    def __init__(self, voxel_m: float) -> None:
        if not (np.isfinite(voxel_m) and voxel_m > 0):
            raise ValueError(f"voxels of {voxel_m} m: give a size above 0")
        self.voxel_m = float(voxel_m)
        self._keys = np.empty(0, np.int64)  # sorted
        self._slots = np.empty(0, np.int64)  # of each key, in the arrays
        self.distances = np.empty(
            (0, SIDE**3), np.float32
        )  # voxels, at most TRUNCATION
        self.weights = np.empty((0, SIDE**3), np.float32)  # 0: never seen
        self.colors = np.empty((0, SIDE**3, 3), np.float16)

    @property
    def num_blocks(self) -> int:
        """Blocks that are kept."""
        return len(self._keys)

    @property
    def num_bytes(self) -> int:
        """Of all arrays, as far as blocks fill them."""
        a_block = SIDE**3 * (4 + 4 + 6) + 16
        return self.num_blocks * a_block

    @property
    def places(self) -> Ints:
        """(N, 3) whole blocks, in the order of the arrays."""
        found = np.empty((self.num_blocks, 3), np.int64)
        found[self._slots] = _unpack(self._keys)
        return found

    def find(self, places: Ints) -> Ints:
        """Slots (N,) of blocks at places (N, 3); -1 where there is none."""
        return self._find_keys(_pack(places))

    def fuse(self, picture: Picture) -> None:
        """Lay one picture in. Raises ValueError where that takes more than `MOST_BLOCKS`, or lies too far out."""
        depth, slants = find_slants(picture.camera, picture.depth_m)
        slots = self._open_blocks(picture, depth)
        places = self.places[slots]
        for start in range(0, len(slots), _AT_ONCE):
            self._update(
                picture,
                (depth, slants),
                slots[start : start + _AT_ONCE],
                places[start : start + _AT_ONCE],
            )

    def measure(self, points: NDArray[np.float32]) -> Plane:
        """Signed distances (N,) in m of points (N, 3), world frame, by the eight voxels around; NaN where one was
        never seen, or is as far away as distances reach."""
        at = points.astype(np.float64) / self.voxel_m - 0.5
        low = np.floor(at).astype(np.int64)
        share = at - low
        total = np.zeros(len(points))
        is_known = np.ones(len(points), bool)
        for corner in np.ndindex(2, 2, 2):
            voxel = low + corner
            slots = self.find(voxel // SIDE)
            within = voxel % SIDE
            number = (within[:, 0] * SIDE + within[:, 1]) * SIDE + within[:, 2]
            weight = np.where(np.array(corner) == 1, share, 1 - share).prod(axis=1)
            is_known &= slots >= 0
            if not self.num_blocks:
                continue
            distance = self.distances[slots, number]
            is_known &= (self.weights[slots, number] > 0) & (
                np.abs(distance) < TRUNCATION
            )
            total += weight * distance
        return np.where(is_known, total * self.voxel_m, np.nan).astype(np.float32)

    def _find_keys(self, keys: Ints) -> Ints:
        if not len(self._keys):
            return np.full(len(keys), -1, np.int64)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[at] == keys, self._slots[at], -1)

    def _open_blocks(self, picture: Picture, depth: Plane) -> Ints:
        """Slots of the blocks that the picture's surface passes, made where they lack."""
        keys = self._list_touched(picture, depth)
        new = keys[self._find_keys(keys) < 0]
        if self.num_blocks + len(new) > MOST_BLOCKS:
            raise ValueError(
                f"the surface takes more than {MOST_BLOCKS} blocks at {1000 * self.voxel_m:g} mm: give larger voxels"
            )
        if len(new):
            first = self.num_blocks
            self._grow(first + len(new))
            joined = np.concatenate([self._keys, new])
            slots = np.concatenate([self._slots, np.arange(first, first + len(new))])
            order = np.argsort(joined, kind="stable")
            self._keys, self._slots = joined[order], slots[order]
        return self._find_keys(keys)

    def _grow(self, needed: int) -> None:
        room = len(self.distances)
        if needed <= room:
            return
        more = max(needed - room, room // 2, 256)
        self.distances = _extend(self.distances, more)
        self.weights = _extend(self.weights, more)
        self.colors = _extend(self.colors, more)

    def _list_touched(self, picture: Picture, depth: Plane) -> Ints:
        side_m = SIDE * self.voxel_m
        known = depth[np.isfinite(depth)]
        if not len(known):
            return np.empty(0, np.int64)
        footprint_m = float(np.median(known)) / picture.camera.mean_focal_px
        stride = max(1, int(side_m / 3 / footprint_m))
        points = unproject_all(picture.camera, depth)[::stride, ::stride].reshape(-1, 3)
        points = points[np.isfinite(points[:, 2])]
        reach = TRUNCATION * self.voxel_m
        keys = []
        for off in np.arange(-reach, reach + 1e-9, side_m / 2):
            moved = points * (1 + np.float32(off) / points[:, 2:])
            world = move(picture.world_from_camera, moved.astype(np.float64))
            keys.append(np.unique(_pack(np.floor(world / side_m).astype(np.int64))))
        return np.unique(np.concatenate(keys))

    def _update(
        self, picture: Picture, seen_as: tuple[Plane, Plane], slots: Ints, places: Ints
    ) -> None:
        depth, slants = seen_as
        world = (places[:, None] * SIDE + _OFFSETS + 0.5) * self.voxel_m
        camera_points = move(invert(picture.world_from_camera), world.reshape(-1, 3))
        z = camera_points[:, 2]
        (fx, fy), (cx, cy) = picture.camera.focal_px, picture.camera.centre_px
        with np.errstate(divide="ignore", invalid="ignore"):
            u = np.where(z > 1e-3, fx * camera_points[:, 0] / z + cx, -1e4)
            v = np.where(z > 1e-3, fy * camera_points[:, 1] / z + cy, -1e4)
        shape = (len(slots), SIDE**3)
        u, v = (side.astype(np.float32).reshape(shape) for side in (u, v))
        z = z.astype(np.float32).reshape(shape)
        seen = _look_up_depth(depth, u, v)
        with np.errstate(invalid="ignore"):
            slant = cv2.remap(slants, u, v, cv2.INTER_NEAREST)
            off = slant * (seen - z) / np.float32(self.voxel_m)
            is_near = off > -TRUNCATION
        weight = np.where(
            is_near, find_noise_m(np.ones(1, np.float32)) / find_noise_m(seen), 0
        )
        weight = np.nan_to_num(weight**2 * slant)
        off = np.where(is_near, np.minimum(off, TRUNCATION), 0)
        before = self.weights[slots]
        total = np.maximum(before + weight, 1e-12)
        mean = (before * self.distances[slots] + weight * off) / total
        if picture.rgb is not None:
            self._paint(
                picture.rgb, slots, (u, v), np.where(off < TRUNCATION, weight, 0)
            )
        self.distances[slots] = mean
        self.weights[slots] = np.minimum(before + weight, _MOST_WEIGHT)

    def _paint(
        self,
        rgb: NDArray[np.uint8],
        slots: Ints,
        at: tuple[Plane, Plane],
        weight: Plane,
    ) -> None:
        seen = cv2.remap(rgb, *at, cv2.INTER_LINEAR).astype(np.float32)
        before = self.weights[slots]
        share = (weight / np.maximum(before + weight, 1e-12))[..., None]
        old = self.colors[slots].astype(np.float32)
        self.colors[slots] = old + share * (seen - old)


def find_slants(camera: Camera, depth_m: Plane) -> tuple[Plane, Plane]:
    """Depth (H, W) without what is no surface, and how far the plane of each pixel is by how much deeper it lies
    (H, W): 1 straight ahead, 0 edge on. Left out is what lies beside a step, and what is seen almost edge on."""
    depth = np.where(depth_m > 0, depth_m, np.nan).astype(np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        slants = np.abs(fit_planes(camera, depth)[..., 3]) / depth
        # beside a gap a pixel has no plane of its own: it is as slanted as those around
        known = np.isfinite(slants)
        share = cv2.blur(known.astype(np.float32), _AROUND)
        around = cv2.blur(np.where(known, slants, np.float32(0)), _AROUND) / share
        slants = np.where(known, slants, around)
        is_surface = np.isfinite(smooth_depth(depth, 3)) & (slants >= _LEAST_SLANT)
    return (
        np.where(is_surface, depth, np.float32(np.nan)),
        np.where(is_surface, slants, np.float32(0)),
    )


def _look_up_depth(depth: Plane, u: Plane, v: Plane) -> Plane:
    """Between pixels where all around have a depth, else that of the nearest."""

    def look_up(how: int) -> Plane:
        edge = cv2.BORDER_CONSTANT
        found = cv2.remap(depth, u, v, how, borderMode=edge, borderValue=np.nan)
        return np.asarray(found, np.float32)

    nearest, between = look_up(cv2.INTER_NEAREST), look_up(cv2.INTER_LINEAR)
    with np.errstate(invalid="ignore"):
        is_one = np.abs(between - nearest) <= _EDGE_SHARE * nearest
    return np.where(is_one, between, nearest)


def _pack(places: Ints) -> Ints:
    if len(places) and np.abs(places).max() >= _HALF:
        raise ValueError(
            "the surface lies too far from its first picture: a pose or a depth unit is wrong"
        )
    x, y, z = (places + _HALF).T
    return np.asarray((x << 2 * _AXIS_BITS) | (y << _AXIS_BITS) | z)


def _unpack(keys: Ints) -> Ints:
    mask = (1 << _AXIS_BITS) - 1
    parts = [keys >> 2 * _AXIS_BITS, (keys >> _AXIS_BITS) & mask, keys & mask]
    return np.stack(parts, axis=1) - _HALF


def _extend(array: NDArray, more: int) -> NDArray:
    return np.concatenate([array, np.zeros((more, *array.shape[1:]), array.dtype)])


_OFFSETS = np.indices((SIDE, SIDE, SIDE)).reshape(3, -1).T
