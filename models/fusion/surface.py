"""The surface in a volume: marching cubes over joined blocks, vertices of neighbouring pieces made one.

A cube whose eight corners were not all seen gives nothing, so a surface ends where nobody looked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from models.fusion.volume import SIDE, TRUNCATION, Ints, Volume

PIECE = 4  # blocks a side that are looked at together
LEAST_TRIANGLES = 30  # of a surface that hangs together: smaller ones are noise
_LEAST_DISTANCE = (
    1e-3  # voxels: a vertex lies on an edge of the grid, never on its corner
)
_ON_GRID = 1e-4
_KEY_BITS = 20


@dataclass(frozen=True)
class Mesh:
    """Triangles (M, 3) of vertices (N, 3) in m, counted so that they turn left seen from where the camera was; with a
    normal and a colour each."""

    vertices: NDArray[np.float32]
    normals: NDArray[np.float32]
    colors: NDArray[np.uint8]
    triangles: NDArray[np.int32]

    @property
    def area_m2(self) -> float:
        """Of all triangles."""
        a, b, c = (
            self.vertices[self.triangles[:, n]].astype(np.float64) for n in range(3)
        )
        return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)

    @property
    def centres(self) -> NDArray[np.float32]:
        """(M, 3) of triangles."""
        return np.asarray(self.vertices[self.triangles].mean(axis=1), np.float32)


def extract(volume: Volume) -> Mesh:
    """The surface at distance 0; no triangles where there is none."""
    places = volume.places
    pieces = np.unique(places // PIECE, axis=0)
    # cubes reach into the next blocks, not into those before
    marched = (_march(volume, piece * PIECE) for piece in pieces)
    found = [one for one in marched if one is not None]
    if not found:
        nothing = np.empty((0, 3), np.float32)
        return Mesh(
            nothing, nothing, nothing.astype(np.uint8), nothing.astype(np.int32)
        )
    vertices = np.concatenate([f[0] for f in found])
    colors = np.concatenate([f[1] for f in found])
    counts = np.cumsum([0, *(len(f[0]) for f in found)])
    triangles = np.concatenate(
        [f[2] + at for f, at in zip(found, counts, strict=False)]
    )
    return _finish(volume.voxel_m, vertices, colors, triangles)


def _march(
    volume: Volume, first_block: Ints
) -> tuple[NDArray[np.float64], NDArray[np.uint8], Ints] | None:
    """Vertices in voxels of the world, colours and triangles of one piece and one layer beyond."""
    from skimage.measure import marching_cubes

    distances, is_seen, colors = _join(volume, first_block)
    if (
        not is_seen.any()
        or distances[is_seen].min() > 0
        or distances[is_seen].max() < 0
    ):
        return None
    vertices, triangles, _, _ = marching_cubes(
        distances, 0.0, gradient_direction="descent", allow_degenerate=False
    )
    cubes = np.floor(vertices[triangles].mean(axis=1)).astype(int)
    is_whole = is_seen.copy()
    is_whole[:-1, :-1, :-1] = np.logical_and.reduce(
        [
            is_seen[x : x + PIECE * SIDE, y : y + PIECE * SIDE, z : z + PIECE * SIDE]
            for x, y, z in np.ndindex(2, 2, 2)
        ]
    )
    triangles = triangles[is_whole[tuple(cubes.T)]].astype(np.int64)
    if not len(triangles):
        return None
    used, triangles = np.unique(triangles, return_inverse=True)
    vertices = vertices[used].astype(np.float64)
    low, high = (
        np.floor(vertices + _ON_GRID).astype(int),
        np.ceil(vertices - _ON_GRID).astype(int),
    )
    share = (vertices - low).max(axis=1, keepdims=True)
    painted = (1 - share) * colors[tuple(low.T)] + share * colors[tuple(high.T)]
    world = vertices + first_block * SIDE
    return (
        world,
        np.clip(painted + 0.5, 0, 255).astype(np.uint8),
        triangles.reshape(-1, 3),
    )


def _join(
    volume: Volume, first_block: Ints
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float32]]:
    """Distances, whether they were seen, and colours of a piece as dense arrays, with the first layer of the next."""
    grid = np.indices((PIECE + 1,) * 3).reshape(3, -1).T
    slots = volume.find(first_block + grid)
    there = slots >= 0
    end = PIECE * SIDE + 1

    def lay(stored: NDArray, empty: float, *more: int) -> NDArray:
        blocks = np.full((len(grid), SIDE**3, *more), empty, np.float32)
        blocks[there] = stored[slots[there]]
        cut = blocks.reshape(*(PIECE + 1,) * 3, *(SIDE,) * 3, *more)
        joined = cut.transpose(0, 3, 1, 4, 2, 5, *range(6, 6 + len(more)))
        return joined.reshape(*((PIECE + 1) * SIDE,) * 3, *more)[:end, :end, :end]

    is_seen = lay(volume.weights, 0) > 0
    distances = np.where(
        is_seen, lay(volume.distances, TRUNCATION), np.float32(TRUNCATION)
    )
    signs = np.where(distances < 0, np.float32(-1), np.float32(1))
    distances = np.where(
        np.abs(distances) < _LEAST_DISTANCE,
        signs * np.float32(_LEAST_DISTANCE),
        distances,
    )
    return np.ascontiguousarray(distances), is_seen, lay(volume.colors, 0, 3)


def _finish(
    voxel_m: float,
    vertices: NDArray[np.float64],
    colors: NDArray[np.uint8],
    triangles: Ints,
) -> Mesh:
    """Vertices on one edge of the grid made one, specks left out, normals from the triangles around."""
    keys = _name_vertices(vertices)
    _, first, merged = np.unique(keys, return_index=True, return_inverse=True)
    vertices, colors, triangles = vertices[first], colors[first], merged[triangles]
    a, b, c = triangles.T
    triangles = triangles[(a != b) & (b != c) & (c != a)]
    triangles = _drop_specks(len(vertices), triangles)
    used, triangles = np.unique(triangles, return_inverse=True)
    triangles = triangles.reshape(-1, 3)
    # a voxel's number is that of its middle
    points = (vertices[used] + 0.5) * voxel_m
    return Mesh(
        points.astype(np.float32),
        _find_normals(points, triangles),
        colors[used],
        triangles.astype(np.int32),
    )


def _name_vertices(vertices: NDArray[np.float64]) -> Ints:
    """The edge of the grid that each lies on; of one within a cube a number of its own."""
    is_between = np.abs(vertices - np.round(vertices)) > _ON_GRID
    low = np.where(is_between, np.floor(vertices), np.round(vertices)).astype(np.int64)
    x, y, z = (low + (1 << (_KEY_BITS - 1))).T
    packed = (x << 2 * _KEY_BITS) | (y << _KEY_BITS) | z
    names = 4 * packed + is_between.argmax(axis=1)
    is_within = is_between.sum(axis=1) > 1
    return np.where(is_within, -1 - np.arange(len(vertices)), names)


def _drop_specks(num_vertices: int, triangles: Ints) -> Ints:
    a, b, c = triangles.T
    ends = (np.concatenate([a, b]), np.concatenate([b, c]))
    links = coo_matrix(
        (np.ones(2 * len(a), np.int8), ends), (num_vertices, num_vertices)
    )
    _, labels = connected_components(links, directed=False)
    counts = np.bincount(labels[a], minlength=labels.max(initial=0) + 1)
    return triangles[counts[labels[a]] >= LEAST_TRIANGLES]


def _find_normals(
    vertices: NDArray[np.float64], triangles: Ints
) -> NDArray[np.float32]:
    a, b, c = (vertices[triangles[:, n]] for n in range(3))
    by_area = np.cross(b - a, c - a)
    normals = np.zeros_like(vertices)
    for n in range(3):
        for axis in range(3):
            normals[:, axis] += np.bincount(
                triangles[:, n], by_area[:, axis], minlength=len(vertices)
            )
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.asarray(normals / np.maximum(length, 1e-12), np.float32)
