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
    assert TrainConfig.from_dict(json.loads(json.dumps(dataclasses.asdict(config)))) == config


def test_unknown_recipe_lists_the_known():
    with pytest.raises(ValueError, match="no recipe 'huge': choose one of tiny_recognition"):
        get_recipe("huge")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size_px": 100}, "image_size_px = 100"),
        ({"zoom": (2.0, 1.0)}, "zoom"),
        ({"epochs": 0}, "at least 1"),
        ({"lr_batch": 0}, "lr_batch = 0: it is at least 1"),
        ({"is_pretrained": False}, "frozen_stages"),
        ({"mixup_alpha": 0.2}, "mixup_alpha"),
    ],
)
def test_contradiction_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(get_recipe("tiny_detection"), **changes)
