"""What labels must be: boxes with area inside their image, classes that are known, each on a frame that exists.

A few bad boxes are told and left out of releases, where they are counted; more than one in twenty stops the session.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from checks.verdicts import NEVER_BLOCKS, Rule, Tolerance, Verdict, judge_share
from models.masks import decode_counts

BAD_BOXES = Tolerance(warn_above=0.0, block_above=0.05)
OVERHANG_PX = 1.0  # producers count pixels from 1 or to the last inclusive: one pixel over the edge is a convention
_NO_BOXES = "no label of this session has a box"


def boxes_have_area(labels: pa.Table) -> Verdict:
    """Every box has a width and a height."""
    boxes = _boxes(labels)
    flat = [b for b in boxes if not (b["x_max"] > b["x_min"] and b["y_max"] > b["y_min"])]
    return judge_share(
        "boxes_have_area", num_checked=len(boxes), offenders=[_describe(b) for b in flat], of="boxes",
        fault="have no area and go into no release", tolerance=BAD_BOXES,
        empty_reason=_NO_BOXES if len(labels) else None,
    )  # fmt: skip


def boxes_lie_inside_image(labels: pa.Table, frames: pa.Table) -> Verdict:
    """No box reaches more than a pixel over the edge of its image."""
    sizes = {r["frame_id"]: (r["width_px"], r["height_px"]) for r in frames.to_pylist()}
    boxes = _boxes(labels)
    outside = [b for b in boxes if not _is_inside(b, sizes.get(b["frame_id"]))]
    return judge_share(
        "boxes_lie_inside_image", num_checked=len(boxes), offenders=[_describe(b) for b in outside], of="boxes",
        fault="reach over the edge of their image and are cut there", tolerance=BAD_BOXES,
        empty_reason=_NO_BOXES if len(labels) else None,
    )  # fmt: skip


def masks_match_their_image(labels: pa.Table, frames: pa.Table) -> Verdict:
    """The run lengths of every mask add up to the pixels of its image; a label for segmentation has a mask."""
    num_pixels = {r["frame_id"]: r["width_px"] * r["height_px"] for r in frames.to_pylist()}
    masks = [r for r in labels.to_pylist() if r["mask_rle"] is not None or r["task"] == "segmentation"]
    faults = [(r, _find_mask_fault(r["mask_rle"], num_pixels.get(r["frame_id"]))) for r in masks]
    return judge_share(
        "masks_match_their_image", num_checked=len(masks), of="masks", fault="do not fit their image",
        offenders=[f"{r['class_name']} on frame {r['frame_id']}: {f}" for r, f in faults if f],
        tolerance=BAD_BOXES, empty_reason="no label of this session has a mask" if len(labels) else None,
    )  # fmt: skip


def labels_have_a_class(labels: pa.Table) -> Verdict:
    """Every label names a class."""
    blank = [r["label_id"] for r in labels.to_pylist() if not (r["class_name"] or "").strip()]
    return judge_share(
        "labels_have_a_class", num_checked=len(labels), offenders=blank, of="labels", fault="name no class"
    )


def classes_are_known(labels: pa.Table, published_labels: pa.Table) -> Verdict:
    """Every class was seen in an earlier session of its task. Never blocks: a new class is news, and the first
    session of a task makes its classes known."""
    known = _classes(published_labels)
    tasks = {task for task, _ in known}
    counts = {pair: n for pair, n in _count_classes(labels).items() if pair[0] in tasks}
    first = sorted({task for task, _ in _classes(labels)} - tasks)
    return judge_share(
        "classes_are_known", num_checked=len(counts), of="classes", fault="appear for the first time",
        offenders=[f"{name} ({task}): {n} labels" for (task, name), n in counts.items() if (task, name) not in known],
        tolerance=NEVER_BLOCKS, figures={"num_labels": len(labels)},
        empty_reason=f"first labels for {', '.join(first)}: their classes are known from now on" if first else None,
    )  # fmt: skip


def every_label_has_a_frame(labels: pa.Table, frames: pa.Table) -> Verdict:
    """Every label is on a frame of the session."""
    is_known = pc.is_in(labels["frame_id"], value_set=frames["frame_id"].combine_chunks())
    lost = labels.filter(pc.invert(is_known))["label_id"].to_pylist()
    return judge_share(
        "every_label_has_a_frame",
        num_checked=len(labels),
        offenders=lost,
        of="labels",
        fault="are on no frame of theirs",
    )


_BOX = ("x_min", "y_min", "x_max", "y_max")
LABEL_RULES = (
    Rule(boxes_have_area, {"labels": ("label_id", "frame_id", "class_name", *_BOX)}),
    Rule(boxes_lie_inside_image, {
        "labels": ("label_id", "frame_id", "class_name", *_BOX), "frames": ("frame_id", "width_px", "height_px"),
    }),
    Rule(masks_match_their_image, {
        "labels": ("label_id", "frame_id", "task", "class_name", "mask_rle"),
        "frames": ("frame_id", "width_px", "height_px"),
    }),
    Rule(labels_have_a_class, {"labels": ("label_id", "class_name")}),
    Rule(classes_are_known, {"labels": ("task", "class_name"), "published labels": ("task", "class_name")}),
    Rule(every_label_has_a_frame, {"labels": ("label_id", "frame_id"), "frames": ("frame_id",)}),
)  # fmt: skip


def _find_mask_fault(mask_rle: str | None, num_pixels: int | None) -> str | None:
    if mask_rle is None:
        return "has no mask"
    if num_pixels is None:
        return None  # a label without a frame is told by another claim
    try:
        covered = sum(decode_counts(mask_rle))
    except ValueError as error:
        return str(error)
    return None if covered == num_pixels else f"covers {covered} of {num_pixels} px"


def _boxes(labels: pa.Table) -> list[dict[str, Any]]:
    """Labels with a box; a box that lacks a side counts as one without area."""
    rows = labels.to_pylist()
    boxes = [r for r in rows if any(r[side] is not None for side in _BOX)]
    return [{**b, **{side: float("nan") if b[side] is None else b[side] for side in _BOX}} for b in boxes]


def _is_inside(box: dict[str, Any], size_px: tuple[int, int] | None) -> bool:
    if size_px is None:
        return False
    low_ok = box["x_min"] >= -OVERHANG_PX and box["y_min"] >= -OVERHANG_PX
    return bool(low_ok and box["x_max"] <= size_px[0] + OVERHANG_PX and box["y_max"] <= size_px[1] + OVERHANG_PX)


def _describe(box: dict[str, Any]) -> str:
    corners = ", ".join(f"{box[side]:g}" for side in _BOX)
    return f"{box['label_id']} ({box['class_name']}) on frame {box['frame_id']}: ({corners})"


def _classes(labels: pa.Table) -> set[tuple[str, str]]:
    return set(_count_classes(labels))


def _count_classes(labels: pa.Table) -> dict[tuple[str, str], int]:
    grouped = labels.group_by(["task", "class_name"]).aggregate([([], "count_all")]).to_pylist()
    return {(r["task"], r["class_name"]): r["count_all"] for r in grouped}
