"""Pixels and rays of a calibrated camera, against sums done by hand and against OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from models.geometry.camera import Camera

SIZE_PX = (640, 480)
FOCAL_PX = (500.0, 500.0)
CENTRE_PX = (319.5, 239.5)
CAMERA = Camera(SIZE_PX, FOCAL_PX, CENTRE_PX)


def test_the_principal_point_looks_ahead_and_one_focal_length_beside_it_is_45_degrees():
    rays = CAMERA.unproject(np.array([[319.5, 239.5], [819.5, 239.5]]))
    np.testing.assert_allclose(rays, [[0, 0, 1], [1, 0, 1]], atol=1e-12)


def test_half_the_image_has_half_the_focal_length_and_the_same_rays():
    small = CAMERA.resize(0.5)  # pixel centres: 319.5 -> 320 * 0.5 - 0.5
    assert (small.size_px, small.focal_px, small.centre_px) == (
        (320, 240),
        (250.0, 250.0),
        (159.5, 119.5),
    )
    np.testing.assert_allclose(
        small.unproject(np.array([[409.5, 119.5]])), [[1, 0, 1]], atol=1e-12
    )


def test_a_point_two_metres_away_is_half_as_far_from_the_middle_and_comes_back():
    points = np.array([[0.2, -0.1, 1.0], [0.2, -0.1, 2.0]])
    pixels = CAMERA.project(points)  # 500 * 0.2 / 1 = 100 px from the middle, then 50
    np.testing.assert_allclose(pixels, [[419.5, 189.5], [369.5, 214.5]])
    np.testing.assert_allclose(
        CAMERA.unproject(pixels, points[:, 2]), points, atol=1e-12
    )


@pytest.mark.parametrize("model", ["plumb_bob", "equidistant"])
def test_distorted_pixels_are_those_of_opencv_and_come_back_as_the_rays_they_were(
    model,
):
    rays = np.array([[0.3, -0.2, 1.0], [-0.4, 0.1, 1.0]])
    distortion = (
        (-0.1, 0.02, 0.001, -0.001)
        if model == "plumb_bob"
        else (-0.02, 0.003, 0.0, 0.0)
    )
    still = np.zeros(3)
    coefficients = np.array(distortion)
    if model == "plumb_bob":
        pixels = cv2.projectPoints(rays, still, still, CAMERA.matrix, coefficients)[0]
    else:
        pixels = cv2.fisheye.projectPoints(
            rays[:, None], still, still, CAMERA.matrix, coefficients
        )[0]
    camera = Camera(SIZE_PX, FOCAL_PX, CENTRE_PX, model, distortion)
    np.testing.assert_allclose(camera.project(rays), pixels.reshape(-1, 2), atol=1e-9)
    np.testing.assert_allclose(camera.unproject(camera.project(rays)), rays, atol=1e-4)


def test_no_pixels_are_no_rays():
    for distortion in ((), (-0.1, 0.02, 0.0, 0.0)):
        camera = Camera(SIZE_PX, FOCAL_PX, CENTRE_PX, "plumb_bob", distortion)
        assert camera.unproject(np.empty((0, 2))).shape == (0, 3) and camera.project(
            np.empty((0, 3))
        ).shape == (0, 2)


def test_an_unknown_distortion_is_refused_by_name_unless_it_is_zero():
    with pytest.raises(ValueError, match="'spherical' is not known"):
        Camera(SIZE_PX, FOCAL_PX, CENTRE_PX, "spherical", (0.1,))
    assert (
        Camera(SIZE_PX, FOCAL_PX, CENTRE_PX, "spherical", (0.0,)).mean_focal_px == 500.0
    )
