"""Figures of a sparse model that one can work out by hand, and the similarity between two."""

from __future__ import annotations

import numpy as np
import pytest

from models.geometry.camera import Camera
from models.geometry.sparse_model import (
    SparseImage,
    SparseModel,
    align,
    measure_flatness,
    measure_quality,
    rescale,
)

CAMERA = Camera((100, 100), (100.0, 100.0), (49.5, 49.5))


def make_model(off_px: float = 0.0) -> SparseModel:
    """A point 1 before two cameras that are 1 apart and look the same way; the second saw it `off_px` to the right."""
    images = []
    for number, x in enumerate((0.0, 1.0)):
        pose = np.eye(4)
        pose[0, 3] = x
        pixels = np.array([[49.5 - 100 * x + off_px * number, 49.5]])
        images.append(
            SparseImage(
                str(number),
                "cam",
                CAMERA,
                pose,
                pixels,
                np.zeros(1, np.int64),
                np.zeros((1, 128), np.uint8),
            )
        )
    return SparseModel(
        "unknown", np.array([[0.0, 0, 1]]), np.zeros((1, 3), np.uint8), tuple(images)
    )


def test_a_point_seen_from_two_sides_has_its_angle_and_its_error():
    quality = measure_quality(make_model(off_px=3.0))
    assert quality.num_observations == 2 and quality.track_length == 2
    # rays (0, 0, 1) and (-1, 0, 1); 0 and 3 px off
    assert quality.angle_deg == pytest.approx(45.0)
    assert quality.reprojection_px == pytest.approx(1.5)
    assert quality.flatness is None


def test_a_model_without_points_has_no_figures():
    empty = SparseModel("unknown", np.empty((0, 3)), np.empty((0, 3), np.uint8), ())
    quality = measure_quality(empty)
    assert quality.num_observations == 0
    assert quality.reprojection_px is quality.angle_deg is quality.track_length is None


def test_a_plane_is_flat_and_a_cube_is_not():
    rng = np.random.default_rng(0)
    cube = rng.uniform(0, 1, (400, 3))
    assert measure_flatness(cube) > 0.8
    assert measure_flatness(cube * [1, 1, 0.01]) == pytest.approx(0.01, abs=0.003)
    # one point far off does not make a plane thick
    plane = np.vstack([cube * [1, 1, 0], [0, 0, 100]])
    assert measure_flatness(plane) == pytest.approx(0, abs=1e-9)
    assert measure_flatness(cube[:3]) is None
    assert measure_flatness(np.zeros((9, 3))) is None


def test_a_model_in_metres_has_the_same_shape():
    model = rescale(make_model(), 2.5, "m")
    assert model.length_unit == "m"
    assert model.points.tolist() == [[0, 0, 2.5]]
    assert model.images[1].world_from_camera[0, 3] == 2.5
    assert measure_quality(model) == measure_quality(make_model())


def test_the_similarity_is_found_also_where_points_would_rather_be_mirrored():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(6, 3))
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    targets = 3 * points @ turn.T + [1, 2, 3]
    found = align(points, targets)
    assert found[:3, :3] == pytest.approx(3 * turn)
    assert found[:3, 3] == pytest.approx([1, 2, 3])
    mirrored = align(points, points * [1, 1, -1])[:3, :3]
    assert np.linalg.det(mirrored) > 0


@pytest.mark.parametrize("points", [np.zeros((2, 3)), np.ones((5, 3))])
def test_too_few_points_fix_no_similarity(points):
    with pytest.raises(ValueError, match="do not fix a similarity"):
        align(points, points)
