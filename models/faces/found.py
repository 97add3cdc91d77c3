"""Faces found in one image, and the same of several detectors or parts of it put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Faces:
    """N faces of one image: boxes (N, 4) px, and scores (N,) in [0, 1]."""

    boxes_xyxy: Floats
    scores: Floats

    def __len__(self) -> int:
        return len(self.scores)

    def choose(self, places: NDArray[np.bool_]) -> Faces:
        """Those at which (N,) is true."""
        return Faces(self.boxes_xyxy[places], self.scores[places])

    def move(self, x_px: float, y_px: float, scale: float = 1.0) -> Faces:
        """As they lie in an image of which this one is a part from (x, y) on, made smaller by `scale`."""
        offset = np.array([x_px, y_px, x_px, y_px])
        return Faces(self.boxes_xyxy / scale + offset, self.scores)

    def clip(self, width_px: int, height_px: int) -> Faces:
        """What of the boxes lies in the image; those of which nothing does are left out."""
        high = np.array([width_px, height_px, width_px, height_px], np.float64)
        boxes = np.clip(self.boxes_xyxy, 0, high)
        is_there = np.asarray((boxes[:, 2:] > boxes[:, :2]).all(1))
        return Faces(boxes, self.scores).choose(is_there)


def join(parts: Sequence[Faces]) -> Faces:
    """All of them: a face that two have found stays twice, and the union of both boxes is covered."""
    if not parts:
        return Faces(np.zeros((0, 4)), np.zeros(0))
    return Faces(
        np.concatenate([part.boxes_xyxy for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )
