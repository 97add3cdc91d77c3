"""How near pictures are, by sums that a person can do."""

from __future__ import annotations

import numpy as np
import pytest

from models.metrics.pictures import find_psnr_db

FLAT = np.full((2, 3, 3), 100, np.uint8)


def test_pictures_that_are_off_by_one_have_48_db():
    # 20 log10(255)
    assert find_psnr_db(FLAT, FLAT + np.uint8(1)) == pytest.approx(48.1308, abs=1e-4)
    assert find_psnr_db(FLAT + np.uint8(1), FLAT) == pytest.approx(48.1308, abs=1e-4)


def test_equal_pictures_have_the_noise_of_their_bits():
    # 10 log10(255^2 * 12)
    assert find_psnr_db(FLAT, FLAT) == pytest.approx(58.9226, abs=1e-4)


def test_only_what_is_known_counts():
    other = FLAT.copy()
    other[0] = 0
    known = np.array([[False] * 3, [True] * 3])
    assert find_psnr_db(FLAT, other, known) == pytest.approx(58.9226, abs=1e-4)
    # half of the pixels are off by 100: 10 log10(255^2 / 5000)
    assert find_psnr_db(FLAT, other) == pytest.approx(11.1411, abs=1e-4)


def test_pictures_that_cannot_be_compared_are_mistakes():
    with pytest.raises(ValueError, match="give two of one size"):
        find_psnr_db(FLAT, FLAT[:1])
    with pytest.raises(ValueError, match="no pixel is known"):
        find_psnr_db(FLAT, FLAT, np.zeros((2, 3), bool))
