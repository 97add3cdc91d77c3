"""Training on a stored release: in this process and on local Ray, each equal to itself."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
from dataclasses import replace

import numpy as np
import onnxruntime
import psutil
import pytest
import torch

from assets.cluster.connection import open_ray
from assets.inference.package import load_net, load_predictor, open_package
from assets.pixel_cache import CacheRoom
from assets.training.progress import Post, write_events
from assets.training.ray_train import train
from assets.training.run_folder import name_run
from assets.training.snapshots import write_snapshot
from assets.training.spec import Place, TrainingSpec
from assets.training.worker_group import PROCESS_NAME
from assets.workspace import Elsewhere
from models.recipes import get_recipe

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{kind}")
    for kind in (
        "DeprecationWarning:ray",
        "FutureWarning:ray",
        "ResourceWarning",
    )
]
_SPLITS = ["train"] * 10 + ["val"] * 4


@pytest.fixture(scope="module")
def two_workers():
    """Ray with room for two workers: its start takes longer than a training."""
    with open_ray(num_workers=2):
        yield


def _config(task, **changes):
    return replace(
        get_recipe(f"tiny_{task}"),
        **{"image_size_px": 64, "epochs": 2, "batch_size": 4, **changes},
    )


def _train(
    catalog,
    release_id,
    config,
    folder,
    num_workers=(2, 2),
    on_progress=None,
    **settings,
):
    spec = TrainingSpec(release_id, config, 3, num_workers)
    return train(spec, Place(catalog, folder, **settings), on_progress)


def test_in_process_training_repeats_and_writes_an_honest_package(
    store_release, tmp_path
):
    catalog, release_id = store_release("detection", _SPLITS)
    events = []
    one = _train(
        catalog,
        release_id,
        _config("detection"),
        tmp_path / "a",
        use_ray=False,
        on_progress=events.append,
    )
    two = _train(
        catalog,
        release_id,
        _config("detection"),
        tmp_path / "b",
        use_ray=False,
        device_hour_price=3.0,
    )
    assert one.model_sha256 == two.model_sha256
    package = open_package(one.folder)
    assert package.facts.release_id == release_id and package.facts.class_names == (
        "disc",
        "square",
    )
    assert [row["epoch"] for row in package.facts.history] == [0, 1]
    assert sum(row["is_kept"] for row in package.facts.history) == 1
    assert {
        "epoch",
        "train_loss",
        "val_map50",
        "lr",
        "images_per_s",
        "seconds",
    } <= package.facts.history[-1].keys()
    assert all(
        row["cost"] == 3.0 * row["device_hours"] > 0 for row in two.facts.history
    )
    assert not any("cost" in row for row in one.facts.history)
    assert [e["kind"] for e in events].count("epoch") == 2
    assert len(load_predictor(package)([])) == 0
    assert not list((tmp_path / "a" / ".runs").iterdir())


def test_a_net_of_maps_is_packaged_with_its_shipped_form(store_release, tmp_path):
    catalog, release_id = store_release(
        "segmentation", _SPLITS, ("disc", "square", "grey")
    )
    package = open_package(
        _train(
            catalog, release_id, _config("segmentation"), tmp_path, use_ray=False
        ).folder
    )
    assert (
        package.facts.task == "segmentation" and "val_miou" in package.facts.history[-1]
    )
    (answer,) = load_predictor(package)([np.zeros((48, 80, 3), np.uint8)])
    assert answer.map.class_ids.shape == (48, 80) and answer.map.class_ids.max() < 3
    session = onnxruntime.InferenceSession(package.folder / "model.onnx")
    assert [(o.name, o.shape[1:]) for o in session.get_outputs()] == [
        ("probabilities", [3, 64, 64])
    ]


def test_what_a_ray_worker_finds_wrong_arrives_as_itself(
    two_workers, store_release, tmp_path
):
    catalog, release_id = store_release("recognition", _SPLITS)
    config = _config("recognition", lr=1e30, clip_norm=1e30, warmup_share=0.0)
    with pytest.raises(ValueError, match=r"frames .*look at these frames"):
        _train(catalog, release_id, config, tmp_path)


class _Killer:
    """Ends one of the two workers, chosen by the seed, when the training has come to given steps."""

    def __init__(self, steps, seed, num_steps):
        self.steps = list(steps)
        self.num_steps = num_steps
        self.rng = random.Random(seed)
        self.killed = []

    def __call__(self, event):
        if (
            event["kind"] == "step"
            and self.steps
            and event["epoch"] * self.num_steps + event["step"] >= self.steps[0]
        ):
            self.steps.pop(0)
            workers = sorted(
                p.pid
                for p in psutil.Process().children(recursive=True)
                if PROCESS_NAME in p.name()
            )
            victim = self.rng.choice(workers)
            os.kill(victim, signal.SIGKILL)
            self.killed.append(victim)


@pytest.mark.timeout(600)  # three attempts on Ray
def test_a_training_whose_workers_are_killed_ends_with_the_weights_of_one_that_was_not(
    two_workers, store_release, tmp_path
):
    catalog, release_id = store_release("recognition", _SPLITS)
    # of 2 steps
    changes = {"epochs": 12, "score_every": 6, "save_every": 2, "crop_area": (0.2, 1.0)}
    config = _config("recognition", **changes)
    # those that are killed read what they have decoded from disk, too
    room = CacheRoom(tmp_path / "pixels", 2**20)
    steps = sorted(random.Random(7).sample(range(4, 20), 2))
    killer = _Killer(steps, seed=7, num_steps=2)
    events = []
    whole = _train(
        catalog, release_id, config, tmp_path / "a", on_progress=events.append
    )
    broken = _train(
        catalog, release_id, config, tmp_path / "b", on_progress=killer, pixels=room
    )
    assert len(killer.killed) == 2 and list(room.folder.glob("*.pixels"))
    assert broken.model_sha256 == whole.model_sha256
    assert [row["epoch"] for row in broken.facts.history] == list(range(12))
    assert [e["epoch"] for e in events if e["kind"] == "epoch"] == list(range(12))
    assert not list((tmp_path / "b" / ".runs").iterdir())


@pytest.fixture
def take_the_place_of_a_worker(two_workers):
    """Asks for all that Ray has but the place of one worker, as somebody else may: there is that much once both end."""
    import ray

    tenants = []

    def take():
        tenants.append(
            ray.remote(num_cpus=int(ray.cluster_resources()["CPU"]) - 1)(
                _Tenant
            ).remote()
        )

    yield take
    for tenant in tenants:
        ray.kill(tenant)


class _Tenant:
    pass


@pytest.mark.timeout(600)  # two attempts on Ray
def test_a_training_that_has_lost_a_worker_and_its_place_goes_on_with_one(
    take_the_place_of_a_worker, store_release, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr("assets.cluster.connection._WAIT_FOR_ALL_S", 3.0)
    catalog, release_id = store_release("recognition", _SPLITS)
    config = _config(
        "recognition",
        epochs=20,
        score_every=20,
        save_every=2,
        dropout=0.0,
        optimizer="sgd",
        lr=1e-3,
    )
    alone = _train(catalog, release_id, config, tmp_path / "a", use_ray=False)
    killer = _Killer([10], seed=7, num_steps=2)

    def evict(event):
        if (
            event["kind"] == "step"
            and event["epoch"] == event["step"] == 0
            and not killer.killed
        ):
            take_the_place_of_a_worker()
        killer(event)

    broken = _train(
        catalog,
        release_id,
        config,
        tmp_path / "b",
        num_workers=(1, 2),
        on_progress=evict,
    )
    assert (
        len(killer.killed) == 1
        and "there is room for 1 of 2 workers: it goes on with 1" in caplog.text
    )
    assert [row["epoch"] for row in broken.facts.history] == list(range(20))
    losses = [
        [row["train_loss"] for row in package.facts.history]
        for package in (alone, broken)
    ]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3)
    one, two = (
        load_net(open_package(package.folder)).state_dict()
        for package in (alone, broken)
    )
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-2, atol=1e-4)


def test_a_training_starts_from_the_backbone_of_another_task_and_says_so(
    store_release, tmp_path
):
    catalog, release_id = store_release("detection", _SPLITS)
    first = _train(catalog, release_id, _config("detection"), tmp_path, use_ray=False)
    assert (
        first.facts.starts_from is not None
        and "ImageNet" in first.facts.starts_from["origin"]
    )
    catalog, release_id = store_release("recognition", _SPLITS)
    file = first.folder / "model.safetensors"
    config = _config("recognition", weights=str(file))  # with three stages frozen
    second = open_package(
        _train(catalog, release_id, config, tmp_path, use_ray=False).folder
    )
    assert second.facts.starts_from == {
        "origin": "file model.safetensors",
        "sha256": first.model_sha256,
    }
    one, two = (load_net(package).state_dict() for package in (first, second))
    frozen = [k for k in two if k.startswith(("backbone.stem.", "backbone.stages.2."))]
    assert frozen and all(torch.equal(one[k], two[k]) for k in frozen)
    file.unlink()
    assert load_net(second).training is False


def test_other_weights_to_start_from_make_another_training():
    config = _config("recognition")
    names = {
        name_run(TrainingSpec("0" * 32, config, 0), sha256)
        for sha256 in (None, "a" * 64, "b" * 64)
    }
    assert len(names) == 3


def test_unknown_release_stops_before_any_worker_starts(store_release, tmp_path):
    catalog, _ = store_release("recognition", _SPLITS)
    with pytest.raises(ValueError, match="there is no release"):
        _train(catalog, "0" * 32, _config("recognition"), tmp_path)


def test_a_training_that_died_on_one_machine_goes_on_on_another(
    store_release, tmp_path, monkeypatch
):
    """Of the first nothing is left but the store."""
    catalog, release_id = store_release("recognition", _SPLITS)
    # of 2 steps
    config = _config("recognition", epochs=6, score_every=3, save_every=2)
    store = Elsewhere(str(tmp_path / "shared"))
    whole = _train(catalog, release_id, config, tmp_path / "whole", use_ray=False)

    def write_and_die(folder, snapshot, where):
        write_snapshot(folder, snapshot, where)
        if snapshot.facts["step"] >= 6:
            raise RuntimeError("the machine is gone")

    with monkeypatch.context() as patched:
        patched.setattr("assets.training.ray_train.write_snapshot", write_and_die)
        with pytest.raises(RuntimeError, match="the machine is gone"):
            _train(
                catalog,
                release_id,
                config,
                tmp_path / "first",
                use_ray=False,
                store=store,
            )
    shutil.rmtree(tmp_path / "first")
    events = []
    second = _train(
        catalog,
        release_id,
        config,
        tmp_path / "second",
        use_ray=False,
        store=store,
        on_progress=events.append,
    )
    epochs = [e["epoch"] for e in events if e["kind"] == "epoch"]
    assert epochs and epochs == list(range(3, 6))
    assert second.model_sha256 == whole.model_sha256
    assert [row["epoch"] for row in second.facts.history] == list(range(6))
    assert not [p for p in (tmp_path / "shared").rglob("*") if p.is_file()]


def test_events_that_are_sent_to_another_machine_come_in_order(two_workers, tmp_path):
    post = Post.open(tmp_path / "events")
    assert post.is_here()
    with write_events(tmp_path / "unused", post) as send:
        for step in range(20):
            send({"step": step})
    lines = (tmp_path / "events").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"step": n} for n in range(20)]
    assert not (tmp_path / "unused").exists()
