"""What the UI shows of one session: timeline of its sensors with gaps, sync report, quarantine, counts."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from assets.capture.outcomes import Known
from assets.clocks.offsets import SKIPPED_STEPS, Stream, SyncReport, Times, report_sync
from assets.foreign_text import for_markdown, for_plot
from assets.ledger import FileOutcome
from assets.tables.catalog import Catalog, session_is

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAX_CAPTURES = 6
_MAX_ROWS = 50
_TICKS = 1200  # a row's width in pixels: more ticks than that would cover each other
_DENSE = 300  # ticks in a row that touch
_TICK_COLOR = "#2f6f8f"
_GAP_COLOR = "#d01c3f"
_MUTED = "#7b7267"
_SYNC = {
    "sensor": "sensor",
    "num_samples": "samples",
    "num_stamped": "with a clock",
    "rate_hz": "rate [Hz]",
    "jitter_ms": "jitter [ms]",
    "num_dropped": "dropped",
    "num_gaps": "gaps",
    "longest_gap_ms": "longest step [ms]",
    "stamp_offset_ms": "stamps later than reference [ms]",
    "reference": "reference",
}


def read_streams(catalog: Catalog, session: str) -> dict[str, list[Stream]]:
    """Capture path -> its streams, by sensor. One sample alone, such as a fixed transform, has no course in time."""
    where = session_is(session)
    captures = catalog.read_latest(
        "captures", ["capture_id", "path"], where
    ).to_pylist()
    paths = {r["capture_id"]: r["path"] or session for r in captures}
    times: defaultdict[tuple[str, str, str], list[int | None]] = defaultdict(list)
    for table in ("frames", "signals"):
        for row in catalog.read_latest(
            table, ["capture_id", "sensor", "kind", "t_ns"], where
        ).to_pylist():
            times[
                paths.get(row["capture_id"], row["capture_id"]),
                row["sensor"],
                row["kind"],
            ].append(row["t_ns"])
    streams: defaultdict[str, list[Stream]] = defaultdict(list)
    for (capture, sensor, kind), found in sorted(times.items()):
        if len(found) > 1:
            t_ns = np.sort(np.array([t for t in found if t is not None], np.int64))
            # the parts of a rig share their stamps
            t_ns = np.unique(t_ns) if kind == "transform" else t_ns
            streams[capture].append(Stream(sensor, kind, t_ns, len(found)))
    return dict(streams)


def find_skips(t_ns: Times) -> list[tuple[int, int]]:
    """(from, to) in ns of each step in which at least one sample is missing; `t_ns` (N,) increases."""
    steps = np.diff(t_ns)
    forward = steps[steps > 0]
    if len(forward) < 2:
        return []
    wide = np.flatnonzero(steps > SKIPPED_STEPS * np.median(forward))
    return [(int(t_ns[i]), int(t_ns[i + 1])) for i in wide]


def draw_timeline(streams: Mapping[str, Sequence[Stream]]) -> bytes | None:
    """PNG: a row for each sensor, a tick for each sample, red where samples are missing; one panel a capture.

    None without streams.
    """
    from matplotlib.figure import Figure

    shown = dict(list(streams.items())[:_MAX_CAPTURES])
    if not shown:
        return None
    heights = [len(rows) for rows in shown.values()]
    figure = Figure(
        figsize=(10.2, 0.34 * sum(heights) + 0.95 * len(shown) + 0.3),
        dpi=110,
        layout="constrained",
    )
    axes = figure.subplots(len(shown), 1, squeeze=False, height_ratios=heights)[:, 0]
    for panel, (capture, rows) in zip(axes, shown.items(), strict=True):
        _draw_panel(panel, capture, rows)
    if len(streams) > len(shown):
        figure.supxlabel(
            f"and {len(streams) - len(shown)} more captures", fontsize=9, color=_MUTED
        )
    target = io.BytesIO()
    figure.savefig(target, format="png", metadata={"Software": None})
    return target.getvalue()


def _draw_panel(panel: Axes, capture: str, rows: Sequence[Stream]) -> None:
    timed = [stream.t_ns for stream in rows if len(stream.t_ns)]
    start_ns = min((int(t[0]) for t in timed), default=0)
    end_s = max((int(t[-1]) - start_ns for t in timed), default=0) / 1e9 or 1.0
    for y, (stream, report) in enumerate(zip(rows, report_sync(rows), strict=True)):
        x = (
            np.unique(np.round((stream.t_ns - start_ns) / 1e9 / end_s * _TICKS))
            / _TICKS
            * end_s
        )
        # white between dense ticks would look like missing samples
        width_pt = 0.7 if len(x) < _DENSE else 1.8
        panel.vlines(x, y - 0.32, y + 0.32, colors=_TICK_COLOR, linewidth=width_pt)
        for skip_start, skip_end in find_skips(stream.t_ns):
            left = (skip_start - start_ns) / 1e9
            width = (skip_end - skip_start) / 1e9
            panel.barh(
                y,
                max(width, end_s / 400),
                0.8,
                left,
                color=_GAP_COLOR,
                alpha=0.75,
                linewidth=0,
            )
        panel.text(
            end_s * 1.015,
            y,
            describe_stream(report),
            va="center",
            fontsize=8,
            color=_MUTED,
        )
    names = [for_plot(_name(stream)) for stream in rows]
    panel.set_yticks(range(len(rows)), names, fontsize=9)
    panel.set_ylim(len(rows) - 0.4, -0.6)
    panel.set_xlim(-0.01 * end_s, end_s * 1.01)
    panel.set_title(for_plot(capture), fontsize=10, loc="left")
    panel.set_xlabel("seconds since the first sample", fontsize=8)
    panel.tick_params(axis="x", labelsize=8)
    panel.spines[["top", "right"]].set_visible(False)


def _name(stream: Stream | SyncReport) -> str:
    return (
        stream.sensor
        if stream.kind in ("color", "depth", stream.sensor)
        else f"{stream.sensor} ({stream.kind})"
    )


def describe_stream(report: SyncReport) -> str:
    """'80 samples, 20.0 Hz, 2 dropped, longest step 0.25 s'."""
    parts = [f"{report.num_samples} samples"]
    parts += [f"{report.num_samples - report.num_stamped} without a clock"] * (
        report.num_stamped < report.num_samples
    )
    if report.rate_hz is not None:
        parts.append(f"{report.rate_hz:.1f} Hz")
    if report.num_dropped:
        parts.append(
            f"{report.num_dropped} dropped, longest step {(report.longest_gap_ms or 0) / 1e3:.2f} s"
        )
    return ", ".join(parts)


# ---- tables --------------------------------------------------------------------------------------------------------


def list_sync(
    catalog: Catalog, session: str, streams: Mapping[str, Sequence[Stream]]
) -> str:
    """What the stamps of each sensor say now, and what its images last proved of its clock, as markdown tables."""
    rows = [
        {
            "capture": capture,
            **{title: getattr(report, name) for name, title in _SYNC.items()},
            "sensor": _name(report),
        }
        for capture, found in list(streams.items())[:_MAX_CAPTURES]
        for report in report_sync(found)
    ]
    stamps = markdown_table(rows) or "no samples"
    if not len(
        catalog.read_latest("clock_reports", ["report_id"], session_is(session))
    ):
        return stamps
    from assets.clocks.reports import describe_evidence

    return f"{stamps}\n\n{describe_evidence(catalog, session)}"


def list_quarantine(
    catalog: Catalog, session: str, refused: Iterable[FileOutcome]
) -> str:
    """What could not be read, with remedies, as a markdown table: `refused` files first, then records inside files."""
    columns = ["source_path", "source_offset", "reader", "reason", "remedy"]
    files = {
        o.path: {
            "what": o.path,
            "reader": o.reader,
            "reason": o.reason,
            "remedy": o.remedy,
        }
        for o in refused
    }
    rows = list(files.values())
    for row in (
        catalog.read_latest("quarantine", columns, session_is(session))
        .sort_by("source_path")
        .to_pylist()
    ):
        if row["source_path"].split("!/", 1)[0] not in files:
            what = f"{row['source_path']} at byte {row['source_offset']}"
            rows.append(
                {
                    "what": what,
                    "reader": row["reader"],
                    "reason": row["reason"],
                    "remedy": row["remedy"],
                }
            )
    more = f"\n\nand {len(rows) - _MAX_ROWS} more: `daguerre quarantine list {session}`"
    return (
        markdown_table(rows[:_MAX_ROWS]) + more * (len(rows) > _MAX_ROWS)
    ) or "nothing"


def list_notes(catalog: Catalog, session: str) -> str:
    """What readers left out by design, counted, and kept beside the rows (such as log times), as a markdown table."""
    columns = ["path", "reader", "notes"]
    rows = (
        catalog.read_latest("captures", columns, session_is(session))
        .sort_by("path")
        .to_pylist()
    )
    notes = [
        {
            "capture": row["path"] or session,
            "reader": row["reader"],
            "note": name,
            "value": value,
        }
        for row in rows
        for name, value in json.loads(row["notes"] or "{}").items()
    ]
    more = f'\n\nand {len(notes) - _MAX_ROWS} more: `daguerre query "select path, notes from captures"`'
    return (
        markdown_table(notes[:_MAX_ROWS]) + more * (len(notes) > _MAX_ROWS)
    ) or "none"


def count_changes(before: Known, after: Known) -> str:
    """'3 new, 1 stale, 0 failed': file versions that the ledger did not know before this intake.

    Stale: the path was known with other bytes. Failed: quarantined now.
    """
    fresh = {
        key: outcome for key, outcome in after.items() if before.get(key) != outcome
    }
    failed = sum(outcome.outcome == "quarantined" for outcome in fresh.values())
    known_paths = {path for path, _ in before}
    taken = [
        path for (path, _), outcome in fresh.items() if outcome.outcome == "ingested"
    ]
    stale = sum(path in known_paths for path in taken)
    return f"{len(taken) - stale} new, {stale} stale, {failed} failed"


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with equal keys; text from outside cannot end a cell or become markup. Empty without rows."""
    if not rows:
        return ""
    head = list(rows[0])
    lines = [
        "| " + " | ".join(name.replace("_", " ") for name in head) + " |",
        "|" + " --- |" * len(head),
    ]
    lines += [
        "| " + " | ".join(_format_cell(row[name]) for name in head) + " |"
        for row in rows
    ]
    return "\n".join(lines)


def _format_cell(value: Any) -> str:
    if value is None:
        return "–"
    return for_markdown(f"{value:.6g}" if isinstance(value, float) else value)
