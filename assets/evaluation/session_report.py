"""One session as a page shows it: recordings, sensors, labels, pictures of what was made of it.

Belongs here: what the template takes. Does not: drawing, or which pictures there are; both come with the facts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assets.previews.drawing import as_data_uri
from assets.tables.rows import QuarantineRow

MAX_ROWS = 200


@dataclass(frozen=True)
class SensorLine:
    """The frames of one sensor, and how many of them have a time."""

    sensor: str
    kind: str
    num_frames: int
    num_stamped: int


@dataclass(frozen=True)
class CaptureLine:
    """One recording."""

    path: str
    reader: str
    num_frames: int
    num_labels: int


@dataclass(frozen=True)
class Drawn:
    """A picture of what was made of a session (PNG or JPEG), and what it shows, in a line; without any bytes, why it
    could not be drawn."""

    title: str
    picture: bytes
    shows: str = ""


@dataclass(frozen=True)
class SessionReport:
    """One session. `labels` counts objects by class."""

    session: str
    captures: Sequence[CaptureLine]
    sensors: Sequence[SensorLine]
    labels: Sequence[tuple[str, int]]
    quarantine: Sequence[QuarantineRow]
    drawn: Sequence[Drawn]


def describe_session(report: SessionReport) -> dict[str, Any]:
    """What the template takes."""
    return {
        "of": report,
        "tiles": [
            ("recordings", len(report.captures)),
            ("frames", sum(s.num_frames for s in report.sensors)),
            ("sensors with frames", len(report.sensors)),
            ("labels", sum(count for _, count in report.labels)),
            ("set aside", len(report.quarantine)),
        ],
        "captures": report.captures[:MAX_ROWS],
        "labels": report.labels[:MAX_ROWS],
        "quarantine": report.quarantine[:MAX_ROWS],
        "drawn": [
            (d.title, as_data_uri(d.picture) if d.picture else "", d.shows)
            for d in report.drawn
        ],
    }
