"""Exact labels from an instance map: boxes, masks, track ids, a class a pixel, and one for the whole picture.

Masks are COCO run-length codes: run lengths down the columns, first the background's, in the compressed text form of
pycocotools (five bits a character and differences to the run two before).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.masks import encode_mask, find_box
from models.simulation.scene import Scene

# the class of pixels that show no solid: table, floor and walls
BACKGROUND = "background"
MIN_SHARE = 8e-4  # of the picture's pixels: 61 px at 320x240; smaller views are not worth a label


@dataclass(frozen=True)
class ObjectLabel:
    """One solid as one frame shows it."""

    class_name: str
    track_id: int
    box_xyxy: tuple[float, float, float, float]  # px, outer pixel corners
    mask_rle: str  # COCO compressed counts
    area_px: int


@dataclass(frozen=True)
class FrameTruth:
    """All labels of one frame, largest solid first; `recognition` is the class of that one, None when nothing shows.

    `class_masks` give every pixel its class, those of the smallest solids too, and BACKGROUND where there is no solid.
    """

    objects: tuple[ObjectLabel, ...]
    recognition: str | None
    class_masks: Mapping[str, str]  # class name -> COCO compressed counts


def label_frame(instances: NDArray[np.uint8], scene: Scene) -> FrameTruth:
    """Labels of an instance map (H, W) of track ids, 0 for background; solids below MIN_SHARE are left out."""
    areas = np.bincount(instances.ravel(), minlength=256)
    threshold = MIN_SHARE * instances.size
    found = []
    for solid in scene.primitives:
        if areas[solid.track_id] >= threshold:
            mask = instances == solid.track_id
            area = int(areas[solid.track_id])
            found.append(
                ObjectLabel(
                    solid.class_name,
                    solid.track_id,
                    find_box(mask),
                    encode_mask(mask),
                    area,
                )
            )
    found.sort(key=lambda label: (-label.area_px, label.track_id))
    return FrameTruth(
        tuple(found),
        found[0].class_name if found else None,
        _mask_classes(instances, scene),
    )


def _mask_classes(instances: NDArray[np.uint8], scene: Scene) -> dict[str, str]:
    """Masks of the classes that show, by name; each pixel is in one."""
    names = sorted({BACKGROUND, *(solid.class_name for solid in scene.primitives)})
    class_of_track = np.full(256, names.index(BACKGROUND), np.uint8)
    for solid in scene.primitives:
        class_of_track[solid.track_id] = names.index(solid.class_name)
    class_ids = class_of_track[instances]
    return {
        names[i]: encode_mask(class_ids == i) for i in np.unique(class_ids).tolist()
    }
