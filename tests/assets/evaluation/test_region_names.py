"""Names of discovered regions follow from facts of their frames, and no two of an exam are alike."""

from __future__ import annotations

import numpy as np
import pytest

from assets.evaluation.region_names import MAX_WORD, NO_WORD, name_regions, tell_traits
from models.metrics.regions import Region


@pytest.mark.parametrize(
    ("traits", "name"),
    [
        ([("class", "cup"), ("brightness", "dark")], "dark cup"),
        (
            [("sensor", "cam_left"), ("size", "small"), ("class", "cup")],
            "small cup by cam_left",
        ),
        ([("place", "kitchen")], "pictures in kitchen"),
        ([("class", "cup"), ("class", "box")], "box and cup"),
        ([("night_shift", "yes"), ("class", "cup")], "cup with night shift yes"),
        (
            [("brightness", "medium"), ("size", "medium")],
            "medium light medium size pictures",
        ),
        ([], NO_WORD),
    ],
)
def test_a_name_says_light_size_class_sensor_and_place_in_this_order(traits, name):
    told = tell_traits(traits)
    assert told == name == tell_traits(traits[::-1])


def test_a_long_name_of_a_class_is_cut():
    told = tell_traits([("class", "c" * 100)])
    assert told == "c" * (MAX_WORD - 1) + "…"


def test_regions_of_one_name_are_numbered_in_their_order():
    dark, bright = frozenset({("brightness", "dark")}), frozenset({("class", "cup")})
    traits = [dark] * 4 + [bright] * 4
    regions = [
        Region(np.array(places), 0.01, 0.1, 4)
        for places in ([0, 1], [2, 3], [4, 5], [6, 7])
    ]
    # two of four dark frames are outside: 1.0 inside less 2 of 6 outside leads by 0.67
    names = name_regions(regions, traits)
    assert names == ["dark pictures", "dark pictures (2)", "cup", "cup (2)"]
    assert name_regions(regions, traits) == names
