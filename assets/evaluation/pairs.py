"""Stored predictions beside the truth of the release they are judged by: each kind of label pairs its own."""

from __future__ import annotations

from collections.abc import Sequence

from assets.kinds import find_kind
from assets.kinds.judging.pairs import Pairs
from assets.kinds.kind import Row


def pair(
    task: str,
    predictions: Sequence[Row],
    release_rows: Sequence[Row],
    class_names: Sequence[str],
) -> Pairs:
    """The `predictions` and `release_frames` (one split) of a task by frame. Other predictions are not looked at.

    Raises ValueError for an empty split, a frame without prediction or target, and classes of another release.
    """
    return find_kind(task).pair(predictions, release_rows, class_names)
