"""The MLflow run of a training lives with it: as it goes on, fails, is killed, goes on again, and is registered."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from assets.registry.live_runs import LiveRuns
from assets.run_log import RunStart

START = RunStart(
    "recognition", "tiny_recognition", "key", "r", 7, "dagster", {"optim": {"lr": 0.01}}
)
ROW = {"kind": "epoch", "num_epochs": 2, "epoch": 0, "loss": 0.75, "is_kept": True}


@pytest.fixture
def live(tracker) -> LiveRuns:
    return LiveRuns(tracker)


def list_runs(tracker):
    client = tracker.open_client()
    experiment = client.get_experiment_by_name("daguerre-recognition")
    return client.search_runs(
        [experiment.experiment_id], order_by=["attributes.start_time ASC"]
    )


def only(tracker):
    (run,) = list_runs(tracker)
    return run


def test_a_run_is_there_while_its_training_goes_on_and_epochs_arrive_as_they_end(
    tracker, live
):
    with live.open_run(START) as under_way:
        run = only(tracker)
        assert (run.info.status, run.data.metrics) == ("RUNNING", {})
        assert run.data.params["optim.lr"] == "0.01"
        under_way.log_epoch(ROW)
        assert only(tracker).data.metrics == {"loss": 0.75}
        under_way.finish("a" * 64)
    run = only(tracker)
    assert (run.info.status, run.info.run_name) == (
        "FINISHED",
        "tiny_recognition-aaaaaaaa",
    )
    assert run.info.end_time >= run.info.start_time


def test_a_training_that_failed_says_why(tracker, live):
    with pytest.raises(ValueError), live.open_run(START):
        raise ValueError("the release has no train split: label more")
    run = only(tracker)
    assert run.info.status == "FAILED"
    for tag in ("reason", "mlflow.note.content"):
        assert run.data.tags[tag] == "the release has no train split: label more"
    with live.open_run(START):
        pass
    assert [r.info.status for r in list_runs(tracker)] == ["FAILED", "FINISHED"]


def test_a_training_that_goes_on_goes_on_in_its_run(tracker, live):
    with pytest.raises(KeyboardInterrupt), live.open_run(START) as under_way:
        under_way.log_epoch(ROW)
        raise KeyboardInterrupt
    assert only(tracker).info.status == "KILLED"
    with pytest.raises(OSError), live.open_run(START):
        raise OSError("a worker died")
    assert only(tracker).data.tags["reason"] == "a worker died"
    with live.open_run(START) as under_way:
        assert only(tracker).info.status == "RUNNING"
        under_way.log_epoch({**ROW, "epoch": 1, "loss": 0.5})
    run = only(tracker)
    assert run.info.status == "FINISHED" and "reason" not in run.data.tags
    history = tracker.open_client().get_metric_history(run.info.run_id, "loss")
    assert [(m.step, m.value) for m in history] == [(0, 0.75), (1, 0.5)]
    with live.open_run(START):
        assert len(list_runs(tracker)) == 2, "one that has ended is not gone on with"


_KILLED = """
import os, sys
from tests.assets.registry.test_live_runs import START, LiveRuns
from assets.registry.tracker import Tracker
with LiveRuns(Tracker(*sys.argv[1:])).open_run(START):
    os._exit(9)
"""


def test_a_killed_training_does_not_run_for_ever(tracker, live):
    checkout = Path(__file__).resolve().parents[3]
    places = [tracker.tracking_uri, tracker.artifact_root]
    script = [sys.executable, "-c", _KILLED, *places]
    subprocess.run(script, cwd=checkout, check=False)
    assert only(tracker).info.status == "RUNNING"
    assert live.end_abandoned() == 1
    assert only(tracker).info.status == "KILLED"
    assert "was killed" in only(tracker).data.tags["reason"]
    with live.open_run(START):
        assert live.end_abandoned() == 0, "it lives"


def test_a_model_is_registered_in_the_run_that_it_was_trained_in(
    tracker, live, make_folder, read_with_lineage
):
    package, lineage = read_with_lineage(make_folder())
    with live.open_run(START) as under_way:
        under_way.log_epoch(ROW)
        under_way.finish(package.model_sha256)
    before = only(tracker)
    done = tracker.log_training(package, lineage, {"accuracy": 0.875}, {}, "dagster")
    after = only(tracker)
    assert done.run_id == before.info.run_id
    assert after.info.end_time == before.info.end_time, "it lasted as the training did"
    history = tracker.open_client().get_metric_history(done.run_id, "loss")
    assert [(m.step, m.value) for m in history] == [(0, 0.75), (1, 0.5)]
    assert after.data.metrics["accuracy"] == 0.875
