"""Figures and slices of one exam as a page shows them: names, order, numbers for a reader, and a table a way."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from assets.captions import name_sensor
from assets.kinds import find_kind
from assets.tables.rows import ScoreRow
from models.metrics.resampling import SHARE, Interval

METRIC_NAMES = {
    "map": "mAP",
    "map50": "mAP50",
    "map75": "mAP75",
    "oks_map": "mAP of points",
    "oks_map50": "mAP50 of points",
    "box_map50": "mAP50 of boxes",
    "ap": "AP",
    "ap50": "AP50",
    "precision50": "precision",
    "recall50": "recall",
    "f1_50": "F1",
    "f1": "F1",
    "macro_f1": "macro F1",
    "ece": "calibration error",
    "operating_score": "operating score",
    "miou": "mIoU",
    "image_miou": "mIoU an image",
    "boundary_miou": "boundary mIoU",
    "pixel_accuracy": "pixel accuracy",
    "judged_share": "judged pixels",
    "iou": "IoU",
    "boundary_iou": "boundary IoU",
}
METRIC_NOTES = {
    "map": "mean over IoU 0.50 to 0.95 and classes",
    "map50": "mean over classes, IoU 0.5",
    "map75": "IoU 0.75",
    "precision50": "at the operating score",
    "recall50": "at the operating score",
    "accuracy": "share of frames called right",
    "macro_f1": "mean over classes",
    "ece": "expected, 15 bins; 0 is perfect",
    "operating_score": "best F1 on the validation part",
    "miou": "mean over classes of all pixels together",
    "image_miou": "mean over images of their own",
    "boundary_miou": "within 2 % of the diagonal",
    "pixel_accuracy": "share of labelled pixels called right",
    "judged_share": "share of pixels that have a class",
}
_ORDER = (
    "under 0.5 m",
    "0.5 to 1 m",
    "1 to 2 m",
    "2 to 5 m",
    "5 to 20 m",
    "20 m and more",
    "dark",
    "small",
    "medium",
    "large",
    "bright",
    "map50",
    "map",
    "map75",
    "ap50",
    "ap",
    "accuracy",
    "macro_f1",
    "f1",
    "precision",
    "recall",
    "miou",
    "iou",
    "image_miou",
    "boundary_miou",
    "boundary_iou",
    "pixel_accuracy",
    "ece",
)
_NUMBER = re.compile(r"(\d+)")
SLICE_TITLES = {
    "class": "Class",
    "object_size": "Object size",
    "session": "Session",
    "sensor": "Sensor",
    "brightness": "Brightness",
    "blur": "Blur",
    "distance": "Distance",
    "discovered": "Regions that score worse, found among the pictures",
    "corruption": "Spoilt, by strength of 5, on a few of the frames",
}


def tell_interval(interval: Interval | None) -> str:
    """ "0.850 to 0.892 (95 % interval, 72 independent units)"; "" where there is none."""
    if interval is None:
        return ""
    units = f"{100 * SHARE:.0f} % interval, {interval.num_units} independent units"
    return f"{format_figure(interval.low)} to {format_figure(interval.high)} ({units})"


def describe_slices(
    task: str, scores: Sequence[ScoreRow], overall: Mapping[str, float | None]
) -> list[dict[str, Any]]:
    """A table for each way of slicing: its columns, and rows of (name, samples, leading value, gap to all, others)."""
    tables = []
    kind = find_kind(task)
    leading = kind.leading_metric
    for slice_by in _list_ways(scores):
        rows: dict[str, dict[str, Any]] = {}
        for score in scores:
            if score["slice_by"] == slice_by:
                row = rows.setdefault(
                    score["slice_value"],
                    {"num_samples": score["num_samples"], "values": {}, "sure": {}},
                )
                row["values"][score["metric"]] = score["value"]
                if score["low"] is not None:
                    bounds = f"{format_figure(score['low'])} to {format_figure(score['high'])}"
                    row["sure"][score["metric"]] = bounds
        if not rows:
            continue
        metrics = sorted({m for row in rows.values() for m in row["values"]}, key=_rank)
        first = next(
            m for m in (leading, "ap50", "f1", "iou", metrics[0]) if m in metrics
        )
        is_of_objects = slice_by in kind.slices_of_objects or metrics == ["recall50"]
        base = overall.get(leading) if first in (leading, "ap50") else None
        tables.append(
            {
                "title": SLICE_TITLES.get(slice_by, slice_by.replace("_", " ")),
                "unit": "objects" if is_of_objects else "frames",
                "first": METRIC_NAMES.get(first, first),
                "others": [
                    "ECE" if m == "ece" else METRIC_NAMES.get(m, m)
                    for m in metrics
                    if m != first
                ],
                "has_gap": base is not None and slice_by != "class",
                "rows": [
                    {
                        "name": (name_sensor(name) or "no named sensor")
                        if slice_by == "sensor"
                        else name,
                        "num_samples": row["num_samples"],
                        "value": row["values"].get(first),
                        "gap": None
                        if base is None or row["values"].get(first) is None
                        else row["values"][first] - base,
                        "others": [
                            (row["values"].get(m), row["sure"].get(m, ""))
                            for m in metrics
                            if m != first
                        ],
                        "sure": row["sure"].get(first, ""),
                    }
                    for name, row in _sort_rows(slice_by, first, rows)
                ],
            }
        )
    return tables


def _sort_rows(
    slice_by: str, metric: str, rows: Mapping[str, Any]
) -> list[tuple[str, Any]]:
    """Regions that were found the worst first, others by what they are called."""

    def rank(item: tuple[str, Any]) -> tuple[float, int, list[str]]:
        value = item[1]["values"].get(metric) if slice_by == "discovered" else None
        return (value or 0.0, *_rank(item[0]))

    return sorted(rows.items(), key=rank)


def _list_ways(scores: Sequence[ScoreRow]) -> list[str]:
    """The ways of slicing that an exam has, known ones in their order, declared ones after them."""
    there = {row["slice_by"] for row in scores} - {"all"}
    return [way for way in SLICE_TITLES if way in there] + sorted(
        there - SLICE_TITLES.keys()
    )


def _rank(name: str) -> tuple[int, list[str]]:
    """Sizes, light and metrics in their natural order, everything else after them by name, numbers in it by value."""
    place = _ORDER.index(name) if name in _ORDER else len(_ORDER)
    # digits of equal length sort by value
    return place, [p.zfill(20) if p.isdecimal() else p for p in _NUMBER.split(name)]


def format_figure(value: object) -> str:
    """A number for a reader; an em dash where nothing was measured."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) >= 0.0005 or value == 0 else f"{value:.1e}"
    return f"{value:,}".replace(",", "\u202f") if isinstance(value, int) else str(value)
