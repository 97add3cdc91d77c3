"""A home in which every metric has something to tell, by the real stores."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from assets.exclusions import WHOLE, Exclusion
from assets.ledger import FileOutcome, Ledger
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from bench.synthetic_home import fill, name_sessions, plain_row
from orchestration.profiles import Settings, load_settings
from orchestration.ui import prepare_instance

SHA = "a" * 64
RELEASE = "b" * 32
DATED_NS = 1_700_000_000 * 10**9  # 14 November 2023
HELD = ("session-00000", "session-00001")


@pytest.fixture
def settings(home: Path) -> Settings:
    return load_settings({"DAGUERRE_HOME": str(home)})


@pytest.fixture
def full_home(settings: Settings) -> Settings:
    """Four sessions, of which two are held; a champion that found one drifted; runs, quarantine, a pause."""
    catalog = Catalog(settings.tables_uri)
    fill(catalog, name_sessions(4), 2)
    for session in HELD:
        version = catalog.latest_version("frames")
        catalog.hold("frames", session, version, "too dark")
    _store(catalog, "quarantine", [_problem(n) for n in range(3)])
    _store(
        catalog,
        "clock_reports",
        [_clock("left", 1), _clock("left", 2), _clock("right", None)],
    )
    champion = {
        "task": "detection",
        "model_name": "daguerre-detection",
        "model_version": 3,
    }
    champion |= {"model_sha256": SHA, "release_id": RELEASE, "spent": 0.005}
    _store(catalog, "champions", [champion])
    _store(catalog, "scores", [_score("map50", 0.75), _score("map", None)])
    drifted = {"session-00000": True, "session-00001": False, "session-00002": None}
    _store(catalog, "drift", [r for s, d in drifted.items() for r in _judge(s, d)])
    _store(catalog, "request_drift", [_judge_requests()])
    _store(catalog, "estimates", [_estimate(0.75, 0.5), _estimate(None, None)])
    told = {"kind": "images", "is_told": True, "told": "pending"}
    _store(catalog, "alarms", [{"alarm_id": content_id("a"), **told}])
    request = {"task": "detection", "session": "session-00000", "model_version": 3}
    _store(catalog, "retraining_requests", [{"request_id": content_id("r"), **request}])
    _fill_ledger(Ledger(settings.ledger_url))
    (settings.home / "landing" / "New One").mkdir(parents=True)
    (settings.home / "landing" / "monday").mkdir()
    _fill_dagster(settings)
    return settings


def _store(catalog: Catalog, table: str, rows: list[dict]) -> None:
    whole = [plain_row(table, row) for row in rows]
    catalog.merge(table, to_table(TABLES[table], whole))


def _problem(number: int) -> dict:
    reason = f"message {number} of '/camera/{number}' does not decode"
    return {"problem_id": content_id("p", number), "reader": "mcap", "reason": reason}


def _clock(sensor: str, seconds: int | None) -> dict:
    """Of a camera whose clock tells the date, or counts from when it was switched on."""
    end_ns = 10**9 if seconds is None else DATED_NS + seconds * 10**9
    report_id = content_id("c", sensor, seconds)
    return {"report_id": report_id, "sensor": sensor, "kind": "color", "end_ns": end_ns}


def _score(metric: str, value: float | None) -> dict:
    of = {
        "model_sha256": SHA,
        "release_id": RELEASE,
        "split": "test",
        "slice_by": "all",
    }
    of |= {"score_id": content_id(metric), "metric": metric, "num_samples": 12}
    return {**of, "slice_value": "all", "value": value}


def _judge(session: str, is_drifted: bool | None) -> list[dict]:
    """The verdict on the session, and two figures of one sensor, of which the second is never drifted."""
    of = {"session": session, "model_name": "daguerre-detection", "model_version": 3}
    of |= {"release_id": RELEASE, "threshold": 0.01}
    figures = [("all", "session", is_drifted), ("left", "brightness", is_drifted)]
    if is_drifted is not None:
        figures.append(("left", "noise", False))
    return [
        {
            **of,
            "drift_id": content_id("d", session, statistic),
            "sensor": sensor,
            "statistic": statistic,
            "is_drifted": found,
        }
        for sensor, statistic, found in figures
    ]


def _judge_requests() -> dict:
    """A day of requests of which the light is eight deviations off."""
    of = {"model_name": "daguerre-detection", "model_version": 3}
    of |= {"release_id": RELEASE, "subject": "images", "statistic": "brightness"}
    return {**of, "value": -8.0, "raw_p_value": 1e-4, "num_reference": 8}


def _estimate(value: float | None, truth: float | None) -> dict:
    of = {"task": "detection", "model_name": "daguerre-detection", "model_version": 3}
    of |= {"estimate_id": content_id("e", value), "metric": "precision"}
    return {**of, "value": value, "value_of_labelled": value, "truth": truth}


def _fill_ledger(ledger: Ledger) -> None:
    def note(path: str, outcome: str, reason: str = "") -> FileOutcome:
        return FileOutcome("monday", path, "1", 10, outcome, None, "voc", reason=reason)

    refused = [note(f"{n}.xml", "quarantined", f"line {n} is no XML") for n in (1, 2)]
    ledger.record([note("a.xml", "ingested"), *refused])
    ledger.put_off("intake", "monday", 2, "the disk was full")
    ledger.exclude([Exclusion("tuesday", WHOLE, False, "asked", "me", "today")])
    assert ledger.claim(content_id("capture"), "elsewhere:1:1:x") is not None
    ledger.engine.dispose()  # whose last connection writes the file


def _fill_dagster(settings: Settings) -> None:
    """A run that ended well and made eight rows, one that failed, and one that waits."""

    @dg.asset(key=["capture", "frames"])
    def frames() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"dagster/row_count": 8})

    @dg.op
    def fail() -> None:
        raise ValueError("on purpose")

    @dg.job
    def train_detection() -> None:
        fail()

    config = str(prepare_instance(settings))
    with dg.DagsterInstance.from_config(config) as instance:
        assert dg.materialize([frames], instance=instance).success
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        train_detection.execute_in_process(quiet, instance, raise_on_error=False)
        waiting = instance.create_run_for_job(train_detection)
        instance.add_run_tags(waiting.run_id, {"asked": "twice"})
