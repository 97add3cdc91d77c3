"""The first frames of a queue of labelling, in its order, each with the reason that it is asked for."""

from __future__ import annotations

import pyarrow as pa

from assets.images import decode_rgb
from assets.previews.drawing import contact_sheet, fit_into_square
from assets.tables.catalog import Catalog, is_in
from assets.video_frames import unpack

_TILE_PX = 160


def draw_queue(
    catalog: Catalog, rows: pa.Table, count: int = 12, columns: int = 6
) -> bytes | None:
    """JPEG of the first `count` of these rows of `label_queue`; None where none of them has a stored frame.

    Each is shown whole, with its rank, the strategy that took it, and the number behind that.
    """
    first = rows.slice(0, count).select(["frame_id", "rank", "reasons", "values"])
    captions = {
        row["frame_id"]: f"{row['rank']} {row['reasons'][0]} {row['values'][0]:.2f}"
        for row in first.to_pylist()
    }
    where = is_in("frame_id", list(captions))
    found = catalog.read_latest("frames", ["frame_id", "payload"], where).to_pylist()
    payload_of = {row["frame_id"]: row["payload"] for row in found}
    shown = [frame_id for frame_id in captions if frame_id in payload_of]
    if not shown:
        return None
    images = unpack(catalog, [payload_of[frame_id] for frame_id in shown])
    squares = [fit_into_square(decode_rgb(image), _TILE_PX) for image in images]
    return contact_sheet(squares, [captions[i] for i in shown], columns, _TILE_PX)
