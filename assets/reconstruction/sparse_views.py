"""Pictures of a sparse model: its points and cameras seen from three sides; and what its rungs came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.foreign_text import for_markdown
from assets.previews.drawing import encode_jpeg
from models.geometry.camera import Array
from models.geometry.sparse_model import SparseModel

Row = Mapping[str, Any]
_SIDE_PX, _EDGE_PX = 480, 24
_PAPER_RGB, _INK_RGB, _CAMERA_RGB = (28, 27, 25), (226, 222, 212), (255, 120, 61)
_MIDDLE = (2, 98)  # per cent of the points that a view holds
_LOOK = 0.06  # length of a camera's line, by the width of the view
# rows of each view's axes: which way is right and down, in the frame of the middle camera
_VIEWS = {
    "from the cameras": ((1, 0, 0), (0, 1, 0)),
    "from above": ((1, 0, 0), (0, 0, -1)),
    "from the left": ((0, 0, 1), (0, 1, 0)),
}


def draw_model(model: SparseModel) -> bytes:
    """JPEG of three views side by side: points in their colours, cameras as dots with the way that they look."""
    axes = _find_axes(model)
    points = model.points @ axes.T
    centres = np.array([i.world_from_camera[:3, 3] for i in model.images]) @ axes.T
    looks = np.array([i.world_from_camera[:3, 2] for i in model.images]) @ axes.T
    views = [
        _draw(name, np.array(plane, float), points, centres, looks, model)
        for name, plane in _VIEWS.items()
    ]
    return encode_jpeg(np.concatenate(views, axis=1))


def list_rungs(rows: Sequence[Row]) -> str:
    """A table in Markdown: what was tried, and what it came to."""
    lines = [
        "| rung | pictures | pieces | points | px | kept |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        off = row["reprojection_px"]
        found = for_markdown(row["reason"] or ("" if off is None else f"{off:.3f}"))
        lines.append(
            f"| {row['rung']} | {row['num_registered']} | {row['num_pieces']} | {row['num_points']} | {found} | "
            f"{'yes' if row['is_kept'] else ''} |"
        )
    return "\n".join(lines) if rows else "nothing was tried"


def _find_axes(model: SparseModel) -> Array:
    """Right, down and ahead (3, 3) of the middle of all cameras, by the nearest rotation."""
    if not model.images:
        return np.eye(3)
    mean = np.mean([i.world_from_camera[:3, :3].T for i in model.images], axis=0)
    u, _, v = np.linalg.svd(mean)
    return np.asarray(u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ v))]) @ v)


def _draw(
    name: str,
    plane: Array,
    points: Array,
    centres: Array,
    looks: Array,
    model: SparseModel,
) -> NDArray[np.uint8]:
    image = np.full((_SIDE_PX, _SIDE_PX, 3), _PAPER_RGB, np.uint8)
    flat, at, ways = points @ plane.T, centres @ plane.T, looks @ plane.T
    low, high = (
        np.percentile(flat, _MIDDLE, axis=0) if len(flat) else at[:1].repeat(2, 0)
    )
    low, high = np.minimum(low, at.min(axis=0)), np.maximum(high, at.max(axis=0))
    width = float((high - low).max()) or 1.0
    by = (_SIDE_PX - 2 * _EDGE_PX) / width
    start = _SIDE_PX / 2 - by * (low + high) / 2

    def place(positions: Array) -> NDArray[np.int64]:
        return np.asarray((positions * by + start).round(), np.int64)

    pixels = place(flat)
    inside = ((pixels >= 0) & (pixels < _SIDE_PX)).all(axis=1)
    x, y = pixels[inside].T
    image[y, x] = model.colours_rgb[inside]
    ends = place(at + _LOOK * width * ways)
    for a, b in zip(place(at).tolist(), ends.tolist(), strict=True):
        cv2.line(image, a, b, _CAMERA_RGB, 1, cv2.LINE_AA)
        cv2.circle(image, a, 2, _CAMERA_RGB, -1, cv2.LINE_AA)
    unit = model.length_unit if model.length_unit == "m" else "of unknown unit"
    text = f"{name}, {width:.3g} {unit} wide"
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(image, text, (10, _SIDE_PX - 8), font, 0.4, _INK_RGB, 1, cv2.LINE_AA)
    return image
