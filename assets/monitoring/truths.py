"""Put the truth beside estimates, when labels of the session have come."""

from __future__ import annotations

from assets.monitoring.estimates import METRICS, add_truth
from assets.monitoring.pending import champions
from assets.monitoring.reach import find_unlabelled
from assets.monitoring.watch import read_answered
from assets.tables.catalog import Catalog, is_in
from assets.tables.rows import EstimateRow
from assets.tables.schemas import TABLES, to_table


def add_truths(catalog: Catalog) -> int:
    """Add it to estimates for champions that have none yet; returns to how many. Labels that change later do not count:
    a session that is judged again gets the truth of then."""
    changed: list[EstimateRow] = []
    for champion in champions(catalog):
        task = champion["task"]
        if task not in METRICS:
            continue
        mine = f"{is_in('model_name', [champion['model_name']])} AND model_version = {champion['model_version']}"
        rows: list[EstimateRow] = catalog.read_latest(
            "estimates", where=mine
        ).to_pylist()
        due = [row for row in rows if row["truth"] is None]
        sessions = {row["session"] for row in due}
        labelled = sessions - find_unlabelled(catalog, task, sessions)
        for row in due:
            if row["session"] in labelled:
                answered = read_answered(catalog, champion, row["session"])
                now = add_truth(catalog, champion, row, answered)
                changed += [now] * (now != row)
    if changed:
        catalog.upsert("estimates", to_table(TABLES["estimates"], changed))
    return len(changed)
