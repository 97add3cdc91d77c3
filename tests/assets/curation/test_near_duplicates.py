"""Clusters of alike frames: alike in both measures, joined through third ones, led by the first."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.curation import dedup
from assets.curation.dedup import MIN_COSINE, find_clusters, find_min_cosine

SAME = "0" * 16


def at_angles(*degrees: float) -> np.ndarray:
    angles_rad = np.radians(degrees)
    return np.stack([np.cos(angles_rad), np.sin(angles_rad)], axis=1).astype(np.float32)


def test_alike_vectors_with_alike_hashes_are_one_cluster():
    # cos 10 = 0.985, 2 bits
    first, similarity = find_clusters(
        at_angles(0, 10, 90), [SAME, "0" * 15 + "3", SAME]
    )
    assert first.tolist() == [0, 0, 2]
    np.testing.assert_allclose(similarity, [1, np.cos(np.radians(10)), 1], atol=1e-6)


def test_alike_vectors_with_other_hashes_are_not():
    # 7 bits
    assert find_clusters(at_angles(0, 0), [SAME, "0" * 14 + "7f"])[0].tolist() == [0, 1]
    # 6 bits
    assert find_clusters(at_angles(0, 0), [SAME, "0" * 14 + "3f"])[0].tolist() == [0, 0]


def test_alike_hashes_with_other_vectors_are_not():
    # cos 15 = 0.966
    assert find_clusters(at_angles(0, 15), [SAME, SAME])[0].tolist() == [0, 1]


def test_frames_are_joined_through_a_third():
    first, similarity = find_clusters(at_angles(0, 20, 10), [SAME] * 3)
    assert first.tolist() == [0, 0, 0]
    assert similarity[1] < 0.95


def test_no_frames_have_no_clusters():
    first, similarity = find_clusters(np.zeros((0, 4), np.float32), [])
    assert (first.tolist(), similarity.tolist()) == ([], [])


def test_many_copies_of_one_frame_are_quick():
    # 2 million pairs
    first, _ = find_clusters(np.repeat(at_angles(0), 2000, axis=0), [SAME] * 2000)
    assert set(first.tolist()) == {0}


@given(st.lists(st.integers(0, 72), min_size=1, max_size=30), st.integers(1, 100))
def test_blocks_of_any_size_give_the_clusters_of_a_plain_search(steps, block_pairs):
    vectors = at_angles(*(5.0 * s for s in steps))
    expected = list(range(len(steps)))
    for _ in steps:  # every frame takes the smallest number among the frames alike to it, until nothing moves
        expected = [
            min(
                expected[j]
                for j in range(len(steps))
                if vectors[i] @ vectors[j] >= 0.97
            )
            for i in range(len(steps))
        ]
    before = dedup._BLOCK_PAIRS
    dedup._BLOCK_PAIRS = block_pairs
    try:
        assert find_clusters(vectors, [SAME] * len(steps))[0].tolist() == expected
    finally:
        dedup._BLOCK_PAIRS = before


@given(
    st.lists(
        st.tuples(st.integers(0, 72), st.booleans(), st.booleans()),
        min_size=1,
        max_size=30,
    )
)
def test_what_is_known_of_whole_clusters_need_not_be_compared_again(frames):
    """Of frames (angle, was there, is there) those that stay are known where their cluster lost none."""
    was = [n for n, (_, was_there, _) in enumerate(frames) if was_there]
    now = [n for n, (_, _, is_there) in enumerate(frames) if is_there]
    vectors = at_angles(*(5.0 * step for step, _, _ in frames))
    hashes = [SAME] * len(frames)
    before = dict(
        zip(
            was,
            (was[f] for f in find_clusters(vectors[was], hashes[: len(was)])[0]),
            strict=True,
        )
    )
    broken = {leader for n, leader in before.items() if n not in now}
    is_known = [n in before and before[n] not in broken for n in now]
    known = np.array(
        [now.index(before[n]) if k else -1 for n, k in zip(now, is_known, strict=True)],
        np.int64,
    )
    plain, _ = find_clusters(vectors[now], hashes[: len(now)])
    assert (
        find_clusters(vectors[now], hashes[: len(now)], known=known)[0].tolist()
        == plain.tolist()
    )


def test_an_encoder_that_uses_little_of_the_sphere_has_a_stricter_threshold():
    # distances 1 - cos: 2 degrees twice, 4 once; the median is that of 2
    vectors = at_angles(0, 2, 4)
    assert find_min_cosine(vectors) == pytest.approx(
        1 - 0.07 * (1 - np.cos(np.radians(2))), abs=1e-7
    )
    assert (
        find_min_cosine(at_angles(0, 90, 180))
        == MIN_COSINE
        == find_min_cosine(at_angles(0))
    )


def test_one_vector_for_all_is_a_collapse():
    with pytest.raises(
        ValueError, match=r"nearly one vector for all of 3 frames .* it has collapsed"
    ):
        find_min_cosine(at_angles(10, 10, 10))
