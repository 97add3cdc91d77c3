"""Which calibration of a camera counts: the one whose board was recorded last, whenever its figures were computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assets.dated import FIRST_DATE_NS
from assets.tables.catalog import Catalog, is_in

Row = dict[str, Any]


def order_calibrations(catalog: Catalog, rows: Sequence[Row]) -> list[Row]:
    """Rows of `rig_calibrations`, those that count the most last.

    By when the last recording of their session ended; where its clocks tell no date, by when it was calibrated.
    """
    ends = read_ends(catalog, {row["session"] for row in rows})

    def rank(row: Row) -> tuple[int, str]:
        session: str = row["session"]
        made_ns: int = row["made_ns"]
        return ends.get(session, made_ns), session

    return sorted(rows, key=rank)


def read_ends(catalog: Catalog, sessions: set[str]) -> dict[str, int]:
    """When the last recording of each session ended, ns since 1970, of those whose clocks tell dates."""
    where = is_in("session", sorted(sessions))
    columns = ["session", "end_ns"]
    rows = catalog.read_latest("clock_reports", columns, where).to_pylist()
    ends: dict[str, int] = {}
    for row in rows:
        if row["end_ns"] is not None and row["end_ns"] >= FIRST_DATE_NS:
            ends[row["session"]] = max(row["end_ns"], ends.get(row["session"], 0))
    return ends
