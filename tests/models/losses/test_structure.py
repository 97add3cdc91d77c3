"""Structural similarity against scikit-image's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from models.losses.structure import find_similarity


def test_it_is_that_of_scikit_image_where_the_border_is_black():
    rng = np.random.default_rng(0)
    first, second = np.zeros((2, 40, 44, 3))
    first[11:-11, 11:-11] = rng.random((18, 22, 3))
    second[11:-11, 11:-11] = 1 - first[11:-11, 11:-11]
    expected = structural_similarity(
        first,
        second,
        channel_axis=2,
        data_range=1.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )[1].mean()
    found = find_similarity(torch.from_numpy(first), torch.from_numpy(second))
    assert float(found) == pytest.approx(expected, abs=1e-6)
    assert expected < 0.9


def test_a_picture_is_like_itself():
    picture = torch.rand(12, 16, 3)
    assert float(find_similarity(picture, picture)) == pytest.approx(1.0)
