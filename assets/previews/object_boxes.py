"""Objects in space as a page shows them: a table with their standard errors, and frames with the projected boxes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from assets.foreign_text import for_markdown
from assets.images import decode_rgb
from assets.previews.drawing import (
    Mark,
    color_classes,
    draw_marks,
    encode_jpeg,
    fit_into_square,
    tile,
)
from assets.tables.catalog import Catalog, is_in
from assets.tables.rows import SIDES
from assets.video_frames import unpack

Row = Mapping[str, Any]
HIDDEN = 0.5  # of a box: more is drawn dashed
_NUM_FRAMES = 4
_COLUMNS = 2
_TILE_PX = 480
_MOST_LISTED = 30


def list_objects(objects: Sequence[Sequence[Row]]) -> str:
    """A Markdown table: size and place of each object, give or take a standard error, or why there is none. Of one that
    moves, which has a row a moment, the first."""
    lines = [
        "| object | shape | size [m] | place [m] | views | left |",
        "|" + "---|" * 6,
    ]
    for row, *more in objects[:_MOST_LISTED]:
        name = for_markdown(f"{row['class_name']} {row['object'][:12]}")
        if row["reason"]:
            lines.append(f"| {name} | {for_markdown(row['reason'])} | | | | |")
            continue
        size = " x ".join(_state(row, n) for n in ("length", "width", "height"))
        place = ", ".join(_state(row, n) for n in ("x", "y", "z"))
        left = "-" if row["chi2"] is None else f"{row['chi2'] ** 0.5:.2f} sigma"
        lines.append(
            f"| {name} | {row['shape']}{_tell_motion(row, more)} | {size} | {place} | {row['num_views']} | {left} |"
        )
    if len(objects) > _MOST_LISTED:
        lines.append(f"| and {len(objects) - _MOST_LISTED} more | | | | | |")
    return "\n".join(lines)


def _tell_motion(row: Row, more: Sequence[Row]) -> str:
    if not more:
        return ""
    return ", moves" if row["yaw_rate_rad_s"] is None else ", moves and turns"


def draw_objects(
    catalog: Catalog, boxes: Sequence[Row], views: Sequence[Row]
) -> bytes | None:
    """JPEG of frames that see most objects, one of each camera first; None where no view shows any. Boxes of which most
    is hidden are dashed."""
    shown = _choose(views)
    by_frame: dict[str, list[Row]] = defaultdict(list)
    for row in views:
        by_frame[row["frame_id"]].append(row)
    stored = catalog.read_latest(
        "frames", ["frame_id", "payload"], is_in("frame_id", shown)
    )
    payloads = {r["frame_id"]: r["payload"] for r in stored.to_pylist()}
    shown = [i for i in shown if i in payloads]
    if not shown:
        return None
    name_of = {
        r["object_box_id"]: f"{r['class_name']} {r['object'][:6]}" for r in boxes
    }
    colors = color_classes(sorted(set(name_of.values())))
    tiles = []
    for frame_id, image in zip(
        shown, unpack(catalog, [payloads[i] for i in shown]), strict=True
    ):
        marks = []
        for row in by_frame[frame_id]:
            x_min, y_min, x_max, y_max = (row[side] for side in SIDES)
            name = name_of[row["object_box_id"]]
            is_hidden = (row["occluded"] or 0.0) > HIDDEN
            marks.append(
                Mark((x_min, y_min, x_max, y_max), name, colors[name], is_hidden)
            )
        tiles.append(
            fit_into_square(draw_marks(decode_rgb(image), marks, _TILE_PX), _TILE_PX)
        )
    captions = [by_frame[i][0]["sensor"] for i in shown]
    return encode_jpeg(tile(tiles, captions, _COLUMNS, _TILE_PX))


def _choose(views: Sequence[Row]) -> list[str]:
    counts = Counter(row["frame_id"] for row in views)
    sensor_of = {row["frame_id"]: row["sensor"] for row in views}
    turn: Counter[str] = Counter()
    ranked = []
    for frame_id, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        ranked.append((turn[sensor_of[frame_id]], -count, frame_id))
        turn[sensor_of[frame_id]] += 1
    return [frame_id for _, _, frame_id in sorted(ranked)[:_NUM_FRAMES]]


def _state(row: Row, name: str) -> str:
    value, sigma = row[f"{name}_m"], row[f"{name}_sigma_m"]
    if value is None:
        return "?"
    return f"{value:.3f}" + ("" if sigma is None else f" ± {sigma:.3f}")
