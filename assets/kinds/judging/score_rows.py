"""Rows of the `scores` table, and frames in slices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from assets.kinds.judging.pairs import Slices, Subject
from assets.tables.rows import ScoreRow
from assets.tables.schemas import content_id

UNKNOWN = "unknown"
Figures = Iterable[tuple[str, float | None]]


def group_places(
    frame_ids: Sequence[str], slices: Slices
) -> Iterable[tuple[str, str, list[int]]]:
    """Way of slicing, slice and the places in `frame_ids` of its frames, in order."""
    kinds = sorted(
        {kind for frame_id in frame_ids for kind in slices.get(frame_id, {})}
    )
    for kind in kinds:
        places: dict[str, list[int]] = {}
        for place, frame_id in enumerate(frame_ids):
            places.setdefault(slices.get(frame_id, {}).get(kind, UNKNOWN), []).append(
                place
            )
        for value in sorted(places):
            yield kind, value, places[value]


def list_rows(
    subject: Subject,
    slice_by: str,
    slice_value: str,
    figures: Figures,
    num_samples: int,
) -> list[ScoreRow]:
    """One row a figure, of one slice."""
    place = (
        subject.model_sha256,
        subject.release_id,
        subject.split,
        slice_by,
        slice_value,
    )
    return [
        {
            "score_id": content_id(*place, metric),
            "model_sha256": subject.model_sha256,
            "release_id": subject.release_id,
            "split": subject.split,
            "slice_by": slice_by,
            "slice_value": slice_value,
            "metric": metric,
            "value": value,
            "num_samples": num_samples,
            "low": None,
            "high": None,
            "num_units": None,
            "p_value": None,
        }
        for metric, value in figures
    ]
