"""Load the photographs that simulated solids wear, from the data folder of the installed scikit-image wheel."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# Files of the wheel itself, opened directly: scikit-image's own loaders may download.
FILES: dict[str, str] = {
    "astronaut": "astronaut.png",
    "brick": "brick.png",
    "camera": "camera.png",
    "chelsea": "chelsea.png",
    "coffee": "coffee.png",
    "coins": "coins.png",
    "color": "color.png",
    "grass": "grass.png",
    "gravel": "gravel.png",
    "hubble": "hubble_deep_field.jpg",
    "ihc": "ihc.png",
    "logo": "logo.png",
    "moon": "moon.png",
    "motorcycle": "motorcycle_left.png",
    "page": "page.png",
    "retina": "retina.jpg",
    "rocket": "rocket.jpg",
    "text": "text.png",
    "wood": "coffee.png",
}
CROPS: dict[
    str, tuple[int, int, int, int]
] = {  # left, top, right, bottom px: the part worth wearing
    "chelsea": (80, 0, 380, 300),
    "color": (70, 70, 300, 300),
    "logo": (80, 80, 420, 420),
    "retina": (250, 250, 1161, 1161),
    "hubble": (200, 200, 700, 700),
    "wood": (484, 60, 600, 176),
}


@cache
def load_photos() -> dict[str, NDArray[np.uint8]]:
    """Name -> (H, W, 3) uint8 RGB. Raises ValueError when the scikit-image wheel lacks one of the files."""
    from PIL import Image

    folder = _find_data_folder()
    photos = {}
    for name, file in FILES.items():
        path = folder / file
        if not path.is_file():
            raise ValueError(
                f"scikit-image has no {file} in its data folder: reinstall the locked environment"
            )
        image = Image.open(path, formats=["PNG", "JPEG"]).convert("RGB")
        photos[name] = np.asarray(image.crop(CROPS[name]) if name in CROPS else image)
    return photos


def _find_data_folder() -> Path:
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(
            "scikit-image is not installed: the simulator takes its photographs from that wheel"
        )
    return Path(spec.submodule_search_locations[0]) / "data"
