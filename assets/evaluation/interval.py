"""How sure the main score of a model is: an interval from the frames of the test part of its exam."""

from __future__ import annotations

from assets.tables.catalog import Catalog
from assets.tables.frame_scores import read_frame_scores
from models.metrics.resampling import Interval


def measure_interval(
    catalog: Catalog, model_sha256: str, release_id: str
) -> Interval | None:
    """Of the metric that the gate asks for, on the test split of a release whose exam the model sat.

    Drawn are the groups that splits keep together: recordings, and pictures that resemble each other. None for an exam
    that stores no frames, and where there are too few groups to tell.
    """
    scores = read_frame_scores(catalog, model_sha256, release_id)
    return None if scores is None else scores.find_interval()
