"""What does the engine cost over a bare PyTorch loop? The same net, data and steps, in turns, in one run.

Bare: this file's loop, in a process of its own, over the same stored release and the same batches, prepared as far
ahead, with AdamW, clipping, the rate schedule and the weight average that the recipe asks for. Whole: a Dagster run of
recipe -> worker on Ray -> package -> scores -> gate -> MLflow. Both train one worker on all cores. A round starts
both and then lets one of them run for two seconds while all processes of the other are stopped, in turns, so that what
else the machine does meets both alike. Each turn of the whole is compared with the halves of the bare one's turns that
lie beside it: the medians of their steps, without the first epoch, the first step of each, which waits for validation,
and those that were stopped.
Run: python -m bench.training [--rounds 3] [--epochs 80] [--json]
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.peers.turns import Part, mark, pair_turns, take_turns

_RECIPE = "tiny_recognition"
_TASK = "recognition"
_PARTS = (
    "ray_start_s",
    "placement_s",
    "checkpoint_s",
    "evaluation_s",
    "logging_s",
    "dagster_s",
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--part", choices=("prepare", "bare", "whole"), help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    if options.part:
        print(
            json.dumps(
                {"prepare": _prepare, "bare": _run_bare, "whole": _run_whole}[
                    options.part
                ](options.epochs)
            )
        )
        return
    with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as home:
        found = _measure(home, options.rounds, options.epochs)
    if options.json:
        print(json.dumps(found, indent=1))
        return
    print(f"step, bare   {1e3 * found['bare_step_s']:.1f} ms")
    print(
        f"step, whole  {1e3 * found['whole_step_s']:.1f} ms: {found['step_ratio']:.3f} times the bare one "
        f"(median of {found['turns']} turns, a half of them from {found['step_ratio_quartiles'][0]:.3f} to "
        f"{found['step_ratio_quartiles'][1]:.3f})"
    )
    print(
        "\n".join(
            f"fixed, {name:14} {value:.2f}" for name, value in found["fixed_s"].items()
        )
    )


def _measure(home: str, rounds: int, epochs: int) -> dict[str, Any]:
    Part(home, "prepare", epochs).finish()
    turns = []
    fixed = []
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        found = take_turns(
            Part(home, "bare", epochs), lambda: Part(home, "whole", epochs)
        )
        turns += pair_turns(*found)
        fixed.append(found[1]["fixed_s"])
    if len(turns) < 2:
        raise SystemExit(f"{len(turns)} turns are too few to tell: give more --epochs")
    ratios = [whole / bare for bare, whole in turns]
    low, middle, high = statistics.quantiles(ratios)
    return {
        "step_ratio": middle,
        "step_ratio_quartiles": [low, high],
        "turns": len(turns),
        "bare_step_s": statistics.median(b for b, _ in turns),
        "whole_step_s": statistics.median(w for _, w in turns),
        "fixed_s": {name: statistics.median(f[name] for f in fixed) for name in _PARTS},
    }


def _prepare(epochs: int) -> dict[str, Any]:
    return {"release_id": prepare_home()}


def prepare_home() -> str:
    """One simulated session, taken in, and a first training that leaves a release and warm caches; the release's id."""
    from assets.capture.simulate import SimulationSpec, simulate
    from orchestration.profiles import load_settings
    from orchestration.sensors.landing import landing_zone_sensor
    from orchestration.ticks import LocalEngine
    from orchestration.train import train_here

    settings = load_settings()
    simulate(Path(settings.landing_uri) / "desk", SimulationSpec(4, 6.0, seed=11))
    with LocalEngine(replace(settings, partial_wait_s=0)) as engine:
        for _ in range(2):  # a listing counts when it was seen twice
            for request in engine.tick(landing_zone_sensor):
                assert engine.execute("ingest_session", request.partition_key).success
    model = train_here(settings, _TASK, _RECIPE, None, {"epochs": "1"}, seed=0)
    assert "model_sha256" in model, model
    return str(model["release_id"])


def _run_whole(epochs: int) -> dict[str, Any]:
    from assets.cluster.connection import open_ray
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog
    from orchestration.ticks import LocalEngine
    from orchestration.train import train_here

    settings = load_settings()
    events = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            events.append((time.time(), event := record.__dict__["training"]))
            if event["kind"] == "epoch":
                mark(event["epoch"])

    logging.getLogger("daguerre-progress").addHandler(Collect(logging.DEBUG))
    began = time.monotonic()
    with open_ray(1):
        ray_start_s = time.monotonic() - began
    release_id = build_catalog(settings).pointed(f"release/{_TASK}")
    began = time.monotonic()
    model = train_here(settings, _TASK, _RECIPE, release_id, _settings(epochs), seed=1)
    seconds = time.monotonic() - began
    assert "model_sha256" in model, model
    with LocalEngine(settings) as engine:
        stats = {
            s.step_key: s for s in engine.instance.get_run_step_stats(model["run_id"])
        }
    training, evaluation, logging_ = (
        stats[key]
        for key in (
            f"training__{_TASK}",
            f"evaluation__{_TASK}_scores",
            f"registry__{_TASK}_release",
        )
    )
    steps = [(at, e) for at, e in events if e["kind"] == "step"]
    length = {s.step_key: s.end_time - s.start_time for s in stats.values()}
    fit_began = steps[0][0] - steps[0][1]["seconds"]
    fixed = (
        ray_start_s,
        fit_began - training.start_time - ray_start_s,
        training.end_time - events[-1][0],
        length[evaluation.step_key],
        length[logging_.step_key],
        seconds - sum(length.values()),
    )
    clock = min(at - e["seconds"] for at, e in steps)  # when the training began
    listed = _list_steps([(clock + e["seconds"], e["epoch"]) for _, e in steps])
    return {"steps": listed, "fixed_s": dict(zip(_PARTS, fixed, strict=True))}


def _run_bare(epochs: int) -> dict[str, Any]:
    import numpy as np
    import torch

    from assets.pretrained import read_imagenet
    from assets.samples import ReleaseImages, read_release
    from models.recipes import get_recipe
    from models.recipes.settings import change_settings
    from models.tasks import TASKS
    from models.training.prefetch import prefetch
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    catalog = build_catalog(load_settings())
    release_id = catalog.pointed(f"release/{_TASK}")
    assert release_id is not None
    release = read_release(catalog, release_id, _TASK)
    task = TASKS[_TASK]
    config = change_settings(get_recipe(_RECIPE), _settings(epochs))
    train = ReleaseImages(catalog, release, "train", int(config.image_size_px * 1.25))
    torch.manual_seed(1)
    torch.set_num_threads(os.cpu_count() or 1)
    net = task.build(config, len(release.class_names), read_imagenet()).to(
        memory_format=torch.channels_last
    )
    weights = [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        weights, lr=config.lr, weight_decay=config.weight_decay
    )
    average = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.98)
    )
    num_steps = max(1, round(len(train) / config.batch_size))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.lr, total_steps=epochs * num_steps
    )
    rng = np.random.default_rng(1)
    parts = [
        (epoch, part)
        for epoch in range(epochs)
        for part in np.array_split(rng.permutation(len(train)), num_steps)
    ]

    def prepare(step: tuple[int, np.ndarray]) -> Any:
        samples = train.__getitems__(step[1].tolist())
        rngs = [np.random.default_rng([1, step[0], i]) for i in step[1]]
        return task.make_batch(samples, len(release.class_names), config, rngs)

    events = []
    net.train()
    for (epoch, _), batch in zip(parts, prefetch(parts, prepare, 2), strict=True):
        loss = task.loss(net, batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, config.clip_norm)
        optimizer.step()
        schedule.step()
        average.update_parameters(net)
        loss.item()
        if events and events[-1][1] != epoch:
            mark(epoch - 1)
        events.append((time.time(), epoch))
    mark(epochs - 1)
    return {"steps": _list_steps(events)}


def _settings(epochs: int) -> dict[str, str]:
    return {"epochs": str(epochs), "score_every": str(epochs), "save_every": "1000000"}


def _list_steps(events: list[tuple[float, int]]) -> list[tuple[float, float]]:
    """When each step ended, and its seconds, from that and its epoch: without the first of each epoch, and without the
    first epoch, in which images are first read."""
    return [
        (at, at - before)
        for (before, last), (at, epoch) in pairwise(events)
        if last == epoch > 0
    ]


if __name__ == "__main__":
    main()
