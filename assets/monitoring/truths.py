"""Put the truth beside estimates, when labels of the session have come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assets.monitoring.denied import read_estimates, withdraw
from assets.monitoring.estimates import METRICS, add_truth
from assets.monitoring.pending import champions
from assets.monitoring.reach import find_unlabelled
from assets.monitoring.watch import read_answered
from assets.tables.catalog import Catalog
from assets.tables.rows import ChampionRow, EstimateRow
from assets.tables.schemas import TABLES, to_table


def add_truths(catalog: Catalog) -> int:
    """Add it to estimates for champions that have none yet, and withdraw those beside one that it denies; returns how
    many rows changed. Labels that change later do not count: a session that is judged again gets the truth of then."""
    changed = [
        row
        for champion in champions(catalog)
        if champion["task"] in METRICS
        for row in _follow_labels(catalog, champion)
    ]
    if changed:
        catalog.upsert("estimates", to_table(TABLES["estimates"], changed))
    return len(changed)


def _follow_labels(catalog: Catalog, champion: ChampionRow) -> list[EstimateRow]:
    """The champion's rows that are to be told otherwise by now."""
    rows = read_estimates(catalog, champion)
    judged = {r["estimate_id"]: r for r in _judge_labelled(catalog, champion, rows)}
    as_judged = [judged.get(row["estimate_id"], row) for row in rows]
    return [*judged.values(), *withdraw(as_judged)]


def _judge_labelled(
    catalog: Catalog, champion: ChampionRow, rows: Sequence[EstimateRow]
) -> Iterator[EstimateRow]:
    """Those whose sessions have got labels, with the truth."""
    due = [row for row in rows if row["truth"] is None]
    sessions = {row["session"] for row in due}
    labelled = sessions - find_unlabelled(catalog, champion["task"], sessions)
    for row in due:
        if row["session"] in labelled:
            answered = read_answered(catalog, champion, row["session"])
            now = add_truth(catalog, champion, row, answered)
            if now != row:
                yield now
