"""Quality figures on images whose figures a person can compute."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.tables.schemas import TABLES
from models.image_quality import (
    estimate_noise,
    find_reduction,
    hash_perceptually,
    measure_crispness,
    measure_quality,
)


def grey(value: int, height_px: int = 40, width_px: int = 60) -> np.ndarray:
    return np.full((height_px, width_px), value, np.uint8)


def test_a_half_black_half_white_image():
    image = grey(0)
    image[:, 30:] = 255
    found = measure_quality(image)
    assert found["brightness"] == pytest.approx(0.5)
    assert found["contrast"] == pytest.approx(0.5)  # every pixel is 0.5 from the mean
    assert (found["clipped_dark"], found["clipped_bright"]) == (0.5, 0.5)
    assert found["noise"] == 0  # one edge does not move the median


def test_a_flat_image_has_no_contrast_sharpness_or_noise():
    found = measure_quality(grey(128))
    assert [
        found[n]
        for n in ("contrast", "sharpness", "noise", "clipped_dark", "clipped_bright")
    ] == [0] * 5
    assert found["brightness"] == pytest.approx(128 / 255)


@pytest.mark.parametrize(
    ("value", "dark", "bright"), [(5, 1, 0), (6, 0, 0), (249, 0, 0), (250, 0, 1)]
)
def test_pixels_clip_at_the_stated_lumas(value, dark, bright):
    found = measure_quality(grey(value))
    assert (found["clipped_dark"], found["clipped_bright"]) == (dark, bright)


@pytest.mark.parametrize("deviation", [0.01, 0.03, 0.1])
def test_noise_is_measured_on_a_smooth_ramp(deviation):
    ramp = np.linspace(0.3, 0.7, 200)[None, :] + np.zeros((150, 1))
    noisy = ramp + np.random.default_rng(0).normal(0, deviation, ramp.shape)
    assert estimate_noise(
        np.clip(noisy * 255, 0, 255).round().astype(np.uint8)
    ) == pytest.approx(deviation, rel=0.05)


def test_noise_of_a_tiny_image_is_measured_from_its_pixels():
    assert estimate_noise(np.array([[0, 255], [255, 0]], np.uint8)) > 0.1


@pytest.mark.parametrize(
    ("height_px", "width_px", "reduction"),
    [(119, 500, 1), (239, 240, 1), (240, 320, 2), (480, 640, 4), (4000, 3000, 8)],
)
def test_working_size_keeps_120_px_on_the_short_side(height_px, width_px, reduction):
    assert (
        find_reduction(height_px, width_px)
        == find_reduction(width_px, height_px)
        == reduction
    )


def test_blur_lowers_sharpness():
    image = np.random.default_rng(0).integers(0, 256, (60, 60), dtype=np.uint8)
    assert (
        measure_quality(cv2.GaussianBlur(image, (9, 9), 3))["sharpness"]
        < 0.1 * measure_quality(image)["sharpness"]
    )


def test_the_hash_survives_scaling_and_brightness_and_tells_images_apart():
    rng = np.random.default_rng(0)
    one, two = (
        cv2.resize(
            rng.integers(40, 200, (8, 8), dtype=np.uint8),
            (128, 96),
            interpolation=cv2.INTER_CUBIC,
        )
        for _ in "ab"
    )

    def distance(a: np.ndarray, b: np.ndarray) -> int:
        return (
            int(hash_perceptually(a), 16) ^ int(hash_perceptually(b), 16)
        ).bit_count()

    assert distance(one, cv2.resize(one, (64, 48), interpolation=cv2.INTER_AREA)) <= 4
    assert distance(one, one + 20) <= 4
    assert distance(one, two) > 16


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_figures_of_any_image_lie_in_the_ranges_of_the_schema(
    height_px, width_px, seed
):
    image = np.random.default_rng(seed).integers(
        0, 256, (height_px, width_px), dtype=np.uint8
    )
    for name, value in measure_quality(image).items():
        column = TABLES["frame_quality"].column(name)
        if column.regex:
            assert len(value) == 16 and int(value, 16) >= 0
        else:
            assert (
                (column.low or 0)
                <= value
                <= (column.high if column.high is not None else np.inf)
            ), name


def smear(image: np.ndarray, length_px: int, is_upright: bool) -> np.ndarray:
    """A long exposure of a camera that moves along rows, or columns."""
    kernel = np.full((1, length_px), 1 / length_px, np.float32)
    return cv2.filter2D(image, -1, kernel.T if is_upright else kernel)


def texture(contrast: float = 40.0) -> np.ndarray:
    """Soft spots, as of a sharp picture of something."""
    noise = np.random.default_rng(0).normal(size=(120, 160)).astype(np.float32)
    spots = cv2.GaussianBlur(noise, (0, 0), 1.0)
    return np.clip(128 + contrast * spots / spots.std(), 0, 255).astype(np.uint8)


def test_white_noise_has_a_crispness_of_3_and_so_has_a_flat_image():
    noise = np.random.default_rng(0).integers(0, 255, (240, 320)).astype(np.uint8)
    # second differences have 1 + 4 + 1, first ones 1 + 1 times the variance of a pixel
    assert measure_crispness(noise) == pytest.approx(3.0, abs=0.02)
    assert measure_crispness(grey(90)) == 3.0


def test_an_edge_has_a_crispness_of_2_along_the_direction_that_crosses_it():
    image = grey(0)
    image[:, 30:] = 255  # x[k+1] - x[k] is one step, x[k+2] - x[k] two, 4 - 2 = 2
    assert measure_crispness(image) == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize("is_upright", [False, True])
def test_a_smear_along_any_side_takes_crispness_the_more_the_longer_it_is(is_upright):
    sharp = texture()
    found = [measure_crispness(smear(sharp, n, is_upright)) for n in (1, 2, 3, 5)]
    assert found == sorted(found, reverse=True)
    assert found[1] < 0.9 * found[0] and found[3] < 0.5 * found[0]


def test_crispness_does_not_follow_contrast():
    assert measure_crispness(texture(20.0)) == pytest.approx(
        measure_crispness(texture(40.0)), rel=0.05
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2)])
def test_crispness_of_an_image_of_few_pixels_is_a_number(shape):
    assert (
        0
        <= measure_crispness(np.arange(np.prod(shape), dtype=np.uint8).reshape(shape))
        <= 4
    )
