"""Write the report: one HTML file that needs nothing else, with the pictures, figures and facts of every model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from assets.captions import name_sensor
from assets.kinds import find_kind
from assets.previews.drawing import as_data_uri, encode_jpeg
from assets.previews.drift import drift_plot
from assets.previews.gallery import Draw, Gallery, Picture, name_subject
from assets.tables.class_list import PARTS, count_classes, count_parts
from assets.tables.rows import DriftRow, QuarantineRow, ScoreRow
from assets.tables.schemas.monitoring import WHOLE_SESSION
from assets.whole_output import writing_file
from models.metrics.resampling import SHARE, Interval

TEMPLATES = Path(__file__).parent / "templates"
MAX_QUARANTINE_ROWS = 200
MAX_DRIFT_LINES = 60
METRIC_NAMES = {
    "map": "mAP",
    "map50": "mAP50",
    "map75": "mAP75",
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
    "precision50": "at the score of best F1 here",
    "recall50": "at the score of best F1 here",
    "accuracy": "share of frames called right",
    "macro_f1": "mean over classes",
    "ece": "expected, 15 bins; 0 is perfect",
    "miou": "mean over classes of all pixels together",
    "image_miou": "mean over images of their own",
    "boundary_miou": "within 2 % of the diagonal",
    "pixel_accuracy": "share of labelled pixels called right",
    "judged_share": "share of pixels that have a class",
}
_ORDER = (
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
    "discovered": "Regions that score worse, found among the pictures",
    "corruption": "Spoilt, by strength of 5, on a few of the frames",
}


@dataclass(frozen=True)
class GateLine:
    """One rule of the gate: what it asks, what was found."""

    claim: str
    found: str
    is_passed: bool


@dataclass(frozen=True)
class ModelReport:
    """One model. `release_frames` are those of all splits, `scores` rows of the `scores` table.

    `is_accepted` is the gate's verdict; None where no gate has been asked.
    """

    task: str
    name: str
    release_id: str
    class_names: tuple[str, ...]
    release_frames: pa.Table
    scores: Sequence[ScoreRow]
    gallery: Gallery
    # of the leading metric; None where nobody can tell
    interval: Interval | None = None
    version: int | None = None
    alias: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    gate: Sequence[GateLine] = ()
    is_accepted: bool | None = None
    # what the test part cannot tell, and what of it the model never finds
    weaknesses: Sequence[str] = ()

    @property
    def title(self) -> str:
        """Name and registered version, where it has one."""
        return self.name if self.version is None else f"{self.name} v{self.version}"

    def list_sessions(self) -> list[str]:
        """Those that its release has frames of."""
        return sorted(self.release_frames["session"].unique().to_pylist())


@dataclass(frozen=True)
class ReportData:
    """All that the report shows. `drift_rows` and `quarantine_rows` are rows of those tables, `totals` any counts."""

    title: str
    models: Sequence[ModelReport]
    made_on: str = ""
    drift_rows: Sequence[DriftRow] = ()
    quarantine_rows: Sequence[QuarantineRow] = ()
    totals: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.models:
            raise ValueError(
                "a report needs a model that was scored: `daguerre train TASK` makes one"
            )


def write_report(path: Path, data: ReportData) -> Path:
    """Write the page to `path` (complete or not at all) and return it. Pictures and charts lie in it as data URIs."""
    with writing_file(path) as partial:
        partial.write_text(render_report(data), encoding="utf-8")
    return path


def render_report(data: ReportData) -> str:
    """The page as text. Every name and reason in it is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(figure=_format, uri=_show_picture)
    return environment.get_template("report.html.j2").render(
        title=data.title,
        made_on=data.made_on,
        totals={name: _format(value) for name, value in data.totals.items()},
        models=[_describe_model(model) for model in data.models],
        drift=_describe_drift(data),
        quarantine=list(data.quarantine_rows[:MAX_QUARANTINE_ROWS]),
        num_quarantined=len(data.quarantine_rows),
        reasons=Counter(row["reason"] for row in data.quarantine_rows).most_common(6),
    )


def _describe_model(model: ModelReport) -> dict[str, Any]:
    # it may have met others since
    scores = [row for row in model.scores if row["release_id"] == model.release_id]
    overall = {
        row["metric"]: row["value"] for row in scores if row["slice_by"] == "all"
    }
    split = next((row["split"] for row in scores), "test")
    leading = find_kind(model.task).leading_metric
    # the first stands on the card
    order = (
        leading,
        "map50",
        "map",
        "map75",
        "precision50",
        "recall50",
        "accuracy",
        "macro_f1",
        "miou",
        "image_miou",
        "boundary_miou",
        "pixel_accuracy",
        "judged_share",
        "ece",
    )
    return {
        "anchor": f"model-{model.task}",
        "model": model,
        "subject": name_subject(model.title, model.release_id),
        "split": split,
        "num_frames": count_parts(model.release_frames)[split],
        "tiles": [
            (
                METRIC_NAMES.get(m, m),
                overall[m],
                METRIC_NOTES.get(m, ""),
                _tell_interval(model.interval) if m == leading else "",
            )
            for m in dict.fromkeys(order)
            if m in overall
        ],
        "charts": [
            (name, _draw_both(draw)) for name, draw in model.gallery.charts.items()
        ],
        "slices": _describe_slices(model.task, scores, overall),
        "release": _count_release(model),
        "sessions": model.list_sessions(),
        "colors": {name: f"rgb{color}" for name, color in model.gallery.colors.items()},
        "facts": {name: _format(value) for name, value in model.facts.items()},
    }


def _tell_interval(interval: Interval | None) -> str:
    """ "0.850 to 0.892 (95 % interval, 72 independent units)"; "" where there is none."""
    if interval is None:
        return ""
    units = f"{100 * SHARE:.0f} % interval, {interval.num_units} independent units"
    return f"{_format(interval.low)} to {_format(interval.high)} ({units})"


def _describe_slices(
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
                    {"num_samples": score["num_samples"], "values": {}, "sure": ""},
                )
                row["values"][score["metric"]] = score["value"]
                if score["low"] is not None:
                    row["sure"] = f"{_format(score['low'])} to {_format(score['high'])}"
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
                        "others": [row["values"].get(m) for m in metrics if m != first],
                        "sure": row["sure"],
                    }
                    for name, row in sorted(
                        rows.items(), key=lambda item: _rank(item[0])
                    )
                ],
            }
        )
    return tables


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


def _count_release(model: ModelReport) -> dict[str, Any]:
    """Frames per split, and labels per class and split."""
    frames = count_parts(model.release_frames)
    classes = count_classes(model.class_names, model.release_frames)
    most = max([sum(c.objects.values()) for c in classes], default=0)
    return {
        "splits": PARTS,
        "frames": list(frames.values()),
        "num_frames": len(model.release_frames),
        "classes": [
            (c.name, list(c.objects.values())) for c in classes if not c.is_empty
        ],
        "empty_classes": [c.name for c in classes if c.is_empty],
        "most": max(most, 1),
    }


def _describe_drift(data: ReportData) -> dict[str, Any]:
    """Verdict per session and model, every test below it, and the chart."""
    rows = sorted(data.drift_rows, key=_place_drift)
    groups: dict[tuple[str, str], list[DriftRow]] = {}
    for row in rows:
        groups.setdefault(
            (row["session"], f"{row['model_name']} v{row['model_version']}"), []
        ).append(row)
    sessions = [
        {
            "session": session,
            "model": name,
            "is_drifted": _join_verdicts(tests),
            "num_frames": tests[0]["num_frames"],
            "reason": tests[0].get("reason") or "",
            "num_alarms": sum(bool(t["is_drifted"]) for t in tests),
            "tests": tests,
            "p_value": tests[0]["p_value"]
            if tests[0]["statistic"] == WHOLE_SESSION
            else None,
        }
        for (session, name), tests in groups.items()
    ]
    charts = []
    for name in dict.fromkeys(name for _, name in groups):
        mine = {session: tests for (session, of), tests in groups.items() if of == name}
        drawn = _choose_drawn(mine)
        first = next(iter(mine.values()))[0]
        subject = name_subject(name, first["release_id"])
        draw = _draw_drift([row for session in drawn for row in mine[session]], subject)
        charts.append(
            {
                "name": name,
                "pair": _draw_both(draw),
                "num_drawn": len(drawn),
                "num_sessions": len(mine),
            }
        )
    return {"sessions": sessions, "charts": charts}


def _choose_drawn(tests_of: Mapping[str, Sequence[DriftRow]]) -> list[str]:
    """The sessions that fit into the picture, whole: those that drifted first, then the last in order."""
    names = sorted(
        tests_of, key=lambda s: (bool(_join_verdicts(tests_of[s])), s), reverse=True
    )
    drawn: list[str] = []
    num_lines = 0
    for session in names:
        num_lines += len({row["sensor"] for row in tests_of[session]})
        if drawn and num_lines > MAX_DRIFT_LINES:
            break
        drawn.append(session)
    return sorted(drawn)


def _place_drift(row: DriftRow) -> tuple[str, str, bool, str]:
    """By session and model, the verdict on the whole session first."""
    return (
        row["session"],
        row["model_name"],
        row["statistic"] != WHOLE_SESSION,
        row["sensor"],
    )


def _draw_drift(rows: Sequence[DriftRow], subject: str) -> Draw:
    return lambda theme: drift_plot(rows, subject, theme)


def _join_verdicts(tests: Sequence[DriftRow]) -> bool | None:
    """The verdict on the whole session where there is one, else an alarm if any test raised one."""
    if tests[0]["statistic"] == WHOLE_SESSION:
        return tests[0]["is_drifted"]
    known = [bool(t["is_drifted"]) for t in tests if t["is_drifted"] is not None]
    return any(known) if known else None


def _draw_both(draw: Draw) -> dict[str, str]:
    return {theme: as_data_uri(draw(theme)) for theme in ("light", "dark")}


def _show_picture(picture: Picture) -> str:
    return as_data_uri(encode_jpeg(picture.image_rgb))


def _format(value: object) -> str:
    """A number for a reader; an em dash where nothing was measured."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) >= 0.0005 or value == 0 else f"{value:.1e}"
    return f"{value:,}".replace(",", "\u202f") if isinstance(value, int) else str(value)
