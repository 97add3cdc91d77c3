"""A training and its workers are spans of one trace, and the run of MLflow names it."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from assets import tracing
from assets.cluster.connection import open_ray
from assets.registry.live_runs import LiveRuns
from assets.registry.tracker import Tracker
from assets.run_log import RunStart
from assets.training.ray_train import train
from assets.training.spec import Place, TrainingSpec
from assets.training.worker_group import run_group
from models.recipes import get_recipe

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{kind}")
    for kind in ("DeprecationWarning", "FutureWarning", "ResourceWarning")
]
RUN_ID = str(uuid.uuid4())
TRACE = uuid.UUID(RUN_ID).hex


def test_a_training_is_a_span_with_one_an_epoch(
    store_release, tmp_path, read_spans
) -> None:
    catalog, release_id = store_release("detection", ["train"] * 4 + ["val"] * 2)
    config = replace(
        get_recipe("tiny_detection"), image_size_px=64, epochs=2, batch_size=4
    )
    place = Place(catalog, tmp_path / "models", use_ray=False)
    with tracing.run_span(RUN_ID, "train_detection"):
        train(TrainingSpec(release_id, config, 3), place)
    spans = read_spans()
    assert {span["context"]["trace_id"] for span in spans} == {f"0x{TRACE}"}
    assert [span["name"] for span in spans] == [
        "epoch",
        "epoch",
        "training",
        "train_detection",
    ]
    first, second, training, _ = spans
    assert first["parent_id"] == second["parent_id"] == training["context"]["span_id"]
    assert [s["attributes"]["daguerre.epoch"] for s in (first, second)] == [1, 2]
    assert first["end_time"] <= second["start_time"] <= second["end_time"]
    assert training["attributes"]["daguerre.release"] == release_id


def _note(told: tuple[Path, str], device: object) -> None:
    """The body of a worker: what it knows of the trace that goes on in it."""
    folder, parent = told
    with tracing.continued(parent), tracing.span("worker"):
        (folder / uuid.uuid4().hex).write_text(str(tracing.traceparent()))


def test_workers_of_ray_go_on_in_the_trace(tmp_path, read_spans) -> None:
    noted = tmp_path / "noted"
    noted.mkdir()
    with tracing.run_span(RUN_ID, "train_detection"), open_ray(num_workers=1):
        parent = tracing.traceparent()
        run_group(_note, (noted, parent), 1, False, tmp_path / "meet")
    (told,) = [path.read_text() for path in noted.iterdir()]
    _, trace, span_id, _ = told.split("-")
    assert trace == TRACE and span_id not in str(parent)


def test_the_run_of_mlflow_names_the_trace(tmp_path, read_spans) -> None:
    tracker = Tracker(
        f"sqlite:///{tmp_path / 'mlflow.db'}", str(tmp_path / "artifacts")
    )
    start = RunStart("detection", "tiny", "a-key", "b" * 32, 0, RUN_ID, {"epochs": 1})
    with tracing.run_span(RUN_ID, "train"), LiveRuns(tracker).open_run(start):
        pass
    client = tracker.open_client()
    experiments = [e.experiment_id for e in client.search_experiments()]
    (found,) = client.search_runs(experiments)
    assert found.data.tags["trace_id"] == TRACE
    assert found.data.tags["dagster_run_id"] == RUN_ID
