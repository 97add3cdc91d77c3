"""Rates over a training, with numbers by hand, and which parameters an optimiser treats in which way."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from models.recipes import get_recipe
from models.tasks import TASKS
from models.training.optim import make_optimizer, momentum_at, rate_share, set_rate


def _config(**changes):
    return replace(get_recipe("tiny_recognition"), **changes)


def test_cosine_rises_to_its_peak_then_falls_to_a_hundredth():
    config = _config(warmup_share=0.1)
    assert rate_share(config, 0.0) == pytest.approx(0.01)
    assert rate_share(config, 0.1) == pytest.approx(1.0)
    # half way down the cosine
    assert rate_share(config, 0.55) == pytest.approx(0.01 + 0.99 * 0.5)
    assert rate_share(config, 1.0) == pytest.approx(0.01)
    assert momentum_at(config, 0.5) is None


@pytest.mark.parametrize(
    ("progress", "share", "momentum"),
    [
        (0.0, 1 / 25, 0.95),
        (0.15, 1 / 25 + 24 / 25 / 2, 0.90),  # half way up
        (0.3, 1.0, 0.85),
        (0.65, 1e-4 + (1 - 1e-4) / 2, 0.90),  # half way down
        (1.0, 1e-4, 0.95),
        (1.2, 1e-4, 0.95),  # past a time limit
    ],
)
def test_one_cycle_swings_rate_and_momentum_against_each_other(
    progress, share, momentum
):
    config = _config(schedule="one_cycle", warmup_share=0.3)
    assert rate_share(config, progress) == pytest.approx(share)
    assert momentum_at(config, progress) == pytest.approx(momentum)


def test_a_schedule_without_warmup_begins_at_its_peak():
    for schedule in ("cosine", "one_cycle"):
        assert rate_share(_config(schedule=schedule, warmup_share=0.0), 0.0) == 1.0


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "lars", "lamb"])
def test_momentum_is_set_where_the_optimiser_keeps_it(optimizer):
    config = _config(
        schedule="one_cycle", warmup_share=0.3, optimizer=optimizer, lr=0.5
    )
    made = make_optimizer(torch.nn.Linear(2, 1), config)
    assert set_rate(made, config, 0.3) == pytest.approx(0.5)
    for group in made.param_groups:
        assert group.get("momentum") == pytest.approx(0.85) or group["betas"] == (
            pytest.approx(0.85),
            0.999,
        )


def test_the_peak_grows_with_the_batch_from_the_one_it_was_found_for():
    assert _config(lr=0.1, batch_size=64).peak_lr == 0.1
    assert _config(lr=0.1, batch_size=64, lr_batch=16).peak_lr == pytest.approx(0.4)
    made = make_optimizer(
        torch.nn.Linear(2, 1), _config(lr=0.1, batch_size=64, lr_batch=16)
    )
    assert [group["peak"] for group in made.param_groups] == pytest.approx([0.4, 0.4])


def _step(optimizer):
    """Of weights (3, 4), norm 5, under a gradient of (2, 2), and of a bias under a gradient of 1; rate 1, no decay."""
    net = torch.nn.Linear(2, 1)
    net.load_state_dict(
        {"weight": torch.tensor([[3.0, 4.0]]), "bias": torch.tensor([7.0])}
    )
    made = make_optimizer(net, _config(optimizer=optimizer, lr=1.0, weight_decay=0.0))
    net.weight.grad = torch.tensor([[2.0, 2.0]])
    net.bias.grad = torch.tensor([1.0])
    made.step()
    return (
        torch.tensor([[3.0, 4.0]]) - net.weight
    ).flatten().tolist(), 7 - net.bias.item()


def test_lars_scales_matrices_to_their_norm_and_leaves_biases_alone():
    weights, bias = _step("lars")
    # trust coefficient, norms
    assert weights == pytest.approx([2 * 0.001 * 5 / math.sqrt(8)] * 2, rel=1e-3)
    assert bias == pytest.approx(1.0)


def test_lamb_scales_matrices_to_their_norm_and_leaves_biases_alone():
    weights, bias = _step("lamb")
    # Adam's first step is (1, 1)
    assert weights == pytest.approx([5 / math.sqrt(2)] * 2, rel=1e-3)
    assert bias == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize(
    ("task", "net"),
    [("recognition", "resnet18"), ("detection", "retinanet_resnet50_fpn_v2")],
)
def test_a_backbone_inside_a_net_of_torchvision_learns_slower(task, net):
    config = replace(
        get_recipe(f"tiny_{task}"),
        net=net,
        weights="hub",
        frozen_stages=0,
        backbone_lr_factor=0.5,
    )
    built = TASKS[task].build(replace(config, weights="none"), 2, None)
    groups = make_optimizer(built, config).param_groups
    slow = {id(p) for g in groups if g["peak"] == config.lr / 2 for p in g["params"]}
    assert slow == {id(p) for p in built.backbone.parameters()}
