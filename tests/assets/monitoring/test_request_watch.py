"""Days of requests against what the champion knows: stored, shown, checked, and told once."""

from __future__ import annotations

import json

import dagster as dg
import numpy as np
import pytest
from typer.testing import CliRunner

from assets.monitoring.alarms import raise_alarms
from assets.monitoring.control import follow_requests, read_evidence
from assets.monitoring.defs import request_drift
from assets.monitoring.pending import champions
from assets.monitoring.request_watch import judge_windows
from assets.tables.catalog import Catalog
from assets.tables.schemas import content_id
from bench.synthetic_home import plain_row
from checks.gates import gate_session
from orchestration.cli import app
from orchestration.sensors.requests import request_sensor
from tests.assets.monitoring.champion_home import (
    CLASSES,
    SHA,
    VECTOR,
    add_champion,
    store,
)

DAY = 86_400 * 10**9
MONDAY = 20_422 * DAY  # 2025-11-30
NOON = DAY // 2
IMAGES = 40
ENCODER = plain_row("frame_embeddings", {})["code_version"]


def add_day(catalog, day, rng, gain=1.0, share_of_cups=0.8, **changed) -> None:
    """A day of requests from one place, with answers as sure as those on the test part are."""
    light = 0.4 * gain * float(np.exp(0.1 * rng.normal()))
    sure = rng.uniform(0.95, 1.0, IMAGES)
    says_cup = rng.random(IMAGES) < share_of_cups
    rows = [
        {
            "sample_id": content_id("sample", day, n),
            "request_id": content_id("request", day, n),
            "at_ns": MONDAY + day * DAY + NOON + n,
            "image_sha256": content_id("image", day, n) * 2,
            "task": "recognition",
            "model_sha256": SHA,
            "role": "champion",
            "brightness": light,
            "contrast": 0.2,
            "sharpness": 0.02,
            "crispness": 1.8,
            "noise": 0.004,
            "vector": VECTOR,
            "vector_version": ENCODER,
            "class_names": CLASSES if cup else CLASSES[::-1],
            "scores": [float(s), float(1 - s)],
        }
        | changed
        for n, (s, cup) in enumerate(zip(sure, says_cup, strict=True))
    ]
    store(catalog, "requests", rows)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Three days like the release, then three dark ones in which nothing but balls is seen."""
    home = tmp_path_factory.mktemp("asked")
    catalog = Catalog(str(home / "tables"))
    rng = np.random.default_rng(0)
    add_champion(catalog, rng)
    for day in range(3):
        add_day(catalog, day, rng)
    for day in range(3, 6):
        add_day(catalog, day, rng, gain=0.2, share_of_cups=0.02)
    return home, catalog


@pytest.fixture(scope="module")
def judged(home):
    _, catalog = home
    return list(judge_windows(catalog, MONDAY + 7 * DAY))


def test_days_like_the_release_have_not_drifted_and_their_answers_an_estimate(judged):
    clean = judged[:3]
    assert [row["window"] for row in clean] == [
        "2025-11-30",
        "2025-12-01",
        "2025-12-02",
    ]
    assert [row["images_drifted"] for row in clean] == [False] * 3
    assert [row["answers_drifted"] for row in clean] == [False] * 3
    for row in clean:
        assert row["metric"] == "accuracy" and row["num_judged"] == IMAGES
        assert row["estimate"] == pytest.approx(row["reference"], abs=0.06)


def test_dark_days_have_drifted_in_images_and_answers_and_have_no_estimate(judged):
    for row in judged[3:]:
        assert row["images_drifted"] and row["answers_drifted"]
        assert "brightness -" in row["images_reason"]
        assert "class cup" in row["answers_reason"]
        assert row["estimate"] is None and "less likely" in row["estimate_reason"]


def test_a_day_is_judged_once(home, judged):
    _, catalog = home
    before = catalog.read_latest("request_drift").num_rows
    assert list(judge_windows(catalog, MONDAY + 9 * DAY)) == []
    assert catalog.read_latest("request_drift").num_rows == before > 0


def test_two_dark_days_raise_one_alarm_of_images_and_one_of_answers(home, judged):
    _, catalog = home
    (champion,) = champions(catalog)
    for subject in ("images", "answers"):
        readings = follow_requests(catalog, champion, subject)
        assert [r.is_alarm for r in readings][:3] == [False] * 3
        assert sum(r.is_alarm for r in readings) == 1
    told = raise_alarms(catalog, now_ns=MONDAY + 8 * DAY)
    assert {row["cause"] for row in told} == {
        "request_images/recognition",
        "request_answers/recognition",
    }
    (images,) = [row for row in told if row["kind"] == "request_images"]
    assert "is asked about have drifted on 2025-12-0" in images["summary"]
    assert raise_alarms(catalog, now_ns=MONDAY + 30 * DAY) == []


def test_the_verb_says_windows_with_evidence_and_estimates(home, judged, monkeypatch):
    folder, _ = home
    monkeypatch.setenv("DAGUERRE_HOME", str(folder))
    facts = json.loads(CliRunner().invoke(app, ["drift", "--json"]).stdout)
    assert len(facts["requests"]) == 12
    last = facts["requests"][-1]
    assert (last["window"], last["is_drifted"]) == ("2025-12-05", True)
    told = CliRunner().invoke(app, ["drift", "--wide"]).stdout
    assert "images of requests of 2025-11-30 for daguerre-recognition v1: " in told
    assert "ALARM" in told and "accuracy 0.9" in told


def test_the_gate_takes_the_rows_and_says_that_requests_have_drifted(home, judged):
    _, catalog = home
    verdicts = {
        verdict.name: verdict
        for table in ("request_windows", "request_drift")
        for verdict in gate_session(catalog, table, None)
    }
    failed = {name for name, verdict in verdicts.items() if not verdict.passed}
    assert failed == {"requests_have_not_drifted"}
    assert not verdicts["requests_have_not_drifted"].stops
    assert "2025-12-05: images drifted" in verdicts["requests_have_not_drifted"].summary


def test_windows_that_overlap_stop_the_flow(tmp_path):
    catalog = Catalog(str(tmp_path / "tables"))
    rows = [
        {"window_id": content_id(n), "start_ns": n * DAY, "end_ns": (n + 2) * DAY}
        for n in (1, 2)
    ]
    store(catalog, "request_windows", rows)
    verdicts = {v.name: v for v in gate_session(catalog, "request_windows", None)}
    assert verdicts["windows_are_apart"].stops
    empty = Catalog(str(tmp_path / "none"))
    assert all(v.passed for v in gate_session(empty, "request_windows", None))


def test_vectors_of_another_encoder_are_not_compared(tmp_path):
    catalog = Catalog(str(tmp_path / "tables"))
    rng = np.random.default_rng(1)
    add_champion(catalog, rng)
    add_day(catalog, 0, rng)
    add_day(catalog, 1, rng, vector_version="2:another")
    for _ in judge_windows(catalog, MONDAY + 3 * DAY):
        continue
    rows = catalog.read_latest("request_drift", ["window", "statistic"]).to_pylist()
    with_vectors = {r["window"] for r in rows if r["statistic"] == "embedding"}
    assert with_vectors == {"2025-11-30"}
    assert {r["window"] for r in rows} == {"2025-11-30", "2025-12-01"}


def test_the_sensor_asks_for_one_run_and_the_asset_judges_what_is_due(tmp_path):
    catalog = Catalog(str(tmp_path / "tables"))
    rng = np.random.default_rng(2)
    add_champion(catalog, rng)
    with dg.DagsterInstance.ephemeral() as instance:
        resources = {"catalog": catalog}
        context = dg.build_sensor_context(instance=instance, resources=resources)
        assert request_sensor(context).run_requests == []
        for day in range(2):
            add_day(catalog, day, rng)
        (asked,) = request_sensor(context).run_requests
        assert asked.run_key.startswith("daguerre-recognition/1/")
    made = request_drift(dg.build_asset_context(), catalog=catalog)
    assert made.metadata["dagster/row_count"] == 2
    assert "like the reference" in str(
        made.metadata["images of daguerre-recognition v1, 2025-12-01"]
    )


def test_a_difference_that_stays_is_told_once_of_requests_and_again_of_sessions():
    rows = [
        {"session": f"{n:02}", "sensor": "", "statistic": "brightness", "value": 6.0}
        | {"raw_p_value": 1e-4, "num_reference": 8, "judged_ns": n}
        for n in range(40)
    ]
    of_requests = read_evidence(rows, learns_alarms=True)
    of_sessions = read_evidence(rows)
    assert sum(reading.is_alarm for reading in of_requests) == 1
    assert sum(reading.is_alarm for reading in of_sessions) > 2
