"""What trackers take and give: boxes found frame by frame, and the same boxes with the number of their track."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FILLED = -1  # in `Tracks.sources`: nothing was found there


@dataclass(frozen=True)
class Sightings:
    """N boxes found in the frames of one camera, in the order of the frames.

    Frames are whole numbers that grow with time, one step a frame interval; where nothing was recorded they skip.
    Raises ValueError for arrays that do not fit together, frames that step back, and boxes that are not finite.
    """

    frames: Ints  # (N,)
    boxes_xyxy: Floats  # (N, 4) px
    scores: Floats  # (N,) in [0, 1]
    vectors: Floats | None = None  # (N, D) appearance, of unit length

    def __post_init__(self) -> None:
        shapes = (self.boxes_xyxy.shape, self.scores.shape)
        if shapes != ((len(self.frames), 4), (len(self.frames),)):
            raise ValueError(
                f"{len(self.frames)} frames with boxes and scores of shape {shapes}: one box and one score each"
            )
        if len(self.frames) and (np.diff(self.frames) < 0).any():
            raise ValueError("frames step back: sort the boxes by frame")
        if not np.isfinite(self.boxes_xyxy).all():
            raise ValueError("a box is not finite: leave it out")
        if self.vectors is not None and len(self.vectors) != len(self.frames):
            raise ValueError(
                f"{len(self.vectors)} vectors for {len(self.frames)} boxes: one each"
            )

    def __len__(self) -> int:
        return len(self.frames)

    def take(self, places: Ints) -> Sightings:
        """Some of them, in this order."""
        vectors = None if self.vectors is None else self.vectors[places]
        return Sightings(
            self.frames[places], self.boxes_xyxy[places], self.scores[places], vectors
        )


@dataclass(frozen=True)
class Tracks:
    """M boxes of tracks, by frame, then by number: no track has two in a frame.

    `sources` are places among the sightings that were tracked, `FILLED` where the tracker put the box itself.
    """

    frames: Ints  # (M,)
    numbers: Ints  # (M,) of the track, from 0 in the order of the first boxes
    boxes_xyxy: Floats  # (M, 4) px
    scores: Floats  # (M,) in [0, 1]
    sources: Ints  # (M,)

    def __len__(self) -> int:
        return len(self.frames)


def order_tracks(
    frames: Ints, labels: Ints, boxes_xyxy: Floats, scores: Floats, sources: Ints
) -> Tracks:
    """Rows of tracks under any labels, sorted and numbered by what they are: first frame, then first box."""
    order = np.lexsort((*boxes_xyxy.T[::-1], frames))
    _, first, inverse = np.unique(labels[order], return_index=True, return_inverse=True)
    numbers = np.empty(len(first), np.int64)
    numbers[np.argsort(first)] = np.arange(len(first))
    numbered = numbers[inverse.reshape(-1)]
    final = np.lexsort((numbered, frames[order]))
    rows = order[final]
    return Tracks(
        frames[rows], numbered[final], boxes_xyxy[rows], scores[rows], sources[rows]
    )
