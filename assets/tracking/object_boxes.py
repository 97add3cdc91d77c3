"""The asset's work: objects in space from their boxes in images and depth, and what every frame sees of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from assets.code_versions import version_of
from assets.tables.catalog import Catalog, is_in, session_is
from assets.tables.schemas import TABLES, content_id, to_table
from assets.tracking.object_sights import (
    LABEL_SIGMA_PX,
    LABELS,
    TRACK_SIGMA_PX,
    CaptureSights,
    DepthImage,
    Sight,
    load_depth,
    read_captures,
)
from assets.tracking.object_views import project_objects
from assets.tracking.placed_objects import Moment, PlacedObject
from models.geometry.boxes3d import (
    Box3D,
    BoxView,
    fit_box,
    fit_view,
    list_planes,
)
from models.geometry.moving_boxes import (
    Motion,
    MovingBox,
    fit_motion,
    may_move,
    moves,
)
from models.geometry.near_depth import Near, measure_near

Row = dict[str, Any]
OnProgress = Callable[[int, int], None]
_BORDER_PX = 1.5  # a side as near to the border of the image is cut off by it
_BESIDE_PX = 3.0  # what hides a side ends where the box begins
_LEAST_TURN = np.deg2rad(5.0)  # between directions: below it all views are as one
_LEAST_PLANES = 10
_MOST_VIEWS = 40  # of an object, spread evenly
_CUT = "no view shows it whole with its depth: at the border of the image, or beside another box, in all of them"
_AT_ONCE = 32  # depth images in memory
_PLACE = ("x_m", "y_m", "z_m", "length_m", "width_m", "height_m", "yaw_rad")
_SIGMAS = tuple(
    f"{n[:-2]}_sigma_m" if n.endswith("_m") else "yaw_sigma_rad" for n in _PLACE
)
_VELOCITY = ("vx_m_s", "vy_m_s", "vz_m_s")
_VELOCITY_SIGMAS = ("vx_sigma_m_s", "vy_sigma_m_s", "vz_sigma_m_s")


@dataclass(frozen=True)
class Placed:
    """Rows of both tables, and for how many captures they were made now."""

    boxes: list[Row]
    views: list[Row]
    num_made: int

    @property
    def num_known(self) -> int:
        """Objects that have a box."""
        return sum(rows[0]["reason"] is None for rows in self.list_objects())

    def list_objects(self) -> list[list[Row]]:
        """The rows of each object: one, or of an object that moves one a moment, in their order."""
        found: dict[tuple[str, ...], list[Row]] = defaultdict(list)
        for row in sorted(self.boxes, key=lambda r: r["t_ns"] or 0):
            name = (row["capture_id"], row["source"], row["class_name"], row["object"])
            found[name].append(row)
        return [found[name] for name in sorted(found)]


def place_objects(
    catalog: Catalog, session: str, on_progress: OnProgress | None = None
) -> Placed:
    """Bring the session's rows of `object_boxes` and `object_views` up to date; captures whose frames, boxes, depth and
    code are those of before keep theirs. Raises ValueError for a session without a published colour frame."""
    captures = list(read_captures(catalog, session))
    version = version_of("object_boxes")
    where = session_is(session)
    stored = catalog.read_latest("object_boxes", None, where).to_pylist()
    kept = {
        (r["capture_id"], r["input_sha256"])
        for r in stored
        if r["code_version"] == version
    }
    boxes: list[Row] = []
    views: list[Row] = []
    num_made = 0
    for done, capture in enumerate(captures, start=1):
        if (capture.capture_id, capture.input_sha256) in kept:
            boxes += [r for r in stored if r["capture_id"] == capture.capture_id]
        else:
            made, seen = place_capture(catalog, capture, version)
            boxes += made
            views += seen
            num_made += 1
        if on_progress is not None:
            on_progress(done, len(captures))
    fresh = {
        c.capture_id for c in captures if (c.capture_id, c.input_sha256) not in kept
    }
    old = catalog.read_latest("object_views", None, where).to_pylist()
    ids = {r["object_box_id"] for r in boxes}
    views += [
        r for r in old if r["capture_id"] not in fresh and r["object_box_id"] in ids
    ]
    _write(catalog, "object_boxes", stored, boxes)
    _write(catalog, "object_views", old, views)
    return Placed(boxes, views, num_made)


def try_objects(catalog: Catalog, session: str) -> Placed:
    """What `place_objects` would make of all captures; nothing is kept. Raises as it does."""
    made = [
        place_capture(catalog, one, version_of("object_boxes"))
        for one in read_captures(catalog, session)
    ]
    return Placed(
        [r for b, _ in made for r in b], [r for _, v in made for r in v], len(made)
    )


def place_capture(
    catalog: Catalog, capture: CaptureSights, version: str
) -> tuple[list[Row], list[Row]]:
    """The rows of one capture in both tables."""
    by_object: dict[tuple[str, str], list[Sight]] = defaultdict(list)
    for sight in sorted(capture.sights, key=lambda s: _order(capture, s.frame_id)):
        by_object[sight.object_name, sight.class_name].append(sight)
    chosen = {name: _spread(sights) for name, sights in by_object.items()}
    looked = _look(catalog, capture, [s for sights in chosen.values() for s in sights])
    objects = [
        _place(capture, name, sights, looked) for name, sights in sorted(chosen.items())
    ]
    made = {"input_sha256": capture.input_sha256, "code_version": version}
    boxes = [row | made for one in objects for row in one.list_rows()]
    views = project_objects(catalog, capture, [o for o in objects if o.box is not None])
    return boxes, views


# ---- from views to a box ---------------------------------------------------------------------------------------------


def _order(capture: CaptureSights, frame_id: str) -> tuple[int, str]:
    return capture.frames[frame_id]["t_ns"] or 0, frame_id


def _spread(sights: Sequence[Sight]) -> list[Sight]:
    places = np.linspace(0, len(sights) - 1, min(_MOST_VIEWS, len(sights)))
    return [sights[n] for n in places.round().astype(int)]


def _look(
    catalog: Catalog, capture: CaptureSights, sights: Sequence[Sight]
) -> dict[tuple[str, str, str], Near | str]:
    """How near each object is in each frame, or why that is not told."""
    found: dict[tuple[str, str, str], Near | str] = {}
    frame_ids = sorted({s.frame_id for s in sights})
    for start in range(0, len(frame_ids), _AT_ONCE):
        depths = load_depth(catalog, capture, frame_ids[start : start + _AT_ONCE])
        for sight in sights:
            depth = depths.get(sight.frame_id)
            if sight.frame_id in frame_ids[start : start + _AT_ONCE]:
                key = sight.frame_id, sight.object_name, sight.class_name
                found[key] = _measure(sight, depth)
    return found


def _measure(sight: Sight, depth: DepthImage | None) -> Near | str:
    if depth is None:
        return "its picture has no depth: `daguerre depth`, or a depth camera with the same optics"
    sigma = depth.measure_sigma(sight.box_xyxy)
    return measure_near(depth.depth_m, sight.box_xyxy, sigma, sight.others)


def _place(
    capture: CaptureSights,
    name: tuple[str, str],
    sights: Sequence[Sight],
    looked: Mapping[tuple[str, str, str], Near | str],
) -> PlacedObject:
    sigma_px = LABEL_SIGMA_PX if capture.source == LABELS else TRACK_SIGMA_PX
    views: dict[str, BoxView] = {}
    faults: list[str] = []
    for sight in sights:
        found = capture.find_camera(sight.frame_id)
        if found is None:
            sensor = capture.frames[sight.frame_id]["sensor"]
            faults.append(
                capture.unknown.get(
                    sensor, "no pose of the rig at the time of its frames"
                )
            )
            continue
        near = looked[sight.frame_id, *name]
        if isinstance(near, str):
            faults.append(near)
        seen = _find_seen(sight, found[0].size_px)
        # what is cut off or hidden may be what is nearest
        nearest = near if isinstance(near, Near) and all(seen) else None
        views[sight.frame_id] = BoxView(
            *found,
            sight.box_xyxy,
            seen,
            sigma_px,
            None if nearest is None else nearest.near_m,
            None if nearest is None else nearest.sigma_m,
        )
    row: Row = dict.fromkeys(TABLES["object_boxes"].schema.names) | {
        "object_box_id": content_id(
            "object box", capture.capture_id, capture.source, *name
        ),
        "capture_id": capture.capture_id,
        "session": capture.session,
        "source": capture.source,
        "object": name[0],
        "class_name": name[1],
        "num_views": 0,
        "num_depths": 0,
        "num_dropped": 0,
    }
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
    row |= _describe(capture, box, used, views) | {"t_ns": of_one}
    return PlacedObject(row, box, used, by_frame, views)


def _find_seen(sight: Sight, size_px: tuple[int, int]) -> tuple[bool, bool, bool, bool]:
    """Which sides are the object's own. One at the border of the image, or where another box is, may be cut off or
    hidden; and then the object may reach out of its box up to there along the sides beside it."""
    x_min, y_min, x_max, y_max = sight.box_xyxy
    width, height = size_px
    lines = (
        (x_min, y_min, x_min, y_max),
        (x_min, y_min, x_max, y_min),
        (x_max, y_min, x_max, y_max),
        (x_min, y_max, x_max, y_max),
    )
    is_cut = (
        x_min < _BORDER_PX,
        y_min < _BORDER_PX,
        x_max > width - _BORDER_PX,
        y_max > height - _BORDER_PX,
    )
    is_open = [
        cut or any(_meets(line, other) for other in sight.others)
        for line, cut in zip(lines, is_cut, strict=True)
    ]
    left, top, right, bottom = (
        not (is_open[n] or is_open[n - 1] or is_open[n - 3]) for n in range(4)
    )
    return left, top, right, bottom


def _meets(line: Sequence[float], box: Sequence[float]) -> bool:
    low_x, low_y, high_x, high_y = line
    return (
        low_x < box[2] + _BESIDE_PX
        and high_x > box[0] - _BESIDE_PX
        and low_y < box[3] + _BESIDE_PX
        and high_y > box[1] - _BESIDE_PX
    )


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


def _turns(views: Any) -> bool:
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


def _describe(
    capture: CaptureSights,
    box: Box3D,
    used: frozenset[str],
    views: Mapping[str, BoxView],
) -> Row:
    numbers = np.array([*box.centre_m, *box.size_m, box.yaw_rad])
    is_told = np.isfinite(box.sigmas)
    # a size that no view tells was supposed; how a box is turned is not
    shown = [
        None if 3 <= n < 6 and not is_told[n] else float(v)
        for n, v in enumerate(numbers)
    ]
    return {
        "frame_of_reference": capture.frame_of_reference if capture.poses else "rig",
        "shape": box.shape,
        **dict(zip(_PLACE, shown, strict=True)),
        **{
            name: float(s) if told else None
            for name, s, told in zip(_SIGMAS, box.sigmas, is_told, strict=True)
        },
        "covariance": [float(v) for v in box.covariance.ravel()],
        "chi2": box.chi2,
        "num_views": len(used),
        "num_depths": sum(views[i].near_m is not None for i in used),
        "num_dropped": int((~box.is_used).sum()),
        "reason": None,
    }


# ---- of one that moves -----------------------------------------------------------------------------------------------


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
        told = _describe(capture, found.box, used, views) | _describe_motion(found)
        name = content_id("object box at", row["object_box_id"], t_ns)
        whole = row | told | {"object_box_id": name, "t_ns": t_ns}
        moments[t_ns] = Moment(whole, found.box)
    first = moments[start_ns]
    return PlacedObject(first.row, first.box, used, sights, views, moments)


def _list_times(capture: CaptureSights, start_ns: int, end_ns: int) -> list[int]:
    """When frames were taken of which the pose is known."""
    stamps = {capture.frames[i]["t_ns"] for i in capture.poses}
    return sorted(t for t in stamps if t is not None and start_ns <= t <= end_ns)


def _describe_motion(found: MovingBox) -> Row:
    sigmas = np.sqrt(np.maximum(found.velocity_covariance.diagonal(), 0.0))
    return {
        **dict(zip(_VELOCITY, found.velocity_m_s.tolist(), strict=True)),
        **dict(zip(_VELOCITY_SIGMAS, sigmas.tolist(), strict=True)),
        "yaw_rate_rad_s": found.yaw_rate_rad_s,
        "yaw_rate_sigma_rad_s": found.yaw_rate_sigma_rad_s,
    }


def _write(
    catalog: Catalog, name: str, stored: Sequence[Row], rows: Sequence[Row]
) -> None:
    key = TABLES[name].key
    gone = sorted({r[key] for r in stored} - {r[key] for r in rows})
    if gone:
        catalog.delete(name, is_in(key, gone))
    catalog.upsert(name, to_table(TABLES[name], rows))
