"""Estimates that labels have denied: from then on nothing is estimated for that champion.

What moves neither images nor confidences, such as an object that the champion never saw and is sure of, no estimate can
see. Labels of one session can, and they tell of the sessions beside it that nobody has labelled.
"""

from __future__ import annotations

from assets.tables.catalog import Catalog, is_in
from assets.tables.rows import ChampionRow, EstimateRow
from models.metrics.estimation import is_denied


def find_denied(rows: list[EstimateRow]) -> EstimateRow | None:
    """The first estimate that the labels of its session deny."""
    denied = [row for row in rows if _is_denied(row)]
    return min(denied, key=lambda row: row["estimated_ns"], default=None)


def find_doubt(catalog: Catalog, champion: ChampionRow, session: str) -> str | None:
    """Why no estimate is to be made of the session: those of others were denied. None where none was."""
    others = [r for r in read_estimates(catalog, champion) if r["session"] != session]
    row = find_denied(others)
    return None if row is None else describe_doubt(row)


def describe_doubt(row: EstimateRow) -> str:
    """What labels said of another session. Its name stays out of rows that are not its own, which outlive it."""
    found = f"{row['truth']:.2f} of {row['num_labelled']} answers are right"
    expected = f"{row['value_of_labelled']:.2f} were expected"
    return f"labels of another session deny the confidences of this champion: {found}, {expected}"


def withdraw(rows: list[EstimateRow]) -> list[EstimateRow]:
    """Those of a champion's estimates that do not stand: made since one was denied, and not judged by labels."""
    denied = find_denied(rows)
    if denied is None:
        return []
    reason = f"no estimate: {describe_doubt(denied)}"
    return [
        {**row, "value": None, "error": None, "reason": reason}
        for row in rows
        if row["value"] is not None
        and row["truth"] is None
        and row["estimated_ns"] >= denied["estimated_ns"]
    ]


def read_estimates(catalog: Catalog, champion: ChampionRow) -> list[EstimateRow]:
    """All that were made, or refused, for the champion."""
    named = is_in("model_name", [champion["model_name"]])
    mine = f"{named} AND model_version = {champion['model_version']}"
    rows: list[EstimateRow] = catalog.read_latest("estimates", where=mine).to_pylist()
    return rows


def _is_denied(row: EstimateRow) -> bool:
    expected, truth = row["value_of_labelled"], row["truth"]
    if expected is None or truth is None:
        return False
    return is_denied(expected, truth, row["num_labelled"])
