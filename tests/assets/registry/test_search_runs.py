"""A search on a real MLflow store: nested runs, each with its end."""

import pytest
from mlflow import MlflowClient

from assets.registry.search import log_search

PARAMS = {"recipe": "tiny_recognition", "seed": 3, "zoom": (0.8, 1.25)}


def read_runs(tracker):
    """The run of the search, and the others by name."""
    client = MlflowClient(tracker.tracking_uri)
    experiment = client.get_experiment_by_name("daguerre-recognition-tuning")
    runs = client.search_runs([experiment.experiment_id])
    (search,) = (run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    return client, search, {run.info.run_name: run for run in runs if run is not search}


def test_each_trial_is_a_run_nested_in_the_run_of_the_search(tracker, release):
    with log_search(tracker, "recognition", release, PARAMS) as runs:
        for trial, lr in enumerate(["0.001", "0.01", "1e9"]):
            runs.start(trial, {"lr": lr})
        for epoch, accuracy in enumerate([0.5, 0.75]):
            runs.log_epoch(
                0, {"epoch": epoch, "train_loss": 1.0 - epoch, "val_accuracy": accuracy}
            )
        runs.end(0, "finished", {"best_val_accuracy": 0.75})
        runs.end(1, "stopped", {})
        runs.end(2, "failed", {}, "loss is nan")
        runs.conclude(
            "finished", {"best_val_accuracy": 0.75}, {"best_run_id": runs.run_ids[0]}
        )
    client, search, trials = read_runs(tracker)
    assert {t.data.tags["mlflow.parentRunId"] for t in trials.values()} == {
        search.info.run_id
    }
    ends = {
        name: (t.info.status, t.data.params, t.data.tags["outcome"])
        for name, t in trials.items()
    }
    assert ends == {
        "trial 1": ("FINISHED", {"lr": "0.001"}, "finished"),
        "trial 2": ("KILLED", {"lr": "0.01"}, "stopped"),
        "trial 3": ("FAILED", {"lr": "1e9"}, "failed"),
    }
    assert trials["trial 3"].data.tags["reason"] == "loss is nan"
    history = client.get_metric_history(runs.run_ids[0], "val_accuracy")
    assert [(m.step, m.value) for m in history] == [(0, 0.5), (1, 0.75)]
    assert search.info.status == "FINISHED" and search.data.metrics == {
        "best_val_accuracy": 0.75
    }
    assert search.data.params == {
        "recipe": "tiny_recognition",
        "seed": "3",
        "zoom": "(0.8, 1.25)",
    }
    assert search.data.tags["best_run_id"] == runs.run_ids[0]
    assert search.inputs.dataset_inputs[0].dataset.name == release["release_id"]


@pytest.mark.parametrize(
    ("outcome", "status"), [("interrupted", "KILLED"), ("failed", "FAILED")]
)
def test_a_search_ends_as_it_is_concluded_and_leaves_no_run_open(
    tracker, release, outcome, status
):
    with log_search(tracker, "recognition", release, PARAMS) as runs:
        runs.start(0, {"lr": "0.001"})
        runs.conclude(outcome, {}, {})
    _, search, trials = read_runs(tracker)
    assert (search.info.status, trials["trial 1"].info.status) == (status, "KILLED")


def test_an_error_ends_every_run(tracker, release):
    with (
        pytest.raises(KeyboardInterrupt),
        log_search(tracker, "recognition", release, PARAMS) as runs,
    ):
        runs.start(0, {"lr": "0.001"})
        raise KeyboardInterrupt
    _, search, trials = read_runs(tracker)
    assert {search.info.status, trials["trial 1"].info.status} == {"KILLED"}
