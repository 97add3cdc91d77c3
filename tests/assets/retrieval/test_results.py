"""Every model with its scores, best first."""

from __future__ import annotations

import pytest

from assets.retrieval.results import read_results
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table


@pytest.fixture
def trained(catalog: Catalog) -> Catalog:
    """Two detectors, of which the worse is champion, one that was not scored, and a recogniser."""
    for name, task, map50 in (
        ("a", "detection", 0.5),
        ("b", "detection", 0.9),
        ("c", "detection", None),
        ("d", "recognition", None),
    ):
        add_model(catalog, name, task)
        if map50 is not None:
            add_score(catalog, name, "map50", map50, release="1")
    add_score(catalog, "d", "accuracy", None, release="1")
    # an older champion sat the test of another release
    add_score(catalog, "a", "map50", 0.99, release="2")
    champion = {
        "task": "detection",
        "model_name": "daguerre-detection",
        "model_version": 1,
        "model_sha256": "a" * 64,
        "release_id": "1" * 32,
    }
    catalog.upsert("champions", to_table(TABLES["champions"], [champion]))
    return catalog


def add_model(catalog: Catalog, name: str, task: str) -> None:
    row = {
        "model_sha256": name * 64,
        "task": task,
        "recipe": f"tiny_{task}",
        "release_id": "1" * 32,
        "code_version": "1",
        "seed": 0,
        "run_id": "run",
        "folder": f"models/{name}",
    }
    catalog.merge("models", to_table(TABLES["models"], [row]))


def add_score(
    catalog: Catalog, name: str, metric: str, value: float | None, release: str
) -> None:
    rows = [
        {
            "score_id": content_id("score", name, metric, release, by),
            "model_sha256": name * 64,
            "release_id": release * 32,
            "split": "test",
            "slice_by": by,
            "slice_value": by,
            "metric": metric,
            "value": value if by == "all" else 0.1,
            "num_samples": 3,
        }
        for by in ("all", "sensor")
    ]
    catalog.upsert("scores", to_table(TABLES["scores"], rows))


def test_models_are_listed_by_task_and_score_of_their_own_release(trained):
    rows = read_results(trained)
    assert [(r["task"], r["model_sha256"][0]) for r in rows] == [
        ("detection", "b"),
        ("detection", "a"),
        ("detection", "c"),
        ("recognition", "d"),
    ]
    assert [r["scores"] for r in rows] == [
        {"map50": 0.9},
        {"map50": 0.5},
        {},
        {"accuracy": None},
    ]
    assert [r["is_champion"] for r in rows] == [False, True, False, False]


def test_one_task_alone(trained):
    assert [r["model_sha256"][0] for r in read_results(trained, "recognition")] == ["d"]
    with pytest.raises(
        ValueError,
        match="there is no task 'cats': choose one of recognition, detection, segmentation",
    ):
        read_results(trained, "cats")


def test_a_home_without_models_has_no_results(catalog):
    assert read_results(catalog) == []
