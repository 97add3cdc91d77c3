"""Alarms ask people for labels, answers ask for a training: each once, however often the sensor looks."""

from __future__ import annotations

import time
import uuid
from contextlib import ExitStack

import dagster as dg
import pytest

from assets.annotation.defs import QueueConfig
from assets.annotation.labels import Answer, Author, Marked, record_answers
from assets.annotation.queue.build import Question, draft_queue, write_queue
from assets.annotation.queue.stored import SKIPPED, change_state, read_queue
from assets.loop import LoopLimits
from assets.monitoring.alarms import COOLDOWN_S
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from assets.workspace import Workspace
from orchestration.sensors.alarms import alarm_sensor
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
    home: QueueHome,
    cursor: str | None = None,
    limits: LoopLimits = LIMITS,
    instance: dg.DagsterInstance | None = None,
) -> dg.SensorResult:
    resources = {"catalog": home.catalog, "limits": limits}
    with ExitStack() as stack:
        if instance is None:
            instance = stack.enter_context(dg.DagsterInstance.ephemeral())
        context = dg.build_sensor_context(instance, cursor, resources=resources)
        found = label_sensor(stack.enter_context(context))
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


def test_an_answer_counts_once_its_gate_has_let_it_through(home):
    (name,) = ask_frames(home, 1)
    said = Answer(home.ids[name], DETECTION, (Marked("cup", (1.0, 1.0, 9.0, 9.0)),))
    record_answers(home.catalog, [said], Author("person", "Anna"))
    early = tick(home)
    assert read_requests(home) == [] and len(read_queue(home.catalog)) == 1
    version = home.catalog.latest_version("label_versions")
    home.catalog.publish("label_versions", None, version)
    tick(home, early.cursor)
    assert len(read_requests(home)) == 1, "the sensor looks again"


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


def fall(home: QueueHome, session: str) -> None:
    """An estimate of the champion on a session that is far below what it scored."""
    row = {
        "estimate_id": content_id("estimate", session),
        "session": session,
        "task": DETECTION,
        "model_name": f"daguerre-{DETECTION}",
        "model_version": 1,
        "release_id": "1" * 32,
        "metric": "precision",
        "value": 0.5,
        "error": 0.01,
        "reference": 0.9,
        "num_answers": 100,
        "num_recordings": 5,
        "reason": "",
        "estimated_ns": 1,
        "num_labelled": 0,
    }
    home.catalog.merge("estimates", to_table(TABLES["estimates"], [row]))


class Daemon:
    """What Dagster's daemon does with the sensors of the loop: it remembers cursors, and runs each key once."""

    def __init__(self, home: QueueHome, instance: dg.DagsterInstance, folder) -> None:
        self.home, self.instance = home, instance
        self.cursors: dict[str, str | None] = {}
        self.asked: dict[str, str] = {}  # run key -> job
        self.resources = {
            "catalog": home.catalog,
            "workspace": Workspace(folder),
            "limits": LIMITS,
            "webhook": None,
        }

    def look(self) -> None:
        for sensor in (alarm_sensor, label_sensor, drift_sensor):
            names = sensor.required_resource_keys
            context = dg.build_sensor_context(
                self.instance,
                cursor=self.cursors.get(sensor.name),
                resources={n: v for n, v in self.resources.items() if n in names},
            )
            found = sensor(context)
            self.cursors[sensor.name] = found.cursor
            for request in found.run_requests or ():
                if request.run_key not in self.asked:
                    self.run(request, request.job_name or "ask_for_labels")

    def run(self, request: dg.RunRequest, job: str) -> None:
        self.asked[str(request.run_key)] = job
        if job == "ask_for_labels":
            config = request.run_config["ops"]["annotation__label_queue"]["config"]
            for question in QueueConfig(**config).list_questions(self.home.catalog):
                write_queue(self.home.catalog, draft_queue(self.home.catalog, question))
            return
        run = dg.DagsterRun(
            job_name=job,
            run_id=str(uuid.uuid4()),
            status=dg.DagsterRunStatus.SUCCESS,
            tags=dict(request.tags),
        )
        self.instance.add_run(run)


def test_an_alarm_that_flaps_a_hundred_times_starts_one_training(home, tmp_path):
    home.embed()
    with dg.DagsterInstance.ephemeral() as instance:
        daemon = Daemon(home, instance, tmp_path)
        for n in range(100):
            fall(home, "tuesday" if n == 0 else f"flap {n}")
            if n % 10 == 0:
                daemon.look()
            if n == 50:  # people answer while it goes on
                rows = read_queue(home.catalog, task=DETECTION)
                names = [home.name(i) for i in rows["frame_id"].to_pylist()]
                home.label(DETECTION, dict.fromkeys(names, "cone"))
        daemon.look()
        daemon.look()
    jobs = sorted(daemon.asked.values())
    assert jobs == ["ask_for_labels", "train_detection"]
    alarms = home.catalog.read_latest("alarms").to_pylist()
    assert len(alarms) == 100 and sum(row["is_told"] for row in alarms) == 1
    asked = home.catalog.read_latest("label_queue").to_pylist()
    assert len(asked) == LIMITS.labels_a_day


def test_an_alarm_of_a_kind_that_is_not_known_here_asks_for_labels_of_its_task(home):
    alarm_id = store_alarm(home, "answers", DETECTION, session=None)
    assert [r.run_key for r in tick(home).run_requests] == [alarm_id]


def test_a_run_for_an_alarm_that_failed_by_itself_is_asked_for_again_after_a_pause(
    home, monkeypatch
):
    store_alarm(home, "answers", DETECTION)
    with dg.DagsterInstance.ephemeral() as instance:
        (asked,) = tick(home, instance=instance).run_requests
        tags = {**asked.tags, "dagster/run_key": str(asked.run_key)}
        status = dg.DagsterRunStatus.FAILURE
        run = dg.DagsterRun("ask_for_labels", "died", tags=tags, status=status)
        instance.add_run(run)
        assert not tick(home, instance=instance).run_requests, "it rests"
        monkeypatch.setattr("orchestration.sensors.standing.pause_s", lambda _: 0.0)
        (again,) = tick(home, instance=instance).run_requests
    assert again.run_key == f"{asked.run_key}:died"
    assert again.run_config == asked.run_config


def test_alarms_wait_where_a_days_labels_were_asked_for(home):
    store_alarm(home, "answers", DETECTION)
    found = tick(home, limits=LoopLimits(labels_a_day=0))
    assert not found.run_requests
    assert "1 alarms wait: 0 labels a day were asked for" in str(found.skip_reason)
