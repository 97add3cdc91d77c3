"""Pictures as a CLIP-like net takes them, by the `preprocessor_config.json` that its export has beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.types import Image

_MOST_PX = 1024  # of a side
_BICUBIC = 3  # Pillow's number, and that of CLIP


@dataclass(frozen=True)
class Preparation:
    """Sizes are (height, width) in px. `shortest_px` None: stretched to the size, else the shortest side is made so
    long and the middle is cut out."""

    size_px: tuple[int, int]
    shortest_px: int | None
    resample: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def prepare(self, image_rgb: Image) -> NDArray[np.float32]:
        """(3, H, W) float32, normalised."""
        from PIL import Image as Pillow

        height, width = self.size_px
        resized = Pillow.fromarray(image_rgb).resize(
            self._scale(image_rgb), Pillow.Resampling(self.resample)
        )
        left, top = (resized.width - width) // 2, (resized.height - height) // 2
        cut = resized.crop((left, top, left + width, top + height))
        pixels = np.asarray(cut, np.float32) / 255
        mean, std = (np.asarray(v, np.float32) for v in (self.mean, self.std))
        normal = (pixels - mean) / std
        return np.ascontiguousarray(normal.transpose(2, 0, 1), np.float32)

    def _scale(self, image_rgb: Image) -> tuple[int, int]:
        """Width and height in px."""
        height, width = image_rgb.shape[:2]
        if self.shortest_px is None:
            return self.size_px[1], self.size_px[0]
        shortest = min(height, width)
        return (
            max(self.size_px[1], width * self.shortest_px // shortest),
            max(self.size_px[0], height * self.shortest_px // shortest),
        )


def read_preparation(path: Path, content: bytes) -> Preparation:
    """Raises ValueError for settings that are none, naming what is odd."""
    try:
        said = json.loads(content)
        size = said["size"]
        shortest = size if isinstance(size, int) else size.get("shortest_edge")
        crop = said.get("crop_size") if shortest else size
        found = Preparation(
            _read_size(shortest if crop is None else crop),
            None if shortest is None else int(shortest),
            int(said.get("resample", _BICUBIC)),
            _read_three(said["image_mean"]),
            _read_three(said["image_std"]),
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} does not say how pictures are prepared ({type(error).__name__}: {error}): it needs size, "
            "image_mean and image_std, as transformers writes them"
        ) from error
    sides = (*found.size_px, found.shortest_px or 1)
    if not (min(sides) > 0 and max(sides) <= _MOST_PX) or min(found.std) <= 0:
        raise ValueError(
            f"{path} asks for sides of {sides} px and deviations of {found.std}: sides may be 1 to {_MOST_PX} px, "
            "deviations above 0"
        )
    return found


def _read_size(said: Any) -> tuple[int, int]:
    if isinstance(said, int):
        return said, said
    return int(said["height"]), int(said["width"])


def _read_three(said: Any) -> tuple[float, float, float]:
    red, green, blue = map(float, said)
    return red, green, blue
