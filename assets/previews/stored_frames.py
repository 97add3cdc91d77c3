"""A small contact sheet of stored frames, for asset metadata and reports."""

from __future__ import annotations

import numpy as np

from assets.captions import caption_stored
from assets.images import decode_rgb
from assets.previews.drawing import contact_sheet, fit_into_square
from assets.tables.catalog import Catalog, is_in
from assets.video_frames import unpack

_TILE_PX = 160


def draw_contact_sheet(
    catalog: Catalog, where: str, count: int = 12, columns: int = 6
) -> bytes | None:
    """JPEG of `count` colour frames spread evenly over the matching rows, newest table version; None without frames.

    Each is shown whole, with its sensor below, or with its file where nobody says what took it.
    """
    ids = sorted(
        catalog.read_latest("frames", ["frame_id"], f"({where}) AND kind = 'color'")[
            "frame_id"
        ].to_pylist()
    )
    if not ids:
        return None
    chosen = [
        ids[i]
        for i in np.unique(
            np.linspace(0, len(ids) - 1, min(count, len(ids))).astype(int)
        )
    ]
    wanted = ["frame_id", "sensor", "t_ns", "source_path", "payload"]
    rows = catalog.read_latest("frames", wanted, is_in("frame_id", chosen)).to_pylist()
    rows.sort(key=lambda r: (r["sensor"], r["t_ns"] or 0, r["frame_id"]))
    images = unpack(catalog, [row["payload"] for row in rows])
    squares = [fit_into_square(decode_rgb(image), _TILE_PX) for image in images]
    captions = [caption_stored(row["sensor"], row["source_path"]) for row in rows]
    return contact_sheet(squares, captions, columns, _TILE_PX)
