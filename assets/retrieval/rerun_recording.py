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
# of a space, as Rerun names them: a world's, and those of a camera that looked first
Z_UP, LIKE_CAMERA = "RIGHT_HAND_Z_UP", "RDF"
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
    spaces: dict[str, str] = field(default_factory=dict)  # by the entity that they hold

    def log(self, path: str, what: Any, at: Moment | None = None) -> None:
        """At the time of a row; without one for all times."""
        if at is not None:
            self.stream.reset_time()
            if at["t_ns"] is None:
                self.stream.set_time(SEQUENCE, sequence=at["sequence"])
            else:
                self.stream.set_time(CLOCK, timestamp=np.datetime64(at["t_ns"], "ns"))
        self.stream.log(path, what, static=at is None)

    def set_apart(self, path: str, axes: str, space: str | None = None) -> None:
        """Put an entity and all below it in a space of its own, or in that of the others whose `space` is called the
        same: nothing says how it lies to what is beside it."""
        import rerun as rr

        if path not in self.spaces:
            self.spaces[path] = space or path
            self.log(path, rr.Transform3D(parent_frame=self.spaces[path]))
            self.log(path, getattr(rr.ViewCoordinates, axes))

    def clear(self, path: str, after_ns: int) -> None:
        """What an entity showed at that time is gone right after it."""
        import rerun as rr

        self.log(path, rr.Clear(recursive=False), {"t_ns": after_ns + 1})

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
