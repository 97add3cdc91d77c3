"""Captures of loose files: their ids, and the counts in their rows, which follow what the tables hold of them."""

from __future__ import annotations

from collections.abc import Callable

from assets.formats.protocol import CapturePlan
from assets.tables.catalog import Catalog, is_in, repr_sql, session_is
from assets.tables.schemas import TABLES, content_id, to_table

_COUNTED = {
    "frames": "frames",
    "signals": "signals",
    "scans": "scans",
    "labels": "labels",
    "problems": "quarantine",
}


def name_folder(plan: CapturePlan, session: str) -> str:
    """The id of a capture of loose files."""
    return content_id("folder", session, plan.root, plan.reader)


def count_rows(catalog: Catalog, capture_id: str) -> dict[str, int]:
    """The columns of a capture's row that count what the tables hold of it."""
    mine = f"capture_id = {repr_sql(capture_id)}"
    return {
        f"num_{noun}": catalog.dataset(table).count_rows(mine)
        if catalog.exists(table)
        else 0
        for noun, table in _COUNTED.items()
    }


def recount_folders(
    catalog: Catalog, session: str, is_due: Callable[[str], bool]
) -> list[str]:
    """Bring the rows of those of a session's folders up to date that are due, by id. Those without rows go: which.

    They are planned otherwise by now, or a file of theirs is gone: their frames stay, or have gone too.
    """
    rows = catalog.read_latest(
        "captures", where=f"{session_is(session)} AND sha256 IS NULL"
    ).to_pylist()
    changed = []
    empty = []
    for row in rows:
        if not is_due(row["capture_id"]):
            continue
        counts = count_rows(catalog, row["capture_id"])
        if not any(counts.values()):
            empty.append(row["capture_id"])
        elif any(row[name] != count for name, count in counts.items()):
            changed.append(row | counts)
    if changed:
        catalog.upsert("captures", to_table(TABLES["captures"], changed))
    if empty:
        catalog.delete("captures", is_in("capture_id", empty))
    return empty
