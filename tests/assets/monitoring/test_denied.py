"""Where labels of one session deny its estimate, sessions beside it and after it have none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assets.monitoring.denied import find_denied, withdraw
from assets.monitoring.judged import judge_session
from assets.monitoring.pending import champions
from assets.monitoring.truths import add_truths
from assets.tables.catalog import Catalog
from assets.tables.rows import ChampionRow, EstimateRow
from assets.tables.schemas import content_id
from bench.synthetic_home import plain_row
from tests.assets.monitoring.champion_home import (
    CLASSES,
    add_answers,
    add_champion,
    add_frames,
    store,
)


def estimate(session: str, at_ns: int, **of: Any) -> EstimateRow:
    """One of 0.9, whose labels, where there are any, are of 100 answers."""
    row = {"value": 0.9, "error": 0.02, "truth": None, "value_of_labelled": None}
    row |= {"session": session, "estimated_ns": at_ns, "num_labelled": 100, **of}
    return plain_row("estimates", row)


SOUND = estimate("monday", 1, truth=0.9, value_of_labelled=0.9)
DENIED = estimate("tuesday", 2, truth=0.6, value_of_labelled=0.9)


def test_the_first_estimate_that_labels_deny_is_found():
    later = estimate("friday", 9, truth=0.5, value_of_labelled=0.9)
    assert find_denied([SOUND, later, DENIED]) == DENIED
    assert find_denied([SOUND, estimate("sunday", 3, truth=0.6)]) is None


def test_withdrawn_are_those_made_since_of_which_no_label_tells():
    before, beside, after = (estimate(str(n), n) for n in (1, 2, 3))
    gone = withdraw([SOUND, before, beside, DENIED, after])
    assert [row["session"] for row in gone] == ["2", "3"]
    assert {(row["value"], row["error"]) for row in gone} == {(None, None)}
    told = "0.60 of 100 answers are right, 0.90 were expected"
    assert all(told in row["reason"] for row in gone)
    assert not any("tuesday" in row["reason"] for row in gone)
    assert withdraw([SOUND, before]) == []


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> tuple[Catalog, ChampionRow]:
    """A champion of which Monday and Tuesday have estimates; nothing is labelled, and Wednesday was not judged."""
    catalog = Catalog(str(tmp_path_factory.mktemp("denied") / "tables"))
    rng = np.random.default_rng(0)
    add_champion(catalog, rng)
    for session in ("monday", "tuesday", "wednesday"):
        add_answers(catalog, rng, add_frames(catalog, rng, session, 2), "monitoring")
    (champion,) = champions(catalog)
    for session in ("monday", "tuesday"):
        assert judge_session(catalog, champion, session).estimate["value"] > 0.9
    return catalog, champion


def label_at_random(catalog: Catalog, session: str) -> None:
    """So that half of the answers are wrong."""
    rng = np.random.default_rng(1)
    columns = ["frame_id", "capture_id", "session"]
    frames = catalog.read_latest("frames", columns, f"session = '{session}'")
    rows = [
        {
            **frame,
            "label_id": content_id("label", frame["frame_id"]),
            "task": "recognition",
            "class_name": CLASSES[rng.integers(2)],
        }
        for frame in frames.to_pylist()
    ]
    store(catalog, "labels", rows)
    catalog.publish("labels", session, catalog.latest_version("labels"))


def read_values(catalog: Catalog) -> dict[str, float | None]:
    rows = catalog.read_latest("estimates", ["session", "value"]).to_pylist()
    return {row["session"]: row["value"] for row in rows}


def test_labels_that_deny_an_estimate_end_those_of_the_champion(world):
    catalog, champion = world
    before = read_values(catalog)
    label_at_random(catalog, "monday")
    assert add_truths(catalog) == 2 and add_truths(catalog) == 0
    # what was said of Monday stands beside its truth; of Tuesday nothing is said any more
    assert read_values(catalog) == {**before, "tuesday": None}
    found = judge_session(catalog, champion, "wednesday").estimate
    assert found["value"] is None and "labels of another session" in found["reason"]


def test_a_session_that_is_judged_again_does_not_speak_against_itself(world):
    catalog, champion = world
    again = judge_session(catalog, champion, "monday").estimate
    assert again["value"] > 0.9 and again["truth"] < 0.7
