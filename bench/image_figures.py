"""The figures by which drift of images is judged, of pictures that are in no home."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from assets.inference.embed import Embedder
from assets.monitoring.figures import FIGURES, GatheredFrames
from models.image_quality import Luma, find_reduction, measure_quality
from models.types import Image


def gather_images(
    images: Sequence[Image], recording: str, embedder: Embedder, has_clock: bool = True
) -> GatheredFrames:
    """Of one recording of one camera, its pictures in the order in which they were taken."""
    rows = [measure_quality(_read_luma(image)) for image in images]
    columns = [f.scale(np.array([row[f.name] for row in rows])) for f in FIGURES]
    return GatheredFrames(
        np.array(["left"] * len(images)),
        np.array([recording] * len(images)),
        has_clock,
        np.stack(columns, axis=1),
        embedder.embed(list(images)).astype(np.float64),
    )


def _read_luma(image: Image) -> Luma:
    """At working size, scaled down by averages."""
    luma = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    step = find_reduction(*luma.shape)
    height, width = luma.shape
    small = cv2.resize(
        luma, (width // step, height // step), None, 0, 0, cv2.INTER_AREA
    )
    return np.asarray(small, np.uint8)
