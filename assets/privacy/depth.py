"""Which pixels of a depth image show what is covered in a colour frame: those of the frame laid on it, at its time.

Calibrations say whether two sensors share their pixels. Where none speaks of both, one colour sensor of the same size
is taken to; of several nobody knows. A depth image of which nothing says it is covered whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from assets.tables.catalog import Catalog, session_is
from models.faces.found import Floats

APART_NS = 50_000_000  # a colour frame at most so far from the depth image
_INTRINSICS = ("fx_px", "fy_px", "cx_px", "cy_px", "width_px", "height_px")
_MODEL = (*_INTRINSICS, "distortion_model", "distortion", "rig_from_camera")

Row = dict[str, Any]


def find_depth_boxes(
    catalog: Catalog, session: str, depth: Sequence[Row], color: Sequence[Row]
) -> dict[str, Floats]:
    """Frame id -> boxes (N, 4) px to cover, of depth images of a session; `depth` and `color` are rows of `frames`."""
    mine = session_is(session)
    columns = ["capture_id", "sensor", *_MODEL]
    stated = catalog.read_latest("calibrations", columns, mine).to_pylist()
    made = catalog.read_latest("anonymised_frames", ["frame_id", "boxes_xyxy"], mine)
    covered = {
        row["frame_id"]: np.array(row["boxes_xyxy"], np.float64).reshape(-1, 4)
        for row in made.to_pylist()
    }
    beside = _group(color)
    found: dict[str, Floats] = {}
    for (capture, sensor), frames in _group(depth).items():
        others = {name: rows for (of, name), rows in beside.items() if of == capture}
        cameras = {c["sensor"]: c for c in stated if c["capture_id"] == capture}
        name = find_companion(sensor, frames, others, cameras)
        pictures = others[name] if name else []
        for frame in frames:
            boxes = [covered.get(p["frame_id"]) for p in _pair(frame, pictures)]
            found[frame["frame_id"]] = _unite(frame, boxes)
    return found


def find_companion(
    sensor: str,
    frames: Sequence[Row],
    colors: dict[str, list[Row]],
    cameras: dict[str, Row],
) -> str | None:
    """The colour sensor whose pixels a depth sensor shares, of those with frames; None where nothing says it.

    `cameras` are rows of `calibrations` by sensor.
    """
    size = _size(frames[0])
    alike = [name for name, rows in sorted(colors.items()) if _size(rows[0]) == size]
    own = cameras.get(sensor)
    silent = [name for name in alike if own is None or name not in cameras]
    laid_on = [n for n in alike if n not in silent and _is_same(own, cameras[n])]
    if laid_on:
        return laid_on[0]
    return alike[0] if len(alike) == 1 and silent else None


def _is_same(first: Row | None, second: Row) -> bool:
    assert first is not None
    return all(first[name] == second[name] for name in _MODEL)


def _pair(frame: Row, pictures: Sequence[Row]) -> list[Row]:
    """The pictures of a depth image's time; where neither has a clock, that of its number."""
    if frame["t_ns"] is None:
        return [
            p
            for p in pictures
            if p["t_ns"] is None and p["sequence"] == frame["sequence"]
        ]
    return [
        p
        for p in pictures
        if p["t_ns"] is not None and abs(p["t_ns"] - frame["t_ns"]) <= APART_NS
    ]


def _unite(frame: Row, boxes: Sequence[Floats | None]) -> Floats:
    """All of them; the whole image where there are none, or one is not known."""
    known = [b for b in boxes if b is not None]
    if not known or len(known) < len(boxes):
        width, height = _size(frame)
        return np.array([[0.0, 0.0, width, height]])
    return np.unique(np.concatenate(known), axis=0)


def _size(frame: Row) -> tuple[int, int]:
    return frame["width_px"], frame["height_px"]


def _group(frames: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """Capture and sensor -> their frames."""
    found = defaultdict[tuple[str, str], list[Row]](list)
    for frame in frames:
        found[frame["capture_id"], frame["sensor"]].append(frame)
    return found
