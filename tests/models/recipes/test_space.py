"""Search spaces: read from text, checked against the recipe, drawn from a seed."""

from __future__ import annotations

from dataclasses import fields

import pytest

from models.recipes import RECIPES, TrainConfig, get_recipe, space_of
from models.recipes.settings import change_settings, format_setting
from models.recipes.space import Choice, Range, draw_settings, narrow_space, read_values

BASE = get_recipe("base_detection")


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("lr", "1e-4..1e-2", Range(1e-4, 1e-2)),
        ("dropout", " 0..1 ", Range(0.0, 1.0)),
        ("batch_size", "4..16", Range(4, 16)),
        ("patience", "2..5", Range(2, 5)),
        ("batch_size", "8/16/32", Choice(("8", "16", "32"))),
        ("zoom", "0.8,1.25 / 0.5,2", Choice(("0.8,1.25", "0.5,2"))),
    ],
)
def test_ranges_and_choices_are_read(name, text, values):
    read = read_values(name, text)
    assert read == values
    assert isinstance(read, Choice) or isinstance(read.low, int) == (
        name in ("batch_size", "patience")
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "0.1",
            "lr = '0.1': give a range such as 1e-4..1e-2, or values such as 8/16/32",
        ),
        ("fast..slow", "lr = 'fast..slow': give a range such as 1e-4..1e-2"),
        (
            "1e-2..1e-4",
            "0.01..0.0001 is no range: give two numbers, the lower one first",
        ),
        ("0..inf", "is no range"),
    ],
)
def test_what_is_no_range_is_refused(text, message):
    with pytest.raises(ValueError) as error:
        read_values("lr", text)
    assert message in str(error.value)


def test_a_range_of_magnitudes_is_spread_over_its_logarithm_another_one_evenly():
    # half-way from 1e-4 to 1e-2 is 1e-3 by the exponent; from 0 to 0.5 it is 0.25; 4..7 are four whole numbers
    assert [Range(1e-4, 1e-2).at(share) for share in (0, 0.5)] == ["0.0001", "0.001"]
    assert [Range(0.0, 0.5).at(share) for share in (0, 0.5)] == ["0.0", "0.25"]
    assert [Range(4, 7).at(share) for share in (0, 0.25, 0.5, 0.99)] == [
        "4",
        "5",
        "6",
        "7",
    ]
    assert [Choice(("a", "b")).at(share) for share in (0, 0.49, 0.5, 0.99)] == [
        "a",
        "a",
        "b",
        "b",
    ]


def test_three_digits_do_not_leave_the_range():
    narrow = Range(0.00123456, 0.00123457)
    assert all(
        narrow.low <= float(narrow.at(share)) <= narrow.high
        for share in (0, 0.5, 0.999)
    )


def test_a_setting_as_text_is_read_as_itself():
    names = [f.name for f in fields(TrainConfig) if f.name not in ("name", "task")]
    texts = {name: format_setting(getattr(BASE, name)) for name in names}
    assert (
        texts["zoom"] == "0.7,1.5"
        and texts["patience"] == "none"
        and texts["flip_vertical"] == "true"
    )
    assert change_settings(BASE, texts) == BASE


@pytest.mark.parametrize("name", RECIPES)
def test_the_space_of_each_recipe_holds_its_own_values_and_trainings(name):
    config = get_recipe(name)
    space = narrow_space(config, space_of(config), {}, ())
    for setting, values in space.items():
        own = format_setting(getattr(config, setting))
        assert (
            own in values.ends
            if isinstance(values, Choice)
            else values.low <= float(own) <= values.high
        )
    for settings in draw_settings(config, space, 20, seed=1):
        change_settings(config, settings)


def test_equal_seeds_give_equal_trials_and_more_trials_begin_with_the_same():
    space = {
        "lr": Range(1e-4, 1e-2),
        "dropout": Range(0.0, 0.5),
        "batch_size": Choice(("4", "8")),
    }
    trials = draw_settings(BASE, space, 12, seed=3)
    assert trials[0] == {"lr": "0.002", "dropout": "0.2", "batch_size": "8"}
    assert (
        trials
        == draw_settings(BASE, space, 12, seed=3)
        != draw_settings(BASE, space, 12, seed=4)
    )
    assert draw_settings(BASE, space, 5, seed=3) == trials[:5]
    assert all(
        1e-4 <= float(t["lr"]) <= 1e-2 and 0 <= float(t["dropout"]) <= 0.5
        for t in trials
    )
    assert {t["batch_size"] for t in trials} == {"4", "8"}
    below = sum(float(t["lr"]) < 1e-3 for t in trials[1:])
    assert 4 <= below <= 7  # of 11: half, by the logarithm


def test_no_trial_comes_twice():
    assert draw_settings(BASE, {"batch_size": Choice(("4", "8", "16"))}, 8, seed=0) in (
        [{"batch_size": size} for size in order]
        for order in (("8", "4", "16"), ("8", "16", "4"))
    )


def test_what_a_person_searches_or_fixes_changes_the_space():
    space = {"lr": Range(1e-4, 1e-2), "dropout": Range(0.0, 0.5)}
    narrowed = narrow_space(
        BASE, space, {"batch_size": "4/8", "dropout": "0.1..0.2"}, {"lr": "1e-3"}
    )
    assert narrowed == {"dropout": Range(0.1, 0.2), "batch_size": Choice(("4", "8"))}


@pytest.mark.parametrize(
    ("searched", "fixed", "message"),
    [
        ({"rate": "0.1..0.2"}, (), "'rate' is no setting of a recipe: choose one of"),
        ({"lr": "-1..1"}, (), "lr = -1.0: give a rate above 0"),
        ({"batch_size": "1.5..4"}, (), "batch_size = '1.5..4': give a range"),
        ({"image_size_px": "100/320"}, (), "give a multiple of 32"),
        ({"lr": "0.1..0.2"}, ("lr",), "lr: searched and fixed"),
        ({"epochs": "2..5"}, (), "fix it, with --set epochs=N"),
        ({}, ("lr",), "nothing is left to search"),
    ],
)
def test_a_space_that_no_training_could_take_is_refused(searched, fixed, message):
    with pytest.raises(ValueError) as error:
        narrow_space(BASE, {"lr": Range(1e-4, 1e-2)}, searched, fixed)
    assert message in str(error.value)


def test_a_search_has_a_trial():
    with pytest.raises(ValueError, match="0 trials: at least 1 is needed"):
        draw_settings(BASE, {"dropout": Range(0.0, 0.5)}, 0, seed=0)
