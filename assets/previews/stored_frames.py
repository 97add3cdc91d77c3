"""A small contact sheet of stored frames, for asset metadata and reports."""

from __future__ import annotations

import cv2
import numpy as np

from assets.images import decode_rgb
from assets.tables.catalog import Catalog, is_in
from models.types import Image

_TILE_PX = 160


def contact_sheet_png(catalog: Catalog, where: str, count: int = 12, columns: int = 6) -> bytes | None:
    """PNG of `count` colour frames spread evenly over the matching rows, newest table version; None without frames."""
    ids = sorted(catalog.read_latest("frames", ["frame_id"], f"({where}) AND kind = 'color'")["frame_id"].to_pylist())
    if not ids:
        return None
    chosen = [ids[i] for i in np.unique(np.linspace(0, len(ids) - 1, min(count, len(ids))).astype(int))]
    rows = catalog.read_latest(
        "frames", ["frame_id", "sensor", "t_ns", "payload"], is_in("frame_id", chosen)
    ).to_pylist()
    rows.sort(key=lambda r: (r["sensor"], r["t_ns"] or 0, r["frame_id"]))
    tiles = [_tile(decode_rgb(row["payload"])) for row in rows]
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % min(columns, len(tiles)))
    per_row = min(columns, len(tiles))
    sheet = np.vstack([np.hstack(tiles[i : i + per_row]) for i in range(0, len(tiles), per_row)])
    return cv2.imencode(".png", sheet[..., ::-1])[1].tobytes()


def _tile(image_rgb: Image) -> Image:
    height, width = image_rgb.shape[:2]
    scale = _TILE_PX / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image_rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)
    tile = np.full((_TILE_PX + 4, _TILE_PX + 4, 3), 255, np.uint8)
    y, x = (tile.shape[0] - small.shape[0]) // 2, (tile.shape[1] - small.shape[1]) // 2
    tile[y : y + small.shape[0], x : x + small.shape[1]] = small
    return tile
