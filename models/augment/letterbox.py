"""Put images of any size on one canvas, whole and undistorted, as nets that predict places take them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.augment.geometry import fit_scale, move_image
from models.types import Image

CANVAS_STEP_PX = 32  # the coarsest stride of the backbone


def canvas_for(images_rgb: Sequence[Image], long_side_px: int) -> tuple[int, int]:
    """Height and width that hold every image with its long side at `long_side_px`: multiples of the coarsest stride."""
    sides = []
    for image in images_rgb:
        height, width = image.shape[:2]
        scale = long_side_px / max(height, width)
        sides.append([max(round(height * scale), 1), max(round(width * scale), 1)])
    height_px, width_px = (
        np.ceil(np.max(sides, axis=0) / CANVAS_STEP_PX) * CANVAS_STEP_PX
    ).astype(int)
    return int(height_px), int(width_px)


def letterbox(image_rgb: Image, canvas_hw: tuple[int, int]) -> Image:
    """The image, scaled to fit, in the middle of a grey canvas."""
    return move_image(
        image_rgb, letterbox_matrix(image_rgb.shape[:2], canvas_hw), canvas_hw
    )


def letterbox_matrix(
    from_hw: tuple[int, int], canvas_hw: tuple[int, int]
) -> NDArray[np.float64]:
    """(2, 3) matrix from image to canvas, in px from outer corners."""
    scale = fit_scale(from_hw, canvas_hw)
    offset_y = (canvas_hw[0] - scale * from_hw[0]) / 2
    offset_x = (canvas_hw[1] - scale * from_hw[1]) / 2
    return np.array([[scale, 0.0, offset_x], [0.0, scale, offset_y]])


def unletterbox_boxes(
    boxes_xyxy: NDArray[np.float32],
    from_hw: tuple[int, int],
    canvas_hw: tuple[int, int],
) -> NDArray[np.float64]:
    """(N, 4) boxes on the canvas -> in px of the image, whose edges they may leave."""
    matrix = letterbox_matrix(from_hw, canvas_hw)
    return (boxes_xyxy - np.tile(matrix[:, 2], 2)) / matrix[0, 0]
