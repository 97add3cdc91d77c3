"""Score stored predictions against a release, over all frames and by slice, as rows for the `scores` table.

num_samples counts what the kind of label says, frames where it says nothing else. A value is None where nothing was
there to measure (a class or size that the split does not show).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from assets.code_versions import version_of
from assets.kinds import find_kind
from assets.kinds.judging.pairs import Slices, Subject
from assets.kinds.judging.score_rows import list_rows
from assets.tables.rows import PredictionRow, ReleaseFrameRow, ScoreRow


def score_predictions(
    task: str,
    predictions: Sequence[PredictionRow],
    release_rows: Sequence[ReleaseFrameRow],
    class_names: Sequence[str],
    slices: Slices,
) -> list[ScoreRow]:
    """Rows of one model's figures; `release_rows` are the `release_frames` of one split.

    Raises ValueError as `Kind.pair` does.
    """
    pairs = find_kind(task).pair(predictions, release_rows, class_names)
    return pairs.score(slices)


def score_open(
    figures: Mapping[str, float], model_sha256: str, release_id: str, num_samples: int
) -> list[ScoreRow]:
    """Rows of what an open task found on the test split as a whole."""
    subject = Subject(model_sha256, release_id, "test", ())
    rows = list_rows(subject, "all", "all", figures.items(), num_samples)
    return name_maker(rows)


def name_maker(rows: Iterable[ScoreRow]) -> list[ScoreRow]:
    """The rows, with the version of the code that makes such rows today."""
    made_by = version_of("scores")
    return [{**row, "code_version": made_by} for row in rows]
