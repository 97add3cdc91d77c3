"""Corruptions: each does more at each strength, keeps size and type, and is the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from models.corruptions import CORRUPTIONS, STRENGTHS, corrupt

# stripes, a gradient and a disc
Y, X = np.mgrid[:96, :128]
IMAGE = np.stack(
    [
        np.where(X // 8 % 2, 200, 60),
        40 + X,
        np.where((Y - 48) ** 2 + (X - 64) ** 2 < 900, 220, 90),
    ],
    -1,
).astype(np.uint8)


def move(name: str, strength: int) -> float:
    """The mean change of a pixel."""
    changed = corrupt(IMAGE, name, strength).astype(float)
    return float(np.abs(changed - IMAGE).mean())


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_stronger_one_changes_more(name: str) -> None:
    moves = [move(name, strength) for strength in STRENGTHS]
    assert 0.2 < moves[0] < moves[2] < moves[4]


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_an_image_stays_one_and_the_same_seed_gives_the_same(name: str) -> None:
    changed = corrupt(IMAGE, name, 3, seed=5)
    assert (changed.shape, changed.dtype) == (IMAGE.shape, np.uint8)
    assert np.array_equal(changed, corrupt(IMAGE, name, 3, seed=5))


def test_light_goes_where_it_says() -> None:
    grey = np.full((16, 16, 3), 100, np.uint8)
    # 0.75^2 and 1.25^2 of 100
    assert corrupt(grey, "dark", 2).mean() == pytest.approx(56, abs=0.5)
    assert corrupt(grey, "bright", 2).mean() == pytest.approx(156, abs=0.5)
    assert np.array_equal(corrupt(grey, "contrast", 5), grey)


def test_blur_is_a_share_of_the_image_whatever_its_size() -> None:
    """An edge is as wide, in shares of the image, in one of twice the size."""

    def measure_edge(side: int) -> float:
        edge = np.zeros((side, side, 3), np.uint8)
        edge[:, side // 2 :] = 255
        row = corrupt(edge, "blur", 5)[side // 2, :, 0]
        return float(((row > 25) & (row < 230)).mean())

    assert measure_edge(400) == pytest.approx(measure_edge(200), abs=0.01)


@pytest.mark.parametrize("name, strength", [("rain", 1), ("blur", 0), ("blur", 6)])
def test_what_there_is_not_is_refused(name: str, strength: int) -> None:
    with pytest.raises(ValueError, match="give one of blur"):
        corrupt(IMAGE, name, strength)
