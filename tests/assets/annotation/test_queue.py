"""What a queue asks: the right frames first, each once, with its reason, within the budget; else a refusal."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from assets.annotation.defs import label_queue
from assets.annotation.labels import Answer, Author, Marked, Order, record_answers
from assets.annotation.queue.build import Question, draft_queue, write_queue
from assets.annotation.queue.ranking import SHARES
from assets.annotation.queue.stored import (
    SKIPPED,
    change_state,
    close_answered,
    read_queue,
)
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES
from checks.gates import gate_session
from models.masks import encode_mask
from tests.assets.annotation.queue_home import BOX, CHAMPION, RIVAL, QueueHome

DETECTION, RECOGNITION = "detection", "recognition"
MONDAY = [f"m{k}" for k in range(10)]
TUESDAY = [f"t{k}" for k in range(20)]
SEEN = [(BOX, "cup", 0.95)]


@pytest.fixture(scope="module")
def made(tmp_path_factory, frame_rows) -> QueueHome:
    """With labels on monday's frames, and clusters of one frame each."""
    home = QueueHome(
        Catalog(str(tmp_path_factory.mktemp("queue") / "tables")), frame_rows
    )
    home.cluster()
    home.label(DETECTION, dict.fromkeys(MONDAY, "cup"))
    return home


@pytest.fixture
def home(made: QueueHome, tmp_path: Path) -> QueueHome:
    """A copy of it."""
    return made.copy_to(tmp_path / "tables")


def ask(home: QueueHome, strategy: str, budget: int = 5, task: str = DETECTION, **more):
    return draft_queue(home.catalog, Question(task, strategy, budget, **more))


def list_names(home: QueueHome, rows: pa.Table) -> list[str]:
    return [home.name(frame_id) for frame_id in rows["frame_id"].to_pylist()]


def list_failed(catalog: Catalog) -> dict[str, bool]:
    """Claims on the queue that do not hold, and whether they block."""
    verdicts = gate_session(catalog, "label_queue", None)
    return {v.name: v.is_blocking for v in verdicts if not v.passed}


# ---- strategies ------------------------------------------------------------------------------------------------------


def test_uncertain_frames_come_first_with_their_number(home):
    home.crown(DETECTION)
    home.answer(
        DETECTION,
        {n: SEEN for n in TUESDAY}
        | {"t7": [(BOX, "cup", 0.5)], "t2": [(BOX, "cup", 0.6)], "t3": []},
    )
    draft = ask(home, "uncertainty", 3)
    assert list_names(home, draft.rows)[:2] == ["t7", "t2"]
    assert draft.rows["values"].to_pylist()[:2] == [[1.0], [pytest.approx(0.8)]]
    assert draft.rows["told"][0].as_py() == "the champion is unsure: 1.00 of 1"
    assert "t3" not in list_names(
        home, ask(home, "uncertainty", 20).rows
    )  # it is sure that nothing is there


def test_the_lead_of_the_first_class_tells_how_sure_recognition_is(home):
    home.crown(RECOGNITION)
    sure, torn = (
        [((), "cup", 0.9), ((), "pot", 0.1)],
        [((), "pot", 0.5), ((), "cup", 0.4)],
    )
    home.answer(RECOGNITION, {n: sure for n in TUESDAY} | {"t11": torn})
    draft = ask(home, "uncertainty", 2, RECOGNITION)
    assert list_names(home, draft.rows)[0] == "t11"
    assert draft.rows["values"].to_pylist() == [
        [pytest.approx(0.9)],
        [pytest.approx(0.2)],
    ]


def test_what_neighbours_in_time_deny_is_asked(home):
    """t5 lacks the cup that t4 and t6 have; t12 has a pot that neither neighbour has."""
    home.crown(DETECTION)
    lone = [*SEEN, ((10.0, 2.0, 15.0, 8.0), "pot", 0.6)]
    home.answer(DETECTION, {n: SEEN for n in TUESDAY} | {"t5": [], "t12": lone})
    draft = ask(home, "disagreement", 2)
    assert list_names(home, draft.rows) == ["t5", "t12"]
    assert draft.rows["values"].to_pylist() == [[0.95], [0.6]]
    assert (
        draft.rows["told"][0]
        .as_py()
        .startswith("neighbours in time deny the champion: 0.95")
    )


def test_what_another_model_denies_is_asked(home):
    home.crown(DETECTION)
    home.answer(DETECTION, dict.fromkeys(TUESDAY, SEEN))
    home.answer(
        DETECTION, dict.fromkeys(TUESDAY, SEEN) | {"t9": [(BOX, "pot", 0.7)]}, RIVAL
    )
    draft = ask(home, "disagreement", 1)
    assert list_names(home, draft.rows) == ["t9"]
    assert (
        draft.rows["told"][0].as_py() == "model bbbbbbbb denies the champion: 0.95 of 1"
    )


def test_maps_are_compared_by_pixels(home):
    """Of 12 rows the champion calls six cup in t4 and t6, and three in t5: a quarter of its pixels is denied."""
    import numpy as np

    def draw(rows: int) -> list[str]:
        mask = np.arange(12)[:, None] < np.full(16, rows)
        return [encode_mask(mask), encode_mask(~mask)]

    home.crown("segmentation")
    names = ["t4", "t5", "t6"]
    maps = {"t4": draw(6), "t5": draw(3), "t6": draw(6)}
    said = {n: [((), "cup", 0.9), ((), "ground", 0.8)] for n in names}
    home.answer("segmentation", said, mask_rles=maps)
    draft = ask(home, "disagreement", 5, "segmentation")
    assert (list_names(home, draft.rows), draft.rows["values"].to_pylist()) == (
        ["t5"],
        [[0.25]],
    )
    least_sure = ask(home, "uncertainty", 5, "segmentation").rows["values"].to_pylist()
    assert least_sure == [[pytest.approx(0.2)]] * 3


def test_frames_far_from_what_is_labelled_are_asked(home):
    home.embed({"t4": 1.5, "t8": 0.7})
    draft = ask(home, "coverage", 2)
    assert list_names(home, draft.rows) == ["t4", "t8"]
    assert draft.rows["values"][0].as_py() == [
        pytest.approx(1 - 0.0707, abs=2e-3)
    ]  # cos 1.5 rad


def test_frames_of_a_drifted_camera_are_asked_spread_over_time(home):
    home.crown(DETECTION)
    home.drift("tuesday", DETECTION, 6.5)
    draft = ask(home, "drift", 4)
    assert list_names(home, draft.rows) == ["t0", "t16", "t8", "t4"]
    assert (
        draft.rows["told"][0].as_py()
        == "its camera drifted: brightness by 6.5 standard deviations"
    )
    assert draft.rows["values"].to_pylist() == [[6.5]] * 4


def test_a_label_that_a_model_denies_is_looked_at_again(home):
    """The rival calls m4's cup a pot, and says what everybody does of the others."""
    home.crown(DETECTION)
    home.answer(
        DETECTION, dict.fromkeys(MONDAY, SEEN) | {"m4": [(BOX, "pot", 0.95)]}, RIVAL
    )
    draft = ask(home, "label_errors")
    assert list_names(home, draft.rows) == ["m4"]
    (row,) = draft.rows.to_pylist()
    assert row["told"].startswith("wrong class: cup, pot by model bbbbbbbb, 0.9")
    found = home.catalog.read_latest("labels", ["label_id", "frame_id"]).to_pylist()
    assert row["label_ids"] == [
        r["label_id"] for r in found if r["frame_id"] == home.ids["m4"]
    ]


def test_a_model_is_not_asked_about_what_it_learnt_from(home):
    home.crown(DETECTION, learnt=MONDAY)
    home.answer(DETECTION, {name: [(BOX, "pot", 0.95)] for name in MONDAY})
    with pytest.raises(ValueError, match="no label looks wrong"):
        ask(home, "label_errors")


def test_neighbours_are_asked_where_no_model_is(home):
    home.label(
        RECOGNITION,
        dict.fromkeys([*MONDAY, *TUESDAY], "cup")
        | {"t6": "pot"}
        | dict.fromkeys(MONDAY, "pot"),
    )
    home.embed({f"m{k}": 1.5 for k in range(10)})
    draft = ask(home, "label_errors", 1, RECOGNITION)
    assert list_names(home, draft.rows) == ["t6"]
    assert (
        draft.rows["told"][0].as_py().startswith("wrong class: pot, cup by neighbours")
    )


def test_masks_are_judged_by_maps(home):
    """The label of m3 calls the upper third cup where the model sees ground alone; in the others both see it."""
    import numpy as np

    upper = np.arange(12)[:, None] < np.full(16, 4)
    whole = np.ones((12, 16), bool)
    home.label("segmentation", dict.fromkeys(MONDAY, "cup"))
    rows = home.catalog.read_latest("labels", where="task = 'segmentation'")
    masks = pa.array([encode_mask(upper)] * 10)
    home.catalog.upsert(
        "labels",
        rows.set_column(rows.column_names.index("mask_rle"), "mask_rle", masks),
    )
    home.catalog.publish("labels", "monday", home.catalog.latest_version("labels"))
    home.crown("segmentation")
    both = [((), "cup", 0.9), ((), "ground", 0.9)]
    said = dict.fromkeys(MONDAY, both) | {"m3": both[1:]}
    maps = {name: [encode_mask(upper), encode_mask(~upper)] for name in MONDAY} | {
        "m3": [encode_mask(whole)]
    }
    home.answer("segmentation", said, mask_rles=maps)
    draft = ask(home, "label_errors", 3, "segmentation")
    assert list_names(home, draft.rows) == ["m3"]
    assert draft.rows["told"][0].as_py().startswith("extra: cup by model aaaaaaaa")


def test_chance_follows_its_seed(home):
    first, again, other = (
        list_names(home, ask(home, "random", 8, seed=s).rows) for s in (1, 1, 2)
    )
    assert first == again != other
    assert set(first) < set(TUESDAY)


# ---- what every queue keeps to ---------------------------------------------------------------------------------------


def test_a_mixture_shares_the_budget_out_and_says_every_reason(home):
    home.crown(DETECTION)
    home.embed({"t4": 1.5})
    home.drift("tuesday", DETECTION, 3.0)
    doubts = {n: [(BOX, "cup", 0.5 + 0.02 * k)] for k, n in enumerate(TUESDAY)}
    home.answer(DETECTION, doubts | {"t4": []})
    home.answer(
        DETECTION, dict.fromkeys(MONDAY, SEEN) | {"m4": [(BOX, "pot", 0.95)]}, RIVAL
    )
    draft = ask(home, "mixture", 10)
    took = Counter(names[0] for names in draft.rows["reasons"].to_pylist())
    assert took == {
        "uncertainty": 3,
        "coverage": 3,
        "disagreement": 1,
        "drift": 2,
        "label_errors": 1,
    }
    assert sum(SHARES.values()) == pytest.approx(1.0)
    of_t4 = draft.rows.filter(
        pa.compute.equal(draft.rows["frame_id"], home.ids["t4"])
    ).to_pylist()[0]
    assert {"coverage", "disagreement"} <= set(of_t4["reasons"])
    assert len(of_t4["reasons"]) == len(of_t4["values"]) == of_t4["told"].count(";") + 1
    assert not draft.notes


def test_a_strategy_without_frames_leaves_its_share_and_says_why(home):
    home.embed()
    draft = ask(home, "mixture", 4)
    assert {names[0] for names in draft.rows["reasons"].to_pylist()} == {"coverage"}
    assert [note.split(":")[0] for note in draft.notes] == [
        "uncertainty",
        "disagreement",
        "drift",
        "label_errors",
    ]
    assert "`daguerre train detection`" in draft.notes[0]


def test_near_duplicates_are_asked_once_and_not_where_one_is_labelled(home):
    home.cluster(["t0", "t1", "t2"], ["m0", "t3", "t4"])
    names = list_names(home, ask(home, "random", 20).rows)
    assert len(set(names) & {"t0", "t1", "t2"}) == 1
    assert not set(names) & {"t3", "t4"}
    assert len(names) == 16
    write_queue(home.catalog, ask(home, "random", 16))
    assert list_failed(home.catalog) == {}


def test_open_frames_count_for_the_budget_and_are_not_asked_again(home):
    first = ask(home, "random", 6)
    assert write_queue(home.catalog, first) == 6
    assert write_queue(home.catalog, first) == 0  # a queue is what it asks
    again = ask(home, "random", 6)
    assert (len(again), again.num_open) == (0, 6)
    more = ask(home, "random", 8)
    assert len(more) == 2
    assert not set(list_names(home, more.rows)) & set(list_names(home, first.rows))
    write_queue(home.catalog, more)
    assert list_failed(home.catalog) == {}
    assert len(read_queue(home.catalog)) == 8
    assert len(read_queue(home.catalog, first.queue_id[:8])) == 6


def publish_versions(home) -> None:
    version = home.catalog.latest_version("label_versions")
    home.catalog.publish("label_versions", None, version)


def test_what_is_answered_makes_room_and_what_is_skipped_is_not_asked_again(home):
    draft = ask(home, "random", 4)
    write_queue(home.catalog, draft)
    answered, skipped, *left = draft.rows["frame_id"].to_pylist()
    say = Answer(answered, DETECTION, (Marked("cup", BOX),))
    record_answers(home.catalog, [say], Author("model", "m"), Order(draft.queue_id))
    assert close_answered(home.catalog) == 0  # a model's word is no answer
    record_answers(home.catalog, [say], Author("person", "Anna"), Order(draft.queue_id))
    assert close_answered(home.catalog) == 0  # what no gate has let through
    publish_versions(home)
    assert close_answered(home.catalog) == 1
    assert close_answered(home.catalog) == 0
    assert change_state(home.catalog, draft.queue_id, [skipped, answered], SKIPPED) == 1
    assert sorted(read_queue(home.catalog)["frame_id"].to_pylist()) == sorted(left)
    fresh = ask(home, "random", 20)
    assert not {answered, skipped, *left} & set(fresh.rows["frame_id"].to_pylist())


def test_a_suspected_label_is_answered_by_a_version_of_its_queue_alone(home):
    home.crown(DETECTION)
    home.answer(
        DETECTION, dict.fromkeys(MONDAY, SEEN) | {"m4": [(BOX, "pot", 0.95)]}, RIVAL
    )
    draft = ask(home, "label_errors")
    write_queue(home.catalog, draft)
    assert (
        close_answered(home.catalog) == 0
    )  # the label that is suspected stood there before
    right = Answer(home.ids["m4"], DETECTION, (Marked("pot", BOX),), act="correct")
    record_answers(
        home.catalog, [right], Author("person", "Ben"), Order(draft.queue_id)
    )
    publish_versions(home)
    assert close_answered(home.catalog) == 1
    with pytest.raises(ValueError, match="no label looks wrong"):
        ask(home, "label_errors")


def test_the_same_question_gets_the_same_queue_and_another_one_another(home):
    ids = {ask(home, "random", 5).queue_id for _ in range(2)}
    assert len(ids) == 1
    assert ask(home, "random", 5, seed=3).queue_id not in ids


# ---- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "reason"),
    [
        (
            "uncertainty",
            "no champion of detection: `daguerre train detection` makes one",
        ),
        ("disagreement", "no champion of detection"),
        ("drift", "no champion of detection"),
        ("coverage", "no frame without labels has a vector"),
        ("label_errors", "no label looks wrong"),
    ],
)
def test_a_strategy_without_what_it_goes_by_is_refused(home, strategy, reason):
    with pytest.raises(ValueError, match=reason):
        ask(home, strategy)


def test_a_champion_that_was_not_asked_is_named_with_the_remedy(home):
    home.crown(DETECTION)
    with pytest.raises(
        ValueError,
        match=r"has answered none of 20 frames .* `daguerre predict SESSION` asks it",
    ):
        ask(home, "uncertainty")
    with pytest.raises(
        ValueError, match="no frame without labels is of a session that drifted"
    ):
        ask(home, "drift")


def test_a_queue_without_frames_is_refused(home, tmp_path):
    with pytest.raises(
        ValueError, match="no colour frame is published: `daguerre ingest PLACE`"
    ):
        draft_queue(Catalog(str(tmp_path / "empty")), Question(DETECTION))
    home.label(DETECTION, dict.fromkeys([*MONDAY, *TUESDAY], "cup"))
    with pytest.raises(
        ValueError,
        match="no frame is left to ask: of 30 published colour frames 30 are labelled",
    ):
        ask(home, "random")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"task": "keypoints"}, "task 'keypoints': labels are asked for recognition"),
        ({"strategy": "best"}, "strategy 'best': choose one of mixture"),
        ({"budget": 0}, "budget 0: give 1 to 100,000 frames"),
        ({"seed": -1}, "seed -1: give 0 or more"),
    ],
)
def test_a_question_that_is_none_is_refused(wrong, reason):
    with pytest.raises(ValueError, match=reason):
        Question(**{"task": DETECTION} | wrong)


def test_a_guideline_and_a_queue_that_there_are_not_are_refused(home):
    with pytest.raises(ValueError, match="there is no guideline 0000"):
        ask(home, "random", guideline_id="0" * 32)
    with pytest.raises(
        ValueError, match="no queue begins with 'abc': `daguerre queue show`"
    ):
        read_queue(home.catalog, "abc")


# ---- checks and the asset --------------------------------------------------------------------------------------------


def spoil(home: QueueHome, **columns: list) -> None:
    """Write the queue's rows with other values in some columns."""
    rows = home.catalog.read_latest("label_queue").sort_by("rank")
    for name, values in columns.items():
        place = rows.column_names.index(name)
        rows = rows.set_column(
            place,
            rows.schema.field(name),
            pa.array(values, rows.schema.field(name).type),
        )
    home.catalog.upsert("label_queue", rows)


def test_checks_tell_what_a_queue_must_not_be(home):
    draft = ask(home, "random", 3)
    write_queue(home.catalog, draft)
    assert list_failed(home.catalog) == {}
    ids = draft.rows["frame_id"].to_pylist()
    hashes = draft.rows["frame_sha256"].to_pylist()
    spoil(home, frame_sha256=["0" * 64, *hashes[1:]])
    assert list_failed(home.catalog) == {"open_frames_are_stored": False}
    spoil(home, frame_sha256=hashes, budget=[2, 2, 2])
    assert list_failed(home.catalog) == {"queues_keep_their_budget": True}
    spoil(home, budget=[3, 3, 3], rank=[1, 2, 2])
    assert list_failed(home.catalog) == {"queues_keep_their_budget": True}
    home.cluster(ids[:0], [home.name(ids[0]), home.name(ids[1])])
    spoil(home, rank=[1, 2, 3])
    assert list_failed(home.catalog) == {"newest_queue_asks_no_near_duplicates": True}
    home.cluster()
    spoil(
        home,
        frame_id=[ids[0], ids[0], ids[2]],
        frame_sha256=[hashes[0], hashes[0], hashes[2]],
    )
    assert list_failed(home.catalog)["queues_ask_no_frame_twice"]


def test_no_queue_at_all_fails_its_check(home):
    home.catalog.open_or_create("label_queue")
    assert list_failed(home.catalog)["queues_ask_no_frame_twice"]


def test_the_asset_asks_and_shows_the_first_frames(home):
    home.crown(DETECTION)
    home.answer(DETECTION, {name: [(BOX, "cup", 0.5)] for name in TUESDAY})
    config = {
        "ops": {
            "annotation__label_queue": {
                "config": {"budget": 4, "strategy": "uncertainty"}
            }
        }
    }
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize(
            [label_queue],
            instance=instance,
            resources={"catalog": home.catalog},
            run_config=config,
        )
    (made,) = done.asset_materializations_for_node("annotation__label_queue")
    shown = {name: value.value for name, value in made.metadata.items()}
    assert (shown["asked, detection"], shown["dagster/row_count"]) == (4, 4)
    assert shown["first frames, detection"].startswith(
        "![picture](data:image/jpeg;base64,"
    )
    assert len(home.catalog.read_latest("label_queue")) == 4


def test_rows_are_those_of_the_schema_and_name_the_champion(home):
    home.crown(DETECTION)
    draft = ask(home, "random", 2)
    assert draft.rows.schema == TABLES["label_queue"].schema
    assert draft.rows["model_sha256"].to_pylist() == [CHAMPION] * 2
    assert draft.rows["rank"].to_pylist() == [1, 2]
