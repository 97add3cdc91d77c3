"""Work that failed, or was never begun, is asked for again; a sensor that ends anywhere loses nothing."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

import dagster as dg
import pytest

from assets.choice import Choice
from assets.landing import LandingZone
from assets.loop import LoopLimits
from assets.monitoring.reach import OUTSIDE, can_take_in, find_outside
from assets.storage import Folder
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from assets.tables.schemas.monitoring import WHOLE_SESSION
from assets.workspace import Workspace
from bench import synthetic_home
from orchestration.sensors import drift, monitoring, standing
from orchestration.sensors.drift import drift_sensor
from orchestration.sensors.landing import landing_zone_sensor
from orchestration.sensors.monitoring import unjudged_session_sensor
from orchestration.sensors.standing import find_standing, find_standings

TASKS = ("detection", "recognition")
RELEASE = {"release_id": "r", "sessions": ["bccd"], "class_names": []}


class Away(OSError):
    """The store cannot be reached."""


class Failing:
    """A store whose n-th call fails, the others reach the real one."""

    def __init__(self, real: object, fails_at: int) -> None:
        self._real, self._left = real, fails_at

    def __getattr__(self, name: str):
        found = getattr(self._real, name)
        if not callable(found):
            return found

        def call(*args, **options):
            self._left -= 1
            if self._left == 0:
                raise Away(name)
            return found(*args, **options)

        return call

    @property
    def is_undisturbed(self) -> bool:
        return self._left > 0


@pytest.fixture
def instance():
    with dg.instance_for_test() as instance:
        yield instance


@pytest.fixture
def run_job(instance):
    """run_job("ingest_session", tags, fails=True): a run of a job of that name, with one step."""

    def run(
        name: str, tags: dict[str, str], fails: bool = True, as_check: bool = False
    ):
        @dg.op
        def step() -> None:
            if as_check:
                raise dg._core.errors.DagsterAssetCheckFailedError("blurred")
            if fails:
                raise OSError("the store was away")

        @dg.job(name=name)
        def job() -> None:
            step()

        result = job.execute_in_process(
            instance=instance, tags=tags, raise_on_error=False
        )
        return result.run_id

    return run


@pytest.fixture
def land(ledger, tmp_path, instance):
    """land(ledger): a tick of the landing sensor; its run keys. The cursor goes on where a tick came to its end."""
    (tmp_path / "landing" / "monday").mkdir(parents=True)
    (tmp_path / "landing" / "monday" / "a.txt").write_text("a")
    cursors: list[str | None] = [None]

    def tick(through=ledger) -> list[str]:
        zone = LandingZone(Folder(str(tmp_path / "landing")), through)
        with dg.build_sensor_context(instance, cursor=cursors[-1]) as context:
            result = landing_zone_sensor(
                context,
                landing_zone=zone,
                catalog=Catalog(str(tmp_path / "tables")),
            )
        cursors.append(result.cursor)
        return [str(r.run_key) for r in result.run_requests or []]

    return tick


@pytest.fixture
def end_pauses(ledger):
    def end() -> None:
        with ledger.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE pauses SET until = 1")

    return end


MONDAY = {"dagster/partition": "monday"}


def test_an_intake_that_failed_is_asked_for_again_after_its_pause(
    land, run_job, ledger, end_pauses
):
    assert [len(land()) for _ in range(3)] == [0, 1, 0]
    failed = run_job("ingest_session", MONDAY)
    assert land() == []
    (pause,) = ledger.pauses()
    assert (pause.what, pause.session, pause.num_failures) == ("intake", "monday", 1)
    assert pause.reason == "OSError: the store was away"
    assert land() == [] and 0 < ledger.pauses()[0].left_s <= 60
    end_pauses()
    (key,) = land()
    assert key.endswith(f":{failed}")
    assert land() == [key], "under one key until there is a run of it"


def test_an_intake_that_fails_again_waits_longer_and_one_that_ends_well_no_more(
    land, run_job, ledger, end_pauses
):
    land(), land()
    for _ in range(3):
        run_job("ingest_session", MONDAY)
        land()
        end_pauses()
    assert ledger.pauses()[0].num_failures == 3
    run_job("ingest_session", MONDAY, fails=False)
    assert land() == [] and ledger.pauses() == []


def test_a_session_that_a_check_holds_is_not_asked_for_again(land, run_job, ledger):
    land(), land()
    run_job("ingest_session", MONDAY, as_check=True)
    assert land() == [] and ledger.pauses() == []


def test_a_landing_sensor_that_ends_at_any_call_to_the_ledger_asks_for_the_same(
    land, run_job, ledger, end_pauses
):
    first = land(), land()
    run_job("ingest_session", MONDAY)
    asked = set()
    for fails_at in range(1, 50):
        failing = Failing(ledger, fails_at)
        try:
            asked.update(land(failing))
        except Away:
            continue
        if failing.is_undisturbed:
            break
    end_pauses()
    asked.update(land())
    assert fails_at > 3 and len(asked) == 1 and not asked & set(first[1])
    assert ledger.pauses()[0].num_failures == 1


@pytest.fixture
def drifted(catalog):
    """Champions of two tasks, and a session that drifted for both and has labels of both."""
    champions, verdicts = [], []
    for task in TASKS:
        name = f"daguerre-{task}"
        champions.append(
            {
                "task": task,
                "model_name": name,
                "model_version": 1,
                "model_sha256": "0" * 64,
                "release_id": "r",
            }
        )
        verdicts.append(make_verdict(task, "dusk", 1))
    catalog.merge("champions", fill("champions", champions))
    catalog.merge("drift", fill("drift", verdicts))
    catalog.publish("drift", "dusk", catalog.latest_version("drift"))
    label(catalog, "dusk")
    return catalog


def label(catalog, session: str) -> None:
    rows = [
        {"label_id": content_id(task, session), "session": session, "task": task}
        for task in TASKS
    ]
    catalog.merge("labels", fill("labels", rows))
    catalog.publish("labels", session, catalog.latest_version("labels"))


def make_verdict(task: str, session: str, version: int) -> dict:
    return {
        "drift_id": content_id(task, session),
        "session": session,
        "model_name": f"daguerre-{task}",
        "model_version": version,
        "statistic": WHOLE_SESSION,
        "is_drifted": True,
        "reason": "darker",
    }


def fill(name: str, rows: list[dict]):
    """Rows of a table, null or a plain value where nothing is given."""
    plain = {"string": "", "int64": 0, "int32": 0, "double": 0.0, "bool": False}
    table = TABLES[name]
    blank = {
        c.name: None if c.nullable else plain.get(str(table.schema.field(c.name).type))
        for c in table.columns
    }
    return to_table(table, [blank | row for row in rows])


def look_at_drift(instance, catalog, home: Path = Path("nowhere")):
    with dg.build_sensor_context(instance) as context:
        return drift_sensor(
            context, catalog=catalog, workspace=Workspace(home), limits=LoopLimits()
        )


def ask_for_training(instance, catalog) -> set[str]:
    result = look_at_drift(instance, catalog)
    return {str(r.run_key) for r in result.run_requests or []}


def test_a_drift_sensor_that_ends_at_any_call_to_the_tables_asks_for_the_same(
    drifted, instance
):
    for fails_at in range(1, 200):
        failing = Failing(drifted, fails_at)
        try:
            ask_for_training(instance, failing)
        except Away:
            continue
        if failing.is_undisturbed:
            break
    filed = drifted.read_latest("retraining_requests", ["request_id"])
    assert fails_at > 5 and len(filed) == len(TASKS)
    assert ask_for_training(instance, drifted) == set(filed["request_id"].to_pylist())


def test_a_request_with_a_run_is_not_asked_for_again(drifted, instance, run_job):
    keys = ask_for_training(instance, drifted)
    for task, key in zip(TASKS, sorted(keys), strict=True):
        request = drifted.read_latest("retraining_requests", where=f"task = '{task}'")
        key = request["request_id"].to_pylist()[0]
        run_job(f"train_{task}", {drift.REQUEST: key}, fails=False)
    assert ask_for_training(instance, drifted) == set()
    told = look_at_drift(instance, drifted).skip_reason.skip_message
    for task in TASKS:
        assert f"of train_{task} ended" in told
    assert "did not become champion" in told


def test_a_session_that_drifts_in_the_cool_down_is_told_with_the_time(
    drifted, instance
):
    ask_for_training(instance, drifted)
    crown = drifted.read_latest("champions").to_pylist()
    drifted.upsert(
        "champions",
        to_table(TABLES["champions"], [c | {"model_version": 2} for c in crown]),
    )
    drifted.upsert(
        "drift", fill("drift", [make_verdict(task, "night", 2) for task in TASKS])
    )
    drifted.publish("drift", "night", drifted.latest_version("drift"))
    label(drifted, "night")
    result = look_at_drift(instance, drifted)
    assert not result.run_requests
    told = result.skip_reason.skip_message
    assert "detection: night drifted, and waits for the cool-down until" in told


def test_a_retraining_has_the_recipe_and_the_settings_of_its_champion(
    drifted, instance, encoder, tmp_path
):
    shutil.copytree(encoder, tmp_path / "models" / encoder.name)
    model = {
        "model_sha256": "0" * 64,
        "task": "pretraining",
        "recipe": "tiny_pretraining",
        "folder": f"models/{encoder.name}",
        "seed": 7,
    }
    drifted.merge("models", fill("models", [model]))
    requests = look_at_drift(instance, drifted, tmp_path).run_requests
    settings = {"image_size_px": "32"}
    config = {"recipe": "tiny_pretraining", "settings": settings, "seed": 7}
    assert [r.run_config["ops"] for r in requests] == [
        {f"training__{task}": {"config": config}} for task in TASKS
    ]


def choose(catalog, choice: Choice) -> None:
    """Let the release of every champion have been chosen so."""
    catalog.merge("releases", fill("releases", [RELEASE | {"choice": choice.text}]))


def test_a_session_that_the_choice_cannot_take_in_asks_for_no_training(
    drifted, instance
):
    choose(drifted, Choice(sessions=("bccd",)))
    result = look_at_drift(instance, drifted)
    assert not result.run_requests
    assert len(drifted.read_latest("retraining_requests")) == 0
    told = result.skip_reason.skip_message
    for task in TASKS:
        assert f"{task}: dusk drifted; {OUTSIDE}" in told


def test_a_session_that_a_pattern_takes_in_asks_as_ever(drifted, instance):
    choose(drifted, Choice(sessions=("du*",)))
    assert len(ask_for_training(instance, drifted)) == len(TASKS)


def test_a_session_that_nobody_labelled_asks_for_no_training(drifted, instance):
    drifted.delete_keys("labels", [content_id("detection", "dusk")])
    drifted.publish("labels", "dusk", drifted.latest_version("labels"))
    result = look_at_drift(instance, drifted)
    assert [r.job_name for r in result.run_requests] == ["train_recognition"]
    assert list_tasks(drifted) == ["recognition"]


def test_a_session_that_people_are_still_asked_about_waits_for_them(
    drifted, instance, frame_rows
):
    frames = frame_rows(1, seed=0, session="dusk")
    drifted.merge("frames", frames)
    frame_id = frames["frame_id"][0].as_py()
    asked = {"row_id": "r", "queue_id": "q", "frame_id": frame_id, "session": "dusk"}
    row = asked | {"task": "detection", "state": "open"}
    row |= {"reasons": [], "values": [], "label_ids": []}
    drifted.merge("label_queue", fill("label_queue", [row]))
    look_at_drift(instance, drifted)
    assert list_tasks(drifted) == ["recognition"]
    drifted.upsert("label_queue", fill("label_queue", [row | {"state": "answered"}]))
    look_at_drift(instance, drifted)
    assert list_tasks(drifted) == ["detection", "recognition"]


def list_tasks(catalog) -> list[str]:
    """Of which a retraining was asked for."""
    rows = catalog.read_latest("retraining_requests", ["task"])
    return sorted(rows["task"].to_pylist())


def test_a_request_of_before_is_not_asked_for_where_the_choice_cannot_take_it_in(
    drifted, instance
):
    assert len(ask_for_training(instance, drifted)) == len(TASKS)
    choose(drifted, Choice(sessions=("bccd",)))
    assert ask_for_training(instance, drifted) == set()


def test_classes_and_conditions_take_in_what_they_hold_for(
    catalog, intake, write_files, make_png
):
    files = {"a.png": make_png(1), "ball/b.png": make_png(2), "cube/c.png": make_png(3)}
    intake.ingest(Folder(str(write_files(files, "monday"))), "monday")
    for table in ("frames", "labels"):
        if catalog.exists(table):
            catalog.publish(table, "monday", catalog.latest_version(table))
    for choice, is_taken in (
        (Choice(where="width_px > 0"), True),
        (Choice(where="width_px > 99999"), False),
        (Choice(where="no_such_column = 1"), True),
        (Choice(classes=("nobody",)), False),
    ):
        assert can_take_in(catalog, choice, "monday") is is_taken, choice


def test_a_training_that_failed_is_asked_for_again_after_the_cool_down(
    drifted, instance, run_job, monkeypatch
):
    ask_for_training(instance, drifted)
    for row in drifted.read_latest("retraining_requests").to_pylist():
        run_job(f"train_{row['task']}", {drift.REQUEST: row["request_id"]})
    assert ask_for_training(instance, drifted) == set()
    monkeypatch.setattr(drift, "RETRY_S", 0)
    assert len(ask_for_training(instance, drifted)) == len(TASKS)


def test_a_session_whose_verdict_failed_is_judged_again_after_a_pause(
    catalog, instance, run_job, monkeypatch
):
    instance.add_dynamic_partitions("sessions", ["monday"])
    monkeypatch.setattr(monitoring, "sessions_to_judge", lambda _: {"monday": "m/1"})

    def ask() -> list[str]:
        with dg.build_sensor_context(instance) as context:
            result = unjudged_session_sensor(context, catalog=catalog)
        return [str(r.run_key) for r in result.run_requests or []]

    assert ask() == ["monday:m/1"]
    failed = run_job("monitor_session", MONDAY)
    assert ask() == []
    monkeypatch.setattr(standing, "pause_s", lambda _: 0.0)
    assert ask() == [f"monday:m/1:{failed}"]


def test_work_that_was_never_begun_has_no_standing(instance):
    assert not find_standing(instance, "ingest_session", MONDAY).is_begun


def judge_next(instance, catalog) -> list[str]:
    with dg.build_sensor_context(instance) as context:
        result = unjudged_session_sensor(context, catalog=catalog)
    return [str(request.run_key) for request in result.run_requests or []]


def start_run(instance, run_key: str, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    """A run that was asked for under this key, as the daemon writes it."""
    tags = {"dagster/partition": run_key.partition(":")[0], "dagster/run_key": run_key}
    return instance.add_run(
        dg.DagsterRun(
            job_name="monitor_session",
            run_id=str(uuid.uuid4()),
            status=status,
            tags=tags,
        )
    )


@pytest.fixture
def waiting(instance, monkeypatch) -> list[str]:
    """Names of sessions that a champion owes a verdict, more than are asked for at once."""
    monkeypatch.setattr(monitoring, "MOST_UNDER_WAY", 3)
    names = [f"session-{n}" for n in range(5)]
    instance.add_dynamic_partitions("sessions", names)
    pending = dict.fromkeys(names, "m/1")
    monkeypatch.setattr(monitoring, "sessions_to_judge", lambda _: pending)
    return names


def test_of_many_sessions_the_next_are_asked_for_as_those_before_them_end(
    waiting, instance, catalog
):
    keys = [f"{name}:m/1" for name in waiting]
    assert judge_next(instance, catalog) == keys[:3]
    for key, status in zip(keys, ("SUCCESS", "STARTED", "STARTING"), strict=False):
        start_run(instance, key, dg.DagsterRunStatus[status])
    assert judge_next(instance, catalog) == keys[3:4], "two are under way"
    start_run(instance, keys[3], dg.DagsterRunStatus.STARTED)
    assert judge_next(instance, catalog) == []


def test_sessions_whose_runs_gave_no_verdict_keep_no_other_from_its_turn(
    waiting, instance, catalog
):
    for name in waiting[:4]:
        start_run(instance, f"{name}:m/1", dg.DagsterRunStatus.CANCELED)
    assert judge_next(instance, catalog) == ["session-4:m/1"]


def test_a_new_champion_judges_sessions_that_the_one_before_has_judged(
    waiting, instance, catalog
):
    start_run(instance, "session-0:m/0", dg.DagsterRunStatus.SUCCESS)
    assert judge_next(instance, catalog)[0] == "session-0:m/1"


def test_the_standing_of_many_is_that_of_each(instance, run_job, monkeypatch):
    monkeypatch.setattr(standing, "_AT_ONCE", 2)
    days = ["monday", "tuesday", "wednesday", "thursday", "friday"]
    outcomes = {"monday": [True, True], "wednesday": [False], "friday": [False, True]}
    for day, fails in outcomes.items():
        for is_failure in fails:
            run_job("monitor_session", {"dagster/partition": day}, fails=is_failure)
    run_job("monitor_session", {"dagster/partition": "thursday"}, as_check=True)
    run_job("ingest_session", {"dagster/partition": "tuesday"})
    found = dict(find_standings(instance, "monitor_session", days))
    assert list(found) == days
    for day in days:
        tags = {"dagster/partition": day}
        assert found[day] == find_standing(instance, "monitor_session", tags), day
    failures = {day: now.num_failures for day, now in found.items() if now.failed_run}
    assert failures == {"monday": 2, "friday": 1}


def test_sessions_outside_of_a_choice_are_found_together_as_one_by_one(catalog):
    synthetic_home.fill(catalog, ["desk"], 2, is_labelled=True)  # with a cup a frame
    synthetic_home.fill(catalog, ["shelf"], 2)
    sessions = ["desk", "shelf", "nobody"]
    for choice, outside in (
        (Choice(), set()),
        (Choice(sessions=("des*",)), {"shelf", "nobody"}),
        (Choice(classes=("cup",)), {"shelf", "nobody"}),
        (Choice(where="session = 'shelf'"), {"desk", "nobody"}),
        (Choice(where="no_such_column = 1"), set()),
        (Choice(where="session = 'shelf'", classes=("cup",)), set(sessions)),
    ):
        assert find_outside(catalog, choice, sessions) == outside, choice
        alone = {s for s in sessions if not can_take_in(catalog, choice, s)}
        assert alone == outside, choice
