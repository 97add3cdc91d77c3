"""Tracks over the frames of a recording: each in one colour, with the way that it came."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from assets.images import decode_rgb
from assets.previews.drawing import (
    Color,
    Mark,
    color_classes,
    draw_marks,
    encode_jpeg,
    fit_into_square,
    tile,
)
from assets.tables.catalog import Catalog, is_in
from assets.tables.rows import TrackRow
from assets.video_frames import unpack
from models.types import Image

_NUM_FRAMES = 8
_COLUMNS = 4
_TILE_PX = 320


def draw_tracks(catalog: Catalog, rows: Sequence[TrackRow]) -> bytes | None:
    """JPEG of frames spread over the recording with the most tracks; None where there is no track.

    Boxes that were put on the path, where nothing was found, are dashed; a line says where the box's middle was before.
    """
    chosen = _choose_recording(rows)
    if not chosen:
        return None
    by_frame: dict[int, list[TrackRow]] = defaultdict(list)
    for row in chosen:
        by_frame[row["frame_number"]].append(row)
    numbers = sorted(by_frame)
    places = np.linspace(0, len(numbers) - 1, min(_NUM_FRAMES, len(numbers)))
    shown = [numbers[place] for place in np.unique(places.astype(int)).tolist()]
    ids = {number: by_frame[number][0]["frame_id"] for number in shown}
    columns = ["frame_id", "payload"]
    stored = catalog.read_latest(
        "frames", columns, is_in("frame_id", list(ids.values()))
    )
    payloads = {r["frame_id"]: r["payload"] for r in stored.to_pylist()}
    shown = [number for number in shown if ids[number] in payloads]
    if not shown:
        return None
    images = unpack(catalog, [payloads[ids[number]] for number in shown])
    names = sorted({row["track_id"] for row in chosen})
    colors = color_classes(names)
    titles = {name: str(number) for number, name in enumerate(names, start=1)}
    tiles = [
        fit_into_square(
            draw_frame(decode_rgb(image), chosen, number, colors, titles), _TILE_PX
        )
        for number, image in zip(shown, images, strict=True)
    ]
    captions = [f"frame {number}" for number in shown]
    return encode_jpeg(tile(tiles, captions, _COLUMNS, _TILE_PX))


def draw_frame(
    image_rgb: Image,
    rows: Sequence[TrackRow],
    number: int,
    colors: Mapping[str, Color],
    titles: Mapping[str, str],
) -> Image:
    """One frame of a recording with the boxes of its tracks there, and the ways that they came. `rows` are those of the
    recording."""
    here = [row for row in rows if row["frame_number"] == number]
    canvas = Pillow.fromarray(np.ascontiguousarray(image_rgb))
    draw = ImageDraw.Draw(canvas)
    width_px = max(1, image_rgb.shape[1] // 250)
    for row in here:
        way = sorted(
            (other["frame_number"], _middle(other))
            for other in rows
            if other["track_id"] == row["track_id"] and other["frame_number"] <= number
        )
        if len(way) > 1:
            points = [point for _, point in way]
            draw.line(points, fill=colors[row["track_id"]], width=width_px)
    marks = [
        Mark(
            (row["x_min"], row["y_min"], row["x_max"], row["y_max"]),
            titles[row["track_id"]],
            colors[row["track_id"]],
            is_dashed=row["is_filled"],
        )
        for row in here
    ]
    return draw_marks(np.asarray(canvas), marks, max(_TILE_PX, image_rgb.shape[1]))


def _choose_recording(rows: Sequence[TrackRow]) -> list[TrackRow]:
    by_recording: dict[tuple[str, str], list[TrackRow]] = defaultdict(list)
    for row in rows:
        by_recording[row["capture_id"], row["sensor"]].append(row)
    return max(
        (mine for _, mine in sorted(by_recording.items())),
        key=lambda mine: len({row["track_id"] for row in mine}),
        default=[],
    )


def _middle(row: TrackRow) -> tuple[float, float]:
    return (row["x_min"] + row["x_max"]) / 2, (row["y_min"] + row["y_max"]) / 2
