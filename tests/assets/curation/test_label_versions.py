"""Releases take the versions of labels that count, say which they took, and rest on no model."""

from __future__ import annotations

import pytest

from assets.annotation.labels import Answer, Author, Marked, record_answers
from assets.curation.annotations import read_datasets
from assets.curation.pictures import INTERPOLATED
from assets.curation.release import draft_release, write_release
from assets.kinds import KINDS
from assets.tables.catalog import is_in
from assets.tables.releases import open_release
from assets.tables.schemas import TABLES, content_id, to_table
from checks.gates import gate_session
from checks.release import released_versions_are_of_no_model

ANNA = Author("person", "Anna")
DETECTION = next(1 << n for n, kind in enumerate(KINDS) if kind.name == "detection")


def store(catalog, name: str, rows) -> None:
    rows = to_table(TABLES[name], rows)
    catalog.publish(name, "monday", catalog.merge(name, rows).version)


@pytest.fixture
def dataset(catalog, frame_rows):
    """Six published frames with a split each, and an imported box of class a on the first five."""
    rows = frame_rows(6)
    ids = rows["frame_id"].to_pylist()
    catalog.publish("frames", "monday", catalog.merge("frames", rows).version)
    sides = ["train"] * 4 + ["val", "test"]
    of = {"capture_id": content_id("capture", "monday"), "session": "monday"}
    store(
        catalog,
        "splits",
        [
            {**of, "frame_id": f, "group_id": f, "split": side, "rule": "cluster"}
            for f, side in zip(ids, sides, strict=True)
        ],
    )
    store(
        catalog,
        "labels",
        [
            {
                **of,
                "label_id": content_id(f),
                "frame_id": f,
                "task": "detection",
                "class_name": "a",
                "origin": "imported",
                "source_path": "l.json",
                "source_offset": 0,
                **dict(x_min=2, y_min=3, x_max=8, y_max=9),
            }
            for f in ids[:5]
        ],
    )
    return ids


def say(catalog, frame_id, *marked, author=ANNA, **more):
    answer = Answer(frame_id, "detection", marked, **more)
    (version,) = record_answers(catalog, [answer], author).versions
    gate_session(catalog, "label_versions", None)
    return version


def read_boxes(catalog, release_id):
    frames = open_release(catalog, release_id).frames.to_pylist()
    return {row["frame_id"]: row["boxes_xyxy"] for row in frames}


def test_what_a_person_says_takes_the_place_of_a_label_file_and_is_named(
    catalog, dataset
):
    corrected = say(catalog, dataset[0], Marked("b", (1, 1, 9, 9)))
    answered = say(catalog, dataset[5], Marked("a", (4, 4, 9, 9)))
    release_id = write_release(catalog, draft_release(catalog, "detection"))
    boxes = read_boxes(catalog, release_id)
    assert [boxes[f] for f in dataset] == [
        [1, 1, 9, 9],
        *([[2, 3, 8, 9]] * 4),
        [4, 4, 9, 9],
    ]
    taken = catalog.read_latest("release_labels").to_pylist()
    assert {(r["release_id"], r["frame_id"], r["version_id"]) for r in taken} == {
        (release_id, dataset[0], corrected["version_id"]),
        (release_id, dataset[5], answered["version_id"]),
    }


def test_interpolated_labels_are_for_learning_alone(catalog, dataset):
    """No model is judged, and no score chosen, by what nobody saw."""
    box = Marked("a", (2, 3, 8, 9))
    ends = [say(catalog, frame_id, box)["version_id"] for frame_id in dataset[:2]]
    made = say(
        catalog,
        dataset[5],
        box,
        author=Author("interpolation", "line"),
        rests_on=tuple(ends),
    )
    draft = draft_release(catalog, "detection")
    assert draft.frames["frame_id"].to_pylist() == sorted(dataset[:5])
    assert draft.excluded[INTERPOLATED] == 1 and "only train takes" in draft.summary
    (row,) = catalog.read("splits", where=is_in("frame_id", dataset[5:])).to_pylist()
    rows = to_table(TABLES["splits"], [{**row, "split": "train"}])
    catalog.publish("splits", None, catalog.upsert("splits", rows).version)
    draft = draft_release(catalog, "detection")
    assert made["version_id"] in draft.labels["version_id"].to_pylist()


def test_a_version_counts_once_its_gate_has_passed(catalog, dataset):
    first = draft_release(catalog, "detection").row["release_id"]
    answer = Answer(dataset[0], "detection", (Marked("b", (1, 1, 9, 9)),))
    record_answers(catalog, [answer], ANNA)
    assert draft_release(catalog, "detection").row["release_id"] == first
    gate_session(catalog, "label_versions", None)
    assert draft_release(catalog, "detection").row["release_id"] != first


def test_a_model_changes_no_release_and_labels_no_frame(catalog, dataset):
    first = draft_release(catalog, "detection").row["release_id"]
    said = read_datasets(catalog).sort_by("frame_id")
    for frame_id in dataset:
        net = Author("model", "f" * 64)
        say(catalog, frame_id, Marked("b", (1, 1, 9, 9)), author=net)
    assert draft_release(catalog, "detection").row["release_id"] == first
    assert read_datasets(catalog).sort_by("frame_id").equals(said)


def test_a_person_who_sees_nothing_makes_a_negative_and_one_who_rejects_keeps_it_out(
    catalog, dataset
):
    say(catalog, dataset[0])
    say(catalog, dataset[1], num_missing=1, act="reject")
    draft = draft_release(catalog, "detection")
    boxes = {r["frame_id"]: r["boxes_xyxy"] for r in draft.frames.to_pylist()}
    assert boxes[dataset[0]] == [] and dataset[1] not in boxes
    assert draft.excluded["frame with an object that has no label"] == 1


def test_people_who_contradict_each_other_keep_a_frame_out(catalog, dataset):
    say(catalog, dataset[0], Marked("a", (2, 3, 8, 9)))
    assert draft_release(catalog, "detection").row["num_frames"] == 5
    ben = Author("person", "Ben")
    say(catalog, dataset[0], Marked("b", (2, 3, 8, 9)), author=ben)
    draft = draft_release(catalog, "detection")
    assert dataset[0] not in draft.frames["frame_id"].to_pylist()


def test_frames_that_people_label_are_labelled_frames_for_clusters(catalog, dataset):
    def find_labelled():
        rows = read_datasets(catalog).to_pylist()
        return {r["frame_id"] for r in rows if r["datasets"] & DETECTION}

    assert find_labelled() == set(dataset[:5])
    say(catalog, dataset[5], Marked("a", (4, 4, 9, 9)))
    say(catalog, dataset[1], num_missing=1, act="reject")
    assert find_labelled() == set(dataset) - {dataset[1]}


def test_a_simulator_speaks_before_the_recording_and_after_label_files(
    catalog, dataset
):
    truth = Author("simulator", "tabletop")
    mine = say(catalog, dataset[0], Marked("b", (1, 1, 9, 9)), author=truth)
    assert read_boxes_of(catalog)[dataset[0]] == [1, 1, 9, 9]
    label = catalog.read_latest("labels").to_pylist()[0]
    by_file = {
        **label,
        "label_id": content_id("file"),
        "capture_id": content_id("label file"),
        "frame_id": dataset[0],
        "x_max": 7.0,
    }
    store(catalog, "labels", [by_file])
    assert read_boxes_of(catalog)[dataset[0]] == [2, 3, 7, 9]
    assert mine["author_kind"] == "simulator"


def read_boxes_of(catalog):
    draft = draft_release(catalog, "detection")
    return {r["frame_id"]: r["boxes_xyxy"] for r in draft.frames.to_pylist()}


def test_a_release_on_a_models_version_is_refused():
    of = {"row_id": "r", "release_id": "r", "frame_id": "f", "session": "monday"}
    rows = [{**of, "row_id": v, "version_id": v} for v in ("person", "model", "gone")]
    labels = to_table(TABLES["release_labels"], rows)
    kinds = {"version_id": ["person", "model"], "author_kind": ["person", "model"]}
    import pyarrow as pa

    verdict = released_versions_are_of_no_model(labels, pa.table(kinds))
    assert not verdict.passed and verdict.is_blocking
    assert verdict.figures["num_offending"] == 2
