"""What each sight says of an object in space: which sides are its own, how near it is, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assets.tables.catalog import Catalog
from assets.tracking.object_sights import (
    LABEL_SIGMA_PX,
    LABELS,
    TRACK_SIGMA_PX,
    CaptureSights,
    DepthImage,
    Sight,
    load_depth,
)
from models.geometry.boxes3d import BoxView
from models.geometry.near_depth import Near, measure_near

# frame, object and class
SightKey = tuple[str, str, str]
_BORDER_PX = 1.5  # a side as near to the border of the image is cut off by it
_BESIDE_PX = 3.0  # what hides a side ends where the box begins
_AT_ONCE = 32  # depth images in memory


def look_at_depth(
    catalog: Catalog, capture: CaptureSights, sights: Sequence[Sight]
) -> dict[SightKey, Near | str]:
    """How near each object is in each frame, or why that is not told."""
    found: dict[SightKey, Near | str] = {}
    frame_ids = sorted({s.frame_id for s in sights})
    for start in range(0, len(frame_ids), _AT_ONCE):
        depths = load_depth(catalog, capture, frame_ids[start : start + _AT_ONCE])
        for sight in sights:
            depth = depths.get(sight.frame_id)
            if sight.frame_id in frame_ids[start : start + _AT_ONCE]:
                found[_key(sight)] = _measure(sight, depth)
    return found


def list_views(
    capture: CaptureSights,
    sights: Sequence[Sight],
    looked: Mapping[SightKey, Near | str],
) -> tuple[dict[str, BoxView], list[str]]:
    """The views of one object by their frames, and what is missing of them or of others."""
    views: dict[str, BoxView] = {}
    faults: list[str] = []
    for sight in sights:
        near = looked[_key(sight)]
        found = capture.find_camera(sight.frame_id)
        if found is None:
            faults.append(_tell_no_camera(capture, sight))
            continue
        if isinstance(near, str):
            faults.append(near)
        seen = _find_seen(sight, found[0].size_px)
        # what is cut off or hidden may be what is nearest
        nearest = near if isinstance(near, Near) and all(seen) else None
        views[sight.frame_id] = BoxView(
            *found,
            sight.box_xyxy,
            seen,
            LABEL_SIGMA_PX if capture.source == LABELS else TRACK_SIGMA_PX,
            None if nearest is None else nearest.near_m,
            None if nearest is None else nearest.sigma_m,
        )
    return views, faults


# ---- below -----------------------------------------------------------------------------------------------------------


def _key(sight: Sight) -> SightKey:
    return sight.frame_id, sight.object_name, sight.class_name


def _tell_no_camera(capture: CaptureSights, sight: Sight) -> str:
    sensor = capture.frames[sight.frame_id]["sensor"]
    return capture.unknown.get(sensor, "no pose of the rig at the time of its frames")


def _measure(sight: Sight, depth: DepthImage | None) -> Near | str:
    if depth is None:
        return "its picture has no depth: `daguerre depth`, or a depth camera with the same optics"
    sigma = depth.measure_sigma(sight.box_xyxy)
    return measure_near(depth.depth_m, sight.box_xyxy, sigma, sight.others)


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
