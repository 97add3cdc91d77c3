"""Samples of Dagster's storage, be it SQLite in the home or a server that dagster.yaml names: runs, and their speed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from assets.retrieval.recorded_costs import count_rows
from orchestration.instance import prepare_instance
from orchestration.metrics import families as f
from orchestration.metrics.families import Sample
from orchestration.profiles import Settings

OUTCOMES = {"SUCCESS": "success", "FAILURE": "failure", "CANCELED": "canceled"}
STATES = {
    "QUEUED": "queued",
    "NOT_STARTED": "queued",
    "STARTING": "starting",
    "STARTED": "started",
    "CANCELING": "canceling",
}
_NEWEST = 5  # materialisations of an asset whose speed counts
_STAGES = ("capture", "curation", "monitoring")  # whose steps make rows one by one


def read_runs(settings: Settings) -> Iterator[Sample]:
    """Of all runs that are kept. Nothing is made where Dagster has not run yet."""
    if not _has_runs(settings.dagster_home):
        return
    with _open_instance(prepare_instance(settings)) as instance:
        yield from _count_runs(instance)
        yield from _read_rates(instance)


def _has_runs(dagster_home: Path) -> bool:
    config = dagster_home / "dagster.yaml"
    if not config.exists():
        return False
    stated = yaml.safe_load(config.read_text()) or {}
    is_elsewhere = bool({"storage", "run_storage"} & stated.keys())
    return is_elsewhere or (dagster_home / "history" / "runs.db").exists()


@contextmanager
def _open_instance(dagster_home: Path) -> Iterator[Any]:
    import dagster as dg

    from orchestration.kept_engines import keep_engines

    keep_engines()
    with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
        yield instance


def _count_runs(instance: Any) -> Iterator[Sample]:
    import sqlalchemy as sa
    from dagster._core.storage.runs.schema import RunsTable

    from orchestration.jobs import jobs

    columns = RunsTable.c
    query = sa.select(
        columns.pipeline_name,
        columns.status,
        sa.func.count(),
        sa.func.min(columns.create_timestamp),
    ).group_by(columns.pipeline_name, columns.status)
    # a first failure is a rise only where 0 was told before
    for job in jobs:
        for outcome in OUTCOMES.values():
            yield f.RUNS.at(0, job.name, outcome)
    with instance.run_storage.connect() as connection:
        found = connection.execute(query).fetchall()
    oldest = []
    for job, status, count, first in found:
        # runs of assets without a job have a name that Dagster makes
        name = "assets" if job.startswith("__") else job
        if status in OUTCOMES:
            yield f.RUNS.at(count, name, OUTCOMES[status])
        if status in STATES:
            yield f.RUNS_OPEN.at(count, name, STATES[status])
        if STATES.get(status) == "queued" and first is not None:
            oldest.append(_read_utc(first))
    if oldest:
        yield f.OLDEST_QUEUED.at(min(oldest))


def _read_utc(at: Any) -> float:
    from datetime import UTC

    return float(at.replace(tzinfo=at.tzinfo or UTC).timestamp())


def _read_rates(instance: Any) -> Iterator[Sample]:
    for key in instance.get_asset_keys():
        if len(key.path) == 2 and key.path[0] in _STAGES:
            rate = _read_rate(instance, key)
            if rate is not None:
                yield f.ROWS_RATE.at(rate, "/".join(key.path))


def _read_rate(instance: Any, key: Any) -> float | None:
    """Rows a second over the newest runs that made some; None where none did."""
    rows = seconds = 0.0
    for record in instance.fetch_materializations(key, limit=_NEWEST).records:
        made = record.asset_materialization
        step = record.event_log_entry.step_key
        if made is None or step is None:
            continue
        facts = {name: value.value for name, value in made.metadata.items()}
        count = count_rows("/".join(key.path), facts)
        stats = instance.get_run_step_stats(record.run_id, [step])
        took = [s.end_time - s.start_time for s in stats if s.end_time and s.start_time]
        if count and took:
            rows += count
            seconds += took[0]
    return rows / seconds if seconds > 0 else None
