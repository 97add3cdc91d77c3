"""Maps of classes from masks and back: what labels and tables hold, and what nets learn from."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from models.masks import decode_mask, encode_mask
from models.types import IGNORE, SemanticMap


def compose_map(
    mask_rles: Sequence[str], class_ids: Sequence[int], size_hw: tuple[int, int]
) -> SemanticMap:
    """One map from masks (COCO compressed counts) and the class of each; several masks may share a class.

    Pixels in no mask are IGNORE: nobody labelled them. So are pixels in masks of different classes: nobody says which
    is in front. Raises ValueError for a mask of another size and for a class id of 255 and more.
    """
    if len(class_ids) and max(class_ids) >= IGNORE:
        raise ValueError(
            f"class id {max(class_ids)}: a map holds ids up to {IGNORE - 1}, use fewer classes"
        )
    composed = np.full(size_hw, IGNORE, np.uint8)
    is_disputed = np.zeros(size_hw, bool)
    for mask_rle, class_id in zip(mask_rles, class_ids, strict=True):
        mask = decode_mask(mask_rle, *size_hw)
        is_disputed |= mask & (composed != IGNORE) & (composed != class_id)
        composed[mask] = class_id
    composed[is_disputed] = IGNORE
    return SemanticMap(composed)


def split_map(semantic: SemanticMap) -> tuple[list[str], list[int]]:
    """Masks and class ids, ascending, of the classes that a map shows: what `compose_map` makes the map of."""
    present = [int(i) for i in np.unique(semantic.class_ids) if i != IGNORE]
    return [encode_mask(semantic.class_ids == i) for i in present], present


def resize_map(semantic: SemanticMap, size_hw: tuple[int, int]) -> SemanticMap:
    """The map at another size: each new pixel has the class at its centre."""
    if semantic.class_ids.shape == size_hw:
        return semantic
    small = cv2.resize(
        semantic.class_ids, size_hw[::-1], interpolation=cv2.INTER_NEAREST_EXACT
    )
    return SemanticMap(np.asarray(small, np.uint8))
