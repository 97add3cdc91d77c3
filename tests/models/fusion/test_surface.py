"""Depth fused and its surface: a sphere without seams, memory by surface, colours, what nobody saw."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from models.fusion import surface, volume
from models.fusion.surface import extract
from models.fusion.views import unproject_all
from models.fusion.volume import SIDE, Picture, Volume, find_slants
from models.geometry.camera import Camera
from tests.models.fusion.conftest import CAMERA, WALLS, draw, walk

RADIUS_M, AWAY_M = 0.2, 0.7
COLOR = (200, 100, 50)


def see_sphere(pose: np.ndarray) -> Picture:
    """A ball around the origin of the world."""
    rays = unproject_all(CAMERA, np.ones(CAMERA.size_px[::-1], np.float32))
    ways = rays.reshape(-1, 3).astype(float) @ pose[:3, :3].T
    a, b = (ways**2).sum(axis=1), 2 * ways @ pose[:3, 3]
    inside = b**2 - 4 * a * (pose[:3, 3] @ pose[:3, 3] - RADIUS_M**2)
    z = np.where(inside > 0, (-b - np.sqrt(np.maximum(inside, 0))) / (2 * a), 0)
    depth = z.reshape(CAMERA.size_px[::-1]).astype(np.float32)
    return Picture(CAMERA, depth, np.full((*depth.shape, 3), COLOR, np.uint8), pose)


@pytest.fixture(scope="module")
def ball() -> Volume:
    fused = Volume(0.01)
    for turn in Rotation.random(60, random_state=1).as_matrix():
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = turn, -AWAY_M * turn[:, 2]
        fused.fuse(see_sphere(pose))
    return fused


def test_a_ball_is_closed_round_and_without_seams(ball):
    mesh = extract(ball)
    sides = np.sort(mesh.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    edges, counts = np.unique(sides, axis=0, return_counts=True)
    # each edge between two triangles, and Euler's number of a ball
    assert (counts == 2).all()
    assert len(mesh.vertices) - len(edges) + len(mesh.triangles) == 2
    radius = np.linalg.norm(mesh.vertices, axis=1)
    assert radius == pytest.approx(RADIUS_M, abs=0.006)
    assert radius.mean() == pytest.approx(RADIUS_M, abs=0.001)
    # 4 pi r^2
    assert mesh.area_m2 == pytest.approx(0.5027, rel=0.02)
    outward = (mesh.normals * mesh.vertices / radius[:, None]).sum(axis=1)
    assert outward.min() > 0.7
    assert np.abs(mesh.colors.astype(int) - COLOR).max() <= 2
    # more than one piece was joined
    assert len(np.unique(ball.places // surface.PIECE, axis=0)) >= 8


def test_distances_are_those_from_the_ball(ball):
    points = np.array(
        [[RADIUS_M + 0.015, 0, 0], [0, RADIUS_M - 0.015, 0], [0, 0, 0.02]]
    )
    off = ball.measure(points.astype(np.float32))
    assert off[:2] == pytest.approx([0.015, -0.015], abs=0.003)
    assert np.isnan(off[2])


def flat(side_px: int, away_m: float) -> Picture:
    """A wall straight ahead that takes so many pixels a side; at 1 m a pixel is 10 mm."""
    camera = Camera((side_px, side_px), (100.0, 100.0), (side_px / 2, side_px / 2))
    depth = np.full((side_px, side_px), away_m, np.float32)
    return Picture(camera, depth, None, np.eye(4))


def test_memory_grows_with_the_surface_and_not_with_the_space_before_it():
    counts = {}
    for name, picture in {
        "small": flat(100, 1.0),
        "four times the surface": flat(200, 1.0),
        "as large, twice as far": flat(50, 2.0),
    }.items():
        fused = Volume(0.01)
        fused.fuse(picture)
        counts[name] = fused.num_blocks
    # 1 m of 80 mm blocks, two or three deep: 13 x 13 x 2 = 338
    assert 300 < counts["small"] < 650
    assert counts["four times the surface"] == pytest.approx(
        4 * counts["small"], rel=0.2
    )
    assert counts["as large, twice as far"] == pytest.approx(counts["small"], rel=0.25)
    # a dense grid of the same room: 1 x 1 x 1 m
    assert counts["small"] * SIDE**3 < 0.3 * (1 / 0.01) ** 3


def test_the_walls_of_a_room_are_where_they_are():
    fused = Volume(0.02)
    for pose in walk(6):
        depth, rgb = draw(pose)
        fused.fuse(Picture(CAMERA, depth, rgb, pose))
    mesh = extract(fused)
    off = np.abs(mesh.vertices[:, None, :] - WALLS[None]).min(axis=(1, 2))
    assert np.median(off) < 0.002 and np.percentile(off, 99) < 0.02
    assert mesh.area_m2 > 3
    assert len(np.unique(mesh.colors, axis=0)) > 100


def test_nothing_seen_is_no_surface():
    fused = Volume(0.01)
    empty = np.zeros(CAMERA.size_px[::-1], np.float32)
    fused.fuse(Picture(CAMERA, empty, None, np.eye(4)))
    mesh = extract(fused)
    assert fused.num_blocks == 0 and len(mesh.triangles) == 0 and mesh.area_m2 == 0
    assert np.isnan(fused.measure(np.zeros((1, 3), np.float32))).all()


def test_depth_beside_a_step_is_left_out_and_a_wall_ahead_is_not_slanted():
    picture = flat(20, 1.0)
    depth = picture.depth_m.copy()
    depth[:, 10:] = 2.0
    kept, slants = find_slants(picture.camera, depth)
    assert np.isnan(kept[5, 9]) and np.isnan(kept[5, 10]) and slants[5, 9] == 0
    assert kept[8, 5] == 1 and kept[8, 15] == 2
    assert slants[8, 5] == pytest.approx(1, abs=1e-4)


def test_too_many_blocks_and_voxels_of_no_size_are_refused(monkeypatch):
    monkeypatch.setattr(volume, "MOST_BLOCKS", 100)
    with pytest.raises(ValueError, match="more than 100 blocks at 10 mm: give larger"):
        Volume(0.01).fuse(flat(100, 1.0))
    with pytest.raises(ValueError, match="voxels of 0 m"):
        Volume(0)
