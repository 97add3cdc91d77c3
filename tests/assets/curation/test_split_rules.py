"""Sides of frames: what was recorded together or looks alike stays together, and nothing moves later."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.assets.curation.split_frames import Assignment, Frame, assign


def image(
    number: int,
    cluster: str | None = None,
    hint: str | None = None,
    labelled_for: str = "",
) -> Frame:
    datasets = frozenset(labelled_for.split())
    return Frame(
        f"f{number:03d}",
        "folder",
        "monday",
        cluster or f"c{number:03d}",
        False,
        hint,
        datasets,
    )


def recorded(
    recording: str, number: int, cluster: str | None = None, labelled_for: str = ""
) -> Frame:
    cluster = cluster or f"c-{recording}-{number:03d}"
    datasets = frozenset(labelled_for.split())
    return Frame(
        f"{recording}-{number:03d}", recording, "monday", cluster, True, None, datasets
    )


def sides(assignments: list[Assignment]) -> dict[str, str]:
    return {a.frame.frame_id: a.split for a in assignments}


def count(assignments: list[Assignment]) -> dict[str, int]:
    return dict(Counter(a.split for a in assignments))


def check_claims(assignments: list[Assignment]) -> None:
    """No recording, group or cluster on two sides; in train one frame a cluster, or labelled ones alone."""
    found: dict[object, set[str]] = defaultdict(set)
    for a in assignments:
        found["group", a.group_id].add(a.split)
        found["cluster", a.frame.cluster_id].add(a.split)
        if a.frame.is_recording:
            found["recording", a.frame.capture_id].add(a.split)
    assert all(len(s) == 1 for s in found.values()), found
    in_train = Counter(a.frame.cluster_id for a in assignments if a.split == "train")
    bare = {
        a.frame.cluster_id
        for a in assignments
        if a.split == "train" and not a.frame.datasets
    }
    assert all(in_train[cluster] == 1 for cluster in bare)


def test_loose_images_are_shared_out_70_15_15():
    assert count(assign([image(n) for n in range(100)])) == {
        "train": 70,
        "val": 15,
        "test": 15,
    }


def test_recordings_move_as_a_whole():
    found = assign([recorded(r, n) for r in "abcdefghij" for n in range(10)])
    check_claims(found)
    assert set(count(found)) == {"train", "val", "test"} and {
        a.rule for a in found
    } == {"recording"}


@pytest.mark.parametrize("num_frames", [(1, 1, 1), (98, 1, 1), (5, 5, 90)])
def test_three_recordings_fill_three_sides(num_frames):
    frames = [
        recorded(r, n)
        for r, size in zip("abc", num_frames, strict=True)
        for n in range(size)
    ]
    assert set(count(assign(frames))) == {"train", "val", "test"}


def test_one_unit_is_train():
    assert count(assign([recorded("a", n) for n in range(5)])) == {"train": 5}


def test_recordings_of_alike_scenes_move_together():
    frames = [recorded(r, n) for r in "abcdef" for n in range(4)] + [
        recorded("a", 9, "same"),
        recorded("b", 9, "same"),
    ]
    found = assign(frames)
    check_claims(found)
    side = sides(found)
    assert side["a-000"] == side["b-000"]


def test_the_producer_is_followed():
    frames = [image(n, hint=("train", "val", "test")[n % 3]) for n in range(30)]
    found = assign(frames)
    assert (
        all(a.split == a.frame.split_hint and a.rule == "producer" for a in found)
        and len(found) == 30
    )


def test_validation_is_cut_from_the_producers_training_part():
    frames = [image(n, hint="train") for n in range(85)] + [
        image(100 + n, hint="test") for n in range(20)
    ]
    found = assign(frames)
    assert count(found) == {"train": 70, "val": 15, "test": 20}  # 85 * 0.7 / 0.85 = 70
    assert all(a.frame.split_hint == "train" for a in found if a.split == "val")


def test_a_producer_with_training_data_only_gets_both_other_sides_cut():
    assert count(assign([image(n, hint="train") for n in range(100)])) == {
        "train": 70,
        "val": 15,
        "test": 15,
    }


def of_session(session: str, start: int, parts: dict[str, int]) -> list[Frame]:
    """Loose pictures that all differ, numbered from `start`, by part of their producer."""
    hints = [hint for hint, number in parts.items() for _ in range(number)]
    return [
        replace(image(start + n, hint=hint), session=session, capture_id=session)
        for n, hint in enumerate(hints)
    ]


@pytest.mark.parametrize("lacks", ["val", "test"])
def test_a_session_gets_the_part_that_it_lacks_though_another_one_has_it(lacks):
    """Of two producers in one data set each has train, val and test, whichever came first."""
    whole = of_session("street", 0, {"train": 40, "val": 10, "test": 10})
    has = "test" if lacks == "val" else "val"
    half = of_session("animals", 100, {"train": 85, has: 20})
    alone = sides(assign(half))
    found = assign([*whole, *half])
    by_session = Counter((a.frame.session, a.split) for a in found)
    assert [by_session["animals", s] for s in ("train", lacks, has)] == [70, 15, 20]
    assert [by_session["street", s] for s in ("train", "val", "test")] == [40, 10, 10]
    assert {f: s for f, s in sides(found).items() if f in alone} == alone
    assert sides(assign([*whole, *half], alone)) == sides(found)


def test_a_session_of_training_data_alone_stays_whole_beside_one_with_all_parts():
    whole = of_session("street", 0, {"train": 40, "val": 10, "test": 10})
    more = of_session("more", 100, {"train": 30})
    assert count(assign([*whole, *more])) == {"train": 70, "val": 10, "test": 10}


def test_copies_that_two_sessions_train_on_are_cut_to_one_side():
    """Landed twice, each time with train and test: no copy of what one of them trains on is validated on."""
    once = of_session("animals", 0, {"train": 85, "test": 20})
    again = [
        replace(f, frame_id=f"again-{f.frame_id}", session="again", capture_id="again")
        for f in once
    ]
    found = assign([*once, *again])
    check_claims(found)
    clusters = defaultdict(set)
    for a in found:
        clusters[a.split].add(a.frame.cluster_id)
    assert [len(clusters[s]) for s in ("train", "val", "test")] == [70, 15, 20]


def test_validation_is_not_cut_from_images_that_are_in_test_too():
    frames = [image(n, f"c{n}", "test") for n in range(20)] + [
        image(100 + n, f"c{n}", "train") for n in range(20)
    ]
    frames += [image(200, hint="train"), image(201, hint="train")]
    assert count(assign(frames)) == {"test": 20, "train": 1, "val": 1}


def test_a_near_duplicate_across_sides_stays_on_the_stricter_one():
    frames = [
        image(1, "same", "train"),
        image(2, "same", "val"),
        image(3, "same", "test"),
        image(4, hint="train"),
        image(5, hint="val"),
    ]
    assert sides(assign(frames)) == {
        "f003": "test",
        "f004": "train",
        "f005": "val",
    }


def test_near_duplicates_inside_train_go_and_inside_test_stay():
    frames = [image(n, "same", "train") for n in range(3)] + [
        image(10 + n, "alike", "test") for n in range(3)
    ]
    frames += [image(20, hint="val")]
    assert count(assign(frames)) == {"train": 1, "test": 3, "val": 1}


def test_a_free_image_like_one_of_the_producers_test_part_goes():
    found = assign(
        [
            image(1, "same", "test"),
            image(2, "same"),
            image(3, hint="train"),
            image(4, hint="val"),
        ]
    )
    assert "f002" not in sides(found)
    check_claims(found)


def test_two_groups_that_a_new_frame_joins_stay_where_they_were():
    before = {"a-000": "train", "b-000": "test"}
    frames = [
        recorded("a", 0),
        recorded("a", 1, "new"),
        recorded("b", 0),
        recorded("b", 1, "new"),
        recorded("c", 0, "new"),
    ]
    found = assign(frames, before)
    check_claims(found)
    assert sides(found) == {
        "a-000": "train",
        "b-000": "test",
        "b-001": "test",
        "c-000": "test",
    }


def test_a_cluster_with_a_new_leader_keeps_its_side():
    old = [image(n) for n in range(10, 30)]
    before = sides(assign(old))
    moved = next(f for f in old if before[f.frame_id] == "test")
    renamed = [
        Frame(f.frame_id, f.capture_id, f.session, "c000", False, None)
        if f == moved
        else f
        for f in old
    ]
    after = sides(assign([image(0, "c000"), *renamed], before))
    assert after[moved.frame_id] == after["f000"] == "test"


def test_bare_copies_never_decide_about_labelled_images():
    labelled = [image(n, f"c{n}", labelled_for="detection") for n in range(60)]
    bare = [image(100 + n, f"c{n}") for n in range(60)]
    found = assign(bare + labelled)
    check_claims(found)
    assert {f.frame_id for f in labelled} <= sides(found).keys() and count(found) == {
        "train": 42,
        "val": 9,
        "test": 9,
    }


def test_images_that_are_labelled_later_take_the_sides_of_their_bare_copies():
    bare = [image(100 + n, f"c{n}") for n in range(60)]
    before = sides(assign(bare))
    labelled = [image(n, f"c{n}", labelled_for="detection") for n in range(60)]
    found = assign(bare + labelled, before)
    check_claims(found)
    after = sides(found)
    assert all(after[f"f{n:03d}"] == before[f"f{100 + n:03d}"] for n in range(60))
    assert all(before[f] == side for f, side in after.items() if f in before)


def test_a_bare_recording_does_not_bind_the_labelled_images_that_were_taken_from_it():
    recording = [recorded("a", n, f"c{n}") for n in range(60)]
    labelled = [image(n, f"c{n}", labelled_for="detection") for n in range(60)]
    before = sides(assign(recording))
    for had in ({}, before):
        found = assign(recording + labelled, had)
        check_claims(found)
        assert len([f for f in labelled if f.frame_id in sides(found)]) == 60
        assert count([a for a in found if a.frame.datasets]) == {
            "train": 42,
            "val": 9,
            "test": 9,
        }


def test_a_bare_test_part_of_a_producer_does_not_take_the_labelled_images_along():
    bare = [image(100 + n, f"c{n}", hint="test") for n in range(20)]
    labelled = [image(n, f"c{n}", labelled_for="detection") for n in range(20)]
    found = assign(bare + labelled)
    check_claims(found)
    assert count([a for a in found if a.frame.datasets]) == {
        "train": 14,
        "val": 3,
        "test": 3,
    }
    assert all(a.split == "test" for a in found if not a.frame.datasets)


@pytest.mark.parametrize("is_labelled", [True, False])
def test_a_copy_of_an_image_of_the_producers_training_part_is_not_dealt_out_elsewhere(
    is_labelled,
):
    train = [
        image(n, f"c{n}", "train", "detection" if is_labelled else "")
        for n in range(40)
    ]
    rest = [image(50, hint="val"), image(51, hint="test")]
    copies = [image(100 + n, f"c{n}") for n in range(40)]
    found = assign(train + rest + copies)
    check_claims(found)
    assert count(found) == {"train": 40, "val": 1, "test": 1}
    assert not is_labelled or {f.frame_id for f in train} <= sides(found).keys()


def test_labelled_near_duplicates_in_train_all_stay_for_their_tasks():
    frames = [
        image(1, "same", "train", "recognition"),
        image(2, "same", "train", "detection"),
        image(3, "same", "train"),
    ]
    found = sides(assign([*frames, image(4, hint="val"), image(5, hint="test")]))
    assert found == {"f001": "train", "f002": "train", "f004": "val", "f005": "test"}


def test_an_image_with_labels_for_another_task_joins_its_near_duplicate_on_the_stricter_side():
    frames = [
        image(1, "same", "test", "recognition"),
        image(2, "same", "train", "detection"),
        image(3, "same", "train", "recognition"),
        image(4, "same", None, "segmentation"),
        image(5, hint="train"),
        image(6, hint="val"),
    ]
    found = assign(frames)
    check_claims(found)
    assert sides(found) == {
        "f001": "test",
        "f002": "test",
        "f004": "test",
        "f005": "train",
        "f006": "val",
    }


def test_what_was_trained_on_does_not_become_a_test_image_for_its_labels():
    frames = [
        image(1, "same", "test", "recognition"),
        image(2, "same", None, "detection"),
        image(3, hint="val"),
    ]
    assert "f002" not in sides(assign(frames, {"f002": "train"}))
    assert sides(assign(frames, {"f002": "test"}))["f002"] == "test"


def test_a_frame_of_a_recording_does_not_leave_it_for_its_labels():
    frames = [
        image(1, "same", "test", "recognition"),
        image(2, hint="train"),
        image(3, hint="val"),
        recorded("a", 0, "same", "detection"),
        recorded("a", 1),
    ]
    found = assign(frames)
    check_claims(found)
    assert "a-000" not in sides(found)


frames_of = st.lists(
    st.tuples(
        st.sampled_from(["folder", "r1", "r2", "r3", "r4"]),
        st.integers(0, 25),
        st.sampled_from([None, None, "train", "val", "test"]),
        st.sampled_from(["", "", "detection", "recognition", "recognition detection"]),
    ),
    max_size=60,
)


def build(drawn: list[tuple[str, int, str | None, str]], start: int = 0) -> list[Frame]:
    return [
        Frame(
            f"f{start + n:03d}",
            capture,
            "monday",
            f"c{cluster:03d}",
            capture != "folder",
            hint if capture == "folder" else None,
            frozenset(datasets.split()),
        )
        for n, (capture, cluster, hint, datasets) in enumerate(drawn)
    ]


@given(frames_of)
def test_the_claims_hold_for_any_frames(drawn):
    found = assign(build(drawn))
    check_claims(found)
    for a in found:
        if a.frame.split_hint in ("val", "test") and a.rule == "producer":
            assert a.split == a.frame.split_hint


@given(frames_of)
def test_no_task_loses_the_loose_images_of_a_cluster_to_another_task_or_to_bare_copies(
    drawn,
):
    frames = build(drawn)
    kept = {a.frame.frame_id for a in assign(frames)}
    has: dict[str, set[str]] = defaultdict(set)
    for frame in frames:
        if frame.frame_id in kept:
            has[frame.cluster_id] |= frame.datasets
    assert all(f.datasets <= has[f.cluster_id] for f in frames if not f.is_recording)


@given(frames_of)
def test_the_order_of_frames_does_not_matter(drawn):
    frames = build(drawn)
    assert sides(assign(frames)) == sides(assign(frames[::-1]))


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60))
def test_no_side_is_empty_where_there_are_three_units(recordings):
    found = assign([recorded(r, n) for n, r in enumerate(recordings)])
    assert len(set(count(found))) == min(3, len(set(recordings)))
    assert len(found) == len(recordings)


@given(frames_of, frames_of)
def test_nothing_changes_sides_when_data_arrives(drawn, added):
    """A frame keeps its side, or goes as a near-duplicate of a stricter side. What the producer says comes first."""
    old = build(drawn)
    before = sides(assign(old))
    found = assign(old + build(added, start=len(old)), before)
    check_claims(found)
    hinted = {f.frame_id for f in old if f.split_hint}
    after = sides(found)
    assert {f: s for f, s in after.items() if f in before and f not in hinted} == {
        f: s for f, s in before.items() if f in after and f not in hinted
    }


def test_a_labelled_frame_that_joins_a_recording_of_bare_ones_takes_its_side():
    """Seven loose pictures in one cluster, two in another, one alone, and a recording of one bare frame: it trains."""
    old = build(
        [("folder", 0, None, "")] * 7
        + [("folder", 2, None, "")] * 2
        + [("folder", 3, None, ""), ("r2", 1, None, "")]
    )
    before = sides(assign(old))
    after = sides(
        assign(old + build([("r2", 1, None, "detection")], start=len(old)), before)
    )
    assert before["f010"] == "train" and after["f011"] == "train"
    assert after.get("f010", "train") == "train"


@given(frames_of)
def test_nothing_changes_sides_when_labels_arrive(drawn):
    bare = [replace(frame, datasets=frozenset()) for frame in build(drawn)]
    before = sides(assign(bare))
    found = assign(build(drawn), before)
    check_claims(found)
    loose = {f.frame_id for f in bare if not f.split_hint}
    assert all(
        before.get(f, side) == side for f, side in sides(found).items() if f in loose
    )
