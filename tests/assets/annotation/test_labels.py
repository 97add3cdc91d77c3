"""Versions of labels: nothing is overwritten, the second of two is told, and whose word counts is decided by rank."""

from __future__ import annotations

import threading

import pytest

from assets.annotation.labels import (
    Answer,
    Author,
    Marked,
    Order,
    Overtaken,
    record_answers,
    record_correction,
)
from assets.label_versions import list_counting, read_counting, read_versions, to_rows
from assets.tables.schemas import content_id
from checks.gates import gate_session

ANNA, BEN = Author("person", "Anna"), Author("person", "Ben")
CUP = Marked("cup", (10, 10, 30, 40))


@pytest.fixture
def frames(stored):
    """Ids of the five frames, published."""
    catalog, rows = stored
    catalog.publish("frames", "monday", catalog.latest_version("frames"))
    return [row["frame_id"] for row in rows]


def say(catalog, frame_id, author=ANNA, marked=(CUP,), **more):
    return record_answers(
        catalog, [Answer(frame_id, "detection", tuple(marked), **more)], author
    )


def list_classes(catalog, frame_id):
    """What counts on a frame, when its gate has passed."""
    verdicts = gate_session(catalog, "label_versions", None)
    assert all(v.passed for v in verdicts), verdicts
    counting = [v for v in read_counting(catalog) if v["frame_id"] == frame_id]
    return [(v["author"], v["class_names"]) for v in counting]


def test_a_correction_takes_the_place_and_the_old_version_is_still_there(
    catalog, frames
):
    (first,) = say(catalog, frames[0]).versions
    mug = Answer(frames[0], "detection", (Marked("mug", (11, 10, 30, 40)),))
    second = record_correction(catalog, mug, BEN, seen=1)
    assert second["replaces"] == [first["version_id"]]
    assert list_classes(catalog, frames[0]) == [("Ben", ["mug"])]
    there = read_versions(catalog, [frames[0]])
    assert [(v["number"], v["author"], v["class_names"]) for v in there] == [
        (1, "Anna", ["cup"]),
        (2, "Ben", ["mug"]),
    ]
    assert there[0] == first


def test_of_two_people_who_correct_at_once_one_is_told(catalog, frames):
    say(catalog, frames[0])
    told = []
    start = threading.Barrier(2)

    def correct(author: Author, name: str) -> None:
        answer = Answer(frames[0], "detection", (Marked(name, (1, 1, 9, 9)),))
        start.wait()
        try:
            record_correction(catalog, answer, author, seen=1)
        except Overtaken as error:
            told.append((author.name, str(error)))

    people = [
        threading.Thread(target=correct, args=args)
        for args in ((ANNA, "mug"), (BEN, "bowl"))
    ]
    for person in people:
        person.start()
    for person in people:
        person.join()
    ((loser, message),) = told
    winner = {"Anna": "Ben", "Ben": "Anna"}[loser]
    assert f"{winner} was first with version 2" in message
    assert [v["author"] for v in read_versions(catalog, [frames[0]])] == [
        "Anna",
        winner,
    ]


def test_two_people_who_answer_are_no_correction_of_each_other(catalog, frames):
    say(catalog, frames[0], ANNA)
    say(catalog, frames[0], BEN, [Marked("mug", (10, 10, 30, 40))])
    assert list_classes(catalog, frames[0]) == [("Anna", ["cup"]), ("Ben", ["mug"])]
    say(catalog, frames[0], ANNA, [])  # she looks again, and sees nothing
    assert list_classes(catalog, frames[0]) == [("Ben", ["mug"]), ("Anna", [])]


def test_an_answer_given_twice_is_one_version(catalog, frames):
    say(catalog, frames[0])
    again = say(catalog, frames[0])
    assert (again.versions, again.known) == ((), 1)
    assert len(read_versions(catalog, frames)) == 1


@pytest.mark.parametrize(
    ("kinds", "counting"),
    [
        (("person", "import"), "person"),
        (("import", "simulator"), "import"),
        (("simulator", "model"), "simulator"),
        (("model",), None),
        (("person", "model"), "person"),
    ],
)
@pytest.mark.parametrize("is_turned", [False, True])
def test_a_person_counts_before_an_import_before_a_simulator_and_a_model_never(
    catalog, frames, kinds, counting, is_turned
):
    for kind in kinds[::-1] if is_turned else kinds:
        say(catalog, frames[0], Author(kind, kind))
    found = list_classes(catalog, frames[0])
    assert found == ([(counting, ["cup"])] if counting else [])


def test_a_model_replaces_no_person(catalog, frames):
    (first,) = say(catalog, frames[0]).versions
    answer = Answer(frames[0], "detection")
    by_model = record_correction(catalog, answer, Author("model", "net"), seen=1)
    assert by_model["replaces"] == []
    assert list_classes(catalog, frames[0]) == [("Anna", ["cup"])]
    assert first["version_id"]


def test_what_a_version_says_comes_back_as_rows_of_labels(catalog, frames):
    marked = Marked("cup", None, None, 7, '[["occluded", "1"]]', content_id("old"))
    answer = Answer(frames[0], "recognition", (marked,), num_missing=2, num_ignored=1)
    queue, guideline = content_id("queue"), content_id("guideline")
    order = Order(queue, guideline)
    (version,) = record_answers(catalog, [answer], ANNA, order, made_ns=5).versions
    (stored,) = read_versions(catalog, [frames[0]])
    assert stored == version
    assert (stored["queue_id"], stored["guideline_id"], stored["made_ns"]) == (
        queue,
        guideline,
        5,
    )
    (label,), looked_at = to_rows(stored)
    assert (label["label_id"], label["class_name"], label["track_id"]) == (
        content_id("old"),
        "cup",
        7,
    )
    assert (label["x_min"], label["mask_rle"], label["attributes"]) == (
        None,
        None,
        '[["occluded", "1"]]',
    )
    assert (looked_at["num_labels"], looked_at["num_missing"]) == (1, 2)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (dict(frame_id="0" * 32), "is not stored: ingest its recording again"),
        (dict(frame_sha256="0" * 64), "has other bytes than were labelled"),
        (dict(marked=(Marked("cup", (5, 5, 5, 9)),)), "has no area"),
        (dict(marked=(Marked("cup", (5, 5, float("nan"), 9)),)), "has no area"),
        (dict(marked=(Marked("cup", (64, 0, 70, 9)),)), "lies outside of 64x48 px"),
        (dict(marked=(Marked("cup", (1, 2, 900, 30)),)), "goes over the edge"),
        (dict(marked=(Marked("cup", (-2, 2, 9, 9)),)), "goes over the edge"),
        (dict(marked=(Marked("cup"),)), "has no box"),
        (dict(marked=(Marked(" ", (0, 0, 9, 9)),)), "has no class"),
        (dict(marked=(Marked("cup", (0, 0, 9, 9), "PZ"),)), "its mask"),
        (dict(task="depth"), "there is no task 'depth'"),
    ],
)
def test_what_fits_no_stored_image_is_refused_and_its_neighbour_taken(
    catalog, frames, answer, reason
):
    wrong = Answer(**{"frame_id": frames[0], "task": "detection", **answer})
    right = Answer(frames[1], "detection", (CUP,))
    done = record_answers(catalog, [wrong, right], ANNA)
    assert [v["frame_id"] for v in done.versions] == [frames[1]]
    assert reason in done.refused[wrong.frame_id]
    with pytest.raises(ValueError, match=reason):
        record_correction(catalog, wrong, ANNA, seen=0)


def test_a_version_of_other_bytes_than_the_frame_has_counts_for_nothing(
    catalog, frames
):
    (version,) = say(catalog, frames[0]).versions
    now = {frames[0]: version["frame_sha256"]}
    assert list_counting([version], now) == [version]
    assert list_counting([version], {frames[0]: "0" * 64}) == []
    assert list_counting([version], {}) == []


def test_an_author_has_a_name_and_a_known_kind():
    with pytest.raises(ValueError, match="a person without a name"):
        Author("person", " ")
    with pytest.raises(ValueError, match="'robot' is no kind of author"):
        Author("robot", "R2")  # type: ignore[arg-type]
