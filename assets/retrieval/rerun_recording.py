"""An open Rerun recording: what is logged when, how entities are called, and how many of what it holds.

What has no clock lies on the timeline "frame".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from assets.tables.rows import FrameRow, ScanRow, SignalRow

if TYPE_CHECKING:
    from rerun import RecordingStream

# timelines
CLOCK = "sensor clock"
SEQUENCE = "frame"
WORLD = "world"  # where no pose names what it is relative to
_COUNTED = (
    "images",
    "depth_images",
    "depth_clouds",
    "boxes",
    "tracked",
    "scans",
    "imu",
    "poses",
    "meshes",
    "objects",
    "sparse_points",
    "splats",
)
Moment = FrameRow | ScanRow | Mapping[str, Any]


@dataclass
class Recording:
    """The open recording, and how many of what was written so far."""

    stream: RecordingStream
    counts: Counter[str] = field(
        default_factory=lambda: Counter(dict.fromkeys(_COUNTED, 0))
    )

    def log(self, path: str, what: Any, at: Moment | None = None) -> None:
        """At the time of a row; without one for all times."""
        if at is not None:
            self.stream.reset_time()
            if at["t_ns"] is None:
                self.stream.set_time(SEQUENCE, sequence=at["sequence"])
            else:
                self.stream.set_time(CLOCK, timestamp=np.datetime64(at["t_ns"], "ns"))
        self.stream.log(path, what, static=at is None)

    def send(self, path: str, rows: Sequence[SignalRow], columns: Any) -> None:
        """Columns with one row a signal; all of the rows have a time, or none has."""
        import rerun as rr

        if rows[0]["t_ns"] is None:
            numbers = [
                n if row["sequence"] is None else row["sequence"]
                for n, row in enumerate(rows)
            ]
            index = rr.TimeColumn(SEQUENCE, sequence=numbers)
        else:
            index = rr.TimeColumn(
                CLOCK,
                timestamp=np.array([row["t_ns"] for row in rows], "datetime64[ns]"),
            )
        self.stream.send_columns(path, [index], columns)


def open_recording(session: str) -> Recording:
    """The same rows give the same recording."""
    import rerun as rr

    stream = rr.RecordingStream(
        "daguerre", recording_id=f"daguerre-{session}", send_properties=False
    )
    stream.set_log_time_enabled(False)
    stream.set_log_tick_enabled(False)
    return Recording(stream)


def join(root: str, *parts: str) -> str:
    """An entity path: names from outside are escaped, the root is one already where parts follow."""
    import rerun as rr

    if not parts:
        return rr.escape_entity_path_part(root)
    return "/".join([root, *(rr.escape_entity_path_part(part) for part in parts)])


def group_signals(
    signals: Sequence[SignalRow], key: Callable[[SignalRow], tuple[Any, ...]]
) -> Iterator[tuple[Any, list[SignalRow]]]:
    """(key, signals), those with a time apart from those without."""
    groups: defaultdict[tuple[Any, bool], list[SignalRow]] = defaultdict(list)
    for signal in signals:
        groups[key(signal), signal["t_ns"] is None].append(signal)
    for (found, _), rows in groups.items():
        yield found, rows
