"""Small pictures of scans from above, for asset metadata."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.formats.points.clouds import positions_of
from assets.point_clouds import points_of
from assets.previews.drawing import Image, tile
from assets.tables.catalog import Catalog, is_in
from assets.tables.schemas import TABLES

_TILE_PX = 240
_SHOWN_SHARE = 99.0  # percentile of distances that the picture reaches to: one far point would shrink all others
_GROUND = (22, 21, 19)
_POINT = (255, 214, 140)


def scans_from_above_png(catalog: Catalog, where: str, count: int = 4) -> bytes | None:
    """PNG of `count` scans spread evenly over the matching rows that have points, newest table version; None of none.

    Below each stand its sensor and how far its edges are from the sensor, in metres. Raises ValueError for points that
    are not those of their row.
    """
    rows = catalog.read_latest(
        "scans", ["scan_id", "sensor", "sequence"], f"({where}) AND num_finite > 0"
    ).to_pylist()
    rows.sort(key=lambda r: (r["sensor"], r["sequence"], r["scan_id"]))
    if not rows:
        return None
    spread = np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)
    chosen = [rows[i]["scan_id"] for i in np.unique(spread)]
    columns = [c.name for c in TABLES["scans"].columns]
    found = catalog.read_latest("scans", columns, is_in("scan_id", chosen))
    by_id = {row["scan_id"]: row for row in found.to_pylist()}
    pictures = []
    captions = []
    for scan_id in chosen:
        row = by_id[scan_id]
        positions = positions_of(points_of(catalog.blobs, row))
        picture, reach_m = draw_from_above(positions, _TILE_PX)
        pictures.append(picture)
        captions.append(f"{row['sensor']} {row['sequence']}: ±{reach_m:.3g} m")
    sheet = tile(pictures, captions, count, _TILE_PX)
    return cv2.imencode(".png", sheet[..., ::-1])[1].tobytes()


def draw_from_above(
    positions: NDArray[np.float64], side_px: int
) -> tuple[Image, float]:
    """Points (n, 3), m, seen along -z as (side, side, 3) with the sensor in the middle, x up and y to the left.

    Brighter is denser. Also how far the edges are from the sensor, m. Points that are not finite are left out.
    """
    flat = positions[np.isfinite(positions).all(axis=1)][:, :2]
    reach_m = 1.0
    if len(flat):
        reach_m = float(np.percentile(np.abs(flat).max(axis=1), _SHOWN_SHARE)) or 1.0
    edges = np.linspace(-reach_m, reach_m, side_px + 1)
    counts, _, _ = np.histogram2d(flat[:, 0], flat[:, 1], bins=[edges, edges])
    dense = np.log1p(counts) / max(float(np.log1p(counts.max())), 1e-9)
    # 0.4: a single point is to be seen
    shade = np.where(counts > 0, 0.4 + 0.6 * dense, 0.0)[::-1, ::-1, None]
    ground = np.array(_GROUND, float)
    picture = ground + shade * (np.array(_POINT, float) - ground)
    return picture.round().astype(np.uint8), reach_m
