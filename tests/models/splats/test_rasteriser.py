"""Gaussians drawn: by the analytic form of one, nearer before farther, gradients by finite differences, harmonics."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from models.geometry.camera import Camera
from models.splats import rasteriser
from models.splats.fast_rasteriser import DeviceLacks, choose_rasteriser
from models.splats.gaussians import Gaussians, begin, turn_from
from models.splats.harmonics import FLAT, count_terms, find_terms
from models.splats.rasteriser import project, rasterise, shade
from models.splats.views import View

CAMERA = Camera((24, 18), (20.0, 22.0), (11.0, 8.5))
AHEAD = View(CAMERA, torch.eye(4, dtype=torch.float64))


def make(
    means, scales=0.2, opacities=0.9, colours=(1.0, 0.5, 0.0), turns=(1.0, 0, 0, 0)
) -> Gaussians:
    """Of float64, in one colour from all sides."""
    means = torch.tensor(np.array(means), dtype=torch.float64)
    count = len(means)
    logits = torch.logit(torch.tensor(opacities, dtype=torch.float64)).expand(count)
    scales = torch.tensor(scales, dtype=torch.float64).log()
    colours = torch.tensor(colours, dtype=torch.float64).expand(count, 3)
    return Gaussians(
        means,
        scales.expand(count, 3).clone(),
        torch.tensor(turns, dtype=torch.float64).expand(count, 4).clone(),
        logits.clone(),
        ((colours - 0.5) / FLAT)[:, None].clone(),
        torch.zeros(count, 3, 3, dtype=torch.float64),
    )


def test_one_round_gaussian_is_that_of_the_formula():
    drawn = rasterise(make([[0.0, 0.0, 2.0]]), AHEAD, 1)
    x, y = np.meshgrid(np.arange(24) - 11.0, np.arange(18) - 8.5)
    # 0.2 at 2 and 20 or 22 px of focal length: 2 and 2.2 px, widened by 0.3 px^2
    far = x**2 / (2.0**2 + 0.3) + y**2 / (2.2**2 + 0.3)
    alpha = 0.9 * np.exp(-far / 2)
    alpha[alpha < 1 / 255] = 0
    expected = alpha[..., None] * np.array([1.0, 0.5, 0.0])
    assert drawn.colours.numpy() == pytest.approx(expected, abs=1e-9)
    assert drawn.pixels.numpy() == pytest.approx(np.array([[11.0, 8.5]]))


def test_a_long_one_aside_has_the_covariance_that_the_camera_gives_it():
    turn = Rotation.from_rotvec([0.4, -0.7, 0.3])
    x, y, z, w = turn.as_quat()
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec([0.1, 0.2, 0]).as_matrix()
    view = View(CAMERA, torch.from_numpy(pose))
    scales, mean = np.array([0.3, 0.1, 0.02]), np.array([0.3, -0.2, 2.5])
    one = make([mean], scales.tolist(), turns=(2 * w, 2 * x, 2 * y, 2 * z))
    assert turn_from(one.quaternions)[0].numpy() == pytest.approx(turn.as_matrix())
    at = CAMERA.project_with_slopes(pose[:3, :3] @ mean)
    flat = at.by_point[0] @ pose[:3, :3] @ turn.as_matrix() @ np.diag(scales)
    inverse = np.linalg.inv(flat @ flat.T + 0.3 * np.eye(2))
    found = project(one, view)
    assert found.pixels[0].numpy() == pytest.approx(at.pixels[0])
    assert found.inverses[0].numpy() == pytest.approx(inverse[[0, 0, 1], [0, 1, 1]])


def test_the_nearer_lies_over_the_farther_in_whatever_order_they_come():
    red, blue = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
    pair = make([[0.0, 0, 2.0], [0.0, 0, 4.0]], opacities=0.6, colours=[red, blue])
    turned = pair.map(lambda part: part.flip(0))
    drawn, other = (rasterise(one, AHEAD, 0).colours for one in (pair, turned))
    assert torch.equal(drawn, other)
    # half a pixel below the middle of both: 0.6 of it, by their own widths
    near = 0.6 * np.exp(-0.125 / (2.2**2 + 0.3))
    far = 0.6 * np.exp(-0.125 / (1.1**2 + 0.3))
    assert drawn[9, 11].numpy() == pytest.approx([near, 0, (1 - near) * far])


def test_what_is_behind_or_beside_the_camera_is_not_drawn():
    away = make([[0.0, 0, -2.0], [9.0, 0, 2.0], [0.0, 0, 0.0]])
    drawn = rasterise(away, AHEAD, 0)
    assert not drawn.colours.any() and not drawn.is_seen.any()
    assert drawn.colours.shape == (18, 24, 3)


def test_tiles_leave_no_seam(monkeypatch):
    rng = np.random.default_rng(0)
    many = make(rng.uniform([-1, -0.8, 2], [1, 0.8, 3], (30, 3)), scales=0.1)
    parted = rasterise(many, AHEAD, 1).colours
    monkeypatch.setattr(rasteriser, "_TILE_PX", 64)
    assert rasterise(many, AHEAD, 1).colours.numpy() == pytest.approx(parted.numpy())


def test_gradients_are_those_of_finite_differences():
    rng = np.random.default_rng(1)
    three = make(
        [[0.1, 0.0, 2.0], [-0.2, 0.1, 2.5], [0.3, -0.2, 3.0]],
        [[0.3, 0.2, 0.25], [0.2, 0.3, 0.2], [0.25, 0.2, 0.3]],
        opacities=[0.7, 0.6, 0.5],
        turns=rng.normal(size=(3, 4)).tolist(),
    )
    rest = torch.from_numpy(rng.normal(0, 0.05, (3, 3, 3)))
    parts = [*list(three.parts.values())[:-1], rest]
    inputs = tuple(part.requires_grad_() for part in parts)
    small = View(Camera((8, 6), (8.0, 8.0), (3.5, 2.5)), AHEAD.camera_from_world)

    def draw(*parts: torch.Tensor) -> torch.Tensor:
        return rasterise(Gaussians(*parts), small, 1).colours

    assert torch.autograd.gradcheck(draw, inputs, eps=1e-6, fast_mode=True)


def test_the_pull_of_a_picture_on_a_gaussian_is_that_on_its_pixel():
    """Brighter to the right: the gradient of its pixel is that of its position, by focal length and depth."""
    one = make([[0.0, 0, 2.0]]).map(lambda part: part.requires_grad_())
    drawn = rasterise(one, AHEAD, 0)
    (drawn.colours * torch.arange(24.0)[None, :, None]).sum().backward()
    on_pixel = drawn.pixels.grad[0]
    assert on_pixel[0] > 0 and abs(on_pixel[1]) < 1e-2 * on_pixel[0]
    assert one.means.grad[0, 0] == pytest.approx(float(on_pixel[0]) * 20 / 2, rel=1e-6)


def test_harmonics_are_orthonormal_and_have_the_signs_of_others():
    count = 20_000  # evenly over the ball
    n = np.arange(count) + 0.5
    z, turn = 1 - 2 * n / count, np.pi * (1 + 5**0.5) * n
    flat = np.sqrt(1 - z**2)
    ways = np.column_stack([flat * np.cos(turn), flat * np.sin(turn), z])
    terms = find_terms(torch.from_numpy(ways), 3).numpy()
    assert 4 * np.pi * terms.T @ terms / count == pytest.approx(np.eye(16), abs=1e-3)
    axes = find_terms(torch.eye(3, dtype=torch.float64), 1).numpy()
    c = np.sqrt(3 / (4 * np.pi))
    rows = np.array([[0, 0, -c], [-c, 0, 0], [0, c, 0]])
    assert axes[:, 1:] == pytest.approx(rows, abs=1e-12)
    with pytest.raises(ValueError, match="degree 4: give 0 to 3"):
        count_terms(4)


def test_a_colour_changes_with_the_side_and_is_never_below_black():
    one = make([[0.0, 0, 2.0]], colours=(0.5, 0.5, 0.5))
    one.sh_rest[0, 1] = torch.tensor([0.1, 0.0, -9.0])
    # seen along z: 0.5 + 0.1 * sqrt(3 / 4 pi)
    expected = [[0.5 + 0.1 * np.sqrt(3 / (4 * np.pi)), 0.5, 0.0]]
    assert shade(one, AHEAD, 1).numpy() == pytest.approx(np.array(expected))
    assert shade(one, AHEAD, 0).numpy() == pytest.approx(np.full((1, 3), 0.5))


def test_gaussians_begin_at_points_in_their_colours_as_wide_as_neighbours_are_far():
    corners = np.array([[0.0, 0, 0], [2.0, 0, 0], [0, 2.0, 0], [0, 0, 2.0]])
    colours = np.array([[255, 0, 128]] * 4, np.uint8)
    found = begin(corners, colours, 2, 10)
    assert found.means.numpy() == pytest.approx(corners)
    assert found.log_scales[0].exp().numpy() == pytest.approx(2.0)
    shown = shade(found, View(CAMERA, torch.eye(4)), 2)
    assert shown[0].numpy() == pytest.approx([1.0, 0.0, 128 / 255], abs=1e-6)
    assert found.harmonics.shape == (4, 9, 3)
    assert len(begin(np.repeat(corners, 3, axis=0), colours.repeat(3, 0), 0, 5)) == 5
    with pytest.raises(ValueError, match="3 points are too few"):
        begin(corners[:3], colours[:3], 0, 10)


def test_points_of_one_place_begin_with_a_size():
    found = begin(np.zeros((5, 3)), np.zeros((5, 3), np.uint8), 0, 10)
    assert torch.isfinite(found.log_scales).all()


def test_a_device_that_lacks_something_says_what_and_the_remedy(monkeypatch):
    assert choose_rasteriser("cpu") == (rasterise, "models.splats")
    with pytest.raises(ValueError, match="device 'tpu': choose one of cuda, cpu"):
        choose_rasteriser("tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceLacks, match=r"no GPU is here.*`--device cpu`"):
        choose_rasteriser("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setitem(__import__("sys").modules, "gsplat", None)
    with pytest.raises(DeviceLacks, match=r"pip install 'daguerre\[splats\]'"):
        choose_rasteriser("cuda")
