"""What came of each recording that was tracked: rows of `tracked_recordings`; and would one be made so now?

A recording in which nothing could be followed has a row too, so what was not tracked yet is known from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa

from assets.code_versions import version_of
from assets.tables.catalog import Catalog, repr_sql, session_is
from assets.tables.rows import TrackedRecordingRow, TrackRow
from assets.tables.schemas import content_id
from assets.tables.schemas.tracking import FIGURES
from assets.tracking.recordings import Recording
from assets.tracking.rows import Followed, Method
from assets.tracking.true_tracks import measure_by_labels

ANSWERS = "the model's answers, its frames or the turns of its camera are others"
LABELS = "labels of its tracks are others"


@dataclass(frozen=True)
class Stored:
    """What the tables have of one session, model and method, as it was read."""

    tracks: pa.Table
    recordings: pa.Table
    known: Mapping[str, TrackedRecordingRow]
    by_input: Mapping[str, list[TrackRow]]

    def find(
        self, recording: Recording, model_sha256: str, method: Method
    ) -> TrackedRecordingRow | None:
        """The row of a recording, where it was tracked before."""
        return self.known.get(name_recording(recording, model_sha256, method))

    def rows_of(self, one: TrackedRecordingRow) -> list[TrackRow]:
        """The boxes of its tracks."""
        return self.by_input.get(one["input_sha256"], [])


def read_stored(
    catalog: Catalog, session: str, model_sha256: str, method: Method
) -> Stored:
    """The newest rows, published or not."""
    where = f"{session_is(session)} AND {_is_of(model_sha256, method)}"
    tracks = catalog.read_latest("tracks", None, where)
    recordings = catalog.read_latest("tracked_recordings", None, where)
    by_input: dict[str, list[TrackRow]] = {}
    for row in tracks.to_pylist():
        by_input.setdefault(row["input_sha256"], []).append(row)
    known = {row["tracked_id"]: row for row in recordings.to_pylist()}
    return Stored(tracks, recordings, known, by_input)


def name_recording(recording: Recording, model_sha256: str, method: Method) -> str:
    """The id of its row."""
    of = (recording.capture_id, recording.sensor, model_sha256)
    return content_id("tracked", *of, method.tracker, method.uses_looks)


def name_version(method: Method, table: str = "tracked_recordings") -> str:
    """What rows say made them: the code, and from which score on boxes count."""
    return f"{version_of(table)}:{method.min_score:.6f}"


def find_difference(
    before: TrackedRecordingRow, recording: Recording, version: str
) -> str:
    """Why the rows of before would be made otherwise now; "" where they would not."""
    if before["code_version"] != version:
        return f"{before['code_version']} made them, {version} would"
    if before["input_sha256"] != recording.input_sha256:
        return ANSWERS
    truth = None if recording.truth is None else recording.truth.sha256
    return "" if before["truth_sha256"] == truth else LABELS


def sum_up(
    recording: Recording,
    followed: Followed,
    model_sha256: str,
    method: Method,
    code_version: str,
) -> TrackedRecordingRow:
    """The row of one recording, with how good its tracks are where labels name theirs."""
    rows = followed.rows
    row = {
        "tracked_id": name_recording(recording, model_sha256, method),
        "capture_id": recording.capture_id,
        "session": recording.frames[0]["session"],
        "sensor": recording.sensor,
        "model_sha256": model_sha256,
        "tracker": method.tracker,
        "uses_looks": method.uses_looks,
        "min_score": method.min_score,
        "steadiness": followed.steadiness,
        "num_frames": len(recording.frames),
        "num_answered": len(recording.answers),
        "num_tracks": len({row["track_id"] for row in rows}),
        "num_filled": sum(row["is_filled"] for row in rows),
        **_compare(recording, rows),
        "input_sha256": recording.input_sha256,
        "code_version": code_version,
    }
    return cast(TrackedRecordingRow, row)


def _compare(recording: Recording, rows: Sequence[TrackRow]) -> dict[str, Any]:
    truth = recording.truth
    if truth is None:
        names = ("num_true_tracks", "num_true_boxes", *FIGURES, "switches")
        return {**dict.fromkeys(names), "truth_sha256": None}
    numbers = recording.numbers.tolist()
    number_of = {
        frame["frame_id"]: number
        for frame, number in zip(recording.frames, numbers, strict=True)
    }
    found: dict[str, Any] = dict.fromkeys((*FIGURES, "switches"))
    with suppress(ValueError):  # a label's track is in two places: that is no truth
        found = measure_by_labels(rows, truth, number_of)
    return {
        "num_true_tracks": truth.num_tracks,
        "num_true_boxes": len(truth.labels),
        **{name: found[name] for name in (*FIGURES, "switches")},
        "truth_sha256": truth.sha256,
    }


def _is_of(model_sha256: str, method: Method) -> str:
    return (
        f"model_sha256 = {repr_sql(model_sha256)} AND tracker = '{method.tracker}' "
        f"AND uses_looks = {method.uses_looks}"
    )
