"""Recipes are whole, frozen, and refuse contradictions."""

from __future__ import annotations

import dataclasses
import json

import pytest

from models.recipes import RECIPES, TrainConfig, get_recipe


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_is_named_like_its_function_and_survives_json(name):
    config = get_recipe(name)
    assert config.name == name and config.task in name
    assert (
        TrainConfig.from_dict(json.loads(json.dumps(dataclasses.asdict(config))))
        == config
    )


def test_unknown_recipe_lists_the_known():
    with pytest.raises(
        ValueError, match="no recipe 'huge': choose one of tiny_recognition"
    ):
        get_recipe("huge")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size_px": 100}, "image_size_px = 100"),
        ({"zoom": (2.0, 1.0)}, "zoom"),
        ({"epochs": 0}, "at least 1"),
        ({"lr_batch": 0}, "lr_batch = 0: it is at least 1"),
        ({"weights": "none"}, "frozen_stages = 3 with weights = 'none'"),
        (
            {"weights": "imagenet.pth"},
            "give one of packaged, none, hub, or a .safetensors file",
        ),
        ({"weights": "hub"}, "weights = 'hub' with net = 'lite0'"),
        (
            {"net": "fasterrcnn_resnet50_fpn_v2"},
            "weights = 'packaged' with net = 'fasterrcnn_resnet50_fpn_v2'",
        ),
        ({"net": "resnet18"}, "for detection, give one of lite0, fasterrcnn_mobilenet"),
        (
            {"net": "retinanet_resnet50_fpn_v2", "weights": "hub", "frozen_stages": 5},
            "retinanet_resnet50_fpn_v2 has 4",
        ),
        ({"mixup_alpha": 0.2}, "mixup_alpha"),
        ({"cutmix_alpha": -1.0}, "cutmix_alpha"),
    ],
)
def test_contradiction_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(get_recipe("tiny_detection"), **changes)
