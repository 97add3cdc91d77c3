"""Kill trainings at seeded steps and resume them: are the weights those of a training that was never killed?

Two Ray workers train on a simulated session. A kill ends one of the workers (the training goes on by itself) or, every
other time, everything that trains: the same training is then asked for again. Each training is killed twice.
Run: python -m bench.prove.training [--kills 20] [--seed 0] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil

from bench.training import prepare_home

CHECKOUT = Path(__file__).resolve().parents[2]
_TASK = "recognition"
_EPOCHS = 6
_KILLS_EACH = 2


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--train", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train is not None:
        _train(options.train)
        return
    with tempfile.TemporaryDirectory(prefix="daguerre-prove-training-") as home:
        os.environ["DAGUERRE_HOME"] = home
        prepare_home()
        found = _prove(options.kills, random.Random(options.seed))
    print(
        json.dumps(found)
        if options.json
        else f"{found['equal']} of {found['trainings']} trainings with "
        f"{found['kills']} kills in all end with the weights of one that was not killed"
    )
    sys.exit(int(found["equal"] != found["trainings"]))


def _prove(num_kills: int, rng: random.Random) -> dict[str, Any]:
    whole, num_steps = _run([], rng)
    equal = 0
    trainings = 0
    done = 0
    while done < num_kills:
        kills = sorted(rng.sample(range(1, num_steps - 2), _KILLS_EACH))
        sha256, _ = _run(kills, rng)
        done = done + len(kills)
        trainings = trainings + 1
        equal = equal + (sha256 == whole)
        print(
            f"{done} kills: {equal} of {trainings} equal", file=sys.stderr, flush=True
        )
    return {"kills": done, "trainings": trainings, "equal": equal}


def _run(kills: list[int], rng: random.Random) -> tuple[str, int]:
    """The hash of the weights, and how many steps it took, of one training that is killed at these steps."""
    kills = list(kills)
    while True:
        command = [sys.executable, "-m", "bench.prove.training", "--train", "1"]
        with subprocess.Popen(
            command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            step = 0
            for line in process.stdout:
                if not line.startswith("{"):  # what Ray says
                    continue
                event = json.loads(line)
                if "model_sha256" in event:
                    process.wait()
                    assert not kills, f"{len(kills)} kills came too late"
                    return event["model_sha256"], step
                step = event["epoch"] * event["num_steps"] + event["step"] + 1
                if kills and step >= kills[0]:
                    _kill(psutil.Process(process.pid), whole=len(kills) == 1, rng=rng)
                    kills.pop(0)
            process.wait()


def _kill(driver: psutil.Process, whole: bool, rng: random.Random) -> None:
    from assets.training.worker_group import PROCESS_NAME

    below = driver.children(recursive=True)
    workers = sorted(
        (p for p in below if PROCESS_NAME in p.name()), key=lambda p: p.pid
    )
    for process in [driver, *below] if whole else [rng.choice(workers)]:
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue


def _train(seed: int) -> None:
    """The training itself: a line of JSON a step, and the model's hash at the end."""
    from assets.training.ray_train import train
    from assets.training.spec import Place, TrainingSpec
    from models.recipes import get_recipe
    from models.recipes.settings import change_settings
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    settings = load_settings()
    catalog = build_catalog(settings)
    release_id = catalog.pointed(f"release/{_TASK}")
    assert release_id is not None
    changes = {
        "epochs": str(_EPOCHS),
        "score_every": "3",
        "save_every": "5",
        "image_size_px": "64",
    }
    recipe = change_settings(get_recipe(f"tiny_{_TASK}"), changes)
    package = train(
        TrainingSpec(release_id, recipe, seed),
        Place(catalog, settings.workspace.models),
        lambda event: (
            print(json.dumps(event), flush=True) if event["kind"] == "step" else None
        ),
    )
    print(json.dumps({"model_sha256": package.model_sha256}), flush=True)


if __name__ == "__main__":
    main()
