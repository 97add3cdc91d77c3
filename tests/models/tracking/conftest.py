"""Objects that walk, and what a detector finds of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from models.tracking.sightings import Sightings


@pytest.fixture(scope="session")
def sight() -> Callable[..., Sightings]:
    """sight([(frame, x, score), ...]): boxes 20 x 40 px whose left side is at x, sorted by frame."""

    def make(rows, vectors=None) -> Sightings:
        rows = np.array(rows, float).reshape(-1, 3)
        order = np.argsort(rows[:, 0], kind="stable")
        frames, left, scores = rows[order].T
        boxes = np.stack([left, 0 * left, left + 20, 0 * left + 40], axis=1)
        looks = None if vectors is None else np.array(vectors, float)[order]
        return Sightings(frames.astype(int), boxes, scores, looks)

    return make
