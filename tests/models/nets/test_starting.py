"""Weights find their backbone by name, in files of several kinds, or are refused with what is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from models.nets.starting import load_backbone
from models.recipes import get_recipe
from models.tasks import TASKS


def _build(task, net="lite0", weights=None, frozen_stages=0, setting="none"):
    config = replace(
        get_recipe(f"tiny_{task}"),
        net=net,
        weights=setting,
        frozen_stages=frozen_stages,
    )
    return TASKS[task].build(config, 2, weights)


def _are_equal(one, two):
    mine = one.state_dict()
    others = two.state_dict()
    return mine.keys() == others.keys() and all(
        torch.equal(mine[k], others[k]) for k in mine
    )


def test_a_package_of_another_task_gives_its_backbone_alone():
    source = _build("recognition")
    net = _build("detection", weights=source.state_dict(), setting="model.safetensors")
    assert _are_equal(net.backbone, source.backbone)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (
            ("recognition", "mobilenet_v3_large"),
            ("detection", "fasterrcnn_mobilenet_v3_large_320_fpn"),
        ),
        (("detection", "retinanet_resnet50_fpn_v2"), ("recognition", "resnet50")),
    ],
)
def test_classifiers_and_detectors_of_torchvision_share_their_backbones(one, two):
    source = _build(*one)
    net = _build(*two, source.state_dict(), setting="model.safetensors")
    theirs = getattr(source.backbone, "features", source.backbone).state_dict()
    mine = net.backbone.state_dict()
    assert theirs and all(
        torch.equal(mine[name], value) for name, value in theirs.items()
    )


@pytest.mark.parametrize("name", ["resnet18", "convnext_tiny"])
def test_files_as_torchvision_publishes_them_are_taken_but_for_their_classes(name):
    from torchvision.models import get_model

    published = get_model(name, weights=None)
    for value in published.state_dict().values():
        value.add_(1)
    net = _build("recognition", name, published.state_dict(), setting="hub")
    mine = net.backbone.state_dict()
    theirs = published.state_dict()
    names = [n for n in mine if not n.endswith("num_batches_tracked")]
    assert names and all(torch.equal(mine[n], theirs[n]) for n in names)


def test_every_fault_of_foreign_weights_is_listed():
    backbone = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1))
    source = {
        "backbone.0.weight": torch.zeros(4, 3, 3, 3),
        "backbone.0.bias": torch.zeros(4),
        "backbone.1.weight": torch.zeros(4, 4, 1, 1),
        "backbone.2.bias": torch.zeros(4),
    }
    message = (
        r"1 missing \(1\.bias\); 1 unexpected \(2\.bias\); 1 mis-shaped \(0\.weight \(4, 3, 3, 3\) for "
        r"\(4, 3, 1, 1\)\); give those of the same net"
    )
    with pytest.raises(ValueError, match=message):
        load_backbone(backbone, source)
    with pytest.raises(ValueError, match="do not fit the backbone"):
        _build(
            "recognition",
            "resnet18",
            _build("recognition").state_dict(),
            setting="model.safetensors",
        )


@pytest.mark.parametrize(
    ("task", "name", "frozen", "learning"),
    [
        (
            "recognition",
            "resnet18",
            ["conv1", "bn1", "layer1", "layer2"],
            ["layer3", "layer4"],
        ),
        (
            "recognition",
            "mobilenet_v3_large",
            ["features.0", "features.1", "features.3"],
            ["features.4"],
        ),
        (
            "recognition",
            "convnext_tiny",
            ["features.0", "features.1", "features.3"],
            ["features.4", "features.7"],
        ),
        ("detection", "fasterrcnn_mobilenet_v3_large_320_fpn", ["0", "3"], ["4", "16"]),
    ],
)
def test_frozen_stages_keep_weights_and_statistics(task, name, frozen, learning):
    weights = _build(task, name).state_dict()
    backbone = _build(
        task, name, weights, frozen_stages=2, setting="model.safetensors"
    ).backbone.train()
    before = {k: v.clone() for k, v in backbone.state_dict().items()}
    assert not any(
        p.requires_grad for n in frozen for p in backbone.get_submodule(n).parameters()
    )
    assert all(
        p.requires_grad
        for n in learning
        for p in backbone.get_submodule(n).parameters()
    )
    backbone(torch.rand(2, 3, 64, 64))
    changed = [
        k for k, v in backbone.state_dict().items() if not torch.equal(v, before[k])
    ]
    assert not [k for k in changed if k.startswith(tuple(f"{n}." for n in frozen))]
    assert name == "convnext_tiny" or [
        k for k in changed if k.startswith(tuple(f"{n}." for n in learning))
    ]


def test_a_pretrained_encoder_starts_a_classifier_with_the_layer_behind_its_backbone():
    source = _build("pretraining")
    net = _build(
        "recognition", weights=source.state_dict(), setting="encoder.safetensors"
    )
    assert _are_equal(net.backbone, source.backbone) and _are_equal(
        net.features, source.features
    )
