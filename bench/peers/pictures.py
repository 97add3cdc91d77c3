"""Paint the pictures that loaders are compared on: coloured noise with the spectrum of photographs, and occlusions.

Each is a "dead leaves" picture (Lee, Mumford and Huang, IJCV 2001), known to share the statistics of natural images:
ellipses of many sizes that cover one another, each cut from one of 24 textures whose amplitude falls with frequency as
1/f to 1/f^1.5. 640x480, JPEG of quality 90 with chroma at half size, 45 to 130 KB, mostly 57 to 90. Nothing is drawn at
random but from a seed: the same number is the same picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

HEIGHT_PX = 480
WIDTH_PX = 640
QUALITY = 90
NUM_CLASSES = 10
NUM_VAL = 40  # beside the training pictures: a release needs some

Picture = NDArray[np.uint8]


def write_pictures(folder: Path, count: int) -> None:
    """`train/<class>/<number>.jpg` of `count` pictures, and `val/<class>/` of some more."""
    textures = make_textures(seed=0)
    for number in range(count + NUM_VAL):
        path = (
            folder
            / ("train" if number < count else "val")
            / f"class_{number % NUM_CLASSES}"
            / f"{number:08d}.jpg"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(paint(textures, number)))


def encode(image: Picture) -> bytes:
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])


def paint(textures: Sequence[Picture], number: int) -> Picture:
    """(480, 640, 3) uint8: a texture, and 6 to 29 leaves of others over it."""
    rng = np.random.default_rng([1, number])

    def cut() -> Picture:
        texture = textures[int(rng.integers(len(textures)))]
        y = rng.integers(texture.shape[0] - HEIGHT_PX)
        x = rng.integers(texture.shape[1] - WIDTH_PX)
        return texture[y : y + HEIGHT_PX, x : x + WIDTH_PX]

    image = cut().copy()
    for _ in range(int(rng.integers(6, 30))):
        # area is distributed as its inverse square
        radius_px = min(240.0, 12 / np.sqrt(rng.uniform(0.004, 1)))
        axes_px = int(radius_px * rng.uniform(0.5, 1.6)) + 2, int(radius_px) + 2
        centre_px = int(rng.integers(WIDTH_PX)), int(rng.integers(HEIGHT_PX))
        leaf = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
        cv2.ellipse(
            leaf, centre_px, axes_px, float(rng.uniform(0, 180)), 0, 360, (255,), -1
        )
        cv2.copyTo(cut(), leaf, image)
    return image


def make_textures(seed: int, count: int = 24, side_px: int = 1024) -> list[Picture]:
    """(side, side, 3) uint8 each: luma as photographs have it, smoother chroma, a colour and a contrast of its own."""
    rng = np.random.default_rng(seed)
    textures = []
    for _ in range(count):
        luma = _draw_noise(rng, side_px, rng.uniform(1.0, 1.5))
        red, blue = (_draw_noise(rng, side_px, 1.6) for _ in range(2))
        colour = rng.uniform(60, 190, 3)
        contrast = rng.uniform(14, 38)
        chroma = np.stack([red, -(red + blue) / 2, blue], -1)
        textures.append(
            np.clip(colour + contrast * luma[..., None] + 8 * chroma, 0, 255).astype(
                np.uint8
            )
        )
    return textures


def _draw_noise(
    rng: np.random.Generator, side_px: int, exponent: float
) -> NDArray[np.float64]:
    """(side, side) of mean 0 and deviation 1 whose amplitude falls as 1 / frequency ** exponent."""
    frequency = np.hypot(
        np.fft.fftfreq(side_px)[:, None], np.fft.rfftfreq(side_px)[None]
    )
    frequency[0, 0] = np.inf
    spectrum = np.exp(2j * np.pi * rng.random(frequency.shape)) / frequency**exponent
    noise = np.fft.irfft2(spectrum, (side_px, side_px))
    return noise / noise.std()
