"""Answers judged and estimated from stored rows, the truth when labels come, and what `daguerre drift` says."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from assets.annotation.labels import Answer, Author, Marked, record_answers
from assets.monitoring.judged import judge_session
from assets.monitoring.pending import champions
from assets.monitoring.truths import add_truths
from assets.tables.catalog import Catalog
from assets.tables.schemas import content_id
from orchestration.cli import app
from orchestration.cli.drifting import _tell_readings
from tests.assets.monitoring.champion_home import (
    FRAMES,
    add_answers,
    add_champion,
    add_frames,
    store,
)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A champion of recognition, the test part of its release, and two sessions that it has answered on."""
    home = tmp_path_factory.mktemp("judged")
    catalog = Catalog(str(home / "tables"))
    rng = np.random.default_rng(0)
    add_champion(catalog, rng)
    labels = {}
    for session, gain, cups in (("monday", 1.0, 0.8), ("dark", 0.2, 0.02)):
        frames = add_frames(catalog, rng, session, 2, gain)
        truths = add_answers(catalog, rng, frames, "monitoring", cups)
        labels[session] = list(zip(frames, truths, strict=True))
    return home, catalog, labels


@pytest.fixture(scope="module")
def judged(home):
    _, catalog, _ = home
    (champion,) = champions(catalog)
    return {s: judge_session(catalog, champion, s) for s in ("monday", "dark")}


def test_a_session_like_the_reference_has_an_estimate_near_the_test_part(judged):
    estimate = judged["monday"].estimate
    assert judged["monday"].images.is_drifted is False
    assert estimate["metric"] == "accuracy" and estimate["num_recordings"] == 6
    assert estimate["value"] == pytest.approx(estimate["reference"], abs=0.06)
    assert estimate["truth"] is None and estimate["num_answers"] == 2 * FRAMES


def test_a_session_whose_images_drifted_has_none_and_says_why(judged):
    estimate = judged["dark"].estimate
    assert judged["dark"].images.is_drifted is True
    assert estimate["value"] is None
    assert estimate["reason"].startswith("no estimate: images such as its are less")


def test_classes_that_are_answered_in_another_mix_are_drift_of_answers(judged):
    assert judged["monday"].answers.is_drifted is False
    rows = {r["statistic"]: r for r in judged["dark"].answers.rows}
    assert rows.keys() == {"session", "confidence", "class cup", "class ball"}
    assert judged["dark"].answers.is_drifted is True
    assert rows["class cup"]["value"] < -3 < 3 < rows["class ball"]["value"]
    assert rows["confidence"]["is_drifted"] is False


def test_a_session_that_is_judged_again_keeps_its_place(home, judged):
    _, catalog, _ = home
    before = catalog.read_latest("drift").sort_by("drift_id")
    (champion,) = champions(catalog)
    judge_session(catalog, champion, "monday")
    assert catalog.read_latest("drift").sort_by("drift_id").equals(before)


def test_the_verb_says_readings_estimates_feeds_and_alarms(home, judged, monkeypatch):
    folder, _, _ = home
    monkeypatch.setenv("DAGUERRE_HOME", str(folder))
    said = CliRunner().invoke(app, ["drift", "--json", "--sessions", "mon*"])
    facts = json.loads(said.stdout)
    assert {r["subject"] for r in facts["readings"]} == {"images", "answers"}
    assert {r["session"] for r in facts["readings"]} == {"monday"}
    assert [e["session"] for e in facts["estimates"]] == ["monday"]
    assert facts["alarms"] == [] and facts["feeds"] == []
    told = CliRunner().invoke(app, ["drift", "--wide"]).stdout
    assert "images of dark for daguerre-recognition v1: " in told
    assert "recognition v1 on dark: no estimate: images such as its are" in told
    assert "alarms raised: none" in told


def test_models_of_which_the_same_is_said_share_a_line():
    same = {"subject": "images", "session": "dark", "evidence": 0.5, "threshold": 400.0}
    same |= {"is_alarm": False, "verdict": "like the reference", "model_version": 2}
    readings = [same | {"model_name": name} for name in ("one", "two")]
    other = readings[0] | {"model_name": "three", "evidence": 500.0, "is_alarm": True}
    assert list(_tell_readings({"readings": [readings[0], other, readings[1]]})) == [
        "images of dark for one v2, two v2: evidence 0.5 of 400; like the reference",
        "images of dark for three v2: ALARM, evidence 500 of 400; like the reference",
    ]


def test_when_labels_come_the_truth_stands_beside_the_estimate(home, judged):
    _, catalog, labels = home
    assert add_truths(catalog) == 0
    some = labels["monday"][: FRAMES + 10]
    rows = [
        {
            "label_id": content_id("label", frame["frame_id"]),
            "frame_id": frame["frame_id"],
            "capture_id": frame["capture_id"],
            "session": "monday",
            "task": "recognition",
            "class_name": name,
        }
        for frame, name in some
    ]
    store(catalog, "labels", rows)
    catalog.publish("labels", "monday", catalog.latest_version("labels"))
    assert add_truths(catalog) == 1 and add_truths(catalog) == 0
    stored = catalog.read_latest("estimates", where="session = 'monday'")
    (row,) = stored.to_pylist()
    answers = catalog.read_latest("predictions", where="session = 'monday'").to_pylist()
    said = {a["frame_id"]: a["class_names"][0] for a in answers}
    right = np.mean([said[frame["frame_id"]] == name for frame, name in some])
    assert row["truth"] == pytest.approx(right) and row["num_labelled"] == len(some)
    assert row["value"] == judged["monday"].estimate["value"]
    assert row["value_of_labelled"] == pytest.approx(right, abs=0.1)
    assert pa.types.is_floating(stored.schema.field("truth").type)


def test_what_people_answer_is_the_truth_as_labels_of_files_are(home, judged):
    _, catalog, labels = home
    some = labels["dark"][:FRAMES]
    answers = [
        Answer(frame["frame_id"], "recognition", (Marked(name),))
        for frame, name in some
    ]
    done = record_answers(catalog, answers, Author("person", "anna"))
    assert not done.refused
    assert add_truths(catalog) == 1
    (row,) = catalog.read_latest("estimates", where="session = 'dark'").to_pylist()
    assert row["truth"] is not None and row["num_labelled"] == len(some)
