"""Stored predictions beside the truth of the release they are judged by, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assets.previews.gallery import Gallery, ImageReader
from assets.tables.rows import (
    FrameScoreRow,
    ObjectScoreRow,
    PredictionRow,
    ReleaseFrameRow,
    ScoreRow,
)

Slices = Mapping[str, Mapping[str, str]]  # frame_id -> slice_by -> slice_value


@dataclass(frozen=True)
class Subject:
    """What is judged, and by what: one model on one split of one release."""

    model_sha256: str
    release_id: str
    split: str
    class_names: tuple[str, ...]


class Pairs(Protocol):
    """What one model said of N frames and what is true of them: scored by slice, and drawn."""

    @property
    def subject(self) -> Subject:
        """What is judged, and by what."""

    @property
    def frame_ids(self) -> tuple[str, ...]:
        """In the order of the release."""

    def choose_operating_score(self) -> float | None:
        """The score to count answers from that is best on these frames; None where they are not counted one by one."""

    def at(self, operating_score: float | None) -> Pairs:
        """The same, with answers that count from this score on."""

    def score(self, slices: Slices) -> list[ScoreRow]:
        """Rows for the `scores` table, over all frames and by slice."""

    def list_frames(
        self, release_rows: Sequence[ReleaseFrameRow], group_of: Mapping[str, str]
    ) -> tuple[list[FrameScoreRow], list[ObjectScoreRow]]:
        """Rows for `frame_scores` and `object_scores`. `release_rows` are those that were paired, `group_of` has what
        splits keep together, by frame id."""

    def draw(
        self,
        row_of: Mapping[str, ReleaseFrameRow],
        images: ImageReader,
        history: Sequence[Mapping[str, Any]],
        subject: str,
    ) -> Gallery:
        """Pictures and charts. `row_of` has the `release_frames` row of each frame; `subject` stands below charts."""


def join_rows(
    prediction_rows: Sequence[PredictionRow],
    release_rows: Sequence[ReleaseFrameRow],
    class_names: Sequence[str],
) -> tuple[Subject, list[tuple[ReleaseFrameRow, PredictionRow]]]:
    """Each `release_frames` row of one split with its prediction. Predictions of other frames are not looked at.

    Raises ValueError for an empty split, a frame without prediction, and rows of several models or releases.
    """
    if not release_rows:
        raise ValueError(
            "the release has no frames in this split: nothing can be scored on it"
        )
    prediction_of = {row["frame_id"]: row for row in prediction_rows}
    missing = [
        row["frame_id"] for row in release_rows if row["frame_id"] not in prediction_of
    ]
    if missing:
        raise ValueError(
            f"{len(missing)} of {len(release_rows)} frames have no prediction, the first is {missing[0]}: "
            "predict the whole split before scoring it"
        )
    joined = [(frame, prediction_of[frame["frame_id"]]) for frame in release_rows]
    subject = Subject(
        model_sha256=_the_only(
            [p["model_sha256"] for _, p in joined], "model_sha256", "predictions"
        ),
        release_id=_the_only(
            [f["release_id"] for f, _ in joined], "release_id", "release frames"
        ),
        split=_the_only([f["split"] for f, _ in joined], "split", "release frames"),
        class_names=tuple(class_names),
    )
    return subject, joined


def _the_only(values: Sequence[str], name: str, of: str) -> str:
    found = sorted(set(values))
    if len(found) != 1:
        raise ValueError(
            f"the {of} hold {len(found)} values of {name} ({', '.join(found)}): hand over one at a time"
        )
    return found[0]


def find_classes(
    prediction: PredictionRow, class_names: tuple[str, ...]
) -> NDArray[np.int64]:
    """(N,) class ids of a prediction. Raises ValueError for a class that the release does not know."""
    unknown = sorted(set(prediction["class_names"]) - set(class_names))
    if unknown:
        raise ValueError(
            f"frame {prediction['frame_id']} was predicted to show {unknown}, which the release does not know "
            f"({', '.join(class_names)}): judge the model by a release with its own classes"
        )
    return np.array(
        [class_names.index(name) for name in prediction["class_names"]], np.int64
    )
