"""`daguerre train` and `daguerre results`: what is refused before anything runs, and what a person sees meanwhile."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, to_table
from orchestration.cli import app
from orchestration.console import describe_step
from orchestration.profiles import load_settings


@pytest.fixture
def run(home, monkeypatch):
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    return lambda *words: CliRunner().invoke(app, list(words))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["cats"],
            "there is no task 'cats': choose one of recognition, detection, segmentation",
        ),
        (["detection", "--recipe", "huge"], "there is no recipe 'huge'"),
        (
            ["detection", "--recipe", "tiny_recognition"],
            "recipe tiny_recognition is for recognition",
        ),
        (
            ["detection", "--set", "epochs"],
            "--set epochs: give a setting and its value, such as epochs=5",
        ),
        (["detection", "--set", "epoch=5"], "'epoch' is no setting of a recipe"),
        (["detection", "--set", "epochs=five"], "epochs = 'five': give a whole number"),
    ],
)
def test_a_wrong_word_is_refused_before_anything_runs(run, home, words, message):
    result = run("train", *words)
    assert isinstance(result.exception, ValueError) and message in str(result.exception)
    assert not (home / "dagster").exists()


@pytest.mark.filterwarnings("default")  # third parties warn inside Dagster runs
def test_training_without_data_fails_and_says_what_is_missing(run):
    result = run("train", "detection", "--json")
    facts = json.loads(result.stdout)
    assert (result.exit_code, facts["success"], facts["task"]) == (
        1,
        False,
        "detection",
    )
    assert "no published frames" in facts["error"] and "model_sha256" not in facts


def test_no_results_are_no_error(run):
    assert json.loads(run("results", "--json").stdout) == []
    assert "no model has been trained" in run("results").stdout


def test_models_without_scores_stand_in_the_same_columns(run, home):
    catalog = Catalog(str(home / "tables"))
    for name in ("a", "b"):
        row = {
            "model_sha256": name * 64,
            "task": "detection",
            "recipe": f"recipe_{name}",
            "release_id": "1" * 32,
            "code_version": "1",
            "seed": 0,
            "run_id": "run",
            "folder": f"models/{name}",
        }
        catalog.merge("models", to_table(TABLES["models"], [row]))
    score = {
        "score_id": "2" * 32,
        "model_sha256": "b" * 64,
        "release_id": "1" * 32,
        "split": "test",
        "slice_by": "all",
        "slice_value": "all",
        "metric": "map50",
        "value": 0.75,
        "num_samples": 3,
    }
    catalog.upsert("scores", to_table(TABLES["scores"], [score]))
    lines = run("results").stdout.splitlines()
    (scored,) = (line for line in lines if "recipe_b" in line)
    (unscored,) = (line for line in lines if "recipe_a" in line)
    assert (
        "0.750" in scored
        and scored.index("0.750") == unscored.index("- ")
        and lines.index(scored) < lines.index(unscored)
    )


def test_a_step_is_told_with_speed_metric_and_the_time_that_is_left():
    first = {
        "kind": "step",
        "epoch": 0,
        "num_epochs": 5,
        "step": 0,
        "num_steps": 40,
        "loss": 0.5123,
        "progress": 0.0,
        "images_per_s": 38.2,
    }
    event = {**first, "epoch": 1, "step": 9, "progress": 0.25, "val_accuracy": 0.7128}
    place = "epoch 2 of 5, step 10 of 40"
    assert (
        describe_step(event, 90.0)
        == f"{place}: loss 0.512, val_accuracy 0.713, 38 images/s, 1:30 left"
    )
    assert (
        describe_step(first, None)
        == "epoch 1 of 5, step 1 of 40: loss 0.512, 38 images/s"
    )


@pytest.mark.parametrize(("text", "price"), [(None, None), ("0", 0.0), ("2.5", 2.5)])
def test_a_price_of_devices_is_read(tmp_path, text, price):
    environ = {"DAGUERRE_HOME": str(tmp_path)} | (
        {"DAGUERRE_DEVICE_HOUR_PRICE": text} if text else {}
    )
    assert load_settings(environ).workspace.device_hour_price == price


@pytest.mark.parametrize(
    ("text", "workers"),
    [("1", (1, 1)), ("3", (3, 3)), ("1-2", (1, 2)), ("2-2", (2, 2))],
)
def test_workers_are_a_number_or_a_range(tmp_path, text, workers):
    environ = {"DAGUERRE_HOME": str(tmp_path), "DAGUERRE_WORKERS": text}
    assert load_settings(environ).workspace.num_workers == workers


@pytest.mark.parametrize(
    "text", ["", "0", "0-2", "2-1", "2-", "-2", "1-2-3", "1.5", "two"]
)
def test_what_is_no_number_of_workers_is_refused(tmp_path, text):
    with pytest.raises(
        ValueError,
        match=r"DAGUERRE_WORKERS=.* give 1 or more, such as 2, or a range such as 1-2",
    ):
        load_settings({"DAGUERRE_HOME": str(tmp_path), "DAGUERRE_WORKERS": text})


@pytest.mark.parametrize("text", ["two", "-1", "nan", "inf"])
def test_what_is_no_price_is_refused(tmp_path, text):
    with pytest.raises(
        ValueError, match=r"DAGUERRE_DEVICE_HOUR_PRICE.* is not a price"
    ):
        load_settings(
            {"DAGUERRE_HOME": str(tmp_path), "DAGUERRE_DEVICE_HOUR_PRICE": text}
        )
