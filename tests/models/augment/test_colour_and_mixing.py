"""Changes of colour and blends of pairs, against sums done by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.augment.colour import apply_colour, draw_colour
from models.augment.mixing import cut_pairs, mix_pairs, smooth_one_hot


def _pixels(*values):
    return torch.tensor(values, dtype=torch.uint8).T.reshape(1, 3, 1, len(values))


def test_factors_of_one_change_nothing():
    pixels = _pixels((10, 200, 30), (0, 255, 128))
    torch.testing.assert_close(
        apply_colour(pixels, torch.ones(1, 3)), pixels.float(), atol=1e-4, rtol=0
    )


def test_brightness_scales_and_clips():
    out = apply_colour(
        _pixels((100, 100, 100), (200, 200, 200)), torch.tensor([[1.5, 1.0, 1.0]])
    )
    torch.testing.assert_close(
        out[0, :, 0].T, torch.tensor([[150.0] * 3, [255.0] * 3]), atol=1e-3, rtol=0
    )


def test_no_saturation_is_luma():
    out = apply_colour(_pixels((255, 0, 0)), torch.tensor([[1.0, 1.0, 0.0]]))
    torch.testing.assert_close(
        out.flatten(), torch.full((3,), 0.299 * 255), atol=1e-3, rtol=0
    )


def test_no_contrast_is_the_mean():
    out = apply_colour(
        _pixels((0, 0, 0), (100, 100, 100)), torch.tensor([[1.0, 0.0, 1.0]])
    )
    torch.testing.assert_close(out, torch.full((1, 3, 1, 2), 50.0), atol=1e-3, rtol=0)


def test_drawn_factors_stay_within_strength():
    factors = np.stack([draw_colour(np.random.default_rng(n), 0.2) for n in range(100)])
    assert factors.min() >= 0.8 and factors.max() <= 1.2


def test_smoothing_spreads_its_mass_over_all_classes():
    # 0.9 + 0.1 / 4 for the class, 0.1 / 4 for each other
    np.testing.assert_allclose(
        smooth_one_hot(np.array([2]), 4, 0.1), [[0.025, 0.025, 0.925, 0.025]], atol=1e-7
    )


def test_mixed_targets_sum_to_one_and_match_the_mixed_pixels():
    images = torch.zeros((2, 3, 1, 1), dtype=torch.uint8)
    images[1] = 200
    mixed, mixed_targets = mix_pairs(
        images, torch.eye(2), 1.0, np.random.default_rng(1)
    )
    np.testing.assert_allclose(mixed_targets.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(mixed[:, 0, 0, 0], 200 * mixed_targets[:, 1], atol=0.5)


def test_no_alpha_mixes_nothing():
    images = torch.ones((2, 3, 1, 1), dtype=torch.uint8)
    targets = torch.eye(2)
    assert mix_pairs(images, targets, 0.0, np.random.default_rng(0))[0] is images


@pytest.mark.parametrize("seed", range(20))
def test_a_pasted_box_has_the_share_that_its_targets_say(seed):
    images = torch.stack(
        [torch.full((3, 24, 40), 10 * n, dtype=torch.uint8) for n in range(4)]
    )
    before = images.clone()
    cut, cut_targets = cut_pairs(images, torch.eye(4), 1.0, np.random.default_rng(seed))
    np.testing.assert_allclose(cut_targets.sum(1), 1, atol=1e-6)
    for image, target in zip(cut, cut_targets, strict=True):
        np.testing.assert_allclose(
            [(image[0] == 10 * n).float().mean() for n in range(4)], target, atol=1e-6
        )
    assert torch.equal(images, before)


def test_pasted_boxes_cover_from_nothing_to_everything():
    images = torch.zeros((2, 3, 32, 32), dtype=torch.uint8)
    targets = torch.eye(2)
    draws = (
        cut_pairs(images, targets, 1.0, np.random.default_rng(seed))[1]
        for seed in range(300)
    )
    shares = [one[0, 1] for one in draws if one[0, 1] > 0]
    assert min(shares) < 0.05 and max(shares) > 0.7
