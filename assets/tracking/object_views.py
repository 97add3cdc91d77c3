"""What every frame sees of objects in space: their outlines, what hides them, and how they meet the boxes in images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.tables.catalog import Catalog
from assets.tables.schemas import content_id
from assets.tracking.object_sights import CaptureSights, DepthImage, load_depth
from assets.tracking.placed_objects import Moment, PlacedObject
from models.geometry.boxes3d import (
    Box3D,
    BoxView,
    Outline,
    fill_outline,
    measure_occlusion,
    project_box,
)

Row = dict[str, Any]
_AT_ONCE = 32  # depth images in memory
_MOST_OFF = (
    5.0  # standard errors that a nearer surface must be before the box to hide it
)


def project_objects(
    catalog: Catalog, capture: CaptureSights, objects: Sequence[PlacedObject]
) -> list[Row]:
    """Rows of `object_views`: of every frame with a pose, the boxes that its camera sees."""
    rows: list[Row] = []
    frame_ids = sorted(
        capture.frames, key=lambda i: (capture.frames[i]["t_ns"] or 0, i)
    )
    for start in range(0, len(frame_ids), _AT_ONCE):
        some = frame_ids[start : start + _AT_ONCE]
        depths = load_depth(catalog, capture, some)
        for frame_id in some:
            rows += _project_into(capture, frame_id, objects, depths.get(frame_id))
    return rows


def _project_into(
    capture: CaptureSights,
    frame_id: str,
    objects: Sequence[PlacedObject],
    depth: DepthImage | None,
) -> list[Row]:
    """What one frame sees of all objects, by those that are nearer what hides others."""
    frame = capture.frames[frame_id]
    found = capture.find_camera(frame_id)
    if found is None:
        return []
    camera, pose = found
    seen: list[tuple[PlacedObject, Moment, Outline]] = []
    for one in objects:
        moment = one.find_at(frame["t_ns"])
        if moment is not None:
            outline = project_box(moment.box, camera, pose)
            if outline is not None:
                seen.append((one, moment, outline))
    seen.sort(key=lambda entry: (entry[2].near_m, entry[1].row["object_box_id"]))
    covered: NDArray[np.bool_] = np.zeros((frame["height_px"], frame["width_px"]), bool)
    rows = []
    for one, moment, outline in seen:
        margin = _find_margin(moment.box, outline, depth)
        image = None if depth is None else depth.depth_m
        hidden = measure_occlusion(outline, covered, image, margin)
        row = _describe_view(frame, one, moment, outline)
        rows.append(row | {"occluded": hidden, "has_depth": depth is not None})
        covered = covered | fill_outline(outline, camera.size_px)
    return rows


def _find_margin(box: Box3D, outline: Outline, depth: DepthImage | None) -> float:
    place = float(np.sqrt(box.covariance[:3, :3].trace()))
    noise = 0.0 if depth is None else depth.measure_sigma(outline.box_xyxy)
    return 0.01 * outline.near_m + _MOST_OFF * float(np.hypot(min(place, 0.1), noise))


def _describe_view(
    frame: Any, one: PlacedObject, moment: Moment, outline: Outline
) -> Row:
    frame_id = frame["frame_id"]
    view = one.views.get(frame_id)
    row: Row = {
        "object_view_id": content_id(
            "object view", moment.row["object_box_id"], frame_id
        ),
        "object_box_id": moment.row["object_box_id"],
        "frame_id": frame_id,
        "capture_id": frame["capture_id"],
        "session": frame["session"],
        "sensor": frame["sensor"],
        **dict(
            zip(("x_min", "y_min", "x_max", "y_max"), outline.box_xyxy, strict=True)
        ),
        "near_m": outline.near_m,
        "far_m": outline.far_m,
        "truncated": min(max(outline.truncated, 0.0), 1.0),
        "is_used": frame_id in one.used,
        "is_whole": view is not None and all(view.seen),
        "iou": None,
        "off_sigmas": None,
    }
    if view is not None:
        row |= _compare(moment.box, view, outline)
    return row


def _compare(box: Box3D, view: BoxView, outline: Outline) -> Row:
    """How far the box in the image and the projected one are apart, by area and by the sides that are seen."""
    ours, theirs = np.array(outline.box_xyxy), np.array(view.box_xyxy)
    low, high = np.maximum(ours[:2], theirs[:2]), np.minimum(ours[2:], theirs[2:])
    shared = float(np.clip(high - low, 0, None).prod())
    union = (
        float((ours[2:] - ours[:2]).prod() + (theirs[2:] - theirs[:2]).prod()) - shared
    )
    seen = np.array(view.seen)
    centre = box.centre_m - view.world_from_camera[:3, 3]
    spread = float(np.sqrt(np.linalg.eigvalsh(box.covariance[:3, :3])[-1]))
    error = np.hypot(
        view.sigma_px,
        spread * view.camera.mean_focal_px / float(np.linalg.norm(centre)),
    )
    off = np.abs(np.array(outline.whole_xyxy) - theirs)[seen]
    return {
        "iou": shared / union if union > 0 else 0.0,
        "off_sigmas": float(off.max() / error) if seen.any() else None,
    }
