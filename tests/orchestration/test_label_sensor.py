"""Alarms ask people for labels, answers ask for a training: each once, however often the sensor looks."""

from __future__ import annotations

import time

import dagster as dg
import pytest

from assets.annotation.queue.build import Question, draft_queue, write_queue
from assets.annotation.queue.stored import SKIPPED, change_state, read_queue
from assets.loop import LoopLimits
from assets.monitoring.alarms import COOLDOWN_S
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from assets.workspace import Workspace
from orchestration.sensors.drift import drift_sensor
from orchestration.sensors.labelling import label_sensor
from tests.assets.annotation.queue_home import QueueHome

DETECTION = "detection"
LIMITS = LoopLimits(labels_a_day=4)


@pytest.fixture
def home(tmp_path, frame_rows) -> QueueHome:
    """With a champion of detection, and no labels."""
    made = QueueHome(Catalog(str(tmp_path / "tables")), frame_rows)
    made.cluster()
    made.crown(DETECTION)
    return made


def tick(
    home: QueueHome, cursor: str | None = None, limits: LoopLimits = LIMITS
) -> dg.SensorResult:
    resources = {"catalog": home.catalog, "limits": limits}
    with dg.build_sensor_context(cursor=cursor, resources=resources) as context:
        found = label_sensor(context)
    assert isinstance(found, dg.SensorResult)
    return found


def store_alarm(home: QueueHome, kind: str, subject: str, **changed) -> str:
    row = {
        "alarm_id": content_id(kind, subject),
        "kind": kind,
        "cause": f"{kind}/{subject}",
        "task": None if kind in ("images", "feed") else subject,
        "session": None if kind == "feed" else "tuesday",
        "summary": "dusk has come",
        "remedy": "label",
        "raised_ns": time.time_ns(),
        "is_told": True,
        "num_tries": 0,
        "told": "log",
    } | changed
    home.catalog.merge("alarms", to_table(TABLES["alarms"], [row]))
    return row["alarm_id"]


def ask_frames(home: QueueHome, budget: int) -> list[str]:
    """The names of the frames that a new queue asks, and the queue."""
    draft = draft_queue(home.catalog, Question(DETECTION, "random", budget))
    write_queue(home.catalog, draft)
    return [home.name(frame_id) for frame_id in draft.rows["frame_id"].to_pylist()]


def ask_for(alarm_id: str) -> dict:
    config = {"alarm": alarm_id, "budget": LIMITS.labels_a_day}
    return {"ops": {"annotation__label_queue": {"config": config}}}


def read_requests(home: QueueHome) -> list[dict]:
    return home.catalog.read_latest("retraining_requests").to_pylist()


def test_each_alarm_that_labels_explain_asks_for_a_queue(home):
    of_images = store_alarm(home, "images", "left")
    of_task = store_alarm(home, "estimate", DETECTION)
    store_alarm(home, "feed", "left")
    store_alarm(home, "answers", DETECTION, is_told=False, told="none")
    long_ago = time.time_ns() - (COOLDOWN_S + 1) * 10**9
    store_alarm(home, "images", "right", raised_ns=long_ago)
    asked = {r.run_key: r.run_config for r in tick(home).run_requests}
    assert asked == {alarm: ask_for(alarm) for alarm in (of_images, of_task)}
    # Dagster runs a key once
    assert {r.run_key for r in tick(home).run_requests} == asked.keys()


def test_a_queue_asks_for_a_training_once_when_all_of_it_is_answered(home):
    names = ask_frames(home, 4)
    home.label(DETECTION, dict.fromkeys(names[:3], "cup"))
    first = tick(home)
    assert read_requests(home) == [] and "no answered queue" in str(first.skip_reason)
    home.label(DETECTION, {names[3]: "cup"})
    second = tick(home, first.cursor)
    assert "4 frames of label queue" in str(second.skip_reason)
    (row,) = read_requests(home)
    sessions = [home.session_of(name) for name in names]
    assert sessions.count(row["session"]) == max(map(sessions.count, sessions))
    for cursor in (second.cursor, None):
        assert "no answered queue" in str(tick(home, cursor).skip_reason)
    assert read_requests(home) == [row]


def test_a_queue_that_was_only_skipped_asks_for_nothing(home):
    ask_frames(home, 2)
    rows = read_queue(home.catalog, task=DETECTION)
    queue_id = rows["queue_id"][0].as_py()
    change_state(home.catalog, queue_id, rows["frame_id"].to_pylist(), SKIPPED)
    tick(home)
    assert read_requests(home) == []


def test_within_the_cool_down_answers_wait_and_are_not_lost(home):
    home.label(DETECTION, dict.fromkeys(ask_frames(home, 2), "cup"))
    tick(home)
    home.label(DETECTION, dict.fromkeys(ask_frames(home, 3), "cup"))
    waiting = tick(home)
    assert len(read_requests(home)) == 1
    tick(home, waiting.cursor, LoopLimits(cooldown_s=0))
    assert len(read_requests(home)) == 2


def test_the_sensor_of_drift_asks_for_the_run(home, tmp_path):
    home.label(DETECTION, dict.fromkeys(ask_frames(home, 2), "cup"))
    tick(home)
    (row,) = read_requests(home)
    resources = {
        "catalog": home.catalog,
        "workspace": Workspace(tmp_path),
        "limits": LIMITS,
    }
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance, resources=resources)
        with context as opened:
            found = drift_sensor(opened)
    (asked,) = found.run_requests
    assert asked.job_name == "train_detection"
    assert asked.tags["daguerre/reason"] == row["reason"][:200]
