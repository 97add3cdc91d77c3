"""What is drawn over frames: labels that stand, answers of a model, tracks. In pixels of the upright picture."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.browsing.frame_index import FrameIndex
from assets.browsing.pictures import find_upright
from assets.browsing.shown import to_plain
from assets.browsing.upright import Upright
from assets.current_labels import read_said
from assets.formats.annotations.orientation import Box, Point
from assets.kinds.keypoints import parse_points
from assets.tables.catalog import Catalog, is_in
from assets.tables.rows import SIDES, FrameRow, LabelRow
from models.masks import decode_mask

Mark: TypeAlias = dict[str, Any]
Marks: TypeAlias = dict[str, dict[str, list[Mark]]]  # by frame id and layer
MOST_FRAMES = 200
MOST_PARTS = 200  # of a mask that are drawn, the largest
MOST_CORNERS = 2_000  # of a part
_LOOKS = ("frame_id", "capture_id", "sha256", "width_px", "height_px")
_TRACK = [
    *("frame_id", "track_id", "class_name", "score", "is_filled"),
    *SIDES,
]


class LayerError(ValueError):
    """There is no such layer; the message says which there are."""


def read_marks(
    catalog: Catalog,
    index: FrameIndex,
    frame_ids: Sequence[str],
    layers: Sequence[str],
) -> Marks:
    """What each layer has on each frame: `labels`, `predictions:MODEL`, `tracks`. Frames that there are not are left
    out. Raises LayerError for another layer, and for too many frames."""
    if len(frame_ids) > MOST_FRAMES:
        raise LayerError(
            f"marks of {len(frame_ids)} frames: {MOST_FRAMES} are read at once"
        )
    positions = index.find(frame_ids)
    turns = {
        frame_id: find_upright(index, place)
        for frame_id, place in zip(frame_ids, positions.tolist(), strict=True)
        if place >= 0
    }
    marks: Marks = {frame_id: {} for frame_id in turns}
    for layer in layers:
        for frame_id, found in _read_layer(catalog, index, turns, layer).items():
            marks[frame_id][layer] = found
    return marks


def _read_layer(
    catalog: Catalog, index: FrameIndex, turns: Mapping[str, Upright], layer: str
) -> Mapping[str, list[Mark]]:
    kind, _, name = layer.partition(":")
    if kind == "labels" and not name:
        return _read_labels(catalog, index, turns)
    if kind == "predictions" and name:
        return _read_predictions(catalog, turns, name)
    if kind == "tracks" and not name:
        return _read_tracks(catalog, turns)
    raise LayerError(
        f"there is no layer {layer!r}: ask for labels, predictions:MODEL or tracks"
    )


def _read_labels(
    catalog: Catalog, index: FrameIndex, turns: Mapping[str, Upright]
) -> Mapping[str, list[Mark]]:
    frames = index.take(index.find(list(turns)), _LOOKS).to_pylist()
    found: dict[str, list[Mark]] = defaultdict(list)
    said = read_said(catalog, cast("list[FrameRow]", frames))
    for (frame_id, task), what in said.items():
        for label in what.labels:
            found[frame_id] += _draw_label(label, task, turns[frame_id])
    return found


def _draw_label(label: LabelRow, task: str, turn: Upright) -> list[Mark]:
    facts = {
        "class_name": label["class_name"],
        "score": None,
        "label_id": label["label_id"],
        "track_id": label["track_id"],
        "task": task,
        "origin": label["origin"],
    }
    sides = [label[side] for side in SIDES]
    box = _show_box(sides, turn)
    shapes: list[Mark] = []
    if label["mask_rle"]:
        shapes = _draw_mask(label["mask_rle"], turn)
    points = _find_points(label)
    if points:
        places = [(x, y) for x, y, _ in points]
        seen = [visibility for _, _, visibility in points]
        shapes.append(
            {
                "kind": "keypoints",
                "points": turn.show_points(places),
                "visibility": seen,
            }
        )
    if not shapes:
        shapes = [{"kind": "class" if box is None else "box"}]
    return [{**facts, "box": box, **shape} for shape in shapes]


def _show_box(sides: Sequence[float | None], turn: Upright) -> Box | None:
    """None of what has no box, or one that is nowhere."""
    if any(side is None or not math.isfinite(side) for side in sides):
        return None
    return turn.show_box(cast(Box, tuple(sides)))


def _find_points(label: LabelRow) -> list[tuple[float, float, float]]:
    if not label["attributes"]:
        return []
    with suppress(ValueError, TypeError, KeyError):
        text = dict(json.loads(label["attributes"])).get("keypoints")
        if text:
            return [tuple(point) for point in np.asarray(parse_points(text)).tolist()]
    return []


def _draw_mask(rle: str, turn: Upright) -> list[Mark]:
    """A polygon for each part of a mask, of the `MOST_PARTS` largest, holes left out; nothing of one that does not fit
    its picture."""
    width, height = turn.stored_px
    try:
        mask = decode_mask(rle, height, width)
    except ValueError:
        return []
    outlines, _ = cv2.findContours(
        _keep_largest(np.ascontiguousarray(mask, np.uint8)),
        cv2.RETR_EXTERNAL,
        cv2.CHAIN_APPROX_TC89_L1,
    )
    shapes = []
    for outline in outlines:
        corners = outline[:: len(outline) // MOST_CORNERS + 1, 0]
        points: list[Point] = [(x + 0.5, y + 0.5) for x, y in corners.tolist()]
        shapes.append({"kind": "mask", "points": turn.show_points(points)})
    return shapes


def _keep_largest(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) without the parts that are too many to be drawn: noise has one for every few pixels."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count - 1 <= MOST_PARTS:
        return mask
    areas = stats[1:, cv2.CC_STAT_AREA]
    is_kept = np.zeros(count, np.uint8)
    is_kept[1 + np.argpartition(-areas, MOST_PARTS)[:MOST_PARTS]] = 1
    kept: NDArray[np.uint8] = is_kept[parts]
    return kept


def _read_predictions(
    catalog: Catalog, turns: Mapping[str, Upright], model: str
) -> Mapping[str, list[Mark]]:
    columns = [
        *("frame_id", "boxes_xyxy", "class_names", "scores", "mask_rles"),
        "model_sha256",
    ]
    asked = is_in("frame_id", list(turns))
    rows = catalog.read_latest("predictions", columns, asked).to_pylist()
    found: dict[str, list[Mark]] = defaultdict(list)
    for row in rows:
        if row["model_sha256"].startswith(model):
            found[row["frame_id"]] = _draw_answer(row, turns[row["frame_id"]])
    return found


def _draw_answer(row: Mapping[str, Any], turn: Upright) -> list[Mark]:
    boxes = np.array(row["boxes_xyxy"], float).reshape(-1, 4).tolist()
    masks = row["mask_rles"] or []
    drawn = []
    for number, name in enumerate(row["class_names"]):
        scores = row["scores"]
        facts = {
            "class_name": name,
            "score": to_plain(scores[number]) if number < len(scores) else None,
            "label_id": None,
            "track_id": None,
            "box": _show_box(boxes[number], turn) if number < len(boxes) else None,
        }
        shapes = _draw_mask(masks[number], turn) if number < len(masks) else []
        kind = "class" if facts["box"] is None else "box"
        drawn += [{**facts, **shape} for shape in shapes or [{"kind": kind}]]
    return drawn


def _read_tracks(
    catalog: Catalog, turns: Mapping[str, Upright]
) -> Mapping[str, list[Mark]]:
    asked = is_in("frame_id", list(turns))
    found: dict[str, list[Mark]] = defaultdict(list)
    for row in catalog.read_latest("tracks", _TRACK, asked).to_pylist():
        box = _show_box([row[side] for side in SIDES], turns[row["frame_id"]])
        found[row["frame_id"]].append(
            {
                "kind": "class" if box is None else "box",
                "box": box,
                "class_name": row["class_name"],
                "score": to_plain(row["score"]),
                "track_id": row["track_id"],
                "label_id": None,
                "is_filled": row["is_filled"],
            }
        )
    return found
