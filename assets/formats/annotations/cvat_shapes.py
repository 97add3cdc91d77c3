"""The shapes of CVAT XML: what an element says in stored pixels, and where it is between two listed frames."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from xml.etree.ElementTree import Element

import numpy as np

from assets.formats.annotations.coco import format_keypoints
from assets.formats.annotations.ellipses import outline_ellipse
from assets.formats.annotations.image_labels import (
    PIXELS_A_COLUMN,
    MaskBudget,
    cover,
    outline,
    turn,
)
from assets.formats.annotations.orientation import Box, Placement, Point, order_corners
from assets.formats.strict_xml import parse_number, read_number

LINES = frozenset({"points", "polyline"})  # shapes without an area
_CORNERS = ("xtl", "ytl", "xbr", "ybr")
_CUBOID = tuple(
    f"{axis}{corner}{face}"
    for face in "12"
    for corner in ("tl", "bl", "tr", "br")
    for axis in "xy"
)
_ELLIPSE = ("cx", "cy", "rx", "ry")
# what CVAT interpolates number by number
_MOVING = {"box": _CORNERS, "cuboid": _CUBOID, "ellipse": _ELLIPSE}

Attributes = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Shape:
    """What one element marks, in stored pixels."""

    box_xyxy: Box
    mask_rle: str | None = None
    attributes: Attributes = ()


def read_shape(item: Element, placement: Placement, budget: MaskBudget) -> Shape:
    """Raises ValueError for a shape that makes no sense, KeyError for one of an unknown kind."""
    return _SHAPES[item.tag](item, placement, budget)


def is_shape(item: Element) -> bool:
    """Whether `read_shape` knows its kind."""
    return item.tag in _SHAPES


def read_attributes(item: Element) -> Attributes:
    """What the annotator said of a shape or tag, beside its place."""
    stated = [
        (a.get("name", ""), (a.text or "").strip()) for a in item.findall("attribute")
    ]
    if is_true(item.get("occluded")):
        stated.append(("occluded", "1"))
    stated += [
        (name, item.get(name, ""))
        for name in ("z_order", "group_id")
        if item.get(name, "0").strip() != "0"
    ]
    return tuple(stated)


def is_true(text: str | None) -> bool:
    """Whether an attribute says yes: CVAT writes 1, exports of other tools True or yes."""
    return text is not None and text.strip().lower() in ("1", "1.0", "true", "yes")


def is_outside(item: Element) -> bool:
    """Whether a shape of a track is out of sight; a skeleton is when all its points are."""
    if item.tag == "skeleton" and len(item.findall("points")):
        return all(is_true(point.get("outside")) for point in item.findall("points"))
    return is_true(item.get("outside"))


def interpolate(before: Element, after: Element, share: float) -> Element | None:
    """The shape at a share of the way between two listed ones, as CVAT shows it; None for kinds that move otherwise.

    Raises ValueError for numbers that are none.
    """
    between = deepcopy(before)
    if before.tag in _MOVING and before.tag == after.tag:
        for name in _MOVING[before.tag]:
            between.set(
                name,
                repr(_mix(read_number(before, name), read_number(after, name), share)),
            )
        angle_deg = _read_angle(before)
        # the shorter way round
        way_deg = (_read_angle(after) - angle_deg + 180) % 360 - 180
        if way_deg:
            between.set("rotation", repr((angle_deg + share * way_deg) % 360))
        return between
    if before.tag == after.tag == "skeleton":
        return _interpolate_skeleton(between, after, share)
    is_still = before.tag == after.tag == "polygon" and before.get(
        "points"
    ) == after.get("points")
    return between if is_still else None


def _interpolate_skeleton(
    between: Element, after: Element, share: float
) -> Element | None:
    ends = {point.get("label", ""): point for point in after.findall("points")}
    points = between.findall("points")
    if len(ends) != len(after.findall("points")) or sorted(ends) != sorted(
        p.get("label", "") for p in points
    ):
        return None
    for point in points:
        pairs = zip(
            _read_points(point), _read_points(ends[point.get("label", "")]), strict=True
        )
        moved = [
            (_mix(x0, x1, share), _mix(y0, y1, share)) for (x0, y0), (x1, y1) in pairs
        ]
        point.set("points", ";".join(f"{x!r},{y!r}" for x, y in moved))
    return between


def _mix(first: float, second: float, share: float) -> float:
    return (1 - share) * first + share * second


def _read_box(item: Element, placement: Placement, budget: MaskBudget) -> Shape:
    left, top, right, bottom = (read_number(item, corner) for corner in _CORNERS)
    angle_deg = _read_angle(item)
    if not angle_deg:
        return Shape(placement.place_box(order_corners((left, top, right, bottom))))
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return Shape(
        *outline(
            turn(corners, ((left + right) / 2, (top + bottom) / 2), angle_deg),
            placement,
            budget,
        )
    )


def _read_ellipse(item: Element, placement: Placement, budget: MaskBudget) -> Shape:
    x, y, rx, ry = (read_number(item, name) for name in _ELLIPSE)
    return Shape(
        *outline_ellipse((x, y), (rx, ry), _read_angle(item), placement, budget)
    )


def _read_polygon(item: Element, placement: Placement, budget: MaskBudget) -> Shape:
    return Shape(*outline(_read_points(item), placement, budget))


def _read_cuboid(item: Element, placement: Placement, budget: MaskBudget) -> Shape:
    """The box around the eight corners as they are seen in the picture."""
    numbers = [read_number(item, name) for name in _CUBOID]
    return Shape(
        _surround(
            placement.place_points(list(zip(numbers[0::2], numbers[1::2], strict=True)))
        )
    )


def _read_skeleton(item: Element, placement: Placement, budget: MaskBudget) -> Shape:
    """The box around the points that are not outside; all points as keypoints: outside 0, occluded 1, visible 2."""
    names = list[str]()
    points = list[tuple[Point, float]]()
    for element in item:
        if element.tag == "attribute":
            continue
        if element.tag != "points":
            raise ValueError(
                f"a skeleton with a {element.tag[:40]} in it, only points are known"
            )
        seen = (
            0
            if is_true(element.get("outside"))
            else 1
            if is_true(element.get("occluded"))
            else 2
        )
        for point in _read_points(element):
            names.append(
                element.get("label", "").strip().replace(" ", "_")
                or str(len(names) + 1)
            )
            points.append((point, seen))
    visible = [point for point, seen in points if seen]
    if not visible:
        raise ValueError("a skeleton without a visible point")
    box = _surround(placement.place_points(visible))
    if box[0] == box[2] or box[1] == box[3]:
        raise ValueError(
            f"a skeleton whose {len(visible)} visible points enclose no area"
        )
    named = (
        ("keypoints", format_keypoints(points, placement)),
        ("keypoint_names", " ".join(names)),
    )
    return Shape(box, None, named)


def _read_mask(item: Element, placement: Placement, budget: MaskBudget) -> Shape:
    """Run lengths along the rows of a window, background first."""
    left, top, width, height = (
        int(read_number(item, name)) for name in ("left", "top", "width", "height")
    )
    across, down = placement.drawn_px
    if (
        left < 0
        or top < 0
        or width < 1
        or height < 1
        or left + width > across
        or top + height > down
    ):
        raise ValueError(
            f"a window {width}x{height} at {left},{top} that leaves the {across}x{down} image"
        )
    try:
        runs = [int(run) for run in item.get("rle", "").split(",")]
    except ValueError:
        raise ValueError("run lengths that are no whole numbers") from None
    if min(runs) < 0 or sum(runs) != width * height:
        raise ValueError(
            f"run lengths that do not fill their window of {width}x{height} pixels"
        )
    budget.spend(width * height / PIXELS_A_COLUMN)
    window = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)
    return Shape(*cover(window, left, top, placement))


def _read_angle(item: Element) -> float:
    return parse_number(item.get("rotation") or "0", "rotation") % 360


def _read_points(item: Element) -> list[Point]:
    text = item.get("points", "")
    try:
        points = [
            (float(x), float(y))
            for x, y in (p.split(",") for p in text.strip().strip(";").split(";"))
        ]
    except ValueError:
        raise ValueError(f"points {text[:40]!r} are not x,y;x,y;...") from None
    if not all(math.isfinite(value) for point in points for value in point):
        raise ValueError("points that are not finite")
    return points


def _surround(points: Sequence[Point]) -> Box:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


_SHAPES: dict[str, Callable[[Element, Placement, MaskBudget], Shape]] = {
    "box": _read_box,
    "polygon": _read_polygon,
    "mask": _read_mask,
    "ellipse": _read_ellipse,
    "cuboid": _read_cuboid,
    "skeleton": _read_skeleton,
}
