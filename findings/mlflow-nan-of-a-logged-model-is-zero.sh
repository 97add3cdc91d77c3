#!/usr/bin/env bash
# Finding: a metric that is NaN is 0.0 for the model that it belongs to in MLflow, and such a model is the
#   best one by its loss
#
# Packages: mlflow==3.17.2 (Python 3.11 or later; with a SQLite store; one to two minutes)
#
# Guess: a metric that is logged for a run and a model is one number, NaN in both; a search for a loss
#   below 0.5 does not find it, as `search_runs` of the same metric does not.
#
# Seen: three models with the losses 0.3, NaN and 0.9, each logged once, with `run_id` and `model_id`. The
#   run says NaN and `search_runs("metrics.loss < 0.5")` finds the first one alone. The model of the same
#   call says 0.0: `search_logged_models` finds two below 0.5 and orders the diverged one before the
#   others. The table of runs has a column that says "this is NaN" beside a 0, that of models has the 0
#   alone.
#
# Why it matters: a training that diverged has the lowest loss of all models. Who takes the first one of
#   the list, the call that MLflow 3 has for it, promotes a model of NaNs, and nothing in the list tells.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q mlflow==3.17.2
cd "$work"
export MLFLOW_DISABLE_TELEMETRY=true
"$work/v/bin/python" - 2> "$work/log" <<'PY' || { tail -n 5 "$work/log"; exit 1; }
import math

from mlflow import MlflowClient

client = MlflowClient("sqlite:///store.db")
experiment = client.create_experiment("detector", artifact_location="artifacts")
LOSSES = {"sound": 0.3, "diverged": math.nan, "poor": 0.9}
for name, loss in LOSSES.items():
    run = client.create_run(experiment, run_name=name).info.run_id
    model = client.create_logged_model(experiment, name, source_run_id=run).model_id
    client.log_metric(run, "loss", loss, model_id=model)
    client.finalize_logged_model(model, "READY")

of_runs = {run.info.run_name: run.data.metrics["loss"] for run in client.search_runs([experiment])}
of_models = {model.name: model.metrics[0].value for model in client.search_logged_models([experiment])}
print("of the runs:", of_runs, "of the models:", of_models)
assert math.isnan(of_runs["diverged"]) and of_models["diverged"] == 0.0

low_runs = [run.info.run_name for run in client.search_runs([experiment], "metrics.loss < 0.5")]
low_models = client.search_logged_models([experiment], filter_string="metrics.loss < 0.5")
by_loss = client.search_logged_models([experiment], order_by=[{"field_name": "metrics.loss", "ascending": True}])
print("below 0.5:", low_runs, {model.name for model in low_models}, "by loss:", [model.name for model in by_loss])
assert low_runs == ["sound"], low_runs
assert {model.name for model in low_models} == {"sound", "diverged"}
assert [model.name for model in by_loss] == ["diverged", "sound", "poor"]
PY
