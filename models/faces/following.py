"""Faces of a recording followed over time: where one was missed between two that were found, it is covered too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.faces.found import Faces, join
from models.suppression import suppress
from models.tracking.offline import OfflineConfig, track_offline
from models.tracking.sightings import FILLED, Sightings

# what is covered need not be sure: two sightings make a track, and a doubtful one counts
_FOLLOWING = OfflineConfig(sure=0.2, min_score=0.2, min_boxes=2, gaps=(2, 6, 15))
_MAX_IOU = 0.3  # above it two detectors have found one face


def fill_gaps(found: Sequence[Faces]) -> tuple[list[Faces], list[int]]:
    """Of the frames of one sensor, in order: their faces with those between two sightings, and how many these are.

    Gaps of up to 15 frames are filled. What was found stays as it was found.
    """
    seen = [_keep_one_each(faces) for faces in found]
    frames = np.repeat(np.arange(len(seen)), [len(faces) for faces in seen])
    every = join(seen)
    tracks = track_offline(
        Sightings(frames.astype(np.int64), every.boxes_xyxy, every.scores), _FOLLOWING
    )
    gaps = np.flatnonzero(tracks.sources == FILLED)
    ends = np.searchsorted(tracks.frames[gaps], np.arange(1, len(found)))
    filled = np.split(gaps, ends)
    with_gaps = [
        join([faces, Faces(tracks.boxes_xyxy[places], tracks.scores[places])])
        for faces, places in zip(found, filled, strict=True)
    ]
    return with_gaps, [len(places) for places in filled]


def _keep_one_each(faces: Faces) -> Faces:
    """The surest box of each face, for the tracker."""
    order = np.argsort(-faces.scores, kind="stable")
    boxes = faces.boxes_xyxy[order]
    one_class = np.zeros(len(boxes), np.int64)
    kept = order[suppress(boxes.astype(np.float32), one_class, _MAX_IOU)]
    return Faces(faces.boxes_xyxy[kept], faces.scores[kept])
