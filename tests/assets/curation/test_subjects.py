"""Data sets of one home: each is split by itself, unless it is too small or looks like another."""

from __future__ import annotations

from collections import Counter

from tests.assets.curation.split_frames import Frame, assign
from tests.assets.curation.split_frames import part as part_frames

CLASSES = {"blood": {"red", "white"}, "street": {"car"}, "street-2": {"car", "truck"}}


def pictures(
    session: str, count: int, hint: str | None = None, cluster: str = ""
) -> list[Frame]:
    return [
        Frame(
            f"{session}-{hint}-{n:02d}",
            f"folder-{session}",
            session,
            cluster or f"{session}-{hint}-{n:02d}",
            False,
            hint,
            frozenset({"detection"}),
        )
        for n in range(count)
    ]


def recordings(session: str, count: int) -> list[Frame]:
    return [
        Frame(f"{session}-{n}", f"{session}-{n}", session, f"{session}-{n}", True, None)
        for n in range(count)
    ]


def part(frames: list[Frame]) -> list[set[str]]:
    """The sessions of each data set; the pool comes first."""
    return [{f.session for f in found} for found in part_frames(frames, CLASSES)]


def test_sessions_that_share_a_class_are_one_data_set():
    frames = [*pictures("blood", 10), *pictures("street", 5), *pictures("street-2", 5)]
    pool, *found = part(frames)
    assert pool == set() and found == [{"blood"}, {"street", "street-2"}]


def test_sessions_without_labels_and_small_data_sets_are_dealt_out_together():
    frames = [*pictures("blood", 9), *pictures("street", 10), *pictures("bare", 30)]
    assert part(frames) == [{"blood", "bare"}, {"street"}]


def test_recordings_count_whole():
    """Nine recordings of twenty frames are nine, not 180."""
    frames = [f for f in recordings("blood", 9) for _ in range(20)]
    assert part(frames) == [{"blood"}]
    assert part(recordings("blood", 10)) == [set(), {"blood"}]


def test_frames_that_look_alike_join_their_sessions():
    alike = [
        *pictures("blood", 1, cluster="same"),
        *pictures("street", 1, None, "same"),
    ]
    frames = [*pictures("blood", 20, "train"), *pictures("street", 20), *alike]
    assert part(frames) == [set(), {"blood", "street"}]


def test_a_producers_train_part_is_cut_though_another_data_set_has_a_test_part():
    whole = [
        *pictures("blood", 14, "train"),
        *pictures("blood", 3, "val"),
        *pictures("blood", 3, "test"),
    ]
    frames = [*whole, *pictures("street", 20, "train")]
    sides = Counter(
        (a.frame.session, a.split)
        for members in part_frames(frames, CLASSES)
        for a in assign(members)
    )
    assert sides["blood", "train"] == 14 and sides["blood", "test"] == 3
    # 70 : 15 : 15 of twenty
    assert [sides["street", s] for s in ("train", "val", "test")] == [14, 3, 3]
