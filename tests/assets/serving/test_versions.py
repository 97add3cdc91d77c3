"""Who answers a request, and when a canary is returned or takes all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from assets.serving.versions import CANARY, CHAMPION, CanaryRules, Lineup, Version

NAME = "daguerre-recognition"
OLD = Version("recognition", NAME, 1, "a" * 64, "b" * 32, Path("a"), ("cup",))
NEW = replace(OLD, model_version=2, model_sha256="c" * 64)
RULES = CanaryRules(share=0.1, num_images=20, least_images=10)


@pytest.fixture
def lineup() -> Lineup:
    made = Lineup(OLD, RULES)
    made.try_out(NEW)
    made.figures.add([0.01] * 50)
    return made


def answer(lineup: Lineup, count: int, seconds: float = 0.01, differ: float = 0.0):
    """So many images that the canary answered and was compared on."""
    assert lineup.canary is not None
    lineup.canary.figures.add([seconds] * count)
    lineup.canary.figures.disagreements += [differ] * count


def test_a_canary_answers_its_share_and_the_champion_the_rest(lineup):
    assert lineup.choose(0.09) == (NEW, CANARY)
    assert lineup.choose(0.1) == (OLD, CHAMPION)


def test_without_a_share_a_new_champion_answers_at_once():
    made = Lineup(OLD, CanaryRules(share=0.0))
    assert made.try_out(NEW) == [OLD]
    assert made.choose(0.0) == (NEW, CHAMPION)


def test_a_canary_that_proves_itself_takes_all(lineup):
    answer(lineup, 19)
    assert lineup.settle() is None
    answer(lineup, 1)
    gone, told = lineup.settle()
    assert gone == OLD and told.startswith("daguerre-recognition v2 answers all")
    assert lineup.choose(0.5) == (NEW, CHAMPION)


def test_nothing_is_judged_before_there_are_enough_answers(lineup):
    answer(lineup, 9, seconds=1.0, differ=1.0)
    assert lineup.settle() is None


@pytest.mark.parametrize(
    ("seconds", "differ", "failed", "told"),
    [
        (0.03, 0.0, 0, "an image takes 3.0 times as long"),
        (0.01, 0.4, 0, "its answers differ from the champion's by 0.40"),
        (0.01, 0.0, 1, "1 of 11 images failed"),
    ],
)
def test_a_canary_that_is_slow_differs_or_fails_is_returned_for_good(
    lineup, seconds, differ, failed, told
):
    answer(lineup, 10, seconds, differ)
    lineup.canary.figures.add([], failed)
    gone, _ = lineup.settle()
    assert gone == NEW and lineup.canary is None
    assert lineup.returned[NEW.model_sha256].startswith(told)
    assert lineup.choose(0.0) == (OLD, CHAMPION)
    assert lineup.knows(NEW.model_sha256)


def test_a_canary_is_not_blamed_for_what_the_champion_fails_as_well(lineup):
    lineup.figures.add([], 50)  # 50 of 100: the canary's 1 of 11 is less
    answer(lineup, 10)
    lineup.canary.figures.add([], 1)
    assert lineup.settle() is None


def test_a_shadow_is_asked_its_share():
    made = Lineup(OLD, RULES, shadow=NEW, shadow_share=0.25)
    assert made.shadows(0.2) == NEW and made.shadows(0.25) is None


def test_a_champion_that_is_taken_back_answers_all_at_once_and_a_trial_ends(lineup):
    third = replace(NEW, model_sha256="d" * 64, model_version=3)
    assert lineup.reinstate(third) == [OLD, NEW]
    assert lineup.choose(0.0) == (third, CHAMPION)
