"""Two gloo workers whose net normalises by batches hold the same net, and resume as one that never stopped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

CHECKOUT = Path(__file__).resolve().parents[3]
WORKER = """
import sys
from dataclasses import replace
import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from models.recipes import get_recipe
from models.tasks import TASKS
from models.training.fit import Callbacks, Splits, fit
from models.training.workers import Distributed
from models.types import Sample

rank, folder = int(sys.argv[1]), sys.argv[2]
torch.set_num_threads(1)
torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
workers, task = Distributed(), TASKS["recognition"]
norm = nn.BatchNorm1d(1)
norm.running_mean.fill_(rank)  # 0 and 1
norm.running_var.fill_(2 + 4 * rank)  # 2 and 6
workers.average_statistics(nn.Sequential(norm))
images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
samples = [Sample(str(n), image, n % 2) for n, image in enumerate(images)]
config = replace(get_recipe("tiny_recognition"), net="resnet18", weights="none", frozen_stages=0, image_size_px=32,
                 batch_size=4, epochs=2, save_every=1)
def train(on_save, resume):
    torch.manual_seed(3)
    net = task.build(config, 2, None)
    return fit(net, task, Splits(samples, samples, 2), config, 3, workers, Callbacks(on_save=on_save), resume).weights
saved = []
whole = train(saved.append, None)
resumed = train(None, workers.gather(saved[1:2])[0][0])
both = {f"resumed.{k}": v for k, v in resumed.items()} | {f"whole.{k}": v for k, v in whole.items()}
save_file({**both, "mean": norm.running_mean, "var": norm.running_var}, f"{folder}/{rank}.safetensors")
torch.distributed.destroy_process_group()
"""


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """What each of two workers ended with."""
    folder = tmp_path_factory.mktemp("workers")
    loopback = "lo" if sys.platform == "linux" else "lo0"
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": loopback}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(rank), str(folder)],
            cwd=CHECKOUT,
            env=environment,
        )
        for rank in (0, 1)
    ]
    assert [process.wait(250) for process in processes] == [0, 0]
    return [load_file(folder / f"{rank}.safetensors") for rank in (0, 1)]


def test_statistics_are_the_mean_of_the_workers(weights):
    for mine in weights:
        assert mine["mean"].item() == (0 + 1) / 2 and mine["var"].item() == (2 + 6) / 2


def test_workers_end_with_equal_weights_and_statistics(weights):
    one, two = weights
    assert one.keys() == two.keys() and all(
        torch.equal(one[name], two[name]) for name in one
    )
    means = [value for name, value in one.items() if name.endswith("running_mean")]
    assert len(means) == 2 * 20 and all(value.abs().max() > 0 for value in means)


def test_a_resumed_training_ends_with_the_statistics_of_one_that_never_stopped(weights):
    names = [
        name.removeprefix("whole.") for name in weights[0] if name.startswith("whole.")
    ]
    assert names and all(
        torch.equal(weights[0][f"whole.{n}"], weights[0][f"resumed.{n}"]) for n in names
    )
