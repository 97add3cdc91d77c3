"""Move an image, its boxes, masks, map of classes and camera: flips, zoom, shift, in one resampling."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.masks import find_box
from models.types import IGNORE, BoxSet, Image, InstanceSet, SemanticMap

PADDING = 128  # grey level outside the image: 0 after normalisation
_MIN_VISIBLE = 0.3  # share of a box's area that must stay inside the canvas


def draw_move(
    rng: np.random.Generator,
    from_hw: tuple[int, int],
    to_hw: tuple[int, int],
    zoom: tuple[float, float],
    shift_share: float,
    flip_horizontal: bool,
    flip_vertical: bool,
) -> NDArray[np.float64]:
    """A random (2, 3) matrix from image pixels to canvas pixels: fit, then zoom, flip and shift about the centre."""
    scale = fit_scale(from_hw, to_hw) * np.exp(
        rng.uniform(np.log(zoom[0]), np.log(zoom[1]))
    )
    sign_x = -1.0 if flip_horizontal and rng.random() < 0.5 else 1.0
    sign_y = -1.0 if flip_vertical and rng.random() < 0.5 else 1.0
    shift = rng.uniform(-shift_share, shift_share, 2) * (to_hw[1], to_hw[0])
    # where the zoomed image is larger than the canvas, look at any part of it
    slack = (
        np.maximum(scale * np.array([from_hw[1], from_hw[0]]) - (to_hw[1], to_hw[0]), 0)
        / 2
    )
    shift = shift + rng.uniform(-1, 1, 2) * slack
    linear = np.diag([sign_x * scale, sign_y * scale])
    middle_from = np.array([from_hw[1], from_hw[0]]) / 2
    middle_to = np.array([to_hw[1], to_hw[0]]) / 2
    return np.column_stack([linear, middle_to + shift - linear @ middle_from])


def fit_scale(from_hw: tuple[int, int], to_hw: tuple[int, int]) -> float:
    """The largest scale at which an image fits into a canvas."""
    return min(to_hw[0] / from_hw[0], to_hw[1] / from_hw[1])


def move_image(
    image_rgb: Image, to_canvas: NDArray[np.float64], to_hw: tuple[int, int]
) -> Image:
    """Resample by a matrix between outer-corner coordinates; outside is grey."""
    matrix = _between_centres(to_canvas)
    shrinks = abs(np.linalg.det(matrix[:, :2])) < 0.25
    image_rgb, matrix = _halve(image_rgb, matrix) if shrinks else (image_rgb, matrix)
    moved = cv2.warpAffine(
        image_rgb,
        matrix,
        (to_hw[1], to_hw[0]),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(PADDING, PADDING, PADDING),
    )
    return np.asarray(moved, np.uint8)


def move_boxes(
    boxes: BoxSet, to_canvas: NDArray[np.float64], to_hw: tuple[int, int]
) -> BoxSet:
    """Boxes under the same matrix, cut at the canvas. Boxes without area, or mostly outside, are left out."""
    corners = boxes.boxes_xyxy.reshape(-1, 2) @ to_canvas[:, :2].T + to_canvas[:, 2]
    pairs = corners.reshape(-1, 2, 2)
    full = np.concatenate([pairs.min(1), pairs.max(1)], 1)  # a flip swaps the corners
    cut = np.clip(full, 0, [to_hw[1], to_hw[0], to_hw[1], to_hw[0]])
    keeps = (box_areas(cut) > 0) & (box_areas(cut) >= _MIN_VISIBLE * box_areas(full))
    return BoxSet(cut[keeps].astype(np.float32), boxes.class_ids[keeps])


def move_map(
    semantic: SemanticMap, to_canvas: NDArray[np.float64], to_hw: tuple[int, int]
) -> SemanticMap:
    """The map under the same matrix: each canvas pixel gets the class at its centre, IGNORE outside of the image."""
    is_inside, rows, columns = _find_sources(to_canvas, semantic.class_ids.shape, to_hw)
    moved = np.full(to_hw, IGNORE, np.uint8)
    moved[is_inside] = semantic.class_ids[rows, columns]
    return SemanticMap(moved)


def move_instances(
    instances: InstanceSet, to_canvas: NDArray[np.float64], to_hw: tuple[int, int]
) -> InstanceSet:
    """Masks under the same matrix, as a map moves, and the box around what is left of each on the canvas.

    Objects that lie mostly outside are left out, and those that no pixel of the canvas shows.
    """
    is_inside, rows, columns = _find_sources(
        to_canvas, instances.masks.shape[1:], to_hw
    )
    moved = np.zeros((len(instances.masks), *to_hw), bool)
    moved[:, is_inside] = instances.masks[:, rows, columns]
    areas = moved.sum((1, 2))
    full = instances.masks.sum((1, 2)) * abs(np.linalg.det(to_canvas[:, :2]))
    keeps = (areas > 0) & (areas >= _MIN_VISIBLE * full)
    boxes = np.array([find_box(mask) for mask in moved[keeps]], np.float32).reshape(
        -1, 4
    )
    return InstanceSet(boxes, instances.class_ids[keeps], moved[keeps])


def box_areas(boxes_xyxy: NDArray[np.floating]) -> NDArray[np.floating]:
    """(N,) areas in px^2; 0 where a box is inside out."""
    return np.prod(np.clip(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], 0, None), axis=1)


def _find_sources(
    to_canvas: NDArray[np.float64], from_hw: tuple[int, ...], to_hw: tuple[int, int]
) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
    """Which canvas pixels show the image (to_hw), and for each of those the row and column that lie at its centre."""
    back = np.linalg.inv(np.vstack([to_canvas, [0.0, 0.0, 1.0]]))[:2]
    x, y = np.arange(to_hw[1]) + 0.5, (np.arange(to_hw[0]) + 0.5)[:, None]
    columns, rows = (
        np.floor(row[0] * x + row[1] * y + row[2]).astype(np.int64) for row in back
    )
    is_inside = (
        (columns >= 0) & (columns < from_hw[1]) & (rows >= 0) & (rows < from_hw[0])
    )
    return is_inside, rows[is_inside], columns[is_inside]


def _between_centres(to_canvas: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same matrix for coordinates that count from pixel centres, as those of OpenCV and of calibrations do."""
    matrix = to_canvas.copy()
    matrix[:, 2] += to_canvas[:, :2] @ np.array([0.5, 0.5]) - 0.5
    return matrix


def _halve(
    image_rgb: Image, matrix: NDArray[np.float64]
) -> tuple[Image, NDArray[np.float64]]:
    """Average the image down first, so that strong shrinking does not alias."""
    height, width = image_rgb.shape[:2]
    factor = int(1 / np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    small = cv2.resize(
        image_rgb,
        (max(width // factor, 1), max(height // factor, 1)),
        interpolation=cv2.INTER_AREA,
    )
    # full = small * ratio at outer corners
    ratio = np.array([width / small.shape[1], height / small.shape[0]])
    shifted = matrix.copy()
    shifted[:, :2] = matrix[:, :2] * ratio
    shifted[:, 2] = matrix[:, 2] + matrix[:, :2] @ (ratio * 0.5 - 0.5)
    return np.asarray(small, np.uint8), shifted
