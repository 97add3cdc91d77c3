"""What frames that look alike say of each other's classes, where no model has answered.

A frame's neighbours are those nearest by the vectors of an encoder that learnt from no label of ours. They vote; the
frame itself has no vote, so its label speaks neither for nor against it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assets.annotation.errors.suspects import (
    EXTRA,
    FAULTS,
    MISSING,
    NO_LABEL,
    Suspects,
    average_by_class,
    join_suspects,
    nowhere,
)

NUM_NEIGHBOURS = 10
_BLOCK = 1_024  # frames that are compared with all others at once


def vote(
    vectors: NDArray[np.float32], shows: NDArray[np.bool_], count: int = NUM_NEIGHBOURS
) -> NDArray[np.float64]:
    """(N, C) the share of each frame's nearest neighbours that show each class, the nearer the more it counts.

    `vectors` (N, D) have unit length; `shows` (N, C). A frame without any other gets zeros.
    """
    num_frames = len(vectors)
    count = min(count, num_frames - 1)
    votes = np.zeros(shows.shape)
    if count < 1:
        return votes
    given = shows.astype(np.float64)
    for start in range(0, num_frames, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, num_frames))
        cosine = vectors[rows] @ vectors.T
        cosine[np.arange(len(rows)), rows] = -np.inf
        nearest = np.argpartition(-cosine, count - 1, axis=1)[:, :count]
        weight = np.clip(np.take_along_axis(cosine, nearest, 1), 1e-6, None)
        weight = weight / weight.sum(1, keepdims=True)
        votes[rows] = (weight[..., None] * given[nearest]).sum(1)
    return votes


def suspect_presence(
    frame: NDArray[np.int64], class_ids: NDArray[np.int64], votes: NDArray[np.float64]
) -> Suspects:
    """Labels (L,) of classes that a frame's neighbours do not show, and classes that they show and it does not.

    `frame` are places in `votes` (N, C). Where in the frame something is neighbours cannot say.
    """
    num_classes = votes.shape[1]
    shows = np.zeros(votes.shape, bool)
    shows[frame, class_ids] = True
    own = votes[frame, class_ids]
    typical = average_by_class(class_ids, own, num_classes)[class_ids]
    extra = Suspects(
        frame,
        np.arange(len(frame)),
        np.full(len(frame), FAULTS.index(EXTRA)),
        class_ids,
        nowhere(len(frame)),
        np.clip(typical * (1.0 - own), 0.0, 1.0),
    )
    lacking, absent = np.nonzero(~shows & (votes > 0.5))
    missing = Suspects(
        lacking,
        np.full(len(lacking), NO_LABEL),
        np.full(len(lacking), FAULTS.index(MISSING)),
        absent,
        nowhere(len(lacking)),
        votes[lacking, absent],
    )
    return join_suspects([extra, missing])
