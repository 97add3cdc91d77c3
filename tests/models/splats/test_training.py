"""Gaussians learned on a processor: held-out views come nearer, numbers grow where pictures pull, faults are named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.geometry.camera import Camera
from models.metrics.pictures import find_psnr_db
from models.splats.density import refine
from models.splats.gaussians import Gaussians, begin
from models.splats.rasteriser import rasterise
from models.splats.training import (
    RECIPES,
    Diverged,
    Recipe,
    draw,
    find_extent,
    find_loss,
    train,
)
from models.splats.views import Shot, View, make_shot

CAMERA = Camera((32, 24), (30.0, 30.0), (15.5, 11.5))
TINY = Recipe(32, 40, 1, 10, 200, 20, 30, 10, rates_by=4.0)
RNG = np.random.default_rng(0)
POINTS = RNG.uniform([-1, -0.8, 3], [1, 0.8, 4], (40, 3))
COLOURS = RNG.integers(30, 255, (40, 3)).astype(np.uint8)


def place(x_m: float) -> View:
    pose = np.eye(4, dtype=np.float32)
    pose[0, 3] = -x_m
    return View(CAMERA, torch.from_numpy(pose))


@pytest.fixture(scope="module")
def shots() -> list[Shot]:
    """Of a scene of opaque Gaussians, from five places side by side."""
    true = begin(POINTS, COLOURS, 1, 100)
    true = replace(true, logits=true.logits + 4)
    views = [place(x) for x in np.linspace(-0.4, 0.4, 5)]
    return [
        Shot(
            view,
            torch.from_numpy(draw(true, view, 1, rasterise)),
            torch.ones(24, 32, dtype=torch.bool),
        )
        for view in views
    ]


@pytest.fixture(scope="module")
def start() -> Gaussians:
    off = np.random.default_rng(1).normal(0, 0.02, POINTS.shape)
    return begin(POINTS + off, COLOURS, 1, 100)


def measure(gaussians: Gaussians, shot: Shot) -> float:
    drawn = draw(gaussians, shot.view, 1, rasterise)
    return find_psnr_db(shot.picture_rgb.numpy(), drawn)


def test_a_view_that_was_held_out_comes_nearer(shots, start):
    told = []
    learned = [*shots[:2], *shots[3:]]
    found = train(start, learned, TINY, rasterise, lambda n, of: told.append((n, of)))
    before, after = measure(start, shots[2]), measure(found, shots[2])
    assert after > before + 6, (before, after)
    # better than the nearest picture that was learned from
    nearest = find_psnr_db(shots[2].picture_rgb.numpy(), shots[1].picture_rgb.numpy())
    assert after > nearest
    assert len(found) > len(start) and len(found) <= TINY.most_gaussians
    assert told[-1] == (40, 40)
    assert all(torch.isfinite(part).all() for part in found.parts.values())
    assert not any(part.requires_grad for part in found.parts.values())


def test_the_same_is_learned_again(shots, start):
    short = replace(TINY, num_steps=6, refine_from=4, refine_every=4)
    first, second = (train(start, shots, short, rasterise) for _ in range(2))
    assert all(torch.equal(a, second.parts[n]) for n, a in first.parts.items())
    assert len(first) > len(start)


def test_what_is_not_known_is_not_learned(shots):
    half = torch.zeros(24, 32, dtype=torch.bool)
    half[:, :16] = True
    colours = shots[0].picture_rgb / 255
    seen = replace(shots[0], is_known=half)
    assert float(find_loss(colours, seen)) == pytest.approx(0, abs=1e-6)
    colours[:, 16:] = 1 - colours[:, 16:]
    assert float(find_loss(colours, seen)) == pytest.approx(0, abs=1e-6)
    assert float(find_loss(colours, shots[0])) > 0.05


def test_numbers_that_are_none_end_it_with_the_step(shots, start):
    broken = replace(start, sh0=start.sh0 * float("nan"))
    with pytest.raises(Diverged, match="the loss is nan in step 0"):
        train(broken, shots, TINY, rasterise)
    # what is nowhere is not drawn, and is found in the end
    lost = start.means.clone()
    lost[0] = float("nan")
    short = replace(TINY, num_steps=2)
    with pytest.raises(Diverged, match="no place or form after 2 steps"):
        train(replace(start, means=lost), shots, short, rasterise)
    with pytest.raises(ValueError, match="no picture to learn from"):
        train(start, [], TINY, rasterise)
    with pytest.raises(ValueError, match="num_steps 0"):
        replace(RECIPES["cpu"], num_steps=0)


def test_small_ones_are_cloned_large_ones_split_and_clear_ones_go():
    four = begin(POINTS[:4], COLOURS[:4], 0, 10)
    scales = torch.tensor([0.001, 0.5, 0.001, 0.001]).log()[:, None].repeat(1, 3)
    logits = torch.tensor([0.0, 0.0, 0.0, -9.0])
    four = replace(four, log_scales=scales, logits=logits)
    pull = torch.tensor([1e-3, 1e-3, 0.0, 1e-3])
    chance = torch.Generator().manual_seed(0)
    change = refine(four, pull, extent=1.0, most=10, generator=chance)
    # what stays, the clone of 0, two halves of 1
    assert change.parents.tolist() == [0, 2, 0, 1, 1]
    assert change.is_new.tolist() == [False, False, True, True, True]
    assert torch.equal(change.gaussians.means[2], four.means[0])
    halves = change.gaussians.log_scales[3:].exp()
    assert halves.numpy() == pytest.approx(0.5 / 1.6)
    off = change.gaussians.means[3:] - four.means[1]
    assert (off.norm(dim=1) > 0).all() and (off.norm(dim=1) < 4 * 0.5).all()


def test_of_more_than_there_is_room_for_those_grow_that_are_pulled_most():
    four = begin(POINTS[:4], COLOURS[:4], 0, 10)
    pull = torch.tensor([1e-3, 3e-3, 2e-3, 0.0])
    chance = torch.Generator().manual_seed(0)
    grown = refine(four, pull, extent=1e9, most=6, generator=chance)
    assert grown.parents.tolist() == [0, 1, 2, 3, 1, 2]
    full = refine(four, pull, extent=1e9, most=3, generator=chance)
    assert full.parents.tolist() == [0, 1, 2, 3]


def test_the_extent_is_that_of_the_cameras_or_of_what_they_see(start):
    wide = find_extent(start, [place(-2.0), place(2.0)])
    assert wide == pytest.approx(2.2)
    # cameras of one place: a twentieth of the distance
    middle = float(start.means.norm(dim=1).median())
    assert find_extent(start, [place(0.0)]) == pytest.approx(middle / 20, rel=1e-5)


def test_a_picture_is_laid_on_the_pixels_of_a_pinhole():
    """A dot that a bent lens shows at one pixel is where the pinhole has it."""
    lens = Camera((80, 60), (60.0, 60.0), (39.5, 29.5), "plumb_bob", (-0.3,))
    point = np.array([[0.3, 0.2, 1.0]])
    x, y = lens.project(point)[0].round().astype(int)
    picture = np.zeros((60, 80, 3), np.uint8)
    picture[y, x] = 255
    shot = make_shot(picture, lens, np.eye(4), 80)
    ray = lens.unproject(np.array([[float(x), float(y)]]))
    at = Camera(lens.size_px, lens.focal_px, lens.centre_px).project(ray)[0]
    rows, columns = np.nonzero(shot.picture_rgb[..., 0].numpy())
    weights = shot.picture_rgb[rows, columns, 0].numpy()
    assert np.average(columns, weights=weights) == pytest.approx(at[0], abs=0.3)
    assert np.average(rows, weights=weights) == pytest.approx(at[1], abs=0.3)
    # a barrel shows more at the corners than a pinhole of its size
    assert shot.is_known.all()
    pincushion = replace(lens, distortion=(0.3,))
    shot = make_shot(picture, pincushion, np.eye(4), 80)
    assert not shot.is_known[0, 0] and shot.is_known[30, 40]


def test_a_picture_is_made_small_with_its_camera():
    lens = Camera((80, 60), (60.0, 60.0), (39.5, 29.5))
    shot = make_shot(np.full((60, 80, 3), 7, np.uint8), lens, np.eye(4), 40)
    assert shot.view.camera == Camera((40, 30), (30.0, 30.0), (19.5, 14.5))
    assert (shot.picture_rgb == 7).all()
    with pytest.raises(ValueError, match="the picture has 60 x 60 px, its camera 80"):
        make_shot(np.zeros((60, 60, 3), np.uint8), lens, np.eye(4), 40)
