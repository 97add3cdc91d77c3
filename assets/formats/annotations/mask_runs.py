"""Turn COCO segmentations (polygons, run lengths) into compressed run-length masks, with sizes checked first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from assets.formats.annotations.orientation import Placement
from models.masks import decode_counts, decode_mask, encode_mask

MAX_MASK_PIXELS = 100_000_000
MAX_OUTLINE_PX = 1_000_000


def encode_polygons(
    polygons: Sequence[Sequence[float]], size_px: tuple[int, int]
) -> str:
    """COCO compressed counts of the union of polygons (x0, y0, x1, y1, ... px) in a frame of (width, height).

    Rasterised as pycocotools does. Raises ValueError for what is no polygon, or lies far outside the frame.
    """
    from faster_coco_eval.core import mask

    width, height = _check_size(size_px)
    for polygon in polygons:
        if len(polygon) < 6 or len(polygon) % 2:
            raise ValueError(f"a polygon of {len(polygon)} numbers")
        if not all(
            math.isfinite(v) and -max(width, height) <= v <= 2 * max(width, height)
            for v in polygon
        ):
            raise ValueError(
                f"a polygon that leaves the {width}x{height} image by more than its size"
            )
        outline_px = _measure_outline(polygon)
        if outline_px > MAX_OUTLINE_PX:
            raise ValueError(
                f"a polygon with an outline of {outline_px:.0f} px, more than {MAX_OUTLINE_PX}"
            )
    runs = mask.frPyObjects([list(map(float, p)) for p in polygons], height, width)
    return _text(mask.merge(runs)["counts"])


def encode_runs(counts: Sequence[int], size_px: tuple[int, int]) -> str:
    """COCO compressed counts of uncompressed ones. Raises ValueError when they do not fill the frame exactly."""
    from faster_coco_eval.core import mask

    width, height = _check_size(size_px)
    if (
        any(type(c) is not int or c < 0 for c in counts)
        or sum(counts) != width * height
    ):
        raise ValueError(f"run lengths that do not fill {width}x{height} pixels")
    return _text(
        mask.frPyObjects(
            {"counts": list(counts), "size": [height, width]}, height, width
        )["counts"]
    )


def encode_segmentation(value: Any, size_px: tuple[int, int]) -> str | None:
    """The `segmentation` of a COCO annotation as compressed counts; None where there is none. Raises ValueError."""
    if not value:
        return None
    if isinstance(value, list):
        if not all(
            isinstance(p, list) and all(type(v) in (int, float) for v in p)
            for p in value
        ):
            raise ValueError("a segmentation that is no list of polygons")
        return encode_polygons(value, size_px)
    if not isinstance(value, dict) or value.get("size") != [size_px[1], size_px[0]]:
        raise ValueError(
            f"a segmentation whose size is not that of the image, {size_px[0]}x{size_px[1]}"
        )
    counts = value.get("counts")
    if isinstance(counts, list):
        return encode_runs(counts, size_px)
    if (
        not isinstance(counts, str)
        or sum(decode_counts(counts)) != size_px[0] * size_px[1]
    ):
        raise ValueError("run lengths that do not fill the image")
    return counts


def join_runs(counts: Sequence[str], size_px: tuple[int, int]) -> str:
    """Compressed counts of the union of masks of one frame of (width, height); there is at least one."""
    from faster_coco_eval.core import mask

    if len(counts) == 1:
        return counts[0]
    size = [size_px[1], size_px[0]]
    runs = [{"size": size, "counts": text.encode()} for text in counts]
    return _text(mask.merge(runs)["counts"])


def place_runs(counts: str, placement: Placement) -> str:
    """Compressed counts of a mask that was drawn on the picture shown upright, for the picture as stored."""
    if placement.orientation == 1:
        return counts
    width, height = placement.drawn_px
    return encode_mask(
        placement.place_mask(decode_mask(counts, height, width)).astype(bool)
    )


def _measure_outline(polygon: Sequence[float]) -> float:
    """Steps from pixel to pixel along the outline: what rasterising takes in time and memory."""
    corners = np.asarray(polygon, np.float64).reshape(-1, 2)
    return float(np.abs(np.roll(corners, -1, axis=0) - corners).max(axis=1).sum())


def _check_size(size_px: tuple[int, int]) -> tuple[int, int]:
    width, height = size_px
    if width < 1 or height < 1 or width * height > MAX_MASK_PIXELS:
        raise ValueError(f"a mask of {width}x{height} pixels")
    return width, height


def _text(counts: bytes | str) -> str:
    return counts.decode() if isinstance(counts, bytes) else counts
