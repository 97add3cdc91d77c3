"""Pictures of depth: in colour beside the image, and the rectified pair with its epipolar lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.foreign_text import for_markdown
from assets.images import decode_depth, decode_luma
from assets.previews.drawing import encode_jpeg, fit_width
from assets.reconstruction.depth_maps import load_pairs, spread
from assets.reconstruction.stereo_pairs import find_pairs
from assets.tables.catalog import Catalog, is_in
from models.types import Image

Row = Mapping[str, Any]
NUM_SHOWN = 3
_WIDTH_PX = 480
_LINES = 12
_LINE_RGB = (255, 196, 61)
_UNKNOWN_RGB = (28, 27, 25)
_ENDS_PERCENT = (2, 98)


def draw_depth(catalog: Catalog, session: str) -> bytes | None:
    """JPEG, a row a pair: the image, its depth from near (red) to far (blue), and how sure it is; None without any."""
    pairs = spread(find_pairs(catalog, session), NUM_SHOWN)
    names = [p.first.name for p in pairs]
    columns = ["frame_id", "other_frame_id", "payload", "confidence_payload"]
    stored = catalog.read_latest("depth_maps", columns, is_in("frame_id", names))
    rows = {
        (r["frame_id"], r["other_frame_id"]): r
        for r in stored.to_pylist()
        if r["payload"] is not None
    }
    strips = []
    for pair, (first, _), _ in load_pairs(catalog, pairs):
        row = rows.get((pair.first.name, pair.second.name))
        if row is not None:
            sure = decode_luma(row["confidence_payload"])
            parts = (_to_rgb(first), paint_depth(decode_depth(row["payload"])))
            strips.append(_join([*parts, _to_rgb(sure)]))
    return encode_jpeg(np.concatenate(strips)) if strips else None


def draw_epipolar_lines(catalog: Catalog, session: str) -> bytes | None:
    """JPEG of a rectified pair: what lies on a line in one image lies on it in the other; None without a pair."""
    pairs = spread(find_pairs(catalog, session), 1)
    for pair, (first, second), _ in load_pairs(catalog, pairs):
        rectification = pair.cameras.rectification
        if rectification is None:
            continue
        try:
            sides = rectification.warp(first, second)
        except ValueError:
            return None
        drawn = _join([_to_rgb(side) for side in sides])
        for y in np.linspace(0, len(drawn) - 1, _LINES + 2)[1:-1].round().astype(int):
            drawn[y] = _LINE_RGB
        return encode_jpeg(drawn)
    return None


def paint_depth(units: NDArray[np.uint16]) -> Image:
    """(H, W, 3) from near (red) to far (blue), by disparity; dark where unknown (0)."""
    is_known = units > 0
    if not is_known.any():
        return np.full((*units.shape, 3), _UNKNOWN_RGB, np.uint8)
    near = 1 / np.maximum(units, 1).astype(np.float64)
    low, high = np.percentile(near[is_known], _ENDS_PERCENT)
    share = np.clip((near - low) / max(high - low, 1e-12), 0, 1)
    colored = cv2.applyColorMap((255 * share).astype(np.uint8), cv2.COLORMAP_TURBO)
    rgb = cv2.cvtColor(colored, cv2.COLOR_BGR2RGB)
    return np.where(is_known[..., None], rgb, np.array(_UNKNOWN_RGB, np.uint8))


def list_depth(rows: Sequence[Row]) -> str:
    """A Markdown table of pairs of cameras: maps, and the middle of their figures; or why there are none."""
    lines = [
        "| cameras | maps | coverage | agreement | confidence | depth [m] | sensor [px] |",
        "|" + "---|" * 7,
    ]
    for name in sorted({_name(r) for r in rows}):
        mine = [r for r in rows if _name(r) == name]
        able = [r for r in mine if r["reason"] is None]
        if able:
            depth, sigma = (
                _middle(able, f"median_{of}_m") for of in ("depth", "sigma")
            )
            cells = [
                str(len(able)),
                *(
                    _middle(able, of)
                    for of in ("coverage", "agreement", "median_confidence")
                ),
                f"{depth} ± {sigma}",
                _middle(able, "sensor_off_px"),
            ]
        else:
            cells = ["; ".join(sorted({r["reason"] for r in mine})), *[""] * 5]
        lines.append("| " + " | ".join(map(for_markdown, (name, *cells))) + " |")
    return "\n".join(lines)


def _name(row: Row) -> str:
    return f"{row['sensor']}, {row['other_sensor'] or 'none'}"


def _middle(rows: Sequence[Row], column: str) -> str:
    values = [r[column] for r in rows if r[column] is not None]
    return f"{np.median(values):.3g}" if values else "-"


def _to_rgb(grey: NDArray[np.uint8]) -> Image:
    return np.repeat(grey[..., None], 3, axis=2)


def _join(images: Sequence[Image]) -> Image:
    """Beside one another, of one height."""
    fitted = [fit_width(image, _WIDTH_PX) for image in images]
    height = min(len(image) for image in fitted)
    return np.concatenate([image[:height] for image in fitted], axis=1)
