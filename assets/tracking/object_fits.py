"""Where an object is by its views: one box, or of one that moves one a moment, or why nothing tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from assets.tables.schemas import content_id
from assets.tracking.object_rows import describe_box, describe_motion, start_row
from assets.tracking.object_sights import CaptureSights, Sight
from assets.tracking.placed_objects import Moment, PlacedObject
from assets.tracking.sight_views import SightKey, list_views
from models.geometry.boxes3d import Box3D, BoxView, fit_box, fit_view, list_planes
from models.geometry.moving_boxes import Motion, fit_motion, may_move, moves
from models.geometry.near_depth import Near

Row = dict[str, Any]
_LEAST_TURN = np.deg2rad(5.0)  # between directions: below it all views are as one
_LEAST_PLANES = 10
_CUT = "no view shows it whole with its depth: at the border of the image, or beside another box, in all of them"


def place_object(
    capture: CaptureSights,
    name: tuple[str, str],
    sights: Sequence[Sight],
    looked: Mapping[SightKey, Near | str],
) -> PlacedObject:
    """The object of that name and class, by its sights and how near it is in them."""
    views, faults = list_views(capture, sights, looked)
    row = start_row(capture, name)
    by_frame = {s.frame_id: s for s in sights}
    try:
        box, used = _fit(capture, views, faults)
    except ValueError as error:
        return PlacedObject(
            row | {"reason": str(error)}, None, frozenset(), by_frame, views
        )
    motion = _find_motion(capture, box, views)
    if motion is not None:
        return _follow(capture, row, motion, by_frame, views)
    of_one = None if capture.poses else capture.frames[next(iter(used))]["t_ns"]
    row |= describe_box(capture, box, used, views) | {"t_ns": of_one}
    return PlacedObject(row, box, used, by_frame, views)


# ---- below -----------------------------------------------------------------------------------------------------------


def _fit(
    capture: CaptureSights, views: Mapping[str, BoxView], faults: Sequence[str]
) -> tuple[Box3D, frozenset[str]]:
    """The box, and the frames that it rests on. Raises ValueError where nothing tells it, and says why."""
    if not any(v.near_m is not None for v in views.values()):
        raise ValueError(max(sorted(set(faults)), key=faults.count, default=_CUT))
    planes = list_planes(list(views.values()))
    if (
        capture.poses
        and _turns(views.values())
        and len(planes.offsets) >= _LEAST_PLANES
    ):
        box = fit_box(planes)
        names = list(views)
        return box, frozenset(names[n] for n in planes.views[box.is_used].tolist())
    whole = {i: v for i, v in views.items() if all(v.seen) and v.near_m is not None}
    if not whole:
        raise ValueError(_CUT)
    best = min(whole, key=lambda i: (whole[i].near_sigma_m or 0.0, i))
    return fit_view(whole[best]), frozenset({best})


def _turns(views: Iterable[BoxView]) -> bool:
    """Whether any two views look from clearly different directions at where all look."""
    some = list(views)
    centres = []
    for view in some:
        middle = np.array(view.box_xyxy).reshape(2, 2).mean(axis=0)[None]
        (ray,) = view.camera.find_rays(middle)
        centres.append(view.world_from_camera[:3, :3] @ ray)
    directions = np.array(centres)
    least = min((float(a @ b) for a, b in combinations(directions, 2)), default=1.0)
    return least < np.cos(_LEAST_TURN)


def _find_motion(
    capture: CaptureSights, box: Box3D, views: Mapping[str, BoxView]
) -> Motion | None:
    """How an object moves whose views fit no box that stands still; None where it stands."""
    stamps = [t for i in views if (t := capture.frames[i]["t_ns"]) is not None]
    planes = list_planes(list(views.values()))
    # of one view, or without a clock
    if len(box.is_used) != len(planes.offsets) or len(stamps) < len(views):
        return None
    if not may_move(box):
        return None
    times_s = (np.array(stamps, np.int64) - min(stamps)) / 1e9
    try:
        motion = fit_motion(planes, times_s)
    except ValueError:
        return None
    return motion if moves(planes, times_s, box, motion) else None


def _follow(
    capture: CaptureSights,
    row: Row,
    motion: Motion,
    sights: Mapping[str, Sight],
    views: Mapping[str, BoxView],
) -> PlacedObject:
    """A box at the time of every frame, of any camera, from its first view to its last."""
    planes = list_planes(list(views.values()))
    names = list(views)
    used = frozenset(names[n] for n in planes.views[motion.is_used].tolist())
    stamps = [capture.frames[i]["t_ns"] or 0 for i in views]
    start_ns, end_ns = min(stamps), max(stamps)
    moments = {}
    for t_ns in _list_times(capture, start_ns, end_ns):
        found = motion.at(min((t_ns - start_ns) / 1e9, float(motion.times_s[-1])))
        told = describe_box(capture, found.box, used, views) | describe_motion(found)
        name = content_id("object box at", row["object_box_id"], t_ns)
        whole = row | told | {"object_box_id": name, "t_ns": t_ns}
        moments[t_ns] = Moment(whole, found.box)
    first = moments[start_ns]
    return PlacedObject(first.row, first.box, used, sights, views, moments)


def _list_times(capture: CaptureSights, start_ns: int, end_ns: int) -> list[int]:
    """When frames were taken of which the pose is known."""
    stamps = {capture.frames[i]["t_ns"] for i in capture.poses}
    return sorted(t for t in stamps if t is not None and start_ns <= t <= end_ns)
