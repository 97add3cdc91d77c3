"""Single settings of a recipe, given as text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.recipes import get_recipe
from models.recipes.settings import change_settings

BASE = get_recipe("base_detection")


def test_each_kind_of_value_is_read():
    texts = {
        "epochs": " 3",
        "lr": "1e-4",
        "zoom": "0.8,1.25",
        "flip_vertical": "False",
        "optimizer": "sgd",
        "max_minutes": "2.5",
        "weights": "a b.safetensors",
    }
    expected = replace(
        BASE,
        epochs=3,
        lr=1e-4,
        zoom=(0.8, 1.25),
        flip_vertical=False,
        optimizer="sgd",
        max_minutes=2.5,
        weights="a b.safetensors",
    )
    assert change_settings(BASE, texts) == expected
    assert change_settings(expected, {"max_minutes": "none"}).max_minutes is None
    assert change_settings(BASE, {}) == BASE


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "epoch",
            "3",
            "'epoch' is no setting of a recipe: choose one of image_size_px, epochs",
        ),
        ("task", "recognition", "'task' is no setting"),
        ("epochs", "3.5", "epochs = '3.5': give a whole number"),
        ("epochs", "", "epochs = '': give a whole number"),
        ("epochs", "0", "epochs = 0: it is at least 1"),
        ("lr", "fast", "lr = 'fast': give a number"),
        ("lr", "nan", "lr = 'nan': give a finite number"),
        ("zoom", "1", "zoom = '1': give 2 numbers, separated by a comma"),
        ("zoom", "1,x", "zoom = '1,x': give 2 numbers"),
        ("flip_vertical", "yes", "flip_vertical = 'yes': give true or false"),
        ("optimizer", "adam", "optimizer = 'adam': give one of adamw, sgd, lars, lamb"),
        ("max_minutes", "soon", "max_minutes = 'soon': give a number, or none"),
        ("net", "resnet18", "net = 'resnet18': for detection, give one of lite0"),
        ("image_size_px", "100", "give a multiple of 32"),
    ],
)
def test_a_wrong_setting_is_named_with_what_would_be_right(name, text, message):
    with pytest.raises(ValueError, match=message):
        change_settings(BASE, {name: text})
