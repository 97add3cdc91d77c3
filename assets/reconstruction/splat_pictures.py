"""Pictures of splats, from stored rows: held-out views beside what is drawn of them, the worst first."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image as Pillow

from assets.foreign_text import for_markdown
from assets.previews.drawing import encode_jpeg

Row = Mapping[str, Any]
MOST_DRAWN = 3


def draw_views(views: Sequence[Row]) -> bytes | None:
    """JPEG, a row a held-out view: the picture, what is drawn, four times the difference; None without any."""
    worst = _list_worst(views)[:MOST_DRAWN]
    strips = [
        np.asarray(Pillow.open(io.BytesIO(view["comparison"])).convert("RGB"))
        for view in worst
    ]
    if not strips:
        return None
    wide = max(strip.shape[1] for strip in strips)
    padded = [np.pad(s, ((0, 0), (0, wide - s.shape[1]), (0, 0))) for s in strips]
    return encode_jpeg(np.concatenate(padded))


def list_views(splats: Row, views: Sequence[Row]) -> str:
    """A Markdown table of held-out views, the worst first, beside what guesses come to; or why there are none."""
    if splats["reason"] is not None:
        return for_markdown(splats["reason"])
    lines = [
        "| held-out view | splats [dB] | nearest view [dB] | mean colour [dB] |",
        "|" + "---|" * 4,
    ]
    for view in _list_worst(views):
        name = for_markdown(f"{view['sensor']} {view['frame_id'][:12]}")
        figures = (
            view[k] for k in ("psnr_db", "nearest_psnr_db", "mean_colour_psnr_db")
        )
        lines.append(f"| {name} | " + " | ".join(f"{x:.2f}" for x in figures) + " |")
    return "\n".join(lines)


def _list_worst(views: Sequence[Row]) -> list[Row]:
    seen = [view for view in views if view.get("comparison") is not None]
    return sorted(seen, key=lambda view: (view["psnr_db"], view["frame_id"]))
