"""Gather the figures that answers are judged by: what a model finds, how much of it, and how sure it is.

The reference is what it answered on the test part of its release: frames that it has not learnt from. What the answers
are worth is not judged here; the estimate of that is in `estimates.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from assets.kinds import find_kind
from assets.monitoring.figures import Figure, Floats, GatheredFrames
from assets.tables.rows import PredictionRow

MOST_CLASSES = (
    12  # that have a figure of their own: those that the reference shows most
)
CONFIDENCE = "confidence"
COUNT = "count"
_SHARE_TOLERANCE = 0.05
_COUNT_TOLERANCE = 0.1  # of the logarithm of one more than there are
_CONFIDENCE_TOLERANCE = 0.03


def gather_answers(
    task: str,
    frames: pa.Table,
    predictions: Sequence[PredictionRow],
    min_score: float,
    classes: Sequence[str],
) -> GatheredFrames:
    """Figures of each answered frame, in the order in which they were taken: confidence, count, and one a class.

    `frames` has frame_id, capture_id, sensor, t_ns and sequence; a frame without an answer is left out. `min_score` is
    what counts as found. Confidence is that of the answer, of objects the surest one's, and 0 where none was found.
    """
    order = [("capture_id", "ascending"), ("sensor", "ascending")]
    answer_of = {row["frame_id"]: row for row in predictions}
    rows = frames.sort_by([*order, ("sequence", "ascending")]).to_pylist()
    rows = [row for row in rows if row["frame_id"] in answer_of]
    figures = _list_figures(task, classes)
    values = [
        _measure(task, answer_of[row["frame_id"]], min_score, classes) for row in rows
    ]
    return GatheredFrames(
        np.array([row["sensor"] for row in rows], np.str_),
        np.array([row["capture_id"] for row in rows], np.str_),
        any(row["t_ns"] is not None for row in rows),
        np.array(values, np.float64).reshape(-1, len(figures)),
        np.empty((len(rows), 0)),
        figures,
    )


def choose_classes(
    task: str, reference: Sequence[PredictionRow], min_score: float
) -> list[str]:
    """The classes that have a figure of their own: the MOST_CLASSES that the reference shows most."""
    kind = find_kind(task)
    counts = Counter(
        name for row in reference for name in kind.list_found(row, min_score)
    )
    return [name for name, _ in counts.most_common(MOST_CLASSES)]


def _list_figures(task: str, classes: Sequence[str]) -> tuple[Figure, ...]:
    is_counted = bool(find_kind(task).slices_of_objects)
    of_class = _COUNT_TOLERANCE if is_counted else _SHARE_TOLERANCE
    return (
        Figure(CONFIDENCE, _keep, _CONFIDENCE_TOLERANCE),
        *[Figure(COUNT, _keep, _COUNT_TOLERANCE)] * is_counted,
        *(Figure(f"class {name}", _keep, of_class) for name in classes),
    )


def _measure(
    task: str, row: PredictionRow, min_score: float, classes: Sequence[str]
) -> list[float]:
    """The figures of one answer, on the tested scales."""
    kind = find_kind(task)
    found = Counter(kind.list_found(row, min_score))
    if kind.slices_of_objects:
        sure = max(row["scores"], default=0.0)
        counts = [found.total(), *(found[name] for name in classes)]
        return [sure, *(float(np.log1p(count)) for count in counts)]
    # of a map the mean over its classes; of one class the first, which is the most probable
    sure = float(np.mean(row["scores"])) if row["mask_rles"] else row["scores"][0]
    return [sure, *(float(found[name]) for name in classes)]


def _keep(values: Floats) -> Floats:
    return values
