"""What a training run shows in MLflow: settings, figures by epoch, the release it learned from, plots."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.inference.package import ModelPackage

if TYPE_CHECKING:
    from mlflow import MlflowClient

_BATCH = 100  # entries a call; MLflow takes 100 parameters and 1000 metrics


def log_params(
    client: MlflowClient,
    run_id: str,
    config: Mapping[str, Any],
    params: Mapping[str, object],
) -> None:
    """Settings as parameters; those that the run has stay as they are."""
    from mlflow.entities import Param

    known = client.get_run(run_id).data.params
    settings = {**_flatten(config), **{k: str(v) for k, v in params.items()}}
    texts = [
        Param(key, value[:6000])
        for key, value in sorted(settings.items())
        if key not in known
    ]
    for start in range(0, len(texts), _BATCH):
        client.log_batch(run_id, params=texts[start : start + _BATCH])


def log_epoch(client: MlflowClient, run_id: str, row: Mapping[str, Any]) -> None:
    """The figures of a row of the history, at its epoch."""
    from mlflow.entities import Metric

    now_ms = int(time.time() * 1000)
    figures = _list_figures(row)
    metrics = [Metric(k, v, now_ms, int(row["epoch"])) for k, v in figures.items()]
    client.log_batch(run_id, metrics=metrics)


def log_figures(
    client: MlflowClient,
    run_id: str,
    package: ModelPackage,
    metrics: Mapping[str, float | None],
    params: Mapping[str, object],
) -> None:
    """Settings as parameters, the history of model.json as metrics by epoch, `metrics` as final ones.

    What the run has from its training is not written again. A metric that is None is named in the tag `unmeasured`,
    never logged as a number.
    """
    from mlflow.entities import Metric, RunTag

    log_params(client, run_id, package.facts.config, params)
    now_ms = int(time.time() * 1000)
    known = {
        (key, metric.step)
        for key in client.get_run(run_id).data.metrics
        for metric in client.get_metric_history(run_id, key)
    }
    epochs = [
        Metric(key, value, now_ms, int(row.get("epoch", step)))
        for step, row in enumerate(package.facts.history)
        for key, value in _list_figures(row).items()
        if (key, int(row.get("epoch", step))) not in known
    ]
    final = [
        Metric(key, float(value), now_ms, 0)
        for key, value in metrics.items()
        if value is not None
    ]
    unmeasured = ", ".join(
        sorted(key for key, value in metrics.items() if value is None)
    )
    for start in range(0, max(len(epochs + final), 1), _BATCH):
        client.log_batch(run_id, metrics=(epochs + final)[start : start + _BATCH])
    client.log_batch(
        run_id, tags=[RunTag("unmeasured", unmeasured)] if unmeasured else []
    )


def log_release(client: MlflowClient, run_id: str, release: Mapping[str, Any]) -> None:
    """The release as dataset input. MLflow keeps 36 characters of a digest; the profile has the whole hash."""
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.exceptions import MlflowException

    keys = (
        "num_frames",
        "num_labels",
        "content_sha256",
        "frames_version",
        "sessions",
        "class_names",
        "choice",
        "weaknesses",
    )
    profile = {key: release[key] for key in keys if key in release}
    source = {"table": "releases", "release_id": release["release_id"]}
    dataset = Dataset(
        release["release_id"],
        str(release["content_sha256"])[:32],
        "daguerre",
        json.dumps(source),
        profile=json.dumps(profile),
    )
    inputs = [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])]
    try:
        client.log_inputs(run_id, inputs)
    except MlflowException:  # of two runs that bring a dataset at once MLflow lets one fail; then it is there
        client.log_inputs(run_id, inputs)


def log_files(
    client: MlflowClient, run_id: str, folder: str, contents: Mapping[str, bytes]
) -> None:
    """Files by name, below a folder of the run's artifacts."""
    with tempfile.TemporaryDirectory() as name:
        for file_name, data in contents.items():
            (Path(name) / _safe(file_name)).write_bytes(data)
        if contents:
            client.log_artifacts(run_id, name, folder)


def _list_figures(row: Mapping[str, Any]) -> dict[str, float]:
    return {
        key: float(value)
        for key, value in row.items()
        if key not in ("epoch", "num_epochs")
        and isinstance(value, int | float)
        and not isinstance(value, bool)
    }


def _flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in config.items():
        flat |= (
            _flatten(value, f"{prefix}{key}.")
            if isinstance(value, Mapping)
            else {f"{prefix}{key}": str(value)}
        )
    return flat


def _safe(file_name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in file_name)
