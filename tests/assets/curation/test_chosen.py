"""Chosen data: what a choice takes, that a release is known by it, and what is said of a test part that is thin."""

from __future__ import annotations

import dagster as dg
import pyarrow as pa
import pytest

from assets.choice import EVERYTHING, Choice, read_choice
from assets.curation.defs import DatasetConfig
from assets.curation.defs import defs as curation
from assets.curation.release import draft_release, write_release
from assets.curation.weaknesses import find_weaknesses
from assets.tables.catalog import Catalog
from assets.tables.champions import crown
from assets.tables.releases import hash_content, open_release
from assets.tables.schemas import TABLES, content_id, to_table
from assets.workspace import Workspace
from checks.release import release_matches_its_hash

BOX = (2.0, 3.0, 8.0, 9.0)
OTHER_BOX = (9.0, 1.0, 15.0, 5.0)
SIDES = ["train"] * 4 + ["val", "test"]
BLOOD = Choice(("blood",))


@pytest.fixture(scope="module")
def world(tmp_path_factory, frame_rows) -> tuple[Catalog, dict[str, list[str]]]:
    """Two sessions of six pictures, in one home; not to be changed.

    blood, a folder of pictures: one red cell each, but the fourth has a white one alone, and the last has both.
    street-1, a recording: a car each, in the first a truck too.
    """
    catalog = Catalog(str(tmp_path_factory.mktemp("chosen") / "tables"))
    ids: dict[str, list[str]] = {}
    for session, seed, start_ns in (("blood", 0, None), ("street-1", 100, 5)):
        rows = frame_rows(6, seed, session)
        ids[session] = rows["frame_id"].to_pylist()
        store(catalog, "frames", session, rows.to_pylist())
        store(catalog, "captures", session, [capture(session, start_ns)])
    sides = [
        side(frame_id, session, part)
        for session, found in ids.items()
        for frame_id, part in zip(found, SIDES, strict=True)
    ]
    store(catalog, "splits", None, sides)
    red = [(i, "red", BOX) for n, i in enumerate(ids["blood"]) if n != 3]
    white = [(ids["blood"][n], "white", OTHER_BOX) for n in (3, 5)]
    cars = [(i, "car", BOX) for i in ids["street-1"]]
    truck = [(ids["street-1"][0], "truck", OTHER_BOX)]
    store(catalog, "labels", "blood", labels("blood", [*red, *white]))
    store(catalog, "labels", "street-1", labels("street-1", [*cars, *truck]))
    return catalog, ids


@pytest.fixture
def catalog(world) -> Catalog:
    return world[0]


@pytest.fixture
def ids(world) -> dict[str, list[str]]:
    return world[1]


def store(catalog: Catalog, name: str, session: str | None, rows: list[dict]) -> None:
    written = catalog.merge(name, to_table(TABLES[name], rows))
    catalog.publish(name, session, written.version)


def capture(session: str, start_ns: int | None) -> dict[str, object]:
    counts = {f"num_{what}": 0 for what in ("frames", "signals", "labels", "problems")}
    return {
        "capture_id": content_id("capture", session),
        "session": session,
        "path": f"{session}.bag",
        "source_uri": "/x",
        "reader": "any",
        "size_bytes": 1,
        "code_version": "1",
        "start_ns": start_ns,
        **counts,
    }


def side(frame_id: str, session: str, part: str) -> dict[str, object]:
    return {
        "frame_id": frame_id,
        "capture_id": content_id("capture", session),
        "session": session,
        "group_id": frame_id,
        "split": part,
        "rule": "cluster",
    }


def labels(session: str, said: list[tuple]) -> list[dict]:
    return [
        {
            "label_id": content_id(session, frame_id, name),
            "frame_id": frame_id,
            "capture_id": content_id("capture", session),
            "session": session,
            "task": "detection",
            "class_name": name,
            "origin": "imported",
            "source_path": "l.json",
            "source_offset": 0,
            **dict(zip(("x_min", "y_min", "x_max", "y_max"), box, strict=True)),
        }
        for frame_id, name, box in said
    ]


def draft(catalog: Catalog, **choice):
    return draft_release(catalog, "detection", Choice(**choice))


def frames_of(made) -> set[str]:
    return {row["frame_id"] for row in made.frames.to_pylist()}


# ---- what a choice takes ---------------------------------------------------------------------------------------------


def test_without_a_choice_all_published_data_make_one_release_with_the_id_of_before(
    catalog,
):
    made = draft(catalog)
    assert made.row["class_names"] == ["car", "red", "truck", "white"]
    assert (made.row["num_frames"], made.row["choice"]) == (12, None)
    content = hash_content("detection", made.row["class_names"], made.frames)
    assert made.row["content_sha256"] == content


@pytest.mark.parametrize("pattern", ["blood", "bl*", "[ab]lood"])
def test_sessions_are_chosen_by_name_or_pattern(catalog, ids, pattern):
    made = draft(catalog, sessions=(pattern,))
    assert made.row["class_names"] == ["red", "white"]
    assert (made.row["sessions"], frames_of(made)) == (["blood"], set(ids["blood"]))


def test_objects_of_other_classes_go_and_their_pictures_stay_where_somebody_looked(
    catalog, ids
):
    made = draft(catalog, classes=("red",))
    assert made.row["class_names"] == ["red"] and frames_of(made) == set(ids["blood"])
    # the white cell alone is a picture without a red one; nobody looked for cells in the street
    assert (made.num_empty, made.row["num_labels"]) == (1, 5)
    assert made.excluded == {
        "label of a class that was not chosen": 2 + 7,
        "frame without a chosen class": 6,
    }


def test_a_condition_chooses_frames(catalog, ids):
    made = draft(catalog, where="sequence % 2 = 1 AND session = 'blood'")
    assert frames_of(made) == {ids["blood"][n] for n in (1, 3, 5)}


def test_a_condition_may_ask_other_tables(catalog, ids):
    cars = "frame_id IN (SELECT frame_id FROM labels WHERE class_name = 'truck')"
    assert frames_of(draft(catalog, where=cars)) == {ids["street-1"][0]}


def test_all_three_hold_together(catalog, ids):
    made = draft(
        catalog, sessions=("*",), where="session <> 'street-1'", classes=("white",)
    )
    assert made.row["class_names"] == ["white"] and frames_of(made) == set(ids["blood"])
    assert (made.row["num_labels"], made.num_empty) == (2, 4)


# ---- what cannot be chosen -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (
            {"sessions": ("bloot",)},
            r"no published session .* is called bloot: there are blood, street-1",
        ),
        (
            {"classes": ("read",)},
            "no detection label is of class read: the classes are car, red, truck, white",
        ),
        (
            {"sessions": ("street-1",), "classes": ("red",)},
            "no detection label is of class red: the classes are car, truck",
        ),
        ({"where": "sequence > 1000"}, "holds for none of 12 published colour frames"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(catalog, choice, message):
    with pytest.raises(ValueError, match=message):
        draft(catalog, **choice)


def test_a_session_of_labels_alone_names_where_its_frames_are(tmp_path, frame_rows):
    catalog = Catalog(str(tmp_path / "tables"))
    rows = frame_rows(2, 0, "street")
    store(catalog, "frames", "street", rows.to_pylist())
    said = labels("came-back", [(rows["frame_id"][0].as_py(), "car", BOX)])
    store(catalog, "labels", "came-back", said)
    with pytest.raises(
        ValueError, match="the labels of came-back are of frames of street: choose"
    ):
        draft(catalog, sessions=("came-back",))


@pytest.mark.parametrize(
    "where",
    [
        "sesion = 'blood'",
        "session =",
        "session",  # no condition
        "true, true",
        "true; DELETE FROM frames",
        "true) UNION SELECT frame_id FROM frames --",
        "length((SELECT content FROM read_text('/etc/hostname'))) > 0",
        "count(*) > 1",
    ],
)
def test_a_wrong_condition_is_refused_with_the_columns(catalog, where):
    with pytest.raises(
        ValueError, match=r"is no condition on frames: .*; the columns are frame_id, "
    ):
        draft(catalog, where=where)


def test_pretraining_learns_no_class_to_choose_by(catalog):
    with pytest.raises(ValueError, match="pretraining learns no class"):
        draft_release(catalog, "pretraining", Choice(classes=("red",)))


# ---- a release is known by its choice --------------------------------------------------------------------------------


def test_the_order_of_names_makes_no_other_choice():
    one = Choice(("b", "a", "a"), " t_ns > 0 ", ("y", "x"))
    assert one == Choice(("a", "b"), "t_ns > 0", ("x", "y"))
    assert read_choice(one.text) == one and read_choice(None) == EVERYTHING
    assert one.summary == "sessions a, b; where t_ns > 0; classes x, y"


def test_equal_frames_by_another_choice_are_another_release(catalog):
    by_name = draft(catalog, sessions=("blood",))
    by_condition = draft(catalog, where="session = 'blood'")
    assert frames_of(by_name) == frames_of(by_condition)
    assert by_name.row["release_id"] != by_condition.row["release_id"]
    assert draft(catalog, sessions=("blood",)).row == by_name.row


def test_a_choice_that_was_changed_is_found(catalog):
    made = draft(catalog, sessions=("blood",))
    release_id = write_release(catalog, made)
    assert open_release(catalog, release_id).task == "detection"
    changed = to_table(
        TABLES["releases"], [made.row | {"choice": Choice(("b*",)).text}]
    )
    frames = made.frames
    whole = to_table(TABLES["releases"], [made.row])
    assert release_matches_its_hash(whole, frames).passed
    assert not release_matches_its_hash(changed, frames).passed


def test_where_nothing_is_chosen_the_data_are_those_of_the_champion(world, tmp_path):
    catalog = Catalog(str(tmp_path / "tables"))
    choose = DatasetConfig().choose
    assert choose(catalog, "detection") == EVERYTHING
    release = draft(world[0], sessions=("blood",)).row
    catalog.merge("releases", to_table(TABLES["releases"], [release]))
    champion = {
        "task": "detection",
        "model_name": "daguerre-detection",
        "model_version": 1,
        "model_sha256": "1" * 64,
        "release_id": release["release_id"],
        "spent": None,
    }
    crown(catalog, champion, None)
    assert choose(catalog, "detection") == BLOOD
    assert DatasetConfig(everything=True).choose(catalog, "detection") == EVERYTHING
    other = DatasetConfig(sessions=["street-1"])
    assert other.choose(catalog, "detection") == Choice(("street-1",))
    assert choose(catalog, "recognition") == EVERYTHING
    assert DatasetConfig(task="detection").choose(catalog, "recognition") == BLOOD
    with pytest.raises(ValueError, match="everything, and sessions a"):
        DatasetConfig(everything=True, sessions=["a"]).choose(catalog, "detection")


# ---- thin tests ------------------------------------------------------------------------------------------------------


def test_a_test_part_that_shows_every_class_of_single_pictures_has_no_weakness(catalog):
    assert draft(catalog, sessions=("blood",)).row["weaknesses"] == []


def test_a_test_part_that_lacks_a_class_and_is_one_recording_has_two(catalog):
    assert draft(catalog, sessions=("street-1",)).row["weaknesses"] == [
        "the test part shows no object of 1 of 2 classes: truck",
        "all 1 frames of the test part are of one recording: street-1.bag of street-1",
    ]


def test_a_part_without_a_frame_is_told(catalog):
    made = draft(catalog, where="session = 'blood' AND sequence < 4")
    assert [text.split(":")[0] for text in made.row["weaknesses"]] == [
        "the val part has no frame",
        "the test part has no frame",
    ]


def test_what_helps_where_a_part_has_no_frame(catalog, ids):
    """The test part of cars is left out by the choice; of everything, all that there is lies on one side."""
    made = draft(catalog, where="session = 'street-1' AND sequence < 105")
    assert made.row["weaknesses"] == [
        "the test part has no frame: sides do not change with the choice, and frames of blood, street-1 lie there, "
        "which it leaves out: choose some of them too"
    ]
    frames = pa.table(
        {
            "frame_id": ids["street-1"][:4],
            "session": ["street-1"] * 4,
            "split": SIDES[:4],
        }
    )
    told = find_weaknesses(catalog, "detection", ["car"], frames)
    assert [text.split(":")[0] for text in told] == [
        "the val part has no frame",
        "the test part has no frame",
    ]
    assert told[0].endswith(
        "go to one side as a whole, and here are 4 units: take in another recording or other pictures, or put the "
        "pictures into folders train, val and test"
    )


def test_a_recording_beside_single_pictures_is_not_alone(catalog):
    assert draft(catalog).row["weaknesses"] == [
        "the test part shows no object of 1 of 4 classes: truck"
    ]


@pytest.mark.filterwarnings("default")  # third parties warn inside Dagster runs
def test_classes_parts_and_weaknesses_are_told_before_a_training_and_stand_at_the_asset(
    catalog, caplog, tmp_path
):
    (dataset,) = (
        a for a in curation.assets if a.key.path == ["curation", "detection_dataset"]
    )
    ops = {dataset.op.name: {"config": {"sessions": ["street-*"]}}}
    with caplog.at_level("INFO", "daguerre.curation"):
        made = dg.materialize(
            [dataset],
            resources={"catalog": catalog, "workspace": Workspace(tmp_path)},
            run_config={"ops": ops},
        )
    told = [r.getMessage() for r in caplog.records if r.name == "daguerre.curation"]
    assert (
        "chosen: sessions street-*; frames: train 4, val 1, test 1" in told
        and "car                 4    1     1                4    1     1" in told
        and "truck               1    0     0                1    0     0" in told
    )
    warned = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert "the test part shows no object of 1 of 2 classes: truck" in warned
    (event,) = made.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert metadata["chosen"].value == "sessions street-*"
    assert "truck" in metadata["WARNING"].value
    assert "one recording" in metadata["WARNING"].value
    assert [metadata[part].value for part in ("train", "val", "test")] == [4, 1, 1]


def test_classes_that_are_one_in_two_spellings_are_told(catalog, ids):
    frames = pa.table(
        {"frame_id": ids["street-1"][:1], "session": ["street-1"], "split": ["train"]}
    )
    told = find_weaknesses(catalog, "detection", ["car", "bus", "Car"], frames)
    assert [text for text in told if text.startswith("Car and car are different")]
    told = find_weaknesses(catalog, "detection", ["car", "bus"], frames)
    assert not any("different classes" in text for text in told)
