"""From the answer of CenterFace to boxes: each face is a peak of a map of centres, with its size and offset beside it.

Source: Xu and others, CenterFace: Joint Face Detection and Alignment Using Face as Point, 2019.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.faces.found import Faces
from models.suppression import suppress

STRIDE_PX = 4  # a cell of the maps
MULTIPLE_PX = 32  # sides that the net takes
_MAX_IOU = 0.3

Maps = NDArray[np.float32]


def pad_to_multiple(image_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(1, 3, H', W') float32 from 0 to 255, black below and to the right, so that the net takes it as it is."""
    height, width = image_rgb.shape[:2]
    sides = [-(-side // MULTIPLE_PX) * MULTIPLE_PX for side in (height, width)]
    padded = np.zeros((1, 3, *sides), np.float32)
    padded[0, :, :height, :width] = image_rgb.transpose(2, 0, 1)
    return padded


def read_centres(centres: Maps, sizes: Maps, offsets: Maps, min_score: float) -> Faces:
    """Faces of one image, surest first: (h, w) map of centres, (2, h, w) logarithms of height and width in cells, and
    (2, h, w) offsets y and x in cells. Boxes are in px of the padded image."""
    rows, columns = np.nonzero(centres > min_score)
    heights, widths = np.exp(sizes[:, rows, columns]) * STRIDE_PX
    y, x = (np.stack([rows, columns]) + offsets[:, rows, columns] + 0.5) * STRIDE_PX
    boxes = np.stack(
        [x - widths / 2, y - heights / 2, x + widths / 2, y + heights / 2], 1
    )
    scores = centres[rows, columns]
    order = np.argsort(-scores, kind="stable")
    boxes = boxes[order].astype(np.float32)
    kept = suppress(boxes, np.zeros(len(boxes), np.int64), _MAX_IOU)
    return Faces(boxes[kept].astype(np.float64), scores[order][kept].astype(np.float64))
