"""Whose word counts on a frame.

A person's who gave or corrected an answer comes first, for the task that it is about. Then come label files that came
for the frame, and answers that were imported, side by side. Then a simulator's answer, then what the capture that
recorded the frame says of it. What was interpolated between two answers of persons is heard where nobody looked at the
frame. A model's answer never counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assets.tables.rows import AnnotatedFrameRow, LabelRow, LabelVersionRow


def choose_speakers(recorded_by: str, speakers: Iterable[str]) -> list[str]:
    """Of the captures that speak of a frame those that count, by id: others than its own where there are any.

    A person who was given the frame to label has seen it, and what was recorded with it too where that was shown.
    """
    found = set(speakers)
    return sorted(found - {recorded_by} or found)


@dataclass(frozen=True)
class Heard:
    """What counts of what is said of one frame: rows of captures, and versions beside them."""

    labels: Sequence[LabelRow]
    looked_at: Sequence[AnnotatedFrameRow]
    versions: Sequence[LabelVersionRow]


def hear(
    recorded_by: str,
    labels: Sequence[LabelRow],
    looked_at: Sequence[AnnotatedFrameRow],
    versions: Sequence[LabelVersionRow],
) -> Heard:
    """What counts, task by task. `recorded_by` is the capture that recorded the frame; `versions` are those that count
    among versions, of one kind of author a task."""
    if not versions:
        return Heard(labels, looked_at, ())
    rows = (*labels, *looked_at)
    of_files = {row["task"] for row in rows if row["capture_id"] != recorded_by}
    silenced = {
        "simulator": of_files,
        "interpolation": {row["task"] for row in rows},
    }
    heard = [v for v in versions if v["task"] not in silenced.get(v["author_kind"], ())]
    kind_of = {v["task"]: v["author_kind"] for v in heard}

    def counts(row: LabelRow | AnnotatedFrameRow) -> bool:
        kind = kind_of.get(row["task"])
        is_own = row["capture_id"] == recorded_by
        return kind is None or (kind != "person" and not is_own)

    return Heard(
        [label for label in labels if counts(label)],
        [row for row in looked_at if counts(row)],
        heard,
    )
