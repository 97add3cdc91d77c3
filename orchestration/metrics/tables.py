"""Samples of the tables: what readers see, what is held, drift, champions and their gate, the newest frames."""

import time
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from assets.causes import find_cause
from assets.monitoring.control import REQUESTS, SUBJECTS, follow, follow_requests
from assets.monitoring.feeds import read_feeds
from assets.registry.release import find_rules
from assets.tables.catalog import Catalog, is_in, repr_sql
from assets.tables.champions import list_unfollowed
from assets.tables.rows import ChampionRow
from assets.tables.schemas.monitoring import ALARM_KINDS, WHOLE_SESSION
from models.metrics.sequential import THRESHOLD
from models.task_names import TASK_NAMES
from orchestration.metrics import families as f
from orchestration.metrics.families import Sample
from orchestration.metrics.sessions import RECORD
from orchestration.profiles import Settings
from orchestration.resources import build_catalog

_VERDICTS = {True: "drifted", False: "stable", None: "no verdict"}
# what a clock that tells no date counts is less: seconds since it was switched on
_FIRST_DATE_NS = 946_684_800 * 10**9  # the year 2000
_DAY_NS = 86_400 * 10**9


def read_tables(settings: Settings) -> Iterator[Sample]:
    """Of all tables, newest rows."""
    catalog = build_catalog(settings)
    for name in catalog.names():
        yield f.TABLE_ROWS.at(catalog.open_stored(name).count_rows(), name)
    yield from _read_publications(catalog)
    yield from _read_quarantine(catalog)
    yield from _read_newest_frames(catalog)
    champions = catalog.read_latest("champions").to_pylist()
    requests = catalog.read_latest("retraining_requests", ["task", "model_version"])
    for champion in champions:
        yield from _read_champion(catalog, champion)
        yield from _read_drift(catalog, champion)
        yield from _read_evidence(catalog, champion)
        yield from _read_estimates(catalog, champion)
        mine = requests.filter(pc.equal(requests["task"], champion["task"]))
        version = champion["model_version"]
        is_open = pc.greater_equal(mine["model_version"], version)
        yield f.REQUESTS.at(pc.sum(is_open).as_py() or 0, champion["task"])
    yield f.PROMOTIONS_CUT.at(len(list_unfollowed(catalog)))
    yield f.EVIDENCE_LIMIT.at(THRESHOLD)
    yield from _read_alarms(catalog)


def _read_evidence(catalog: Catalog, champion: ChampionRow) -> Iterator[Sample]:
    if champion["task"] not in TASK_NAMES:
        return
    for subject in SUBJECTS:
        readings = follow(catalog, champion, subject)
        evidence = readings[-1].evidence if readings else 0.0
        yield f.EVIDENCE.at(evidence, champion["task"], subject)
        windows = follow_requests(catalog, champion, subject)
        evidence = windows[-1].evidence if windows else 0.0
        yield f.EVIDENCE.at(evidence, champion["task"], REQUESTS + subject)


def _read_estimates(catalog: Catalog, champion: ChampionRow) -> Iterator[Sample]:
    task = champion["task"]
    where = f"{is_in('model_name', [champion['model_name']])} AND model_version = {champion['model_version']}"
    rows = catalog.read_latest("estimates", where=where).to_pylist()
    made = [row for row in rows if row["value"] is not None]
    yield f.NO_ESTIMATE.at(len(rows) - len(made), task)
    if not made:
        return
    newest = max(made, key=lambda row: row["estimated_ns"])
    yield f.ESTIMATE.at(newest["value"], task, newest["metric"])
    errors = [
        abs(row["value_of_labelled"] - row["truth"])
        for row in made
        if row["truth"] is not None and row["value_of_labelled"] is not None
    ]
    if errors:
        yield f.ESTIMATE_ERROR.at(sum(errors) / len(errors), task, newest["metric"])


def _read_alarms(catalog: Catalog) -> Iterator[Sample]:
    rows = catalog.read_latest("alarms", ["kind", "told"], "is_told").to_pylist()
    for kind in ALARM_KINDS:
        yield f.ALARMS.at(sum(row["kind"] == kind for row in rows), kind)
    yield f.ALARMS_UNTOLD.at(sum(row["told"] in ("pending", "failed") for row in rows))
    states = [feed.state for feed in read_feeds(catalog)]
    for state in ("delivers", "stopped", "unknown"):
        yield f.FEEDS.at(states.count(state), state)


def _read_publications(catalog: Catalog) -> Iterator[Sample]:
    rows = catalog.read_latest("publications", ["table_name", "session", "is_held"])
    rows = rows.filter(pc.not_equal(rows["session"], ""))
    for table, is_held, count in _count(rows, "table_name", "is_held"):
        family = f.SESSIONS_HELD if is_held else f.SESSIONS_PUBLISHED
        yield family.at(count, table)
        # what nobody holds is 0, and no gap
        yield f.SESSIONS_HELD.at(0, table)


def _read_quarantine(catalog: Catalog) -> Iterator[Sample]:
    rows = catalog.read_latest("quarantine", ["reader", "reason"])
    for reader, reason, count in _count(rows, "reader", "reason"):
        yield f.QUARANTINED.at(count, RECORD, reader, find_cause(reason))


def _read_newest_frames(catalog: Catalog) -> Iterator[Sample]:
    """By what the stamps of each recording say; a stamp of tomorrow, or of before 2000, is no date."""
    where = "kind IN ('color', 'depth')"
    rows = catalog.read_latest("clock_reports", ["sensor", "end_ns"], where)
    latest_ns = time.time_ns() + _DAY_NS
    is_date = pc.and_(
        pc.greater_equal(rows["end_ns"], _FIRST_DATE_NS),
        pc.less_equal(rows["end_ns"], latest_ns),
    )
    dated = rows.filter(is_date).group_by("sensor").aggregate([("end_ns", "max")])
    for row in dated.to_pylist():
        yield f.NEWEST_FRAME.at(row["end_ns_max"] / 1e9, row["sensor"])
    num_sensors = pc.count_distinct(rows["sensor"]).as_py()
    yield f.UNDATED.at(num_sensors - len(dated))


def _read_champion(catalog: Catalog, champion: ChampionRow) -> Iterator[Sample]:
    task = champion["task"]
    yield f.CHAMPION_VERSION.at(champion["model_version"], task)
    where = " AND ".join(
        (
            f"model_sha256 = {repr_sql(champion['model_sha256'])}",
            f"release_id = {repr_sql(champion['release_id'])}",
            "split = 'test' AND slice_by = 'all' AND value IS NOT NULL",
        )
    )
    scores = catalog.read_latest("scores", ["metric", "value", "num_samples"], where)
    for row in scores.to_pylist():
        yield f.CHAMPION_SCORE.at(row["value"], task, row["metric"])
    if len(scores):
        yield f.CHAMPION_SAMPLES.at(pc.max(scores["num_samples"]).as_py(), task)
    rules = find_rules(task)
    if rules is not None:
        yield f.GATE_FLOOR.at(rules.floor, task, rules.metric)
        yield f.GATE_DROP.at(rules.max_drop, task, rules.metric)
        yield f.GATE_SPENT.at(champion["spent"] or 0.0, task, rules.metric)


def _read_drift(catalog: Catalog, champion: ChampionRow) -> Iterator[Sample]:
    task = champion["task"]
    where = " AND ".join(
        (
            is_in("model_name", [champion["model_name"]]),
            f"model_version = {champion['model_version']}",
            is_in("release_id", [champion["release_id"]]),
        )
    )
    columns = ["session", "sensor", "statistic", "is_drifted"]
    rows = catalog.read_latest("drift", columns, where)
    is_whole = pc.equal(rows["statistic"], WHOLE_SESSION)
    for verdict in _VERDICTS.values():
        yield f.DRIFT.at(0, task, verdict)
    for is_drifted, count in _count(rows.filter(is_whole), "is_drifted"):
        yield f.DRIFT.at(count, task, _VERDICTS[is_drifted])
    # a sensor has drifted where one of its figures has
    sensors = (
        rows.filter(pc.invert(is_whole))
        .group_by(["session", "sensor"])
        .aggregate([("is_drifted", "any")])
    )
    for sensor, is_drifted, count in _count(sensors, "sensor", "is_drifted_any"):
        yield f.DRIFT_SENSORS.at(count, task, sensor, _VERDICTS[is_drifted])


def _count(rows: pa.Table, *columns: str) -> list[tuple]:
    """The different values of the columns, and how many rows have them."""
    counted = rows.group_by(list(columns)).aggregate([([], "count_all")])
    names = [*columns, "count_all"]
    return list(zip(*(counted[n].to_pylist() for n in names), strict=True))
