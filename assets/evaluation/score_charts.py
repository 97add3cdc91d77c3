"""Charts of the scores of one exam: slices beside the whole, and spoilt pictures by strength."""

from __future__ import annotations

from collections.abc import Sequence

from assets.evaluation.robustness import CORRUPTION, UNSPOILT
from assets.evaluation.slice_tables import METRIC_NAMES
from assets.evaluation.slices import FIGURES_OF_CLASSES
from assets.previews.differences import Span
from assets.previews.gallery import Draw
from assets.previews.slices import slices_plot, spoilt_plot
from assets.tables.rows import ScoreRow

SLICES, SPOILT = "slices", "spoilt pictures"


def draw_scores(rows: Sequence[ScoreRow], metric: str, subject: str) -> dict[str, Draw]:
    """By name; without what the exam did not measure. `rows` are those of one exam."""
    charts: dict[str, Draw] = {}
    name = METRIC_NAMES.get(metric, metric)
    spans = list_spans(rows, metric)
    whole = next(
        (r["value"] for r in rows if r["slice_by"] == "all" and r["metric"] == metric),
        None,
    )
    if spans and whole is not None:
        charts[SLICES] = lambda theme: slices_plot(spans, whole, name, subject, theme)
    spoilt = list_spoilt(rows, metric)
    if spoilt:
        charts[SPOILT] = lambda theme: spoilt_plot(spoilt, name, subject, theme)
    return charts


def list_spans(rows: Sequence[ScoreRow], metric: str) -> list[Span]:
    """Slices in the leading metric, classes in their own, each way worst first; without what was not measured."""
    mine = [
        row
        for row in rows
        if row["slice_by"] not in ("all", CORRUPTION)
        and row["value"] is not None
        and (
            row["metric"] in FIGURES_OF_CLASSES
            if row["slice_by"] == "class"
            else row["metric"] == metric
        )
    ]
    order = list(dict.fromkeys(row["slice_by"] for row in mine))
    mine.sort(key=lambda row: (order.index(row["slice_by"]), row["value"] or 0.0))
    return [_make_span(f"{r['slice_by']} = {r['slice_value']}", r) for r in mine]


def list_spoilt(rows: Sequence[ScoreRow], metric: str) -> dict[str, dict[int, Span]]:
    """corruption -> strength -> the figure; strength 0 is that of the same pictures as they are."""
    found: dict[str, dict[int, Span]] = {}
    unspoilt: Span | None = None
    for row in rows:
        is_mine = row["slice_by"] == CORRUPTION and row["metric"] == metric
        if not is_mine or row["value"] is None:
            continue
        span = _make_span(row["slice_value"], row)
        if row["slice_value"] == UNSPOILT:
            unspoilt = span
            continue
        name, _, strength = row["slice_value"].rpartition(" ")
        found.setdefault(name, {})[int(strength)] = span
    if unspoilt is not None:
        found = {name: {0: unspoilt, **spans} for name, spans in found.items()}
    return dict(sorted(found.items()))


def _make_span(name: str, row: ScoreRow) -> Span:
    low, high, value = row["low"], row["high"], row["value"]
    bounds = None if low is None or high is None else (low, high)
    return Span(name, 0.0 if value is None else value, bounds)
