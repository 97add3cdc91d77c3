"""Sides of frames: what was recorded together or looks alike stays together, and nothing moves later."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.curation.split import Assignment, Frame, assign_splits


def image(number: int, cluster: str | None = None, hint: str | None = None) -> Frame:
    return Frame(f"f{number:03d}", "folder", "monday", cluster or f"c{number:03d}", False, hint)


def recorded(recording: str, number: int, cluster: str | None = None) -> Frame:
    return Frame(f"{recording}-{number:03d}", recording, "monday", cluster or f"c-{recording}-{number:03d}", True, None)


def sides(assignments: list[Assignment]) -> dict[str, str]:
    return {a.frame.frame_id: a.split for a in assignments}


def count(assignments: list[Assignment]) -> dict[str, int]:
    return dict(Counter(a.split for a in assignments))


def check_claims(assignments: list[Assignment]) -> None:
    """No recording, group or cluster on two sides; in train one frame a cluster."""
    found: dict[object, set[str]] = defaultdict(set)
    for a in assignments:
        found["group", a.group_id].add(a.split)
        found["cluster", a.frame.cluster_id].add(a.split)
        if a.frame.is_recording:
            found["recording", a.frame.capture_id].add(a.split)
    assert all(len(s) == 1 for s in found.values()), found
    in_train = [a.frame.cluster_id for a in assignments if a.split == "train"]
    assert len(in_train) == len(set(in_train))


def test_loose_images_are_shared_out_70_15_15():
    assert count(assign_splits([image(n) for n in range(100)])) == {"train": 70, "val": 15, "test": 15}


def test_recordings_move_as_a_whole():
    found = assign_splits([recorded(r, n) for r in "abcdefghij" for n in range(10)])
    check_claims(found)
    assert set(count(found)) == {"train", "val", "test"} and {a.rule for a in found} == {"recording"}


@pytest.mark.parametrize("num_frames", [(1, 1, 1), (98, 1, 1), (5, 5, 90)])
def test_three_recordings_fill_three_sides(num_frames):
    frames = [recorded(r, n) for r, size in zip("abc", num_frames, strict=True) for n in range(size)]
    assert set(count(assign_splits(frames))) == {"train", "val", "test"}


def test_one_unit_is_train():
    assert count(assign_splits([recorded("a", n) for n in range(5)])) == {"train": 5}


def test_recordings_of_alike_scenes_move_together():
    frames = [recorded(r, n) for r in "abcdef" for n in range(4)] + [recorded("a", 9, "same"), recorded("b", 9, "same")]
    found = assign_splits(frames)
    check_claims(found)
    side = sides(found)
    assert side["a-000"] == side["b-000"]


def test_the_producer_is_followed():
    frames = [image(n, hint=("train", "val", "test")[n % 3]) for n in range(30)]
    found = assign_splits(frames)
    assert all(a.split == a.frame.split_hint and a.rule == "producer" for a in found) and len(found) == 30


def test_validation_is_cut_from_the_producers_training_part():
    frames = [image(n, hint="train") for n in range(85)] + [image(100 + n, hint="test") for n in range(20)]
    found = assign_splits(frames)
    assert count(found) == {"train": 70, "val": 15, "test": 20}  # 85 * 0.7 / 0.85 = 70
    assert all(a.frame.split_hint == "train" for a in found if a.split == "val")


def test_a_producer_with_training_data_only_gets_both_other_sides_cut():
    assert count(assign_splits([image(n, hint="train") for n in range(100)])) == {"train": 70, "val": 15, "test": 15}


def test_validation_is_not_cut_from_images_that_are_in_test_too():
    frames = [image(n, f"c{n}", "test") for n in range(20)] + [image(100 + n, f"c{n}", "train") for n in range(20)]
    frames += [image(200, hint="train"), image(201, hint="train")]
    assert count(assign_splits(frames)) == {"test": 20, "train": 1, "val": 1}


def test_a_near_duplicate_across_sides_stays_on_the_stricter_one():
    frames = [
        image(1, "same", "train"),
        image(2, "same", "val"),
        image(3, "same", "test"),
        image(4, hint="train"),
        image(5, hint="val"),
    ]
    assert sides(assign_splits(frames)) == {"f003": "test", "f004": "train", "f005": "val"}


def test_near_duplicates_inside_train_go_and_inside_test_stay():
    frames = [image(n, "same", "train") for n in range(3)] + [image(10 + n, "alike", "test") for n in range(3)]
    frames += [image(20, hint="val")]
    assert count(assign_splits(frames)) == {"train": 1, "test": 3, "val": 1}


def test_a_free_image_like_one_of_the_producers_test_part_goes():
    found = assign_splits([image(1, "same", "test"), image(2, "same"), image(3, hint="train"), image(4, hint="val")])
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
    found = assign_splits(frames, before)
    check_claims(found)
    assert sides(found) == {"a-000": "train", "b-000": "test", "b-001": "test", "c-000": "test"}


def test_a_cluster_with_a_new_leader_keeps_its_side():
    old = [image(n) for n in range(10, 30)]
    before = sides(assign_splits(old))
    moved = next(f for f in old if before[f.frame_id] == "test")
    renamed = [Frame(f.frame_id, f.capture_id, f.session, "c000", False, None) if f == moved else f for f in old]
    after = sides(assign_splits([image(0, "c000"), *renamed], before))
    assert after[moved.frame_id] == after["f000"] == "test"


frames_of = st.lists(
    st.tuples(
        st.sampled_from(["folder", "r1", "r2", "r3", "r4"]), st.integers(0, 25),
        st.sampled_from([None, None, "train", "val", "test"]),
    ),
    max_size=60,
)  # fmt: skip


def build(drawn: list[tuple[str, int, str | None]], start: int = 0) -> list[Frame]:
    return [
        Frame(
            f"f{start + n:03d}",
            capture,
            "monday",
            f"c{cluster:03d}",
            capture != "folder",
            hint if capture == "folder" else None,
        )
        for n, (capture, cluster, hint) in enumerate(drawn)
    ]


@given(frames_of)
def test_the_claims_hold_for_any_frames(drawn):
    found = assign_splits(build(drawn))
    check_claims(found)
    for a in found:
        if a.frame.split_hint in ("val", "test"):
            assert a.split == a.frame.split_hint


@given(frames_of)
def test_the_order_of_frames_does_not_matter(drawn):
    frames = build(drawn)
    assert sides(assign_splits(frames)) == sides(assign_splits(frames[::-1]))


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60))
def test_no_side_is_empty_where_there_are_three_units(recordings):
    found = assign_splits([recorded(r, n) for n, r in enumerate(recordings)])
    assert len(set(count(found))) == min(3, len(set(recordings)))
    assert len(found) == len(recordings)


@given(frames_of, frames_of)
def test_nothing_changes_sides_when_data_arrives(drawn, added):
    """A frame keeps its side, or goes as a near-duplicate of a stricter side. What the producer says comes first."""
    old = build(drawn)
    before = sides(assign_splits(old))
    found = assign_splits(old + build(added, start=len(old)), before)
    check_claims(found)
    hinted = {f.frame_id for f in old if f.split_hint}
    after = sides(found)
    assert {f: s for f, s in after.items() if f in before and f not in hinted} == {
        f: s for f, s in before.items() if f in after and f not in hinted
    }
