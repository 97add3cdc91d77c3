"""A model's whole way through the registry, on real tables and a real MLflow store."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import dagster as dg
import pytest

from assets.inference.package import Refusal, read_package
from assets.registry.promotion import submit
from assets.registry.tracker import CHAMPION, Tracker
from assets.registry.verdict import GateRules
from assets.tables.catalog import Catalog
from assets.tables.champions import (
    crown,
    list_promotions,
    list_unfollowed,
    read_champion,
)
from assets.tables.run_pointers import point_in_run
from assets.tables.schemas import TABLES, content_id, to_table
from assets.workspace import Workspace

RULES = GateRules("accuracy", floor=0.7, max_drop=0.02, min_test_samples=10)
CHECKS = {"splits_share_no_session": True}


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
        "spent": 0.0,
        "promotion_id": list_promotions(catalog, "recognition")[0]["promotion_id"],
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
        "from recordings and pictures not trained on",
    )
    for fact in facts:
        assert fact in outcome.card
    assert catalog.read_latest("releases").num_rows == 1
    assert tracker.challenger("recognition") is None, "it waits for nothing any more"


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


def store_frames(catalog, release, folder, num_right):
    """An exam of 40 frames in 10 recordings, of which the first `num_right` are called what they are."""
    model_sha256 = read_package(folder).model_sha256
    rows = [
        {
            "frame_score_id": content_id(model_sha256, n),
            "model_sha256": model_sha256,
            "release_id": release["release_id"],
            "task": "recognition",
            "split": "test",
            "frame_id": content_id(n),
            "capture_id": content_id(n % 10),
            "session": "s1",
            "sensor": "left",
            "group_id": f"recording {n % 10}",
            "value": float(n < num_right),
            "true_class": "ball",
            "found_class": "ball" if n < num_right else "box",
            "confidence": 0.9,
            "log_loss": 0.1,
        }
        for n in range(40)
    ]
    catalog.merge("frame_scores", to_table(TABLES["frame_scores"], rows))


def test_the_verdict_with_its_interval_is_attached_to_the_version(
    catalog, tracker, train, release
):
    folders = train("a", 1.0, 0.8), train("b", 2.0, 0.9)
    for folder, num_right in zip(folders, (32, 36), strict=True):
        store_frames(catalog, release, folder, num_right)
        outcome = act_as(folder, catalog, tracker)
    assert outcome.champion_row
    told = tracker.version("recognition", 2).tags["gate_difference"]
    # the four frames that were won lie in four recordings of ten
    assert told.startswith("accuracy +0.1000 [+0.0")
    verdict = tracker.decision("recognition", 2)
    assert verdict["comparison"]["difference"]["num_units"] == 10
    assert verdict["comparison"]["changed_sides"]["won"] == 4
    assert [cost["size_bytes"] > 0 for cost in verdict["costs"]] == [True, True]
    spoken = f"difference {told.removeprefix('accuracy ')} over 10 recordings"
    assert any(spoken in reason for reason in outcome.decision.reasons)


def test_three_champions_each_a_little_worse_are_measured_by_the_first(
    catalog, tracker, train
):
    """From 0.90 the tolerance of 0.02 reaches down to 0.88, however many steps are taken."""
    spent = []
    for weight, accuracy in ((1.0, 0.90), (2.0, 0.89), (3.0, 0.885)):
        folder = train(f"model-{weight}", weight, accuracy)
        outcome = act_as(folder, catalog, tracker)
        spent.append(outcome.champion_row["spent"])
    assert spent == pytest.approx([0.0, 0.01, 0.015])
    # asked again, it has spent no more
    again = act_as(folder, catalog, tracker)
    assert again.champion_row["spent"] == pytest.approx(0.015)
    slid = act_as(train("d", 4.0, 0.87), catalog, tracker)
    assert slid.champion_row is None, "0.885 - 0.02 = 0.865 is no bound"
    assert "itself 0.0150 below the best of its line" in slid.decision.reasons[0]
    best = act_as(train("e", 5.0, 0.95), catalog, tracker)
    assert best.champion_row["spent"] == 0.0


def test_a_first_champion_on_a_thin_test_waits_until_that_is_accepted(
    catalog, tracker, train, release
):
    weak = release | {
        "weaknesses": ["all 40 frames of the test part are of one recording"]
    }
    catalog.upsert("releases", to_table(TABLES["releases"], [weak]))
    folder = train("a", 1.0, 0.8)
    refused = act_as(folder, catalog, tracker)
    assert refused.champion_row is None and "one recording" in refused.card
    rules = replace(RULES, accepts_thin_test=True)
    accepted = submit(catalog, tracker, folder, CHECKS, "run", rules=rules)
    assert accepted.champion_row and "What it cannot tell" in accepted.card
    follower = act_as(train("b", 2.0, 0.9), catalog, tracker)
    assert follower.champion_row, "there is a champion to compare with"


def test_a_first_champion_that_never_finds_a_class_waits_until_that_is_accepted(
    catalog, tracker, train, release
):
    folder = train("a", 1.0, 0.8)
    (model,) = catalog.read_latest("models", ["model_sha256"])["model_sha256"]
    figure = {
        "score_id": content_id("a", "class"),
        "model_sha256": model.as_py(),
        "release_id": release["release_id"],
        "split": "test",
        "slice_by": "class",
        "slice_value": "box",
        "metric": "recall",
        "value": 0.0,
        "num_samples": 3,
    }
    catalog.merge("scores", to_table(TABLES["scores"], [figure]))
    refused = act_as(folder, catalog, tracker)
    told = "never found, of what the test part shows, class box"
    assert refused.champion_row is None and f"Warning: {told}." in refused.card
    assert any(told in reason for reason in refused.decision.reasons)
    rules = replace(RULES, accepts_thin_test=True)
    assert submit(catalog, tracker, folder, CHECKS, "run", rules=rules).champion_row


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


def act_as(folder, catalog, tracker):
    return submit(catalog, tracker, folder, CHECKS, "run", rules=RULES)


def test_of_two_that_are_promoted_at_once_the_better_one_ends_as_champion(
    catalog, tracker, train, monkeypatch
):
    act_as(train("first", 1.0, 0.75), catalog, tracker)
    folders = train("good", 2.0, 0.80), train("best", 3.0, 0.95)
    both = Barrier(2, timeout=60)
    upsert = Catalog.upsert_where
    first_calls = [None, None]

    def crown_at_once(self, name, *args):
        """Both have their verdict against the first champion before either takes the title."""
        if first_calls:
            first_calls.pop()
            both.wait()
        return upsert(self, name, *args)

    monkeypatch.setattr(Catalog, "upsert_where", crown_at_once)
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda f: act_as(f, catalog, tracker), folders))
    best = outcomes[1].run.model_version
    assert outcomes[1].champion_row is not None
    assert read_champion(catalog, "recognition")["model_version"] == best
    assert tracker.champion("recognition").version == best


def test_a_challenger_that_was_judged_against_another_champion_is_judged_again(
    catalog, tracker, train, monkeypatch
):
    act_as(train("first", 1.0, 0.75), catalog, tracker)
    rival = train("best", 3.0, 0.95)
    upsert = Catalog.upsert_where
    late = [rival]

    def be_late(self, name, *args):
        """Between this challenger's verdict and its title another one takes the title."""
        if late:
            act_as(late.pop(), catalog, tracker)
        return upsert(self, name, *args)

    folder = train("good", 2.0, 0.80)
    monkeypatch.setattr(Catalog, "upsert_where", be_late)
    outcome = act_as(folder, catalog, tracker)
    assert outcome.champion_row is None
    assert "champion 0.9500" in outcome.decision.reasons[0]
    best = read_champion(catalog, "recognition")["model_sha256"]
    assert best == tracker.champion("recognition").model_sha256
    assert "Not promoted" in outcome.card


def test_a_promotion_that_was_cut_short_is_told_and_mended_by_the_next(
    catalog, tracker, train, monkeypatch
):
    act_as(train("first", 1.0, 0.80), catalog, tracker)
    assert list_unfollowed(catalog) == []
    monkeypatch.setattr(Tracker, "set_alias", cut_short)
    with pytest.raises(KeyboardInterrupt):
        act_as(train("second", 2.0, 0.90), catalog, tracker)
    assert read_champion(catalog, "recognition")["model_version"] == 2
    assert tracker.champion("recognition").version == 1
    assert list_unfollowed(catalog) == ["recognition"]
    monkeypatch.undo()
    act_as(train("third", 3.0, 0.70), catalog, tracker)
    assert tracker.champion("recognition").version == 2
    assert list_unfollowed(catalog) == []


def cut_short(*_: object) -> None:
    raise KeyboardInterrupt


def test_of_two_trainings_at_once_each_registers_its_own_model(
    catalog, tracker, train, tmp_path
):
    from assets.registry.defs import defs

    made = {}
    for name, weight in (("one", 1.0), ("two", 2.0)):
        run_id = str(uuid.uuid4())
        made[run_id] = read_package(train(name, weight, 0.8)).model_sha256
        point_in_run(catalog, "model/recognition", made[run_id], run_id)
    resources = {
        "catalog": catalog,
        "tracker": tracker,
        "workspace": Workspace(tmp_path),
    }
    (asset,) = (
        a for a in defs.assets if a.key.path == ["registry", "recognition_release"]
    )
    job = dg.Definitions(
        [asset], resources=resources
    ).resolve_implicit_global_asset_job_def()
    for run_id, model_sha256 in made.items():
        (event,) = job.execute_in_process(
            run_id=run_id
        ).get_asset_materialization_events()
        version = event.materialization.metadata["version"].value
        assert tracker.version("recognition", version).model_sha256 == model_sha256


def test_a_champion_of_mlflow_alone_is_none(catalog, tracker, train):
    outcome = act_as(train("low", 1.0, 0.5), catalog, tracker)
    tracker.set_alias("recognition", CHAMPION, outcome.run.model_version)
    act_as(train("lower", 2.0, 0.4), catalog, tracker)
    assert tracker.champion("recognition") is None


def test_the_title_goes_to_one_of_those_who_saw_the_same_champion(catalog):
    rows = [
        {
            "task": "recognition",
            "model_name": "daguerre-recognition",
            "model_version": n,
            "model_sha256": f"{n}" * 64,
            "release_id": "r",
            "spent": None,
            "promotion_id": None,
        }
        for n in range(1, 5)
    ]
    with ThreadPoolExecutor(4) as pool:
        crowned = list(pool.map(lambda row: crown(catalog, row, None), rows))
    (first,) = filter(None, crowned)
    assert read_champion(catalog, "recognition") == first
    (record,) = catalog.read_latest("promotions").to_pylist()
    assert record["promotion_id"] == first["promotion_id"]
