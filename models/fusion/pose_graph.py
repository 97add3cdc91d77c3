"""Poses that fit all that was measured between them: Gauss-Newton on a graph, with loops that may be wrong.

An edge is a measured `a_from_b` with the information of a step behind it. The first pose of each part that edges hold
together stands still. A loop that says that the camera drifted more than one can drift on such a path is wrong, and
left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csc_matrix
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from models.fusion.poses import Array, invert, skew, to_pose, to_step

_ITERATIONS = 30
_SETTLED = 1e-7
# the most that a path can drift: at its start, and for each metre of it
_DRIFT_M, _DRIFT_SHARE = 0.05, 0.05
_DRIFT_RAD, _DRIFT_RAD_M = np.deg2rad(3.0), np.deg2rad(2.0)


@dataclass(frozen=True)
class Edge:
    """`a_from_b` (4, 4), and the information (6, 6) of a step behind it. A loop may be wrong, another edge may not."""

    a: int
    b: int
    a_from_b: Array
    information: Array
    is_loop: bool = False


@dataclass(frozen=True)
class Solved:
    """Poses (N, 4, 4) in the frame of the first of their part, its number (N,), covariances (N, 6, 6) of a step behind
    each, and whether each edge was kept."""

    poses: Array
    parts: NDArray[np.int64]
    covariances: Array
    is_kept: NDArray[np.bool_]


def solve(num_poses: int, edges: Sequence[Edge]) -> Solved:
    """Parts are numbered by their first pose. Poses are in the order of the path, which tells how long it is."""
    if not num_poses:
        nothing = np.empty((0, 4, 4)), np.empty(0, np.int64), np.empty((0, 6, 6))
        return Solved(*nothing, np.empty(0, bool))
    is_kept = _judge_loops(num_poses, edges)
    kept = [e for e, keep in zip(edges, is_kept, strict=True) if keep]
    parts = _find_parts(num_poses, kept)
    poses = _settle(_chain(num_poses, kept, parts), kept, parts)
    return Solved(poses, parts, _find_covariances(poses, kept, parts), is_kept)


def _judge_loops(num_poses: int, edges: Sequence[Edge]) -> NDArray[np.bool_]:
    """Whether each edge is no loop, one between parts, or one that asks for no more drift than can be."""
    certain = [e for e in edges if not e.is_loop]
    parts = _find_parts(num_poses, certain)
    poses = _chain(num_poses, certain, parts)
    shifts = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1)
    path_m = np.concatenate([[0.0], np.cumsum(shifts)])
    is_kept = np.ones(len(edges), bool)
    for number, edge in enumerate(edges):
        if edge.is_loop and parts[edge.a] == parts[edge.b]:
            off = _off(edge, poses)
            length = abs(path_m[edge.b] - path_m[edge.a])
            is_kept[number] = (
                np.linalg.norm(off[3:]) <= _DRIFT_M + _DRIFT_SHARE * length
                and np.linalg.norm(off[:3]) <= _DRIFT_RAD + _DRIFT_RAD_M * length
            )
    return is_kept


def _find_parts(num_poses: int, edges: Sequence[Edge]) -> NDArray[np.int64]:
    ends = np.array([(e.a, e.b) for e in edges], int).reshape(-1, 2)
    links = coo_matrix((np.ones(len(ends)), ends.T), (num_poses, num_poses))
    _, labels = connected_components(links, directed=False)
    _, first, found = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[found], np.int64)


def _chain(num_poses: int, edges: Sequence[Edge], parts: NDArray[np.int64]) -> Array:
    """Poses by as few edges as lead to each, those that are no loops first."""
    neighbours: list[list[tuple[int, Array]]] = [[] for _ in range(num_poses)]
    for edge in sorted(edges, key=lambda e: e.is_loop):
        neighbours[edge.a].append((edge.b, edge.a_from_b))
        neighbours[edge.b].append((edge.a, invert(edge.a_from_b)))
    poses = np.tile(np.eye(4), (num_poses, 1, 1))
    is_placed = np.zeros(num_poses, bool)
    for first in _list_first(parts):
        is_placed[first] = True
        waiting = [first]
        for at in waiting:
            for other, motion in neighbours[at]:
                if not is_placed[other]:
                    poses[other], is_placed[other] = poses[at] @ motion, True
                    waiting.append(other)
    return poses


def _list_first(parts: NDArray[np.int64]) -> list[int]:
    return [int(n) for n in np.unique(parts, return_index=True)[1]]


def _settle(poses: Array, edges: Sequence[Edge], parts: NDArray[np.int64]) -> Array:
    poses = poses.copy()
    for _ in range(_ITERATIONS if len(edges) else 0):
        hessian, slope = _sum_up(poses, edges, parts)
        steps = -splu(hessian).solve(slope).reshape(-1, 6)
        poses = poses @ to_pose(steps)
        if np.abs(steps).max() < _SETTLED:
            break
    return poses


def _off(edge: Edge, poses: Array) -> Array:
    """Step from what was measured to what the poses say."""
    between = invert(poses[edge.a]) @ poses[edge.b]
    return to_step(invert(edge.a_from_b) @ between)


def _sum_up(
    poses: Array, edges: Sequence[Edge], parts: NDArray[np.int64], held: float = 1e12
) -> tuple[csc_matrix, Array]:
    """Sparse Hessian and slope by steps behind all poses; the first pose of each part is held."""
    size = 6 * len(poses)
    slope = np.zeros(size)
    rows, columns, values = [], [], []
    grid = np.indices((6, 6))
    for first in _list_first(parts):
        rows.append(6 * first + np.arange(6))
        columns.append(6 * first + np.arange(6))
        values.append(np.full(6, held))
    for edge in edges:
        off = _off(edge, poses)
        information = edge.information
        by = {edge.a: _by_first(edge, off), edge.b: _by_second(off)}
        for m, by_m in by.items():
            slope[6 * m : 6 * m + 6] += by_m.T @ information @ off
            for n, by_n in by.items():
                rows.append((6 * m + grid[0]).ravel())
                columns.append((6 * n + grid[1]).ravel())
                values.append((by_m.T @ information @ by_n).ravel())
    joined = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return coo_matrix(joined, (size, size)).tocsc(), slope


def _by_first(edge: Edge, off: Array) -> Array:
    """Derivatives of `_off` by a step behind the edge's first pose, where the turn of `off` is small."""
    turn = edge.a_from_b[:3, :3].T
    by = np.zeros((6, 6))
    by[:3, :3] = -to_pose(off)[:3, :3].T @ turn
    by[3:, :3] = skew(off[3:]) @ turn + turn @ skew(edge.a_from_b[:3, 3])
    by[3:, 3:] = -turn
    return by


def _by_second(off: Array) -> Array:
    by = np.eye(6)
    by[3:, 3:] = to_pose(off)[:3, :3]
    return by


def _find_covariances(
    poses: Array, edges: Sequence[Edge], parts: NDArray[np.int64]
) -> Array:
    """Blocks of the inverse Hessian: how sure each pose is beside the first of its part."""
    hessian, _ = _sum_up(poses, edges, parts)
    factors = splu(hessian)
    found = np.empty((len(poses), 6, 6))
    for number in range(len(poses)):
        unit = np.zeros((6 * len(poses), 6))
        unit[6 * number : 6 * number + 6] = np.eye(6)
        found[number] = factors.solve(unit)[6 * number : 6 * number + 6]
    return 0.5 * (found + found.transpose(0, 2, 1))
