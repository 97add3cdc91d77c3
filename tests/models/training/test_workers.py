"""Two gloo workers that share each batch learn what one learns from the whole of it, be the net whole or in two parts.

A net that normalises by batches is the same on both, and resumes as one that never stopped.
"""

from __future__ import annotations

import os
import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
import torch
import torch.multiprocessing
from torch import nn

from assets.pretrained import read_imagenet
from models.recipes import TrainConfig, get_recipe
from models.tasks import TASKS
from models.training import meter
from models.training.failures import require_samples
from models.training.fit import Callbacks, Splits, fit
from models.training.snapshot import FitResult, Snapshot
from models.training.workers import find_workers
from models.types import Sample

pytestmark = pytest.mark.timeout(800)  # of two processes that start once
SAMPLE = Sample("a", np.zeros((32, 32, 3), np.uint8), 0)


def _config(task: str, **changes) -> TrainConfig:
    """Without dropout, whose draws differ by worker; scored once."""
    plain = {
        "image_size_px": 64,
        "batch_size": 5,
        "weights": "none",
        "frozen_stages": 0,
        "dropout": 0.0,
        "optimizer": "sgd",
        "lr": 1e-3,
        "epochs": 3,
        "score_every": 3,
    }
    return replace(get_recipe(f"tiny_{task}"), **{**plain, **changes})


SHARDED = {"sharding": "full", "epochs": 1, "score_every": 1}
SAVED = {
    "optimizer": "adamw",
    "weights": "packaged",
    "frozen_stages": 3,
    "epochs": 2,
    "score_every": 2,
    "save_every": 1,
}  # from noise, AdamW's first steps take the sign of rounding errors
COMPILED = {"image_size_px": 32, "epochs": 3, "score_every": 3}
RUNS = {
    "recognition": _config("recognition"),
    "detection": _config("detection"),
    "segmentation": _config("segmentation"),
    "instances": _config("instances", epochs=2, score_every=2, head_width=16),
    "in parts": _config("detection", accumulate=3, epochs=1, score_every=1),
    "fp16": _config("recognition", precision="fp16", epochs=1, score_every=1),
    "sharded": _config("detection", **SHARDED),
    "sharded, in parts": _config("detection", accumulate=3, **SHARDED),
    "sharded, clipped": _config("recognition", clip_norm=0.05, **SHARDED),
    "sharded, frozen": _config(
        "recognition", weights="packaged", frozen_stages=3, **SHARDED
    ),
    "sharded, fp16": _config("recognition", precision="fp16", **SHARDED),
    "sharded, lars": _config("recognition", optimizer="lars", lr=0.1, **SHARDED),
    "sharded, saved": _config("recognition", sharding="full", **SAVED),
    "tiny": _config("recognition", **COMPILED),
    "tiny, compiled": _config("recognition", is_compiled=True, **COMPILED),
    "tiny, sharded, compiled": _config(
        "recognition", is_compiled=True, sharding="full", **COMPILED
    ),
    "saved by one": _config("recognition", **SAVED),
    "batch statistics, saved": _config(
        "recognition", net="resnet18", epochs=2, score_every=2, save_every=1
    ),
}


@dataclass
class Run:
    result: FitResult
    num_held: int  # parameters on this worker
    saved: list[Snapshot] = field(default_factory=list)

    @property
    def losses(self) -> list[float]:
        return [row["train_loss"] for row in self.result.history]


def _train(name: str, samples: list[Sample], resume: Snapshot | None = None) -> Run:
    config = RUNS[name]
    saved = []
    task = TASKS[config.task]
    num_classes = 3 if config.task == "segmentation" else 2
    torch.manual_seed(0)
    if name.startswith("tiny"):  # compiled within seconds
        net: nn.Module = nn.Sequential(
            OrderedDict(
                see=nn.Conv2d(3, 4, 8, 8),
                flatten=nn.Flatten(),
                classify=nn.Linear(64, 2),
            )
        )
    else:
        net = task.build(
            config,
            num_classes,
            read_imagenet() if config.weights == "packaged" else None,
        )
    splits = Splits(samples, samples, num_classes)
    callbacks = Callbacks(on_save=saved.append if "saved" in name else None)
    result = fit(net, task, splits, config, 0, find_workers(config), callbacks, resume)
    num_held = sum(
        getattr(p, "to_local", lambda p=p: p)().numel() for p in net.parameters()
    )
    return Run(result, num_held, saved)


def _average_statistics(rank: int) -> dict[str, torch.Tensor]:
    """What a layer holds whose mean and variance were 0 and 2 on the first worker, 1 and 6 on the second."""
    norm = nn.BatchNorm1d(1)
    norm.running_mean.fill_(rank)
    norm.running_var.fill_(2 + 4 * rank)
    find_workers(RUNS["recognition"]).average_statistics(nn.Sequential(norm))
    return norm.state_dict()


def _work(
    rank: int, folder: str, samples: dict[str, list[Sample]], saved_by_one: Snapshot
) -> None:
    torch.set_num_threads(1)
    # nobody asks these trainings what they cost, and to count that takes as long as ten steps
    meter.count_flops_by_size = lambda net: lambda height_px, width_px: 1
    os.environ["GLOO_SOCKET_IFNAME"] = "lo" if sys.platform == "linux" else "lo0"
    torch.distributed.init_process_group(
        "gloo",
        init_method=f"file://{folder}/meeting",
        rank=rank,
        world_size=2,
        timeout=timedelta(seconds=120),
    )
    runs = {
        name: _train(name, samples[config.task])
        for name, config in RUNS.items()
        if name != "saved by one"
    }
    middle = find_workers(RUNS["sharded, saved"]).gather(runs["sharded, saved"].saved)[
        0
    ][1]
    runs["sharded, resumed"] = _train("sharded, saved", samples["recognition"], middle)
    runs["resumed by two"] = _train(
        "saved by one", samples["recognition"], saved_by_one
    )
    name = "batch statistics, saved"
    (saved, _) = find_workers(RUNS[name]).gather(runs[name].saved)
    runs["batch statistics, resumed"] = _train(name, samples["recognition"], saved[1])
    torch.save((runs, _average_statistics(rank)), f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def samples(draw_samples: Callable[[str], list[Sample]]) -> dict[str, list[Sample]]:
    return {
        task: draw_samples(task)
        for task in ("recognition", "detection", "segmentation", "instances")
    }


@pytest.fixture(scope="module")
def alone(samples) -> Callable[[str], Run]:
    """The same training by this process alone."""
    done: dict[str, Run] = {}

    def train(name: str) -> Run:
        torch.set_num_threads(1)
        if name not in done:
            done[name] = _train(name, samples[RUNS[name].task])
        return done[name]

    return train


@pytest.fixture(scope="module")
def worked(
    samples, alone, tmp_path_factory
) -> list[tuple[dict[str, Run], dict[str, torch.Tensor]]]:
    """By two processes that start once: all trainings, and a layer of averaged statistics."""
    folder = tmp_path_factory.mktemp("workers")
    torch.multiprocessing.spawn(
        _work, (str(folder), samples, alone("saved by one").saved[0]), nprocs=2
    )
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(2)]


@pytest.fixture(scope="module")
def both(worked) -> list[dict[str, Run]]:
    """What each of two workers ended its trainings with."""
    return [runs for runs, _ in worked]


def _assert_close(found: FitResult, expected: FitResult, **tolerance: Any) -> None:
    assert found.weights.keys() == expected.weights.keys()
    for name, value in expected.weights.items():
        torch.testing.assert_close(found.weights[name], value, **tolerance)


@pytest.mark.parametrize(
    "task", ["recognition", "detection", "segmentation", "instances"]
)
def test_two_workers_have_the_loss_curve_of_one(task, alone, both):
    """Shares of 3 and 2 images. Sums in another order differ by 1e-5 at first and by up to 6e-4, as the processor has
    it, after ten steps (these are six); where a loss divides by what its own worker counts, by 1e-2 from the start."""
    one, two = (runs[task] for runs in both)
    assert one.losses == two.losses
    np.testing.assert_allclose(one.losses[:2], alone(task).losses[:2], rtol=1e-4)
    np.testing.assert_allclose(one.losses, alone(task).losses, rtol=3e-3)
    assert all(
        torch.equal(one.result.weights[name], two.result.weights[name])
        for name in one.result.weights
    )


def test_workers_with_shares_of_three_and_two_images_take_as_many_parts(both):
    for name in ("in parts", "sharded, in parts"):
        assert both[0][name].losses == both[1][name].losses
    np.testing.assert_allclose(
        both[0]["sharded, in parts"].losses, both[0]["in parts"].losses, rtol=1e-5
    )
    _assert_close(
        both[0]["sharded, in parts"].result,
        both[0]["in parts"].result,
        rtol=1e-3,
        atol=1e-5,
    )


@pytest.mark.parametrize("change", ["", ", clipped", ", frozen", ", lars"])
def test_workers_that_hold_half_of_the_net_each_learn_what_one_learns(
    change, alone, both
):
    """LARS scales by the norms of whole tensors, clipping by that of all: those of halves are smaller by a third."""
    name = f"sharded{change}"
    one, two = (runs[name] for runs in both)
    num_all = alone(name).num_held
    assert (
        one.num_held + two.num_held == num_all
        and abs(one.num_held - two.num_held) < num_all / 1000
    )
    assert (
        one.losses == two.losses
        and one.result.history[-1].keys() == alone(name).result.history[-1].keys()
    )
    np.testing.assert_allclose(one.losses, alone(name).losses, rtol=5e-4)
    _assert_close(one.result, two.result, rtol=0, atol=0)
    _assert_close(one.result, alone(name).result, rtol=1e-2, atol=2e-4)


def test_half_precision_scales_and_leaves_out_steps_alike_on_parts(both):
    """A gradient that is not finite in one part leaves the step out on every worker."""
    np.testing.assert_allclose(
        both[0]["sharded, fp16"].losses, both[0]["fp16"].losses, rtol=1e-5
    )
    _assert_close(
        both[0]["sharded, fp16"].result, both[0]["fp16"].result, rtol=1e-3, atol=1e-5
    )
    _assert_close(
        both[1]["sharded, fp16"].result, both[0]["sharded, fp16"].result, rtol=0, atol=0
    )


def test_a_sharded_training_that_resumes_ends_with_the_weights_of_one_that_never_stopped(
    both,
):
    whole = both[0]["sharded, saved"]
    resumed = both[0]["sharded, resumed"]
    assert [s.facts["step"] for s in whole.saved] == [1, 2, 3] and [
        s.facts["step"] for s in resumed.saved
    ] == [3]
    assert whole.losses == resumed.losses
    _assert_close(resumed.result, whole.result, rtol=0, atol=0)


def test_one_worker_goes_on_where_two_that_held_half_each_stopped(samples, alone, both):
    """From the middle of an epoch: its loss is the mean over steps of two workers, then of one."""
    by_two = both[0]["sharded, saved"]
    resumed = _train("sharded, saved", samples["recognition"], by_two.saved[0])
    for run in (by_two, alone("sharded, saved")):
        np.testing.assert_allclose(resumed.losses, run.losses, rtol=1e-5)
        _assert_close(resumed.result, run.result, rtol=1e-3, atol=1e-4)


def test_two_workers_go_on_where_one_stopped(alone, both):
    one, two = (runs["resumed by two"] for runs in both)
    np.testing.assert_allclose(one.losses, alone("saved by one").losses, rtol=1e-5)
    _assert_close(one.result, two.result, rtol=0, atol=0)
    _assert_close(one.result, alone("saved by one").result, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["tiny, compiled", "tiny, sharded, compiled"])
def test_a_compiled_net_on_two_workers_learns_what_one_that_is_not_learns(name, both):
    np.testing.assert_allclose(both[0][name].losses, both[0]["tiny"].losses, rtol=1e-4)
    _assert_close(both[0][name].result, both[0]["tiny"].result, rtol=1e-3, atol=1e-5)


def test_statistics_are_the_mean_of_the_workers(worked):
    for _, norm in worked:
        assert norm["running_mean"].item() == (0 + 1) / 2
        assert norm["running_var"].item() == (2 + 6) / 2


def test_workers_end_with_equal_statistics_of_batches(both):
    one, two = (runs["batch statistics, saved"].result for runs in both)
    _assert_close(one, two, rtol=0, atol=0)
    means = [value for name, value in one.weights.items() if "running_mean" in name]
    assert len(means) == 20 and all(value.abs().max() > 0 for value in means)


def test_a_resumed_training_ends_with_the_statistics_of_one_that_never_stopped(both):
    for runs in both:
        whole = runs["batch statistics, saved"].result
        resumed = runs["batch statistics, resumed"].result
        _assert_close(resumed, whole, rtol=0, atol=0)


def test_fewer_images_in_a_step_than_workers_are_refused():
    message = (
        r"10 training frames in 10 steps an epoch for 2 workers: .* raise `batch_size`"
    )
    with pytest.raises(ValueError, match=message):
        require_samples([SAMPLE] * 10, [SAMPLE], 10, 2)
