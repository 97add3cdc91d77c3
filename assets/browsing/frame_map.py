"""All frames on a map, near each other where they look alike, and those inside of an outline on it.

The map is the two directions in which vectors of the home differ most (`assets.browsing.vectors`).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.browsing.frame_ids import Positions
from assets.browsing.frame_index import FrameIndex
from assets.browsing.questions import QuestionError
from assets.browsing.vectors import Floats, ShortVectors

MOST_POINTS = 200_000  # that a page draws
MOST_CORNERS = 500
_FIELDS = ("session", "sensor", "split")


def list_shown(short: ShortVectors) -> NDArray[np.int64]:
    """Rows of the frames that are drawn: all, or `MOST_POINTS` spread evenly over them, in the order of the index."""
    there = np.flatnonzero(short.positions >= 0)
    there = there[np.argsort(short.positions[there], kind="stable")]
    if len(there) <= MOST_POINTS:
        return there
    return there[np.linspace(0, len(there) - 1, MOST_POINTS).astype(np.int64)]


def tell_map(index: FrameIndex, short: ShortVectors) -> dict[str, Any]:
    """Places of the frames that are drawn, and what they can be coloured by; numbers are little-endian, in base64."""
    rows = list_shown(short)
    places = short.places[rows]
    positions = short.positions[rows]
    return {
        "num": len(rows),
        "num_frames": int((short.positions >= 0).sum()),
        "x": _encode(places[:, 0], "<f4"),
        "y": _encode(places[:, 1], "<f4"),
        "frame_ids": "/api/map/frames",
        "fields": {name: _tell_field(index, name, positions) for name in _FIELDS},
    }


def list_ids(
    index: FrameIndex, short: ShortVectors, offset: int, limit: int
) -> list[str]:
    """Ids of the frames that are drawn, in the order of their places."""
    rows = list_shown(short)[offset : offset + limit]
    found: list[str] = (
        index.rows["frame_id"].take(pa.array(short.positions[rows])).to_pylist()
    )
    return found


def find_inside(
    short: ShortVectors, corners: Sequence[tuple[float, float]]
) -> Positions:
    """Positions of the frames inside of an outline, drawn or not, by the even-odd rule. Raises QuestionError for what
    is no outline."""
    outline = np.array(corners, np.float64).reshape(-1, 2)
    if not 3 <= len(outline) <= MOST_CORNERS or not np.isfinite(outline).all():
        raise QuestionError(
            f"an outline has 3 to {MOST_CORNERS} corners, each x and y: this has {len(outline)}"
        )
    places = short.places
    low, high = outline.min(axis=0), outline.max(axis=0)
    is_near = ((places >= low) & (places <= high)).all(axis=1) & (short.positions >= 0)
    rows = np.flatnonzero(is_near)
    return np.sort(short.positions[rows[_is_inside(places[rows], outline)]])


def _is_inside(places: Floats, outline: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(N,) whether a ray to the right of each place (N, 2) crosses an odd number of sides."""
    x, y = places[:, 0].astype(np.float64), places[:, 1].astype(np.float64)
    is_odd = np.zeros(len(places), bool)
    for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        crosses = (y0 > y) != (y1 > y)
        is_odd ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return is_odd


def _tell_field(index: FrameIndex, name: str, positions: Positions) -> dict[str, Any]:
    """The words of a column, and the place among them of each frame's; 65535 where it has none."""
    column = index.rows[name].combine_chunks()
    array = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    codes = array.indices.take(pa.array(positions)).fill_null(-1)
    known = np.asarray(codes, np.int64)
    codes16 = np.where((known < 0) | (known > 65534), 65535, known)
    return {
        "names": array.dictionary.slice(0, 65535).to_pylist(),
        "codes": _encode(codes16, "<u2"),
    }


def _encode(values: NDArray[Any], kind: str) -> str:
    return base64.b64encode(values.astype(kind).tobytes()).decode()
