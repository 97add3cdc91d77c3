"""Labels between two that a person made: nobody's word, and none where the object is not the same."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from assets.annotation.interpolation import (
    INTERPOLATOR,
    plan_interpolation,
    record_interpolation,
)
from assets.annotation.labels import Answer, Author, Marked, record_answers
from assets.annotation.review import confirm, look, write
from assets.label_versions import list_counting, read_counting, read_versions
from assets.tables.schemas import TABLES, content_id, to_table
from checks.gates import gate_session

ANNA, BEN = Author("person", "Anna"), Author("person", "Ben")
SECOND = 1_000_000_000


@pytest.fixture
def recorded(catalog, frame_row):
    """Ids of five published frames of one recording, a quarter of a second apart."""
    rows = [
        {**frame_row(f"frame {n}", 10 * n), "t_ns": n * SECOND // 4, "sequence": n}
        for n in range(1, 6)
    ]
    catalog.merge("frames", to_table(TABLES["frames"], rows))
    catalog.publish("frames", "monday", catalog.latest_version("frames"))
    return [row["frame_id"] for row in rows]


def cup(x, track_id: int | None = 7, name="cup", width=10):
    return Marked(name, (x, 10, x + width, 30), track_id=track_id)


def say(catalog, frame_id, *marked, author=ANNA, **more):
    answer = Answer(frame_id, "detection", tuple(marked), **more)
    record_answers(catalog, [answer], author)
    publish(catalog)


def publish(catalog):
    verdicts = gate_session(catalog, "label_versions", None)
    assert not any(v.stops for v in verdicts), verdicts
    return {v.name: v for v in verdicts}


def interpolate(catalog):
    plan = plan_interpolation(catalog, "monday")
    record_interpolation(catalog, plan)
    return plan, publish(catalog)


def list_boxes(catalog):
    """What counts by interpolation: frame -> boxes."""
    return {
        v["frame_id"]: v["boxes_xyxy"]
        for v in sorted(read_counting(catalog), key=lambda v: v["boxes_xyxy"])
        if v["author_kind"] == "interpolation"
    }


def track(catalog, frames, boxes, name="cup", track_id="path"):
    """A stored track with a box on each frame."""
    rows = [
        {
            "track_box_id": content_id(track_id, frame_id),
            "track_id": content_id(track_id),
            "frame_id": frame_id,
            "capture_id": content_id("capture"),
            "session": "monday",
            "sensor": "cam_left",
            "frame_number": n,
            "model_sha256": "a" * 64,
            "tracker": "offline",
            "uses_looks": False,
            "class_name": name,
            **dict(
                zip(("x_min", "y_min", "x_max", "y_max"), map(float, box), strict=True)
            ),
            "score": 0.9,
            "is_filled": False,
            "prediction_id": content_id("said", frame_id),
            "box_number": 0,
            "input_sha256": "b" * 64,
            "code_version": "1",
        }
        for n, (frame_id, box) in enumerate(zip(frames, boxes, strict=True))
    ]
    catalog.merge("tracks", to_table(TABLES["tracks"], rows))
    catalog.publish("tracks", "monday", catalog.latest_version("tracks"))


def test_between_two_answers_of_a_person_boxes_stand_that_name_what_they_rest_on(
    catalog, recorded
):
    say(catalog, recorded[0], cup(0))
    say(catalog, recorded[4], cup(40))
    plan, verdicts = interpolate(catalog)
    assert (len(plan.answers), plan.num_labels, plan.by_track) == (3, 3, 0)
    assert [boxes[0] for boxes in list_boxes(catalog).values()] == pytest.approx(
        [10, 20, 30]
    )
    (made,) = read_versions(catalog, [recorded[2]])
    assert (made["author_kind"], made["author"]) == ("interpolation", INTERPOLATOR.name)
    ends = read_versions(catalog, [recorded[0], recorded[4]])
    assert sorted(made["rests_on"]) == sorted(v["version_id"] for v in ends)
    assert json.loads(made["attributes"][0]) == [["interpolated", "on a line"]]
    seen = look(catalog, recorded[2], "detection")
    assert [r["origin"] for r in seen.said.labels] == [
        "interpolation"
    ] and seen.said.is_interpolated
    assert verdicts["interpolations_are_up_to_date"].passed
    again, _ = interpolate(catalog)
    assert again.answers == plan.answers and len(read_versions(catalog, recorded)) == 5


def test_a_persons_look_takes_its_place_and_anything_else_that_is_said_is_heard_before_it(
    catalog, recorded
):
    say(catalog, recorded[0], cup(0))
    say(catalog, recorded[4], cup(40))
    interpolate(catalog)
    seen = look(catalog, recorded[2], "detection")
    write(catalog, seen, confirm(seen), BEN)
    say(catalog, recorded[1], cup(3), author=Author("simulator", "tabletop"))
    publish(catalog)
    assert list(list_boxes(catalog)) == [recorded[3]]
    plan, _ = interpolate(catalog)
    assert [a.frame_id for a in plan.answers] == [recorded[3]], (
        "Ben's frame is an end by now"
    )
    assert plan.num_labelled == 1, "of the simulator"


def test_what_a_person_has_looked_at_says_no_more_that_it_is_interpolated(
    catalog, recorded
):
    say(catalog, recorded[0], cup(0))
    say(catalog, recorded[4], cup(40))
    interpolate(catalog)
    seen = look(catalog, recorded[2], "detection")
    confirmed = write(catalog, seen, confirm(seen), BEN)
    assert confirmed["attributes"] == [""]
    # as a labelling tool hands it back, with what somebody added there
    stated = json.dumps([["interpolated", "on a line"], ["colour", "red"]])
    (box,) = look(catalog, recorded[1], "detection").marked
    told = Answer(recorded[1], "detection", (replace(box, attributes=stated),))
    (answered,) = record_answers(catalog, [told], ANNA).versions
    assert json.loads(answered["attributes"][0]) == [["colour", "red"]]
    assert record_answers(catalog, [told], ANNA).known == 1


def test_what_rests_on_an_answer_that_was_corrected_counts_no_more_until_it_is_made_anew(
    catalog, recorded
):
    say(catalog, recorded[0], cup(0))
    say(catalog, recorded[4], cup(40))
    interpolate(catalog)
    say(catalog, recorded[4], cup(20))
    assert not list_boxes(catalog)
    told = publish(catalog)["interpolations_are_up_to_date"]
    assert not told.passed and not told.stops and told.figures["num_offending"] == 3
    assert not look(catalog, recorded[2], "detection").said.labels
    counts = publish(catalog)["versions_are_of_stored_frames"].figures
    assert (counts["num_by_person"], counts.get("num_by_interpolation")) == (2, None)
    interpolate(catalog)
    assert [boxes[0] for boxes in list_boxes(catalog).values()] == pytest.approx(
        [5, 10, 15]
    )


def test_what_nothing_carries_any_more_is_taken_back(catalog, recorded):
    say(catalog, recorded[0], cup(0))
    say(catalog, recorded[4], cup(40))
    interpolate(catalog)
    say(catalog, recorded[2], Marked("mug", (20, 10, 30, 30), track_id=7))
    plan, _ = interpolate(catalog)
    assert not list_boxes(catalog) and len(plan.withdrawn) == 3
    assert "is a cup first and a mug then" in plan.refusals[0].reason
    assert not look(catalog, recorded[1], "detection").said.looked_at


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        (
            (cup(0, None),),
            (cup(40, None),),
            "2 objects are on one of the two frames alone",
        ),
        ((cup(0, 7),), (cup(40, 8),), "2 objects are on one of the two frames alone"),
        (
            (cup(0), cup(30, 8)),
            (cup(40),),
            "1 objects are on one of the two frames alone",
        ),
        ((cup(0, 7), cup(30, 7)), (cup(40),), "3 objects are on one of the two frames"),
        ((cup(0),), (cup(40, name="mug"),), "a cup first and a mug then"),
        ((cup(0),), (cup(30, width=25),), "changes its size by a factor of 2.5"),
        ((cup(0),), (), "nothing is labelled there"),
    ],
)
def test_where_the_object_is_not_the_same_nothing_is_made(
    catalog, recorded, first, last, reason
):
    say(catalog, recorded[0], *first)
    say(catalog, recorded[4], *last)
    plan, _ = interpolate(catalog)
    (refused,) = plan.refusals
    assert reason in refused.reason and refused.num_frames == 3
    assert not plan.answers and not list_boxes(catalog)


def test_where_two_people_answered_or_an_object_lacks_its_label_nothing_rests_on_it(
    catalog, recorded
):
    say(catalog, recorded[0], cup(0))
    say(catalog, recorded[0], cup(1), author=BEN)
    say(catalog, recorded[2], cup(20))
    say(catalog, recorded[4], cup(40), num_missing=1)
    plan, _ = interpolate(catalog)
    assert [r.reason.partition(": ")[2][:30] for r in plan.refusals] == [
        "Anna and Ben both answered it:",
        "it has objects without a label",
    ]


def test_a_stored_track_says_which_boxes_are_one_and_how_they_go(catalog, recorded):
    """Half a second too long for a line is no matter: the track follows it. It rises by 8 px in the middle."""
    say(catalog, recorded[0], cup(0, None))
    say(catalog, recorded[4], cup(40, None))
    high = [10, 6, 2, 6, 10]
    track(
        catalog,
        recorded,
        [(10 * n + 1, y, 10 * n + 11, y + 20) for n, y in enumerate(high)],
    )
    plan, _ = interpolate(catalog)
    assert plan.by_track == 3
    assert list_boxes(catalog)[recorded[2]] == pytest.approx([20, 2, 30, 22])


def test_a_long_gap_is_refused_but_where_a_track_follows_the_object(catalog, frame_row):
    rows = [
        {**frame_row(f"frame {n}", 10 * n), "t_ns": 2 * n * SECOND, "sequence": n}
        for n in range(1, 4)
    ]
    catalog.merge("frames", to_table(TABLES["frames"], rows))
    catalog.publish("frames", "monday", catalog.latest_version("frames"))
    ids = [row["frame_id"] for row in rows]
    say(catalog, ids[0], cup(0))
    say(catalog, ids[2], cup(20))
    plan, _ = interpolate(catalog)
    assert "4.0 s, more than 2 lie between them" in plan.refusals[0].reason
    track(catalog, ids, [(0, 10, 10, 30), (10, 10, 20, 30), (20, 10, 30, 30)])
    plan, _ = interpolate(catalog)
    assert not plan.refusals and plan.by_track == 1


def test_a_long_recording_of_which_one_frame_has_no_time_is_measured_in_frames(
    catalog, frame_row
):
    rows = [
        {**frame_row(f"frame {n}", n), "t_ns": n * SECOND if n != 5 else None}
        | {"sequence": n}
        for n in range(63)
    ]
    catalog.merge("frames", to_table(TABLES["frames"], rows))
    catalog.publish("frames", "monday", catalog.latest_version("frames"))
    say(catalog, rows[0]["frame_id"], cup(0))
    say(catalog, rows[-1]["frame_id"], cup(20))
    plan = plan_interpolation(catalog, "monday")
    assert not plan.answers
    assert "61 frames, more than 60 lie between them" in plan.refusals[0].reason


def test_what_has_lost_an_end_with_its_frame_is_taken_back(catalog, recorded):
    say(catalog, recorded[0], cup(0))
    say(catalog, recorded[4], cup(40))
    interpolate(catalog)
    catalog.delete("frames", f"frame_id = '{recorded[4]}'")
    catalog.publish("frames", "monday", catalog.latest_version("frames"))
    plan, verdicts = interpolate(catalog)
    assert not plan.answers and len(plan.withdrawn) == 3
    assert verdicts["interpolations_are_up_to_date"].passed
    with pytest.raises(ValueError, match="no person has labelled two frames"):
        plan_interpolation(catalog, "monday")


def test_a_session_without_two_labelled_frames_is_told(catalog, recorded):
    say(catalog, recorded[0], cup(0))
    say(catalog, recorded[4], cup(40), author=Author("model", "c" * 64))
    with pytest.raises(
        ValueError, match="no person has labelled two frames of one recording"
    ):
        plan_interpolation(catalog, "monday")
    with pytest.raises(ValueError, match="tuesday has no published colour frame"):
        plan_interpolation(catalog, "tuesday")


def test_what_rests_on_a_model_is_stopped_by_the_gate(catalog, recorded):
    say(catalog, recorded[0], cup(0), author=Author("model", "c" * 64))
    (end,) = read_versions(catalog, [recorded[0]])
    answer = Answer(recorded[1], "detection", (cup(1),), rests_on=(end["version_id"],))
    record_answers(catalog, [answer], INTERPOLATOR)
    verdicts = {v.name: v for v in gate_session(catalog, "label_versions", None)}
    assert verdicts["interpolations_rest_on_persons"].stops
    versions = read_versions(catalog, recorded)
    sha256_of = {v["frame_id"]: v["frame_sha256"] for v in versions}
    stale = frozenset(v["version_id"] for v in versions if v["rests_on"])
    assert not list_counting(versions, sha256_of, stale)
