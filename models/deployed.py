"""What stands around a shipped net: an image to the square that it takes, and its outputs to an answer on that image.

NumPy and OpenCV alone, so that who answers with an ONNX form need not load PyTorch. `assets.inference.package` states
the outputs by task.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from models.augment.letterbox import letterbox, letterbox_matrix, unletterbox_boxes
from models.augment.square import fit_square
from models.suppression import keep_best
from models.task_names import DETECTION, RECOGNITION, SEGMENTATION
from models.types import (
    Detections,
    Image,
    Prediction,
    Probabilities,
    SemanticMap,
    SemanticPrediction,
)

ANSWERED = (RECOGNITION, DETECTION, SEGMENTATION)  # tasks whose answers are read here
Outputs = Sequence[NDArray[np.float32]]  # of one image


def fit_input(task: str, image_rgb: Image, side_px: int) -> Image:
    """(S, S, 3) uint8: stretched for recognition, letterboxed for tasks that say where something is."""
    if task == RECOGNITION:
        return fit_square(image_rgb, side_px)
    return letterbox(image_rgb, (side_px, side_px))


def read_answer(
    task: str, outputs: Outputs, image_hw: tuple[int, int], side_px: int
) -> Prediction:
    """The answer on an image (height, width in px) from the net's outputs for it, in px of that image.

    Raises ValueError for a task whose answers have no such form.
    """
    if task == RECOGNITION:
        return Probabilities(outputs[0])
    if task == DETECTION:
        scores, boxes = outputs
        return _place_boxes(keep_best(boxes, scores), image_hw, side_px)
    if task == SEGMENTATION:
        return _place_map(outputs[0], image_hw, side_px)
    raise ValueError(f"answers about {task} are not read from a shipped net")


def _place_boxes(
    found: Detections, image_hw: tuple[int, int], side_px: int
) -> Detections:
    boxes = unletterbox_boxes(found.boxes_xyxy, image_hw, (side_px, side_px))
    limit = np.array([image_hw[1], image_hw[0]] * 2)
    return Detections(
        np.clip(boxes, 0, limit).astype(np.float32), found.scores, found.class_ids
    )


def _place_map(
    probabilities: NDArray[np.float32], image_hw: tuple[int, int], side_px: int
) -> SemanticPrediction:
    """(C, S, S) -> the most probable class of each pixel, sampled where its centre lies; a class at a time."""
    from_image = letterbox_matrix(image_hw, (side_px, side_px))
    scale = from_image[0, 0]
    # between outer corners and the centres of pixels
    from_image[:, 2] += scale * 0.5 - 0.5
    best = np.full(image_hw, -1.0, np.float32)
    class_ids = np.zeros(image_hw, np.uint8)
    for class_id, plane in enumerate(probabilities):
        found = cv2.warpAffine(
            plane,
            from_image,
            (image_hw[1], image_hw[0]),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        is_better = found > best
        class_ids[is_better] = class_id
        np.maximum(best, found, out=best)
    flat = class_ids.ravel()
    counts = np.bincount(flat, minlength=len(probabilities))
    sums = np.bincount(flat, best.ravel(), len(probabilities))
    means = (sums / np.maximum(counts, 1)).astype(np.float32)
    return SemanticPrediction(SemanticMap(class_ids), means)
