"""A search on a stored release, with real trials on local Ray; and the record that is kept of trials."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest

from assets.samples import read_release
from assets.training.search import search
from assets.training.trials import Record
from models.recipes import get_recipe

_SPLITS = ["train"] * 16 + ["val"] * 8
_CONFIG = replace(
    get_recipe("tiny_recognition"),
    image_size_px=32,
    epochs=3,
    batch_size=4,
    warmup_share=0.0,
)


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:ray",
    "ignore::FutureWarning:ray",
    "ignore::ResourceWarning",
)
@pytest.mark.timeout(600)  # Ray, and a process for trials that imports torch
def test_a_search_tells_the_better_settings_stops_the_worse_and_outlives_one_that_fails(
    store_release, tmp_path, capfd, caplog, read_spans
):
    caplog.set_level(logging.INFO, "daguerre")
    catalog, release_id = store_release("recognition", _SPLITS)
    good = {"lr": "0.005", "clip_norm": "10.0"}
    diverging = {"lr": "1e30", "clip_norm": "1e30"}
    idle = {"lr": "1e-12", "clip_norm": "10.0"}  # from this seed, 0 of 8 right
    rows = {}

    def watch(trial, row):
        rows.setdefault(trial.number, []).append(trial.status if row is None else row)

    release = read_release(catalog, release_id, "recognition")
    settings = [diverging, good, idle, good]
    trials = search(
        catalog,
        release,
        _CONFIG,
        settings,
        2,
        tmp_path / "models",
        num_workers=1,
        on_trial=watch,
    )
    assert [t.settings for t in trials] == settings
    assert [t.status for t in trials] == ["failed", "finished", "stopped", "finished"]
    assert "look at these frames and their labels, or lower `lr`" in trials[0].error
    assert [t.metric for t in trials] == [None, 1.0, 0.0, 1.0]
    assert [t.epochs for t in trials[1:]] == [3, 1, 3] and all(
        t.seconds > 0 for t in trials
    )
    first, *epochs, last = rows[1]
    assert (first, [row["epoch"] for row in epochs], last) == (
        "running",
        [0, 1, 2],
        "finished",
    )
    again = rows[3][1:-1]  # in a process that was taken from a stopped trial
    assert [row["train_loss"] for row in again] == [row["train_loss"] for row in epochs]
    assert not list((tmp_path / "models" / ".runs").iterdir())
    assert capfd.readouterr().out == ""
    (whole,) = read_spans()
    _require_spans_of_trials(caplog.records, whole)


def _require_spans_of_trials(records, whole):
    """Their processes send them by their stderr here, and what they say there is in the log under their names."""
    said = [r.getMessage() for r in records if r.name == "daguerre.workers"]
    spans = [
        (line.partition(" on ")[0], json.loads(line[line.index("{") :]))
        for line in said
        if '"trace_id"' in line
    ]
    trials = {
        span["attributes"]["daguerre.trial"]: span
        for _, span in spans
        if span["name"] == "trial"
    }
    assert sorted(trials) == [1, 2, 3, 4]
    failed = [n for n in trials if trials[n]["status"]["status_code"] == "ERROR"]
    assert failed == [1]
    number_of = {span["context"]["span_id"]: n for n, span in trials.items()}
    epochs = [number_of[s["parent_id"]] for _, s in spans if s["name"] == "epoch"]
    assert [epochs.count(n) for n in (2, 3, 4)] == [3, 1, 3]
    # spans are said a moment later, by a process that may go on with another trial by then
    assert {who for who, _ in spans} <= {f"trial {n}" for n in (1, 2, 3, 4)}
    assert whole["name"] == "search"
    parents = {span["parent_id"] for span in trials.values()}
    assert parents == {whole["context"]["span_id"]}
    assert {s["context"]["trace_id"] for _, s in spans} == {
        whole["context"]["trace_id"]
    }
    assert "clip_norm=10.0" in trials[2]["attributes"]["daguerre.settings"]


def _make_record(num_trials=2, num_epochs=3):
    told = []
    record = Record(
        [{}] * num_trials,
        "val_map50",
        num_epochs,
        lambda trial, row: told.append((trial.status, row)),
    )
    return record, told


def test_the_metric_of_a_trial_is_that_of_its_best_epoch():
    record, told = _make_record()
    record.start(0)
    for epoch, row in enumerate([{}, {"val_map50": 0.75}, {"val_map50": 0.5}]):
        record.add_epoch(0, {"epoch": epoch, **row}, is_last=epoch == 2)
    record.finish(0)
    assert (
        record.trials[0].metric,
        record.trials[0].epochs,
        record.trials[0].status,
    ) == (0.75, 3, "finished")
    assert [status for status, _ in told] == ["running"] * 4 + ["finished"]


def test_a_trial_that_returns_by_its_own_patience_is_finished():
    record, _ = _make_record()
    record.start(0)
    record.add_epoch(0, {"epoch": 1, "val_map50": 0.5}, is_last=False)
    record.finish(0)
    assert (record.trials[0].status, record.trials[0].epochs) == ("finished", 2)


def test_what_a_failed_trial_scored_before_is_no_score():
    record, told = _make_record()
    record.start(0)
    record.add_epoch(0, {"epoch": 0, "val_map50": 0.9}, is_last=False)
    record.fail(0, "loss is nan")
    record.fail(1, "no room")  # before it began
    assert [(t.status, t.metric, t.error) for t in record.trials] == [
        ("failed", None, "loss is nan"),
        ("failed", None, "no room"),
    ]
    assert [status for status, _ in told] == [
        "running",
        "running",
        "failed",
        "running",
        "failed",
    ]


def test_only_trials_that_run_are_interrupted():
    record, _ = _make_record(3)
    record.start(0)
    record.add_epoch(0, {"epoch": 2, "val_map50": 0.5}, is_last=True)
    record.start(1)
    record.interrupt()
    assert [t.status for t in record.trials] == ["finished", "interrupted", "waiting"]
