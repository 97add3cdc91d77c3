"""The function that Pixeltable computes a column with: it wants it in a module of its own."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pixeltable

from assets.images import shrink_luma
from models.image_quality import measure_quality


@pixeltable.udf
def measure(image: PIL.Image.Image, path: str) -> dict[str, Any]:
    """What `figures.measure_payload` gives, of an image that is decoded already."""
    figures = measure_quality(shrink_luma(np.asarray(image.convert("L"))))
    sha256 = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return {
        "sha256": sha256,
        "height_px": image.height,
        "width_px": image.width,
        **figures,
    }
