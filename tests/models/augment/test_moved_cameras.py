"""To project a scene and move the picture is to project it with the moved camera."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.augment.crops import Crop, cut_crop, draw_crop
from models.augment.geometry import draw_move, move_boxes, move_image, move_map
from models.types import BoxSet, Sample, SemanticMap

FROM_HW = (48, 64)
TO_HW = (64, 96)
SEEDS = st.integers(0, 2**32)


def intrinsics(rng):
    """Of a camera with a view of some 60 degrees, its axis near the middle; px from pixel centres."""
    fx, fy = rng.uniform(40, 70, 2)
    cx, cy = rng.uniform((26, 18), (37, 29))
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])


def move_intrinsics(matrix, to_canvas):
    """The camera that sees the moved image: `to_canvas` counts from outer corners, cameras from pixel centres."""
    # outer corners of pixel centres
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    return np.linalg.inv(half) @ np.vstack([to_canvas, [0, 0, 1]]) @ half @ matrix


def project(matrix, points):
    """(N, 3) points, camera frame -> (N, 2) px from outer corners, as boxes have them: centres + 0.5."""
    homogeneous = points @ matrix.T
    return homogeneous[:, :2] / homogeneous[:, 2:] + 0.5


def drawn(seed):
    """A camera, a move of its image with flips, and a generator for the scene."""
    rng = np.random.default_rng(seed)
    return (
        intrinsics(rng),
        draw_move(rng, FROM_HW, TO_HW, (0.6, 1.8), 0.2, True, True),
        rng,
    )


@given(SEEDS)
def test_boxes_of_projected_corners_are_the_moved_boxes(seed):
    """Upright rectangles that face the camera: their pictures are boxes."""
    camera, move, rng = drawn(seed)
    corner = rng.uniform(-0.5, 0.4, (8, 2))
    size = rng.uniform(0.05, 0.3, (8, 2))
    depth = rng.uniform(0.9, 3, (8, 1))

    def boxes(matrix):
        ends = np.stack(
            [project(matrix, np.hstack([c, depth])) for c in (corner, corner + size)]
        )
        return np.hstack([ends.min(0), ends.max(0)])

    moved = move_boxes(
        BoxSet(boxes(camera).astype(np.float32), np.arange(8)), move, TO_HW
    )
    seen = np.clip(boxes(move_intrinsics(camera, move)), 0, [TO_HW[1], TO_HW[0]] * 2)
    np.testing.assert_allclose(moved.boxes_xyxy, seen[moved.class_ids], atol=1e-4)


def look(matrix, size_hw, edge):
    """What a wall at a depth of 1 shows at each pixel's centre, (H, W): class 1 beyond a line, and px to that line."""
    rows, columns = np.indices(size_hw)
    rays = np.stack([columns, rows, np.ones(size_hw)], -1) @ np.linalg.inv(matrix).T
    distance = rays @ edge
    return (distance > 0).astype(np.uint8), np.abs(distance) * np.abs(
        np.diag(matrix)[:2]
    ).min()


@given(SEEDS)
def test_maps_that_the_moved_camera_sees_are_the_moved_maps(seed):
    camera, move, rng = drawn(seed)
    angle = rng.uniform(0, 2 * np.pi)
    # a line across the wall
    edge = np.array([np.cos(angle), np.sin(angle), rng.uniform(-0.2, 0.2)])
    moved = move_map(SemanticMap(look(camera, FROM_HW, edge)[0]), move, TO_HW).class_ids
    seen, distance_px = look(move_intrinsics(camera, move), TO_HW, edge)
    # a pixel of the image is that wide here
    is_sure = distance_px > abs(move[0, 0]) + 0.1
    known = is_sure & (moved != 255)
    np.testing.assert_array_equal(moved[known], seen[known])
    assert known.mean() > 0.05


def ramp(size_hw):
    """Red tells the column, green the row, from 20 on in steps of 2 grey levels."""
    rows, columns = np.indices(size_hw)
    return np.stack([20 + 2 * columns, 20 + 2 * rows, 0 * rows], -1).astype(np.uint8)


@given(SEEDS)
def test_a_crop_shows_what_the_same_move_shows(seed):
    side = 32
    image = ramp(FROM_HW)
    rng = np.random.default_rng(seed)
    crop: Crop = draw_crop(rng, FROM_HW, (0.2, 1.0), True)
    sx, sy = side / crop.width, side / crop.height
    move = np.array([[sx, 0, -sx * crop.left], [0, sy, -sy * crop.top]])
    if crop.is_mirrored:
        move = np.array([[-1.0, 0, side], [0, 1, 0]]) @ np.vstack([move, [0, 0, 1]])
    cut = cut_crop(Sample("a", image, 0), crop, side)
    moved = move_image(image, move, (side, side))
    inner = slice(4, -4)  # at its edges a crop sees nothing of the image around it
    # grey levels: one for each rounding
    assert np.abs(cut.astype(int) - moved)[inner, inner].max() <= 2
