"""Pictures of paths and meshes: the surface from three sides as points with shading, the path from above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.foreign_text import for_markdown
from assets.previews.drawing import encode_jpeg
from assets.reconstruction.meshes import load_mesh
from assets.tables.catalog import Catalog
from models.fusion.surface import Mesh
from models.types import Image

Row = Mapping[str, Any]
SIDE_PX = 420
MOST_DRAWN = 3  # meshes of a session, the largest first
_MARGIN = 0.06
_GROUND_RGB = (28, 27, 25)
_BEHIND = 96.0  # grey of a surface that is seen from behind
_PATH_RGB, _LOOP_RGB = (255, 196, 61), (96, 200, 255)
# rows: right, down and away, in the frame of the first camera
SIDES = {
    "front": ((1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0)),
    "side": ((0, 0, -1.0), (0, 1.0, 0), (1.0, 0, 0)),
    "above": ((1.0, 0, 0), (0, 0, -1.0), (0, 1.0, 0)),
}


def draw_meshes(catalog: Catalog, rows: Sequence[Row]) -> bytes | None:
    """JPEG, a row a mesh: from where the first camera looked, from its left, from above; None without a mesh."""
    able = [r for r in rows if r["reason"] is None]
    largest = sorted(able, key=lambda r: -r["area_m2"])[:MOST_DRAWN]
    strips = []
    for row in largest:
        mesh = load_mesh(catalog, dict(row))
        strips.append(np.concatenate([draw_side(mesh, side) for side in SIDES], axis=1))
    return encode_jpeg(np.concatenate(strips)) if strips else None


def draw_side(mesh: Mesh, side: str) -> Image:
    """(SIDE_PX, SIDE_PX, 3): parallel rays, the nearest point of each, lit from behind the viewer."""
    turn = np.array(SIDES[side])
    corners = mesh.colors[mesh.triangles[:, 0]], mesh.normals[mesh.triangles[:, 0]]
    points = np.concatenate([mesh.vertices, mesh.centres]) @ turn.T
    colors = np.concatenate([mesh.colors, corners[0]])
    normals = np.concatenate([mesh.normals, corners[1]]) @ turn.T
    pixels = _fit(points[:, :2], SIDE_PX)
    # a surface that turns away is seen from behind: grey
    facing = -normals[:, 2]
    light = (0.35 + 0.65 * np.maximum(facing, 0))[:, None]
    shaded = np.where(facing[:, None] > 0, colors * light, _BEHIND).astype(np.uint8)
    canvas = np.full((SIDE_PX, SIDE_PX, 3), _GROUND_RGB, np.uint8)
    order = np.argsort(-points[:, 2], kind="stable")
    x, y = pixels[order].T
    for right, down in ((1, 1), (0, 1), (1, 0), (0, 0)):
        at = np.minimum(y + down, SIDE_PX - 1), np.minimum(x + right, SIDE_PX - 1)
        canvas[at] = shaded[order]
    return canvas


def draw_path(rows: Sequence[Row]) -> bytes | None:
    """JPEG: from above, a line a part, a dot where a loop was closed; None without a pose."""
    able = [r for r in rows if r["part"] is not None]
    strips = []
    for capture, sensor, part in sorted(
        {(r["capture_id"], r["sensor"], r["part"]) for r in able}
    )[:MOST_DRAWN]:
        mine = [
            r
            for r in able
            if (r["capture_id"], r["sensor"], r["part"]) == (capture, sensor, part)
        ]
        places = (
            np.array([r["world_from_camera"][:3] for r in mine])
            @ np.array(SIDES["above"]).T
        )
        pixels = _fit(places[:, :2], SIDE_PX)
        canvas = np.full((SIDE_PX, SIDE_PX, 3), _GROUND_RGB, np.uint8)
        cv2.polylines(
            canvas, [pixels.astype(np.int32)], False, _PATH_RGB, 1, cv2.LINE_AA
        )
        for row, (x, y) in zip(mine, pixels, strict=True):
            if row["num_loops"]:
                cv2.circle(canvas, (int(x), int(y)), 4, _LOOP_RGB, -1, cv2.LINE_AA)
        strips.append(canvas)
    return encode_jpeg(np.concatenate(strips, axis=1)) if strips else None


def list_path(rows: Sequence[Row]) -> str:
    """A Markdown table of depth cameras: frames with a pose, parts, loops, how far it is off; or why there is none."""
    lines = [
        "| camera | with a pose | parts | loops | drift [m] | off the given [m] |",
        "|" + "---|" * 6,
    ]
    for sensor in sorted({r["sensor"] for r in rows}):
        mine = [r for r in rows if r["sensor"] == sensor]
        able = [r for r in mine if r["part"] is not None]
        if able:
            parts = {(r["capture_id"], r["part"]) for r in able}
            cells = [
                f"{len(able)} of {len(mine)}",
                str(len(parts)),
                str(sum(r["num_loops"] for r in mine)),
                _most(able, "loop_drift_m"),
                _rms(able, "given_off_m"),
            ]
        else:
            cells = ["; ".join(sorted({r["reason"] or "" for r in mine})), *[""] * 4]
        lines.append("| " + " | ".join(map(for_markdown, (sensor, *cells))) + " |")
    return "\n".join(lines)


def list_meshes(rows: Sequence[Row]) -> str:
    """A Markdown table of meshes, or why there are none."""
    lines = [
        "| camera, part | frames | triangles | area [m²] | voxel [mm] | off [mm] |",
        "|" + "---|" * 6,
    ]
    for row in rows:
        if row["reason"] is None:
            off = row["median_off_m"]
            cells = [
                str(row["num_frames"]),
                str(row["num_triangles"]),
                f"{row['area_m2']:.2f}",
                f"{1000 * row['voxel_m']:g}",
                "-" if off is None else f"{1000 * off:.2f}",
            ]
        else:
            cells = [row["reason"], *[""] * 4]
        name = (
            row["sensor"] if row["part"] is None else f"{row['sensor']}, {row['part']}"
        )
        lines.append("| " + " | ".join(map(for_markdown, (name, *cells))) + " |")
    return "\n".join(lines)


def _fit(flat: NDArray[Any], side_px: int) -> NDArray[np.int64]:
    """Pixels (N, 2) of points (N, 2), all within a square with a margin."""
    low, high = flat.min(axis=0), flat.max(axis=0)
    room = side_px * (1 - 2 * _MARGIN)
    scale = room / max(float((high - low).max()), 1e-9)
    pixels = (flat - (low + high) / 2) * scale + side_px / 2
    return np.clip(pixels, 0, side_px - 1).astype(np.int64)


def _most(rows: Sequence[Row], column: str) -> str:
    values = [r[column] for r in rows if r[column] is not None]
    return f"{max(values):.3f}" if values else "-"


def _rms(rows: Sequence[Row], column: str) -> str:
    values = [r[column] ** 2 for r in rows if r[column] is not None]
    return f"{np.sqrt(np.mean(values)):.4f}" if values else "-"
