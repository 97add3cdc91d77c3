"""`daguerre tune`: what is refused before anything runs, a search from ingested files to MLflow, and Ctrl-C."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from mlflow import MlflowClient
from typer.testing import CliRunner

from assets.cluster.connection import open_ray
from assets.training.trials import Trial
from models.recipes import get_recipe
from orchestration.cli import app
from orchestration.tune import sort_trials, write_command

# third parties warn inside Dagster and Ray
pytestmark = pytest.mark.filterwarnings("default")
_CHECKOUT = Path(__file__).resolve().parents[2]
_QUICK = [
    "recognition",
    "--recipe",
    "tiny_recognition",
    "--set",
    "image_size_px=32",
    "--set",
    "batch_size=4",
]


@pytest.fixture
def run(home, monkeypatch):
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    return lambda *words: CliRunner().invoke(app, list(words))


@pytest.fixture(scope="module")
def filled_home(tmp_path_factory, start_home):
    """A home with a session of two classes of pictures, dealt out to train, val and test."""
    folder = tmp_path_factory.mktemp("pictures")
    home = start_home(tmp_path_factory.mktemp("home"))
    rng = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 4), ("test", 4)):
        for name, colour in (("green", (40, 200, 40)), ("red", (40, 40, 200))):
            (folder / split / name).mkdir(parents=True)
            for number in range(count):
                picture = (
                    np.kron(rng.integers(0, 256, (4, 4, 1)), np.ones((8, 8, 1))) * 0.4
                    + np.array(colour) * 0.6
                )
                cv2.imwrite(
                    str(folder / split / name / f"{number}.png"),
                    picture.astype(np.uint8),
                )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGUERRE_HOME", str(home))
        done = CliRunner().invoke(
            app, ["ingest", str(folder), "--json"], catch_exceptions=False
        )
    assert json.loads(done.stdout)["published"], done.stdout
    return home


@pytest.fixture(scope="module")
def two_workers():
    """Ray for the searches of this process, which starts once."""
    with open_ray(num_workers=2):
        yield


def read_statuses(home: Path) -> dict[str, str]:
    """Status of each run of the newest search by name; the search's own is `search ...`."""
    client = MlflowClient(f"sqlite:///{home / 'mlflow' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("daguerre-recognition-tuning")
    runs = client.search_runs(
        [experiment.experiment_id], order_by=["attributes.start_time DESC"]
    )
    search = next(run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    mine = [
        r
        for r in runs
        if search.info.run_id in (r.info.run_id, r.data.tags.get("mlflow.parentRunId"))
    ]
    return {run.info.run_name: run.info.status for run in mine}


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
            ["detection", "--space", "lr"],
            "--space lr: give a setting and its value, such as lr=1e-4..1e-2",
        ),
        (
            ["detection", "--space", "rate=1..2"],
            "'rate' is no setting of a recipe: choose one of",
        ),
        (
            ["detection", "--space", "lr=0.1"],
            "lr = '0.1': give a range such as 1e-4..1e-2, or values",
        ),
        (["detection", "--set", "epoch=5"], "'epoch' is no setting of a recipe"),
        (["detection", "--trials", "0"], "0 trials: at least 1 is needed"),
        (["detection", "--release", "0" * 32], f"no release begins with {'0' * 32}"),
    ],
)
def test_a_wrong_word_is_refused_before_anything_runs(run, home, words, message):
    result = run("tune", *words)
    assert isinstance(
        result.exception, (ValueError, FileNotFoundError)
    ) and message in str(result.exception)
    assert not (home / "mlflow").exists()


def test_a_search_without_data_says_what_is_missing(run):
    result = run("tune", "detection")
    assert "there is no detection dataset to search on" in str(result.exception)
    assert "no published frames" in str(result.exception)


@pytest.mark.timeout(600)  # Ray, and two processes for trials that import torch
def test_a_search_on_ingested_pictures_prints_a_command_that_trains_and_leaves_ended_runs(
    two_workers, filled_home, monkeypatch
):
    monkeypatch.setenv("DAGUERRE_HOME", str(filled_home))
    words = [
        "--set",
        "epochs=2",
        "--trials",
        "3",
        "--seed",
        "5",
        "--space",
        "dropout=0.0/0.5",
        "--json",
    ]
    result = CliRunner().invoke(app, ["tune", *_QUICK, *words])
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert (facts["task"], facts["recipe"], facts["metric"]) == (
        "recognition",
        "tiny_recognition",
        "val_accuracy",
    )
    assert (
        len(facts["trials"]) == 3
        and {"lr", "dropout"} < facts["best"]["settings"].keys()
    )
    scores = [trial["metric"] for trial in facts["trials"]]
    assert (
        scores == sorted(scores, reverse=True) and facts["best"] == facts["trials"][0]
    )
    command = shlex.split(facts["command"])
    assert command[:5] == [
        "daguerre",
        "train",
        "recognition",
        "--recipe",
        "tiny_recognition",
    ]
    assert (
        command[-2:] == ["--seed", "5"]
        and f"lr={facts['best']['settings']['lr']}" in command
    )
    assert (
        command[command.index("--release") + 1] == facts["release_id"]
        and "epochs=2" in command
    )
    statuses = read_statuses(filled_home)
    expected = {"finished": "FINISHED", "stopped": "KILLED"}
    assert statuses == {"search tiny_recognition": "FINISHED"} | {
        f"trial {trial['trial']}": expected[trial["status"]]
        for trial in facts["trials"]
    }
    assert not list((filled_home / "models" / ".runs").iterdir())


@pytest.mark.timeout(600)  # as above
def test_a_search_in_which_no_trial_scores_says_why_and_exits_with_one(
    two_workers, filled_home, monkeypatch
):
    monkeypatch.setenv("DAGUERRE_HOME", str(filled_home))
    words = [
        "--set",
        "lr=1e30",
        "--set",
        "clip_norm=1e30",
        "--set",
        "warmup_share=0",
        "--trials",
        "1",
    ]
    result = CliRunner().invoke(app, ["tune", *_QUICK, *words])
    assert result.exit_code == 1, result.output
    assert "failed" in result.stdout and "or lower `lr`" in result.stdout
    assert result.stdout.splitlines()[-1].startswith(
        "no trial ended with a score: give narrower ranges"
    )
    assert read_statuses(filled_home) == {
        "search tiny_recognition": "FAILED",
        "trial 1": "FAILED",
    }


@pytest.mark.timeout(600)  # as above
def test_ctrl_c_ends_the_trials_and_prints_the_best_so_far(filled_home):
    words = ["tune", *_QUICK, "--set", "epochs=1000", "--trials", "3"]
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", *words],
        cwd=_CHECKOUT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "DAGUERRE_HOME": str(filled_home)},
    )
    try:
        told = []
        for line in process.stderr:
            told.append(line)
            if "epoch 2 of 1000" in line:
                break
        assert told and "epoch 2 of 1000" in told[-1], "".join(told)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=200)
    finally:
        process.kill()
    assert process.returncode == 130, stderr
    head, *lines = stdout.splitlines()
    assert head.split() == [
        "trial",
        "val_accuracy",
        "epochs",
        "seconds",
        "status",
        "settings",
    ]
    assert "interrupted  lr=" in lines[0] and lines[-1].startswith(
        "daguerre train recognition --recipe"
    )
    assert "Traceback" not in stderr
    statuses = read_statuses(filled_home)
    assert len(statuses) >= 2 and set(statuses.values()) == {"KILLED"}
    assert not list((filled_home / "models" / ".runs").iterdir())


def test_trials_are_listed_best_first_and_those_without_a_score_last():
    metrics = [
        ("finished", 0.5),
        ("failed", None),
        ("stopped", 0.75),
        ("finished", 0.75),
        ("waiting", None),
    ]
    trials = [
        Trial(number, {}, status, metric)
        for number, (status, metric) in enumerate(metrics)
    ]
    assert [t.number for t in sort_trials(trials)] == [2, 3, 0, 1]


def test_the_command_names_what_makes_the_training_the_same():
    config = get_recipe("base_detection")
    words = "daguerre train detection --recipe base_detection --release 12ab --set zoom=0.8,1.25 --set lr=0.001"
    settings = {"zoom": "0.8,1.25", "lr": "0.001"}
    assert write_command(config, "12ab", settings, seed=0) == words
    assert write_command(config, "12ab", settings, seed=4) == f"{words} --seed 4"
