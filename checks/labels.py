"""What labels must be: boxes with area inside their image, once each, of known classes, each on a frame that exists.

Pictures with a bad box are told and left out of releases, where they are counted; where more than one box in twenty is
bad, the session stops.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.class_spelling import find_spellings
from assets.kinds import find_kind
from assets.label_versions import OVERHANG_PX
from checks.contradictions import (
    find_boxes_of_two_classes,
    find_contradicted_empties,
    find_copies_with_other_labels,
    find_frames_of_two_classes,
    tell_cost,
)
from checks.verdicts import NEVER_BLOCKS, STRICT, Rule, Tolerance, Verdict, judge_share
from models.box_pairs import find_repeats
from models.masks import decode_counts

BAD_BOXES = Tolerance(warn_above=0.0, block_above=0.05)
_MOST_NAMED = 20  # classes on a line
_NO_BOXES = "no label of this session has a box"


def boxes_have_area(labels: pa.Table) -> Verdict:
    """Every box has a width and a height."""
    boxes = _boxes(labels)
    flat = [
        b for b in boxes if not (b["x_max"] > b["x_min"] and b["y_max"] > b["y_min"])
    ]
    return judge_share(
        "boxes_have_area",
        num_checked=len(boxes),
        offenders=[_describe(b) for b in flat],
        of="boxes",
        fault="have no area, and their pictures go into no release",
        tolerance=BAD_BOXES,
        empty_reason=_NO_BOXES if len(labels) else None,
    )


def boxes_lie_inside_image(labels: pa.Table, frames: pa.Table) -> Verdict:
    """No box reaches more than a pixel over the edge of its image."""
    sizes = {r["frame_id"]: (r["width_px"], r["height_px"]) for r in frames.to_pylist()}
    boxes = _boxes(labels)
    outside = [b for b in boxes if not _is_inside(b, sizes.get(b["frame_id"]))]
    return judge_share(
        "boxes_lie_inside_image",
        num_checked=len(boxes),
        offenders=[_describe(b) for b in outside],
        of="boxes",
        fault="reach over the edge of their image and are cut there",
        tolerance=BAD_BOXES,
        empty_reason=_NO_BOXES if len(labels) else None,
    )


def boxes_are_not_doubled(labels: pa.Table) -> Verdict:
    """No two boxes of one frame, task and class are equal within a pixel."""
    boxes = _boxes(labels)
    corners = np.array([[b[side] for side in _BOX] for b in boxes], np.float64).reshape(
        -1, 4
    )
    repeats = find_repeats(
        [(b["frame_id"], b["task"], b["class_name"]) for b in boxes], corners
    )
    return judge_share(
        "boxes_are_not_doubled",
        num_checked=len(boxes),
        of="boxes",
        tolerance=BAD_BOXES,
        offenders=[
            f"{_describe(b)} is {boxes[n]['label_id']} again"
            for b, n in zip(boxes, repeats, strict=True)
            if n >= 0
        ],
        fault="repeat another of their frame and class",
        empty_reason=_NO_BOXES if len(labels) else None,
    )


def labels_do_not_contradict(
    labels: pa.Table,
    frames: pa.Table,
    published_labels: pa.Table,
    published_frames: pa.Table,
) -> Verdict:
    """No label says of a picture what another label of it denies. Looked for are boxes of one frame that are equal but
    for their class, frames with two classes, and differing labels of equal pictures, in other sessions too. The first
    blocks where it is more than one box in twenty; several tags a picture may be meant, and nobody knows which session
    is right.
    """
    boxes = find_boxes_of_two_classes(labels)
    tags = find_frames_of_two_classes(labels)
    copies = find_copies_with_other_labels(
        labels, frames, published_labels, published_frames
    )
    told = {key: [denial.story] for key, denial in copies.items()}
    num_boxes = pc.count(labels["x_min"]).as_py()
    num_doubtful = sum(map(len, boxes.values()))
    return judge_share(
        "labels_do_not_contradict",
        num_checked=len(_count_classes(labels, "frame_id")),
        of="labelled pictures",
        fault="have labels that contradict each other, or those of an equal picture"
        + tell_cost(copies.values()),
        offenders=[reasons[0] for reasons in {**tags, **told, **boxes}.values()],
        tolerance=STRICT
        if num_doubtful > BAD_BOXES.block_above * num_boxes
        else NEVER_BLOCKS,
        figures={
            "num_boxes_of_two_classes": num_doubtful,
            "num_frames_of_two_classes": len(tags),
            "num_copies_with_other_labels": len(copies),
        },
    )


def masks_match_their_image(labels: pa.Table, frames: pa.Table) -> Verdict:
    """The run lengths of every mask add up to the pixels of its image; a label for segmentation has a mask."""
    num_pixels = {
        r["frame_id"]: r["width_px"] * r["height_px"] for r in frames.to_pylist()
    }
    masks = [
        r
        for r in labels.to_pylist()
        if r["mask_rle"] is not None or find_kind(r["task"]).find_gap(r)
    ]
    faults = [
        (r, _find_mask_fault(r["mask_rle"], num_pixels.get(r["frame_id"])))
        for r in masks
    ]
    return judge_share(
        "masks_match_their_image",
        num_checked=len(masks),
        of="masks",
        fault="do not fit their image",
        offenders=[
            f"{r['class_name']} on frame {r['frame_id']}: {f}" for r, f in faults if f
        ],
        tolerance=BAD_BOXES,
        empty_reason="no label of this session has a mask" if len(labels) else None,
    )


def labels_have_a_class(labels: pa.Table) -> Verdict:
    """Every label names a class."""
    blank = [
        r["label_id"] for r in labels.to_pylist() if not (r["class_name"] or "").strip()
    ]
    return judge_share(
        "labels_have_a_class",
        num_checked=len(labels),
        offenders=blank,
        of="labels",
        fault="name no class",
    )


def classes_are_known(labels: pa.Table, seen_labels: pa.Table) -> Verdict:
    """Every class of a task was seen before, in another session or in this one. Never blocks: a new class is news, and
    the first labels of a task make its classes known."""
    known = _classes(seen_labels)
    tasks = {task for task, _ in known}
    counts = {pair: n for pair, n in _count_classes(labels).items() if pair[0] in tasks}
    first = sorted({task for task, _ in _classes(labels)} - tasks)
    new = sorted(pair for pair in counts if pair not in known)
    return judge_share(
        "classes_are_known",
        num_checked=len(counts),
        of="classes",
        fault=f"appear for the first time: {_name_classes(new)}{_tell_spellings(new, known)}",
        offenders=[
            f"{name} ({task}): {counts[task, name]} labels" for task, name in new
        ],
        tolerance=NEVER_BLOCKS,
        figures={"num_labels": len(labels)},
        empty_reason=f"first labels for {', '.join(first)}: their classes are known from now on"
        if first
        else None,
    )


def marked_objects_are_labels(annotated_frames: pa.Table) -> Verdict:
    """Every object that somebody marked is a label. Never blocks: pictures that lack one stay out of releases."""
    rows = annotated_frames.to_pylist()
    lacking = [r for r in rows if r["num_missing"]]
    num_marked = sum(r["num_labels"] + r["num_missing"] for r in rows)
    return judge_share(
        "marked_objects_are_labels",
        num_checked=len(rows),
        of="looked-at pictures",
        fault="have marked objects that are no labels, and stay out of releases of their task",
        tolerance=NEVER_BLOCKS,
        offenders=[
            f"frame {r['frame_id']}, {r['task']}: {r['num_missing']} in {r['source_path']}"
            for r in lacking
        ],
        figures={
            "num_marked": num_marked,
            "num_missing": sum(r["num_missing"] for r in rows),
        },
    )


def empty_pictures_have_no_labels_elsewhere(
    annotated_frames: pa.Table,
    frames: pa.Table,
    published_annotated_frames: pa.Table,
    published_frames: pa.Table,
) -> Verdict:
    """No picture is called empty by one side and given objects by another. Never blocks: nobody knows who is right, and
    the picture stays out of releases."""
    found = find_contradicted_empties(
        annotated_frames, frames, published_annotated_frames, published_frames
    )
    return judge_share(
        "empty_pictures_have_no_labels_elsewhere",
        num_checked=len(_count_classes(annotated_frames, "frame_id")),
        of="looked-at pictures",
        offenders=[denial.story for denial in found.values()],
        fault="have equal pictures of which somebody says the opposite"
        + tell_cost(found.values()),
        tolerance=NEVER_BLOCKS,
    )


def every_label_has_a_frame(labels: pa.Table, frames: pa.Table) -> Verdict:
    """Every label is on a frame of the session."""
    is_known = pc.is_in(
        labels["frame_id"], value_set=frames["frame_id"].combine_chunks()
    )
    lost = labels.filter(pc.invert(is_known))["label_id"].to_pylist()
    return judge_share(
        "every_label_has_a_frame",
        num_checked=len(labels),
        offenders=lost,
        of="labels",
        fault="are on no frame of theirs",
    )


_BOX = ("x_min", "y_min", "x_max", "y_max")
_COMPARED = ("frame_id", "session", "task", "class_name", *_BOX)
_PICTURES = ("frame_id", "sha256", "kind", "width_px", "height_px")
_COUNTED = ("frame_id", "session", "task", "num_labels", "num_missing", "num_ignored")
LABEL_RULES = (
    Rule(boxes_have_area, {"labels": ("label_id", "frame_id", "class_name", *_BOX)}),
    Rule(
        boxes_lie_inside_image,
        {
            "labels": ("label_id", "frame_id", "class_name", *_BOX),
            "frames": ("frame_id", "width_px", "height_px"),
        },
    ),
    Rule(
        boxes_are_not_doubled,
        {"labels": ("label_id", "frame_id", "task", "class_name", *_BOX)},
    ),
    Rule(
        labels_do_not_contradict,
        {
            "labels": _COMPARED,
            "frames": _PICTURES,
            "published labels": _COMPARED,
            "published frames": ("frame_id", "sha256"),
        },
    ),
    Rule(
        masks_match_their_image,
        {
            "labels": ("label_id", "frame_id", "task", "class_name", "mask_rle"),
            "frames": ("frame_id", "width_px", "height_px"),
        },
    ),
    Rule(labels_have_a_class, {"labels": ("label_id", "class_name")}),
    Rule(
        classes_are_known,
        {"labels": ("task", "class_name"), "seen labels": ("task", "class_name")},
    ),
    Rule(
        every_label_has_a_frame,
        {"labels": ("label_id", "frame_id"), "frames": ("frame_id",)},
    ),
)
ANNOTATION_RULES = (
    Rule(
        marked_objects_are_labels,
        {
            "annotated_frames": (
                "frame_id",
                "task",
                "num_labels",
                "num_missing",
                "source_path",
            ),
        },
    ),
    Rule(
        empty_pictures_have_no_labels_elsewhere,
        {
            "annotated_frames": _COUNTED,
            "frames": _PICTURES,
            "published annotated_frames": _COUNTED,
            "published frames": ("frame_id", "sha256"),
        },
    ),
)


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
    return [
        {**b, **{side: float("nan") if b[side] is None else b[side] for side in _BOX}}
        for b in boxes
    ]


def _is_inside(box: dict[str, Any], size_px: tuple[int, int] | None) -> bool:
    if size_px is None:
        return False
    low_ok = box["x_min"] >= -OVERHANG_PX and box["y_min"] >= -OVERHANG_PX
    return bool(
        low_ok
        and box["x_max"] <= size_px[0] + OVERHANG_PX
        and box["y_max"] <= size_px[1] + OVERHANG_PX
    )


def _describe(box: dict[str, Any]) -> str:
    corners = ", ".join(f"{box[side]:g}" for side in _BOX)
    return f"{box['label_id']} ({box['class_name']}) on frame {box['frame_id']}: ({corners})"


def _classes(labels: pa.Table) -> set[tuple[str, str]]:
    return set(_count_classes(labels))


def _name_classes(pairs: Sequence[tuple[str, str]]) -> str:
    """'cup, mug (detection), cat (recognition)': the first of them, by task."""
    told = []
    for task, group in groupby(pairs[:_MOST_NAMED], key=lambda pair: pair[0]):
        told.append(f"{', '.join(name for _, name in group)} ({task})")
    more = len(pairs) - _MOST_NAMED
    return ", ".join(told) + f" and {more} more" * (more > 0)


def _tell_spellings(
    new: Sequence[tuple[str, str]], known: Collection[tuple[str, str]]
) -> str:
    """Which of the new classes another one of its task may be meant by, but for its spelling."""
    alike = [
        " and ".join(names)
        for task in sorted({task for task, _ in new})
        for names in find_spellings(name for t, name in {*new, *known} if t == task)
        if any((task, name) in new for name in names)
    ]
    return f"; one in two spellings: {', '.join(alike)}?" * bool(alike)


def _count_classes(
    labels: pa.Table, name: str = "class_name"
) -> dict[tuple[str, str], int]:
    """Rows by task and class, or another column."""
    grouped = labels.group_by(["task", name]).aggregate([([], "count_all")]).to_pylist()
    return {(r["task"], r[name]): r["count_all"] for r in grouped}
