"""What weather, light, lenses and transport do to an image, at graded strength, to ask a model how much it bears.

After Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and Perturbations (ICLR
2019), in small functions of our own: what reaches over pixels is measured in shares of the image's shorter side, so
that a strength means the same in images of any size. Objects stay where they are, so labels hold.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from models.types import Image

STRENGTHS = (1, 2, 3, 4, 5)
_Floats = NDArray[np.float32]  # (H, W, 3) in [0, 1]
_Corrupt = Callable[[_Floats, int, np.random.Generator], _Floats]


def corrupt(image_rgb: Image, name: str, strength: int, seed: int = 0) -> Image:
    """The image with one corruption of `CORRUPTIONS` at a strength of 1 to 5. The same seed gives the same image.

    Raises ValueError for an unknown name or strength.
    """
    if name not in CORRUPTIONS or strength not in STRENGTHS:
        raise ValueError(
            f"corruption {name!r} at strength {strength}: give one of {', '.join(CORRUPTIONS)} at 1 to 5"
        )
    rng = np.random.default_rng([seed, list(CORRUPTIONS).index(name)])
    pixels = (image_rgb / 255).astype(np.float32)
    changed = CORRUPTIONS[name](pixels, strength, rng)
    return np.rint(changed.clip(0, 1) * 255).astype(np.uint8)


def _blur(image: _Floats, strength: int, _rng: np.random.Generator) -> _Floats:
    sigma_px = 0.006 * strength * _measure_side(image)
    return cv2.GaussianBlur(image, (0, 0), max(sigma_px, 0.1)).astype(np.float32)


def _motion_blur(image: _Floats, strength: int, rng: np.random.Generator) -> _Floats:
    """Along a straight line of any direction."""
    length_px = max(2, round(0.015 * strength * _measure_side(image)) + 1)
    size = 2 * (length_px // 2) + 1
    kernel = np.zeros((size, size), np.float32)
    kernel[size // 2, :] = 1
    middle = (size // 2, size // 2)
    turn = cv2.getRotationMatrix2D(middle, float(rng.uniform(0, 180)), 1.0)
    kernel = cv2.warpAffine(kernel, turn, (size, size)).astype(np.float32)
    return cv2.filter2D(image, -1, kernel / kernel.sum()).astype(np.float32)


def _noise(image: _Floats, strength: int, rng: np.random.Generator) -> _Floats:
    """Normal, as of a sensor in the dark."""
    return image + rng.normal(0, 0.04 * strength, image.shape).astype(np.float32)


def _dark(image: _Floats, strength: int, _rng: np.random.Generator) -> _Floats:
    return image * np.float32(0.75**strength)


def _bright(image: _Floats, strength: int, _rng: np.random.Generator) -> _Floats:
    """Exposed too long: what is light already is lost."""
    return image * np.float32(1.25**strength)


def _contrast(image: _Floats, strength: int, _rng: np.random.Generator) -> _Floats:
    """Drawn to the image's mean."""
    mean = image.mean((0, 1), keepdims=True)
    return mean + (image - mean) * np.float32(0.7**strength)


def _jpeg(image: _Floats, strength: int, _rng: np.random.Generator) -> _Floats:
    quality = (40, 25, 15, 10, 6)[strength - 1]
    pixels = np.rint(image[..., ::-1] * 255).astype(np.uint8)
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert decoded is not None, "just encoded"
    return (decoded[..., ::-1] / 255).astype(np.float32)


def _fog(image: _Floats, strength: int, rng: np.random.Generator) -> _Floats:
    """White that is thicker in some places than in others."""
    height, width = image.shape[:2]
    coarse = rng.random((4, 4)).astype(np.float32)
    clouds = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    share = (0.14 * strength * (0.6 + 0.8 * clouds.clip(0, 1))).clip(0, 0.98)
    return (image * (1 - share[..., None]) + share[..., None]).astype(np.float32)


def _colour(image: _Floats, strength: int, rng: np.random.Generator) -> _Floats:
    """Another white balance: red against blue."""
    way = 1 if rng.random() < 0.5 else -1
    gain = np.float32(1.12 ** (way * strength))
    return image * np.array([gain, 1, 1 / gain], np.float32)


def _measure_side(image: _Floats) -> int:
    return min(image.shape[:2])


CORRUPTIONS: dict[str, _Corrupt] = {
    "blur": _blur,
    "motion_blur": _motion_blur,
    "noise": _noise,
    "dark": _dark,
    "bright": _bright,
    "contrast": _contrast,
    "jpeg": _jpeg,
    "fog": _fog,
    "colour": _colour,
}
