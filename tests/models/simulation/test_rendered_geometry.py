"""Rendered depth, instances and stereo agree with sums a person can do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.geometry.camera import Camera
from models.simulation.camera import Rig, rotation_zyx, transform
from models.simulation.primitives import find_surface, intersect
from models.simulation.renderer import Renderer
from models.simulation.scene import Primitive

# odd size: pixel (50, 40) lies on the optical axis
CAMERA = Camera((101, 81), (100.0, 100.0), (50.0, 40.0))
# world_from_camera: z down
LOOKING_DOWN = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])


def look_down(height_m: float, x_m: float = 0.0):
    return transform(LOOKING_DOWN, [x_m, 0.0, height_m])


def test_table_seen_from_above_has_the_cameras_height_as_depth(ball_scene, photos):
    view = Renderer(replace(ball_scene, primitives=()), photos, CAMERA).render(
        look_down(0.7)
    )
    assert view.depth_m == pytest.approx(np.full((81, 101), 0.7), abs=1e-5)
    assert not view.instances.any()


def test_ball_top_is_nearer_than_the_table_by_its_diameter(ball_scene, photos):
    view = Renderer(ball_scene, photos, CAMERA).render(look_down(0.7))
    assert view.depth_m[40, 50] == pytest.approx(0.7 - 0.2, abs=1e-5)
    assert view.instances[40, 50] == 1


def test_ball_covers_the_pixels_inside_its_silhouette(ball_scene, photos):
    # Seen from distance 0.6 to its centre, the tangent cone has sine 0.1 / 0.6, so its tangent is
    # 0.1 / sqrt(0.36 - 0.01) = 0.16903 and the disc's radius is 16.903 px around (50, 40).
    view = Renderer(ball_scene, photos, CAMERA).render(look_down(0.7))
    row, column = np.mgrid[:81, :101]
    assert np.array_equal(view.instances == 1, np.hypot(column - 50, row - 40) < 16.903)


def test_depth_of_every_ball_pixel_lies_on_the_sphere(ball_scene, photos):
    view = Renderer(ball_scene, photos, CAMERA).render(look_down(0.7, x_m=0.05))
    row, column = np.nonzero(view.instances == 1)
    points = CAMERA.unproject(
        np.stack([column, row], axis=1), view.depth_m[row, column]
    )
    world = points @ LOOKING_DOWN.T + [0.05, 0.0, 0.7]
    assert np.linalg.norm(world - [0.0, 0.0, 0.1], axis=1) == pytest.approx(
        0.1, abs=1e-4
    )


def test_beyond_the_table_depth_is_zero(ball_scene, photos):
    level = transform(
        np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
        [-0.5, 0.0, 0.5],
    )
    view = Renderer(replace(ball_scene, primitives=()), photos, CAMERA).render(level)
    assert not view.depth_m[:40].any()  # above the horizon
    assert view.image_rgb[:40].any()


def test_disparity_is_focal_times_baseline_over_depth(ball_scene, photos):
    rig = Rig(CAMERA, baseline_m=0.06)
    world_from_rig = transform(rotation_zyx(0.0, 0.5, 0.0), [-0.5, 0.0, 0.4])
    points = np.array([[0.02, 0.03, 0.1, 1.0]])
    seen = {}
    for sensor in ("left", "right"):
        camera_from_world = np.linalg.inv(
            world_from_rig @ rig.true_rig_from_camera(sensor)
        )
        seen[sensor] = (points @ camera_from_world.T)[:, :3]
    left = CAMERA.project(seen["left"])[0]
    right = CAMERA.project(seen["right"])[0]
    assert left[0] - right[0] == pytest.approx(100.0 * 0.06 / seen["left"][0, 2])
    assert left[1] == pytest.approx(right[1])


def test_stereo_pictures_show_that_disparity(ball_scene, photos):
    # A camera 0.06 m to the right at the same height: the table at depth 0.7 shifts by 100 * 0.06 / 0.7 = 8.57 px and
    # the ball's top at 0.5 by 12 px: the mask's middle moves by 100 * 0.06 / 0.6 = 10 px (the centre's depth).
    renderer = Renderer(ball_scene, photos, CAMERA)
    middles = []
    for x_m in (0.0, 0.06):
        _, column = np.nonzero(renderer.render(look_down(0.7, x_m)).instances == 1)
        middles.append((column.min() + column.max()) / 2)
    assert middles[0] - middles[1] == pytest.approx(10.0, abs=0.6)


@pytest.mark.parametrize("name", ["box", "ball", "cylinder", "cone"])
def test_every_hit_lies_on_the_surface_and_faces_the_ray(name):
    rng = np.random.default_rng(3)
    half = (
        (0.1, 0.1, 0.1)
        if name == "ball"
        else (0.1, 0.08, 0.15)
        if name == "box"
        else (0.1, 0.1, 0.15)
    )
    target = rng.uniform(-0.12, 0.12, (3, 4000))
    start = rng.normal(size=(3, 4000))
    start = start / np.linalg.norm(start, axis=0) * 0.9
    direction = (target - start).astype(np.float32)
    t = intersect(name, half, tuple(start.astype(np.float32)), tuple(direction))
    is_hit = np.isfinite(t)
    assert 0.2 < is_hit.mean() < 0.95
    point = (start + t * direction)[:, is_hit]
    assert distance_to(name, half, point) == pytest.approx(0.0, abs=2e-5)
    normal, u, v, _ = find_surface(name, half, tuple(point.astype(np.float32)))
    assert np.linalg.norm(np.stack(normal), axis=0) == pytest.approx(1.0, abs=2e-3)
    if name != "cone":  # its base, on the table, has no face of its own
        assert (
            sum(n * d for n, d in zip(normal, direction[:, is_hit], strict=True)) < 1e-4
        ).mean() > 0.999
    assert u.min() >= 0 and u.max() <= 1 and v.min() > -1e-4


def distance_to(name: str, half: tuple[float, ...], p: np.ndarray) -> np.ndarray:
    """Signed-free distance of points to the surface, from the definition of each solid."""
    radial = np.hypot(p[0], p[1])
    if name == "ball":
        return np.abs(np.linalg.norm(p, axis=0) - half[0])
    if name == "box":
        return np.abs(np.max(np.abs(p) - np.array(half)[:, None], axis=0))
    if name == "cylinder":
        return np.abs(np.maximum(radial - half[0], np.abs(p[2]) - half[2]))
    side = radial - half[0] / (2 * half[2]) * (half[2] - p[2])
    return np.abs(np.maximum(side, -half[2] - p[2]))


def test_a_nearer_solid_hides_a_farther_one(ball_scene, photos):
    box = Primitive(
        2,
        "box",
        (0.0, 0.0, 0.26),
        (0.03, 0.03, 0.03),
        (0.0, 0.0, 0.0),
        "coffee",
        (1.0, 1.0, 1.0),
    )
    scene = replace(ball_scene, primitives=(*ball_scene.primitives, box))
    view = Renderer(scene, photos, CAMERA).render(look_down(0.7))
    assert view.instances[40, 50] == 2
    # its top is at 0.29 m
    assert view.depth_m[40, 50] == pytest.approx(0.7 - 0.29, abs=1e-5)


def test_a_solid_darkens_the_table_beside_it(ball_scene, photos):
    without = (
        Renderer(replace(ball_scene, primitives=()), photos, CAMERA)
        .render(look_down(0.7))
        .image_rgb
    )
    with_ball = Renderer(ball_scene, photos, CAMERA).render(look_down(0.7))
    # Light falls from +y, so the shadow lies towards -y: below the ball in a picture whose rows run along -y.
    is_table = with_ball.instances[60:66, 48:53] == 0
    assert is_table.all()
    assert (
        with_ball.image_rgb[60:66, 48:53].mean() < 0.75 * without[60:66, 48:53].mean()
    )


def test_a_photo_that_is_missing_is_named(ball_scene, photos):
    with pytest.raises(ValueError, match="no photo 'moon' for track 1"):
        Renderer(ball_scene, {k: v for k, v in photos.items() if k != "moon"}, CAMERA)
