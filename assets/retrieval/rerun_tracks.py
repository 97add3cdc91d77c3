"""Tracks as a Rerun recording shows them: boxes in the colour of their track, and the way that each came.

Belongs here: which tracks a frame has, and what is drawn of them. Does not: where in the recording a camera is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from assets.previews.drawing import Color, color_classes
from assets.tables.catalog import Catalog, session_is
from assets.tables.rows import SIDES, TrackRow

_WAY = 30  # boxes of a way: longer ones hide the picture


@dataclass(frozen=True)
class ShownTracks:
    """The tracks of a session. `makers` are tracker and model, as an entity is called; each has its own tracks."""

    makers: tuple[str, ...]
    by_frame: dict[str, dict[str, list[TrackRow]]]  # frame_id -> maker -> its boxes
    ways: dict[str, list[TrackRow]]  # track_id -> its boxes, in order
    titles: dict[str, str]
    colors: dict[str, Color]

    def draw(self, frame_id: str) -> Iterator[tuple[str, Any, Any, int]]:
        """(maker, boxes, ways, how many) of a frame, also where there are none: those of before must not stay."""
        import rerun as rr

        here = self.by_frame.get(frame_id, {})
        for maker in self.makers:
            rows = here.get(maker, [])
            corners = [[row[side] for side in SIDES] for row in rows]
            colors = [self.colors[row["track_id"]] for row in rows]
            boxes = rr.Boxes2D(
                array=np.array(corners, float).reshape(-1, 4),
                array_format=rr.Box2DFormat.XYXY,
                labels=[self._name(row) for row in rows],
                colors=colors,
            )
            ways = rr.LineStrips2D([self._way(row) for row in rows], colors=colors)
            yield maker, boxes, ways, len(rows)

    def _name(self, row: TrackRow) -> str:
        filled = ", put into a gap" if row["is_filled"] else ""
        return f"{self.titles[row['track_id']]}{filled}"

    def _way(self, row: TrackRow) -> list[tuple[float, float]]:
        until = [
            one
            for one in self.ways[row["track_id"]]
            if row["frame_number"] - _WAY < one["frame_number"] <= row["frame_number"]
        ]
        return [
            ((one["x_min"] + one["x_max"]) / 2, (one["y_min"] + one["y_max"]) / 2)
            for one in until
        ]


def read_shown_tracks(catalog: Catalog, session: str) -> ShownTracks:
    """The newest rows of `tracks`, held or not."""
    rows = catalog.read_latest("tracks", where=session_is(session)).to_pylist()
    by_frame: dict[str, dict[str, list[TrackRow]]] = defaultdict(
        lambda: defaultdict(list)
    )
    ways: dict[str, list[TrackRow]] = defaultdict(list)
    titles: dict[str, str] = {}
    for row in sorted(rows, key=lambda r: (r["frame_number"], r["track_box_id"])):
        by_frame[row["frame_id"]][_name_maker(row)].append(row)
        ways[row["track_id"]].append(row)
        titles.setdefault(row["track_id"], f"{row['class_name']} {len(titles) + 1}")
    makers = sorted({_name_maker(row) for row in rows})
    return ShownTracks(
        tuple(makers), dict(by_frame), dict(ways), titles, color_classes(list(titles))
    )


def _name_maker(row: TrackRow) -> str:
    looks = "-looks" if row["uses_looks"] else ""
    return f"{row['tracker']}{looks}-{row['model_sha256'][:8]}"
