#!/usr/bin/env bash
# Finding: MLflow's lists of model versions carry no aliases: the champion looks like any other
#
# Packages: mlflow==3.17.2 (Python 3.11 or later; with a SQLite store; one to two minutes)
#
# Guess: a version has the same fields, whichever call it comes from.
#
# Seen: version 1 has the alias `champion`. `get_model_version` and `get_model_version_by_alias`
#   say ['champion']. The same version from `search_model_versions`, and from `latest_versions`
#   of `get_registered_model` or `search_registered_models`, says [], an empty list and no null.
#   Only the `aliases` of the registered model, a dict beside the versions, knows it.
#
# Why it matters: a clean-up that keeps "versions with an alias" and lists them by a search deletes
#   the champion, and deleting a version drops its alias without a word.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q mlflow==3.17.2
cd "$work"
"$work/v/bin/python" -W ignore - <<'PY'
import logging

logging.disable(logging.INFO)

from mlflow import MlflowClient

client = MlflowClient("sqlite:///store.db", "sqlite:///store.db")
client.create_registered_model("detector")
client.create_model_version("detector", "models/1")
client.set_registered_model_alias("detector", "champion", 1)

got = client.get_model_version("detector", "1")
named = client.get_model_version_by_alias("detector", "champion")
(found,) = client.search_model_versions("name='detector'")
model = client.get_registered_model("detector")
(listed,) = client.search_registered_models()
print("get_model_version:", got.aliases, " by alias:", named.aliases)
print("search_model_versions:", found.aliases)
print("latest_versions:", model.latest_versions[0].aliases, listed.latest_versions[0].aliases)
print("aliases of the model:", model.aliases, listed.aliases)
assert got.aliases == named.aliases == ["champion"]
assert found.version == got.version and found.aliases == []
assert model.latest_versions[0].aliases == listed.latest_versions[0].aliases == []
assert {k: int(v) for k, v in model.aliases.items()} == {"champion": 1}

client.delete_model_version("detector", found.version)
assert client.get_registered_model("detector").aliases == {}
print("as described")
PY
