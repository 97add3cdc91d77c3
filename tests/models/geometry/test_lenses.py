"""Lenses against derivatives by torch, against OpenCV, and against the edges of what they see."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from models.geometry.camera import Camera

SIZE_PX = (640, 480)
EIGHT = (0.1, -0.2, 0.001, -0.0005, 0.01, 0.2, 0.01, 0.003)
LENSES = {
    "pinhole": (None, ()),
    "brown_conrady 5": ("plumb_bob", (-0.28, 0.07, 0.001, -0.0005, -0.004)),
    "brown_conrady 8": ("rational_polynomial", EIGHT),
    "brown_conrady 12": ("rational_polynomial", (*EIGHT, 0.001, 2e-4, -0.001, 3e-4)),
    "kannala_brandt": ("equidistant", (-0.02, 0.003, -0.001, 0.0001)),
    "double_sphere": ("double_sphere", (-0.2, 0.6)),
    "extended_unified": ("eucm", (0.6, 1.1)),
}
CAMERAS = {
    name: Camera(SIZE_PX, (200.0, 210.0), (318.5, 242.0), model, coefficients)
    for name, (model, coefficients) in LENSES.items()
}
cameras = pytest.mark.parametrize("camera", CAMERAS.values(), ids=CAMERAS)


def draw_points(count: int = 400) -> np.ndarray:
    """Before, beside and behind the camera."""
    return np.random.default_rng(0).normal(size=(count, 3))


def project_slowly(
    name: str, point: torch.Tensor, numbers: torch.Tensor
) -> torch.Tensor:
    """A pixel of one point, as the papers write it."""
    (x, y, z), (fx, fy, cx, cy), k = point, numbers[:4], numbers[4:]
    across = x**2 + y**2
    if name == "kannala_brandt":
        angle = torch.atan2(across.sqrt(), z)
        bent = sum(c * angle ** (2 * n + 3) for n, c in enumerate(k)) + angle
        u, v = bent * x / across.sqrt(), bent * y / across.sqrt()
    elif name == "double_sphere":
        xi, alpha = k
        shifted = xi * (across + z**2).sqrt() + z
        m = alpha * (across + shifted**2).sqrt() + (1 - alpha) * shifted
        u, v = x / m, y / m
    elif name == "extended_unified":
        alpha, beta = k
        m = alpha * (beta * across + z**2).sqrt() + (1 - alpha) * z
        u, v = x / m, y / m
    else:
        k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4 = [
            *k,
            *[torch.tensor(0.0)] * (12 - len(k)),
        ]
        a, b, r = x / z, y / z, across / z**2
        g = (1 + k1 * r + k2 * r**2 + k3 * r**3) / (1 + k4 * r + k5 * r**2 + k6 * r**3)
        u = a * g + 2 * p1 * a * b + p2 * (r + 2 * a**2) + s1 * r + s2 * r**2
        v = b * g + p1 * (r + 2 * b**2) + 2 * p2 * a * b + s3 * r + s4 * r**2
    return torch.stack([fx * u + cx, fy * v + cy])


@cameras
def test_pixels_and_derivatives_are_those_of_the_formula_in_torch(camera):
    found = camera.project_with_slopes(draw_points())
    is_seen = np.isfinite(found.pixels).all(axis=1)
    assert is_seen.sum() > 50
    points = torch.from_numpy(draw_points()[is_seen])
    numbers = torch.tensor(
        [*camera.focal_px, *camera.centre_px, *camera.distortion], dtype=torch.float64
    )

    def slow(point, numbers):
        return project_slowly(camera.lens.name, point, numbers)

    pixels = torch.func.vmap(slow, (0, None))(points, numbers)
    by_point, by_numbers = torch.func.vmap(torch.func.jacrev(slow, (0, 1)), (0, None))(
        points, numbers
    )
    for ours, theirs in (
        (found.pixels, pixels),
        (found.by_point, by_point),
        (found.by_intrinsics, by_numbers),
    ):
        np.testing.assert_allclose(ours[is_seen], theirs.numpy(), rtol=1e-9, atol=1e-9)


@cameras
def test_rays_come_back_to_their_pixels_and_points_to_their_rays(camera):
    rng = np.random.default_rng(1)
    pixels = rng.uniform([-200, -200], [840, 680], (3000, 2))
    rays = camera.find_rays(pixels)
    is_known = np.isfinite(rays).all(axis=1)
    assert is_known.mean() > 0.05 and np.isnan(rays[~is_known]).all()
    np.testing.assert_allclose(
        camera.project(rays[is_known]), pixels[is_known], atol=1e-9
    )
    points = draw_points()
    found = camera.project(points)
    is_seen = np.isfinite(found).all(axis=1)
    units = points[is_seen] / np.linalg.norm(points[is_seen], axis=1, keepdims=True)
    np.testing.assert_allclose(camera.find_rays(found[is_seen]), units, atol=1e-9)


@cameras
def test_the_axis_is_seen_in_the_centre_with_finite_derivatives(camera):
    found = camera.project_with_slopes(np.array([[0.0, 0.0, 2.0]]))
    np.testing.assert_allclose(found.pixels, [camera.centre_px], atol=1e-12)
    assert np.isfinite(found.by_point).all() and np.isfinite(found.by_intrinsics).all()
    beside = camera.project_with_slopes(np.array([[1e-7, 0.0, 2.0]]))
    np.testing.assert_allclose(found.by_point, beside.by_point, atol=1e-4)
    np.testing.assert_allclose(
        camera.find_rays(np.array([camera.centre_px])), [[0, 0, 1]], atol=1e-12
    )


@pytest.mark.parametrize(
    "name", ["brown_conrady 5", "brown_conrady 8", "brown_conrady 12"]
)
def test_pixels_and_derivatives_are_those_of_opencv(name):
    camera = CAMERAS[name]
    points = np.random.default_rng(2).uniform([-0.5, -0.5, 1], [0.5, 0.5, 2], (50, 3))
    still, coefficients = np.zeros(3), np.array(camera.distortion)
    pixels, slopes = cv2.projectPoints(
        points, still, still, camera.matrix, coefficients
    )
    found = camera.project_with_slopes(points)
    np.testing.assert_allclose(found.pixels, pixels[:, 0], atol=1e-9)
    # after three of a turn: three of a shift, then fx fy cx cy, then the lens
    slopes = slopes.reshape(50, 2, -1)
    np.testing.assert_allclose(found.by_point, slopes[:, :, 3:6], atol=1e-7)
    np.testing.assert_allclose(
        found.by_intrinsics, slopes[:, :, 6 : 10 + len(coefficients)], atol=1e-7
    )


def test_fisheye_pixels_are_those_of_opencv_ahead_and_go_on_to_the_side_behind():
    """At 100 degrees OpenCV mirrors a point; the angle says that it lies further out on its own side."""
    camera = CAMERAS["kannala_brandt"]
    still, coefficients = np.zeros(3), np.array(camera.distortion)
    angles = np.radians([10.0, 80.0, 89.0, 100.0])
    points = np.stack([np.sin(angles), 0 * angles, np.cos(angles)], axis=1)
    theirs = cv2.fisheye.projectPoints(
        points[:, None], still, still, camera.matrix, coefficients
    )[0][:, 0]
    ours = camera.project(points)
    np.testing.assert_allclose(ours[:3], theirs[:3], atol=1e-9)
    assert theirs[3, 0] < camera.centre_px[0] and ours[3, 0] > ours[2, 0]
    assert np.isnan(camera.unproject(ours[3:])).all()
    np.testing.assert_allclose(camera.find_rays(ours[3:]), points[3:], atol=1e-12)


def test_a_fold_ends_what_a_lens_sees():
    """k1 = -0.1 alone: r - 0.1 r^3 rises up to r = sqrt(1 / 0.3) = 1.826, where it is 1.217."""
    camera = Camera(
        SIZE_PX, (100.0, 100.0), (0.0, 0.0), "plumb_bob", (-0.1, 0.0, 0.0, 0.0)
    )
    pixels = camera.project(
        np.array([[1.82, 0, 1], [1.83, 0, 1], [3.0, 0, 1], [0.1, 0, -1]], np.float64)
    )
    assert np.isfinite(pixels[0]).all() and np.isnan(pixels[1:]).all()
    rays = camera.find_rays(np.array([[121.7, 0.0], [121.8, 0.0]]))
    assert np.isfinite(rays[0]).all() and np.isnan(rays[1]).all()
    assert rays[0, 0] / rays[0, 2] < 1.826


@pytest.mark.parametrize(
    ("name", "edge"),
    # sqrt(1 / (2 * 0.6 - 1)), and with beta = 1.1 below it
    [
        ("double_sphere", np.sqrt(1 / 0.2)),
        ("extended_unified", np.sqrt(1 / (1.1 * 0.2))),
    ],
)
def test_places_beyond_the_edge_of_the_paper_have_no_ray(name, edge):
    camera = Camera(
        SIZE_PX,
        (100.0, 100.0),
        (0.0, 0.0),
        CAMERAS[name].distortion_model,
        CAMERAS[name].distortion,
    )
    rays = camera.find_rays(
        np.array([[100 * (edge - 1e-6), 0.0], [100 * (edge + 1e-6), 0.0]])
    )
    assert np.isfinite(rays[0]).all() and np.isnan(rays[1]).all()


def test_directions_that_no_lens_sees_have_no_pixel_and_no_number_beside_it():
    for camera in CAMERAS.values():
        found = camera.project_with_slopes(
            np.array([[0.0, 0.0, -1.0], [np.nan, 0.0, 1.0]])
        )
        assert np.isnan(found.pixels).all() and np.isnan(found.by_point).all()


def test_a_sensor_that_is_tilted_is_refused_with_a_remedy():
    with pytest.raises(ValueError, match="without CALIB_TILTED_MODEL"):
        Camera(
            SIZE_PX, (200.0, 210.0), (318.5, 242.0), None, (0.1, *[0.0] * 11, 0.01, 0.0)
        )
