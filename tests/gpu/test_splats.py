"""Splats by gsplat on a GPU: pictures are those of the readable rasteriser, and a session is learned."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from assets.reconstruction.splats import refresh_splats
from assets.tables.catalog import Catalog
from models.splats import training
from models.splats.fast_rasteriser import DeviceLacks, choose_rasteriser
from models.splats.rasteriser import rasterise
from models.splats.training import Recipe
from tests.assets.reconstruction.splat_session import store_hall
from tests.models.splats.test_rasteriser import AHEAD, make


@pytest.fixture(scope="module")
def fast():
    try:
        return choose_rasteriser("cuda")[0]
    except DeviceLacks as lack:
        pytest.skip(str(lack))


def test_both_rasterisers_draw_the_same_and_pull_the_same(fast):
    rng = np.random.default_rng(0)
    many = make(
        rng.uniform([-1, -0.8, 2], [1, 0.8, 3], (40, 3)),
        rng.uniform(0.05, 0.2, (40, 3)).tolist(),
        turns=rng.normal(size=(40, 4)).tolist(),
    )
    many.sh_rest.copy_(torch.from_numpy(rng.normal(0, 0.1, (40, 3, 3))))
    pictures, pulls, slopes = [], [], []
    for draw, device in ((rasterise, "cpu"), (fast, "cuda")):
        given = many.map(lambda part, to=device: part.float().to(to).requires_grad_())
        view = AHEAD.to(torch.device(device))
        drawn = draw(given, type(view)(view.camera, view.camera_from_world.float()), 1)
        ((drawn.colours - 0.3) ** 2).sum().backward()
        pictures.append(drawn.colours.detach().cpu())
        pulls.append(drawn.pixels.grad.reshape(-1, 2).cpu())
        slopes.append(given.means.grad.cpu())
    # 1e-4 of light is where gsplat stops to look for more behind
    assert (pictures[0] - pictures[1]).abs().max() < 2e-3
    for ours, theirs in (pulls, slopes):
        assert (ours - theirs).norm() < 0.01 * ours.norm()


def test_a_session_is_learned_by_gsplat(fast, catalog: Catalog, monkeypatch):
    recipe = Recipe(320, 600, 2, 200, 20_000, 100, 500, 100)
    monkeypatch.setitem(training.RECIPES, "cuda", recipe)
    store_hall(catalog, num_views=9, step_m=0.04)
    row = refresh_splats(catalog, "hall").splats
    assert row["reason"] is None and row["rasteriser"].startswith("gsplat ")
    assert row["psnr_db"] > row["start_psnr_db"] + 3
    assert row["psnr_db"] > max(row["nearest_psnr_db"], row["mean_colour_psnr_db"])
