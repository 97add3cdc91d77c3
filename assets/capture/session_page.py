"""What the UI shows of one session beside its timeline: sync report, quarantine, notes, counts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assets.capture.outcomes import Known
from assets.capture.streams import name_stream
from assets.clocks.offsets import Stream, report_sync
from assets.foreign_text import for_markdown
from assets.formats.observations import outer_path
from assets.ledger import FileOutcome
from assets.tables.catalog import Catalog, session_is

_MAX_CAPTURES = 6
_MAX_ROWS = 50
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


def list_sync(
    catalog: Catalog, session: str, streams: Mapping[str, Sequence[Stream]]
) -> str:
    """What the stamps of each sensor say now, and what its images last proved of its clock, as markdown tables."""
    rows = [
        {
            "capture": capture,
            **{title: getattr(report, name) for name, title in _SYNC.items()},
            "sensor": name_stream(report),
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
        if outer_path(row["source_path"]) not in files:
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
