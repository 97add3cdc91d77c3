"""Random crops stay inside, have the asked area and shape, and look the same whatever scale they are decoded at."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.images import EncodedImage, decode_rgb
from models.augment.crops import Crop, cut_crop, draw_crop, resize
from models.types import Sample

SIDE = 96


def picture(height: int = 480, width: int = 640) -> np.ndarray:
    """Blobs of all sizes: as rough as a photograph."""
    rng = np.random.default_rng(3)
    grids = [
        (s, rng.normal(0, 1, (max(height // s, 1), max(width // s, 1), 3)))
        for s in (4, 16, 64)
    ]
    image = sum(cv2.resize(grid, (width, height)) * s**0.7 for s, grid in grids)
    return ((image - image.min()) / np.ptp(image) * 255).astype(np.uint8)


def jpeg(image_rgb: np.ndarray, quality: int = 92) -> EncodedImage:
    return EncodedImage(
        cv2.imencode(".jpg", image_rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[
            1
        ].tobytes()
    )


@given(st.integers(0, 2**32), st.integers(1, 900), st.integers(1, 900))
def test_a_crop_lies_inside_the_image(seed, height, width):
    crop = draw_crop(np.random.default_rng(seed), (height, width), (0.08, 1.0), True)
    assert crop.left >= 0 and crop.left + crop.width <= width and crop.width >= 1
    assert crop.top >= 0 and crop.top + crop.height <= height and crop.height >= 1


def test_areas_and_shapes_are_as_asked():
    rng = np.random.default_rng(0)
    crops = [draw_crop(rng, (480, 640), (0.1, 0.5), True) for _ in range(4000)]
    shares = np.array([c.width * c.height / (480 * 640) for c in crops])
    aspects = np.array([c.width / c.height for c in crops])
    assert shares.min() > 0.099 and shares.max() < 0.503
    assert abs(shares.mean() - 0.3) < 0.01  # the mean of a uniform share in [0.1, 0.5]
    assert aspects.min() > 0.74 and aspects.max() < 1.35
    assert abs(np.log(aspects).mean()) < 0.02  # as often tall as wide
    assert abs(np.mean([c.is_mirrored for c in crops]) - 0.5) < 0.03
    assert abs(np.mean([(c.left + c.width / 2) / 640 for c in crops]) - 0.5) < 0.01


def test_an_image_too_long_for_any_draw_gives_its_middle():
    crop = draw_crop(np.random.default_rng(0), (10, 1000), (1.0, 1.0), False)
    # 13 = round(10 * 4 / 3), 493 = (1000 - 13) // 2
    assert crop == Crop(493, 0, 13, 10)


def test_the_whole_image_as_a_crop_is_the_image_resized_and_a_mirrored_one_its_mirror():
    image = picture(200, 200)
    sample = Sample("a", image, 0)
    whole = cut_crop(sample, Crop(0, 0, 200, 200), SIDE)
    np.testing.assert_array_equal(whole, resize(image, SIDE))
    np.testing.assert_array_equal(
        cut_crop(sample, Crop(0, 0, 200, 200, True), SIDE), whole[:, ::-1]
    )


@pytest.mark.parametrize("size", [(480, 640), (479, 641), (333, 517)])
def test_crops_decoded_at_scale_look_like_crops_of_the_full_image(size):
    stored = jpeg(picture(*size))
    full = Sample("full", decode_rgb(stored.payload), 0)
    rng = np.random.default_rng(1)
    differences = []
    num_reduced = 0
    for _ in range(60):
        crop = draw_crop(rng, size, (0.08, 1.0), True)
        num_reduced += stored.read(max(SIDE / crop.width, SIDE / crop.height))[1] > 1
        ours, truth = (
            cut_crop(s, crop, SIDE).astype(float)
            for s in (Sample("a", stored, 0), full)
        )
        differences.append(np.abs(ours - truth).mean())
    assert num_reduced > 20
    # of 255 grey levels
    assert np.mean(differences) < 1.5 and np.max(differences) < 4.0


def test_a_jpeg_is_never_read_smaller_than_asked():
    stored = jpeg(picture(480, 640))
    for scale, reduction in (
        (1.0, 1),
        (0.51, 1),
        (0.5, 2),
        (0.26, 2),
        (0.25, 4),
        (0.125, 8),
        (0.01, 8),
        (3.0, 1),
    ):
        image, found = stored.read(scale)
        assert found == reduction and image.shape == (
            480 // reduction,
            640 // reduction,
            3,
        )


def test_other_formats_and_grey_are_read_whole():
    image = picture(48, 64)
    png = EncodedImage(cv2.imencode(".png", image[..., ::-1])[1].tobytes())
    assert png.size_hw == (48, 64) and png.read(0.1)[1] == 1
    np.testing.assert_array_equal(png.read()[0], image)
    grey = EncodedImage(cv2.imencode(".jpg", image[..., 0])[1].tobytes())
    assert grey.read(0.5)[0].shape == (24, 32, 3)
