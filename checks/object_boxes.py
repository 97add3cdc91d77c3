"""What boxes of objects in space must be: told or with a reason, surrounded by errors, and what every view shows."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from checks.gate import Gate
from checks.stored_rows import StoredRows
from checks.verdicts import NEVER_BLOCKS, Rule, Tolerance, Verdict, judge_share

MOST_CHI2 = (
    9.0  # three standard errors: the views are of no object that stands or moves evenly
)
LEAST_IOU = 0.7  # of a whole view with the projected box
MOST_OFF = 5.0  # standard errors of a side
_SOME = Tolerance(0.1, 0.5)
_BOX = ("object_box_id", "capture_id", "source", "object", "class_name", "reason")
_SIDES = ("length", "width", "height")
_SIZE = (*_BOX, *(f"{side}{end}" for side in _SIDES for end in ("_m", "_sigma_m")))


def objects_have_a_box(object_boxes: pa.Table) -> Verdict:
    """Every object with an id in the images has a box in space. Above a half without one it blocks."""
    rows = _list_objects(object_boxes)
    return judge_share(
        "objects_have_a_box",
        num_checked=len(rows),
        offenders=[f"{_name(r)}: {r['reason']}" for r in rows if r["reason"]],
        of="objects",
        fault="have no box in space",
        tolerance=_SOME,
    )


def object_boxes_have_size(object_boxes: pa.Table) -> Verdict:
    """Every size that a box states is above 0, and stands with its standard error."""
    rows = object_boxes.to_pylist()
    offenders = [
        _name(r)
        for r in rows
        if r["reason"] is None
        and not all(_is_size(r[f"{side}_m"], r[f"{side}_sigma_m"]) for side in _SIDES)
    ]
    return judge_share(
        "object_boxes_have_size",
        num_checked=len(rows),
        offenders=offenders,
        of="objects",
        fault="have a box without a size, or a size without its error",
    )


def objects_are_still_or_move_smoothly(object_boxes: pa.Table) -> Verdict:
    """The views of an object fit one box, where it stands or along its path: what is left is below three standard
    errors. Where it is not, it changes or tips over, its id is that of several, or poses and stamps do not fit."""
    rows = _list_objects(object_boxes)
    offenders = [
        f"{_name(r)}: {r['chi2'] ** 0.5:.1f} standard errors are left"
        for r in rows
        if r["chi2"] is not None and r["chi2"] > MOST_CHI2
    ]
    return judge_share(
        "objects_are_still_or_move_smoothly",
        num_checked=len(rows),
        offenders=offenders,
        of="objects",
        fault="fit no box that stands or moves: they change, their ids are mixed, or the poses are off",
        tolerance=_SOME,
    )


def views_agree_on_objects(object_views: pa.Table) -> Verdict:
    """In every view that shows an object whole the projected box overlaps the one in the image by 0.7, or is within
    five standard errors of its sides. Above a half that do not it blocks."""
    rows = [
        r for r in object_views.to_pylist() if r["is_whole"] and r["iou"] is not None
    ]
    offenders = [
        f"frame {r['frame_id']}: IoU {r['iou']:.2f}, {r['off_sigmas']:.0f} standard errors off"
        for r in rows
        if r["iou"] < LEAST_IOU and (r["off_sigmas"] or 0.0) > MOST_OFF
    ]
    return judge_share(
        "views_agree_on_objects",
        num_checked=len(rows),
        offenders=offenders,
        of="views that show an object whole",
        fault="show it elsewhere than the other views say",
        tolerance=_SOME,
        figures={"mean_iou": sum(r["iou"] for r in rows) / max(len(rows), 1)},
        empty_reason="no view shows an object whole" if len(object_views) else None,
    )


def most_objects_rest_on_several_views(object_boxes: pa.Table) -> Verdict:
    """Boxes rest on two views or more. Of one view nobody knows how far an object goes on; it is told."""
    rows = _list_objects(object_boxes)
    return judge_share(
        "most_objects_rest_on_several_views",
        num_checked=len(rows),
        offenders=[
            _name(r) for r in rows if r["reason"] is None and r["num_views"] < 2
        ],
        of="objects",
        fault="rest on one view: how far they go on behind it is not known",
        tolerance=NEVER_BLOCKS,
    )


def nothing_to_place(rows: StoredRows) -> str | None:
    """Why a session may have no object in space: no recording, or nobody gave its objects an id."""
    if not rows.count("captures"):
        return None
    named = rows.read("labels", ("track_id",))["track_id"]
    if named.null_count < len(named):
        return None
    if rows.count("tracks"):
        return None
    return "no label has a track id, and there is no track: `daguerre track` makes them"


def _is_size(size_m: float | None, sigma_m: float | None) -> bool:
    """Above 0 with its error, or not told at all; of what is no number nothing holds."""
    if size_m is None or sigma_m is None:
        return size_m is sigma_m
    return size_m > 0 and sigma_m >= 0


def _list_objects(object_boxes: pa.Table) -> list[dict[str, Any]]:
    """A row of each object: one that moves has one a moment."""
    found = {
        (r["capture_id"], r["source"], r["object"], r["class_name"]): r
        for r in object_boxes.to_pylist()
    }
    return list(found.values())


def _name(row: dict[str, Any]) -> str:
    return f"{row['class_name']} {row['object'][:12]}"


BOX_RULES = (
    Rule(objects_have_a_box, {"object_boxes": _BOX}),
    Rule(object_boxes_have_size, {"object_boxes": _SIZE}),
    Rule(objects_are_still_or_move_smoothly, {"object_boxes": (*_BOX, "chi2")}),
    Rule(most_objects_rest_on_several_views, {"object_boxes": (*_BOX, "num_views")}),
)
VIEW_RULES = (
    Rule(
        views_agree_on_objects,
        {"object_views": ("frame_id", "is_whole", "iou", "off_sigmas")},
    ),
)


def nothing_is_seen(rows: StoredRows) -> str | None:
    """Why no view shows an object: none has a box."""
    reasons = rows.read("object_boxes", ("reason",))["reason"]
    if len(reasons) and reasons.null_count == 0:
        return "no object has a box in space"
    return nothing_to_place(rows)


OBJECT_GATES = (
    Gate("object_boxes", BOX_RULES, nothing_to_place),
    Gate("object_views", VIEW_RULES, nothing_is_seen),
)
