"""A model's whole way through the registry, on real tables and a real MLflow store."""

import pytest

from assets.inference.package import Refusal
from assets.registry.promotion import submit
from assets.registry.release import GateRules
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table

RULES = GateRules("accuracy", floor=0.7, max_drop=0.02, min_test_samples=10)
CHECKS = {"splits_share_no_session": True}


@pytest.fixture
def catalog(tmp_path, release):
    catalog = Catalog(str(tmp_path / "tables"))
    catalog.merge("releases", to_table(TABLES["releases"], [release]))
    return catalog


@pytest.fixture
def train(catalog, make_folder, row_of, release):
    def act(name, weight, accuracy):
        folder = make_folder(name, weight)
        row = row_of(folder)
        catalog.merge("models", to_table(TABLES["models"], [row]))
        for slice_by, value, figure, n in (
            ("all", "all", accuracy, 40),
            ("sensor", "left", 0.5, 20),
        ):
            catalog.merge(
                "scores",
                to_table(
                    TABLES["scores"],
                    [
                        {
                            "score_id": content_id(name, slice_by),
                            "model_sha256": row["model_sha256"],
                            "release_id": release["release_id"],
                            "split": "test",
                            "slice_by": slice_by,
                            "slice_value": value,
                            "metric": "accuracy",
                            "value": figure,
                            "num_samples": n,
                        }
                    ],
                ),
            )
        return folder

    return act


def test_first_good_model_becomes_champion_with_its_row_and_card(
    catalog, tracker, train, release
):
    outcome = submit(
        catalog, tracker, train("a", 1.0, 0.8), CHECKS, "run", {"curve": b"png"}, RULES
    )
    champion = tracker.champion("recognition")
    assert outcome.champion_row == {
        "task": "recognition",
        "model_name": "daguerre-recognition",
        "model_version": 1,
        "model_sha256": champion.model_sha256,
        "release_id": release["release_id"],
    }
    assert to_table(TABLES["champions"], [outcome.champion_row]).num_rows == 1
    facts = (
        "version 1",
        release["content_sha256"],
        champion.model_sha256,
        "Lite0 (Apache-2.0), sha256 ffff",
        "| accuracy | 0.8000 |",
        "sensor = left | 20 | accuracy 0.5000",
        "Promoted to champion",
        "ball, box",
    )
    for fact in facts:
        assert fact in outcome.card
    assert catalog.read_latest("releases").num_rows == 1


def test_worse_model_stays_challenger(catalog, tracker, train):
    submit(catalog, tracker, train("a", 1.0, 0.8), CHECKS, "run", rules=RULES)
    outcome = submit(
        catalog, tracker, train("b", 2.0, 0.77), CHECKS, "run", rules=RULES
    )
    assert outcome.champion_row is None and "Not promoted" in outcome.card
    assert (
        tracker.champion("recognition").version,
        tracker.challenger("recognition").version,
    ) == (1, 2)


def test_better_model_takes_over(catalog, tracker, train):
    submit(catalog, tracker, train("a", 1.0, 0.8), CHECKS, "run", rules=RULES)
    assert (
        submit(
            catalog, tracker, train("b", 2.0, 0.9), CHECKS, "run", rules=RULES
        ).champion_row["model_version"]
        == 2
    )


def test_submitting_the_champion_again_changes_nothing(catalog, tracker, train):
    folder = train("a", 1.0, 0.8)
    first = submit(catalog, tracker, folder, CHECKS, "run", rules=RULES)
    again = submit(catalog, tracker, folder, CHECKS, "run-2", rules=RULES)
    assert again.champion_row == first.champion_row and not again.run.is_new
    assert len(tracker.versions("recognition")) == 1


def test_failed_check_keeps_a_good_model_from_the_title(catalog, tracker, train):
    outcome = submit(
        catalog,
        tracker,
        train("a", 1.0, 0.99),
        {"loss_fell": False},
        "run",
        rules=RULES,
    )
    assert outcome.champion_row is None and "loss_fell" in outcome.decision.reasons[0]


def test_model_without_scores_is_not_promoted(catalog, tracker, make_folder, row_of):
    folder = make_folder()
    catalog.merge("models", to_table(TABLES["models"], [row_of(folder)]))
    outcome = submit(catalog, tracker, folder, CHECKS, "run", rules=RULES)
    assert outcome.champion_row is None
    assert any("not measured" in reason for reason in outcome.decision.reasons)


def test_model_that_the_tables_do_not_know_is_refused_before_it_is_stored(
    catalog, tracker, make_folder
):
    with pytest.raises(Refusal, match="no lineage"):
        submit(catalog, tracker, make_folder(), CHECKS, "run", rules=RULES)
    assert tracker.versions("recognition") == []
