"""Canaries that were taken back and shadows that differ, as alarms with their cause."""

from __future__ import annotations

import pytest

from assets.monitoring.alarms import COOLDOWN_S, raise_alarms
from assets.monitoring.served import LEAST_IMAGES, MAX_DISAGREEMENT
from assets.serving.versions import CanaryRules
from assets.tables.catalog import Catalog
from assets.tables.schemas import content_id
from tests.assets.monitoring.champion_home import store

NOW = 1_800_000_000 * 10**9
NAME = "daguerre-detection"
CHAMPION = {"task": "detection", "model_name": NAME, "model_version": 3}
CHAMPION |= {"model_sha256": "a" * 64}


@pytest.fixture
def catalog(tmp_path) -> Catalog:
    catalog = Catalog(str(tmp_path / "tables"))
    store(catalog, "champions", [CHAMPION])
    return catalog


def take_back(catalog: Catalog, name: str, cause: str) -> None:
    row = {"return_id": content_id(name), "task": "detection", "model_name": NAME}
    row |= {"model_version": 4, "model_sha256": "d" * 64, "champion_version": 3}
    store(catalog, "canary_returns", [{**row, "num_images": 41, "cause": cause}])


def ask_shadow(catalog: Catalog, values: list[float], champion: str = "a" * 64):
    rows = []
    for n, value in enumerate(values):
        asked = {"request_id": content_id("request", champion, n), "task": "detection"}
        own = {"sample_id": content_id(champion, n), "role": "champion"}
        own |= {"model_sha256": champion, "model_version": 3}
        shadow = {"sample_id": content_id("shadow", champion, n), "role": "shadow"}
        shadow |= {"model_sha256": "d" * 64, "model_version": 4, "model_name": NAME}
        rows += [asked | own, asked | shadow | {"disagreement": value}]
    store(catalog, "requests", rows)


def test_a_canary_that_was_taken_back_is_told_with_its_cause_and_what_helps(catalog):
    take_back(catalog, "first", "41 of 41 images failed")
    (row,) = raise_alarms(catalog, now_ns=NOW)
    assert (row["kind"], row["cause"]) == ("canary", "canary/detection")
    assert (row["task"], row["session"]) == ("detection", None)
    assert row["summary"] == (
        "A server has taken daguerre-detection version 4 back after 41 images: 41 of 41 images failed; version 3 "
        "answers in its place"
    )
    assert "`daguerre compare detection dddddddddddddddd`" in row["remedy"]
    assert raise_alarms(catalog, now_ns=NOW) == []


def test_two_servers_that_take_one_canary_back_tell_it_once_in_a_cool_down(catalog):
    take_back(catalog, "first", "slow")
    take_back(catalog, "second", "slow")
    assert len(raise_alarms(catalog, now_ns=NOW)) == 1
    assert catalog.read_latest("alarms").num_rows == 2
    take_back(catalog, "third", "slow")
    assert len(raise_alarms(catalog, now_ns=NOW + COOLDOWN_S * 10**9)) == 1


@pytest.mark.parametrize(
    ("values", "is_told"),
    [
        ([0.4] * LEAST_IMAGES, True),
        ([0.4] * (LEAST_IMAGES - 1), False),
        # of which the mean is 0.25
        ([0.5, 0.0] * LEAST_IMAGES, False),
    ],
    ids=["over", "too few", "below"],
)
def test_a_shadow_whose_mean_disagreement_is_over_the_bound_is_told(
    catalog, values, is_told
):
    ask_shadow(catalog, values)
    told = raise_alarms(catalog, now_ns=NOW)
    assert [row["cause"] for row in told] == ["shadow/detection"] * is_told
    if is_told:
        assert (
            "version 4 differs from the champion, version 3, by 0.40 (0 to 1) on 30 "
            in told[0]["summary"]
        )
        assert raise_alarms(catalog, now_ns=NOW + 9 * COOLDOWN_S * 10**9) == []


def test_what_a_shadow_was_from_another_champion_is_not_held_against_it(catalog):
    ask_shadow(catalog, [0.9] * 40, champion="b" * 64)
    assert raise_alarms(catalog, now_ns=NOW) == []


def test_a_shadow_is_held_to_what_a_canary_is():
    rules = CanaryRules()
    assert (
        rules.max_disagreement,
        rules.least_images,
    ) == (MAX_DISAGREEMENT, LEAST_IMAGES)
