"""Clusters of alike frames: alike in both measures, joined through third ones, named by the first."""

from __future__ import annotations

from math import fsum

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.curation import dedup, hamming
from assets.curation.dedup import (
    MIN_COSINE,
    choose_sample,
    find_clusters,
    find_min_cosine,
    measure_similarity,
)

SAME = 0
WIDTHS = st.sampled_from([1, 3, 1000])  # of blocks, of few rows or of all


def at_angles(*degrees: float) -> np.ndarray:
    angles_rad = np.radians(degrees)
    return np.stack([np.cos(angles_rad), np.sin(angles_rad)], axis=1).astype(np.float32)


def find(vectors: np.ndarray, bits: list[int], min_cosine=MIN_COSINE, known=None):
    return find_clusters(
        vectors.__getitem__, np.array(bits, np.uint64), min_cosine, known
    ).tolist()


def find_plainly(vectors: np.ndarray, bits: list[int], min_cosine=MIN_COSINE):
    """The same by comparing all pairs: every frame takes the smallest number among those alike to it, until none
    changes."""
    count = len(bits)
    alike = [
        [
            j
            for j in range(count)
            if j == i
            or (
                (bits[i] ^ bits[j]).bit_count() <= 6
                and multiply(vectors[i], vectors[j]) >= min_cosine
            )
        ]
        for i in range(count)
    ]
    found = list(range(count))
    while (smaller := [min(found[j] for j in near) for near in alike]) != found:
        found = smaller
    return found


def multiply(left: np.ndarray, right: np.ndarray) -> float:
    """The scalar product of what is stored, without an error but the last rounding."""
    return fsum(float(a) * float(b) for a, b in zip(left, right, strict=True))


def narrow(patch: pytest.MonkeyPatch, width: int, is_dense: bool) -> None:
    """So that a few frames fill many blocks, buckets that count as large, and matrices where pairs are dense."""
    patch.setattr(dedup, "_ROWS", width)
    patch.setattr(dedup, "_BLOCK", width)
    patch.setattr(dedup, "_WAITING", 4 * width)
    patch.setattr(dedup, "_DENSE", 1 if is_dense else 10**6)
    patch.setattr(hamming, "_LARGE_BUCKET", 4 if is_dense else 10**6)
    patch.setattr(hamming, "_PAIRS", width)


def test_alike_vectors_with_alike_hashes_are_one_cluster():
    # cos 10 = 0.985, 2 bits
    assert find(at_angles(0, 10, 90), [SAME, 0b11, SAME]) == [0, 0, 2]


def test_alike_vectors_with_other_hashes_are_not():
    assert find(at_angles(0, 0), [SAME, 0b1111111]) == [0, 1]  # 7 bits
    assert find(at_angles(0, 0), [SAME, 0b111111]) == [0, 0]  # 6 bits
    one_a_byte = sum(1 << 8 * n for n in range(2, 8))
    assert find(at_angles(0, 0), [SAME, one_a_byte]) == [0, 0]


def test_alike_hashes_with_other_vectors_are_not():
    assert find(at_angles(0, 15), [SAME, SAME]) == [0, 1]  # cos 15 = 0.966


def test_frames_are_joined_through_a_third():
    assert find(at_angles(0, 20, 10), [SAME] * 3) == [0, 0, 0]


def test_no_frames_have_no_clusters():
    assert find(np.zeros((0, 4), np.float32), []) == []


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(0, 72), st.integers(0, 63)), min_size=1, max_size=30
    ),
    WIDTHS,
    st.booleans(),
)
def test_clusters_are_those_of_a_plain_search(frames, width, is_dense):
    """Of frames at some angle, with hashes that repeat a number of six bits in all bytes."""
    vectors = at_angles(*(5.0 * step for step, _ in frames))
    bits = [(code * 0x0102040810204081) & (2**64 - 1) for _, code in frames]
    with pytest.MonkeyPatch.context() as patch:
        narrow(patch, width, is_dense)
        assert find(vectors, bits) == find_plainly(vectors, bits)


@pytest.mark.parametrize("is_dense", [False, True])
def test_one_hash_for_all_leaves_it_to_the_vectors(monkeypatch, is_dense):
    narrow(monkeypatch, 7, is_dense)
    rng = np.random.default_rng(0)
    vectors = at_angles(*rng.uniform(0, 360, 60))
    assert find(vectors, [SAME] * 60, 0.999) == find_plainly(
        vectors, [SAME] * 60, 0.999
    )


@pytest.mark.parametrize("is_dense", [False, True])
def test_one_vector_for_all_leaves_it_to_the_hashes(monkeypatch, is_dense):
    narrow(monkeypatch, 7, is_dense)
    rng = np.random.default_rng(0)
    near = (1 << rng.integers(0, 64, (60, 3), dtype=np.uint64)).sum(
        axis=1, dtype=np.uint64
    )
    far = rng.integers(0, 2**63, 20, dtype=np.uint64)
    bits = [*near.tolist(), *far.tolist()]
    clusters = find(np.repeat(at_angles(0), 80, axis=0), bits)
    assert clusters == find_plainly(np.repeat(at_angles(0), 80, axis=0), bits)
    assert len(set(clusters)) > 20, "no far one is near to another"


class Read:
    """Vectors, and how many of them were read."""

    def __init__(self, vectors: np.ndarray) -> None:
        self.vectors = vectors
        self.count = 0

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        self.count += len(rows)
        return self.vectors[rows]


def test_frames_of_a_camera_that_stands_still_are_not_compared_with_all_others():
    """5,000 frames of one hash whose light goes round by 90 degrees: one cluster, by chains, and one of two others."""
    degrees = np.linspace(0, 90, 5000) + np.random.default_rng(0).uniform(-3, 3, 5000)
    degrees[[1000, 4000]] = 180.0
    read = Read(at_angles(*degrees))
    clusters = find_clusters(read, np.zeros(5000, np.uint64))
    assert np.unique(clusters).tolist() == [0, 1000]
    assert read.count < 5 * 5000


def test_vectors_of_frames_without_a_near_hash_are_not_read():
    rng = np.random.default_rng(0)
    read = Read(np.repeat(at_angles(0), 2000, axis=0))
    bits = rng.integers(0, 2**63, 2000, dtype=np.uint64)
    bits[7] = bits[1500] ^ np.uint64(0b101)
    clusters = find_clusters(read, bits)
    assert clusters[1500] == 7 and len(np.unique(clusters)) == 1999
    assert read.count == 2


@pytest.mark.parametrize("is_dense", [False, True])
@pytest.mark.parametrize("width", [1, 1000])
def test_a_pair_at_the_border_has_one_answer_in_blocks_of_any_size(
    monkeypatch, width, is_dense
):
    """The threshold is a pair's own cosine, or the next number above it."""
    narrow(monkeypatch, width, is_dense)
    rng = np.random.default_rng(0)
    for _ in range(10):
        vectors = rng.standard_normal((3, 1280)).astype(np.float32)
        vectors[2] = vectors[1] + 0.1 * vectors[2]
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        own = multiply(vectors[1], vectors[2])
        assert find(vectors, [SAME] * 3, own) == [0, 1, 1]
        assert find(vectors, [SAME] * 3, float(np.nextafter(own, 2))) == [0, 1, 2]
        (similarity,) = measure_similarity(
            vectors.__getitem__, np.array([1]), np.array([2])
        )
        assert similarity == np.float32(own)


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(0, 72), st.booleans(), st.booleans()),
        min_size=1,
        max_size=30,
    ),
    st.booleans(),
)
def test_what_is_known_of_whole_clusters_need_not_be_compared_again(frames, is_dense):
    """Of frames (angle, was there, is there) those that stay are known where their cluster lost none."""
    was = [n for n, (_, was_there, _) in enumerate(frames) if was_there]
    now = [n for n, (_, _, is_there) in enumerate(frames) if is_there]
    vectors = at_angles(*(5.0 * step for step, _, _ in frames))
    clusters = find(vectors[was], [SAME] * len(was))
    before = dict(zip(was, (was[first] for first in clusters), strict=True))
    broken = {leader for n, leader in before.items() if n not in now}
    is_known = [n in before and before[n] not in broken for n in now]
    known = np.array(
        [now.index(before[n]) if k else -1 for n, k in zip(now, is_known, strict=True)],
        np.int64,
    )
    with pytest.MonkeyPatch.context() as patch:
        narrow(patch, 3, is_dense)
        again = find(vectors[now], [SAME] * len(now), known=known)
    assert again == find_plainly(vectors[now], [SAME] * len(now))


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


def test_a_sample_reaches_from_the_first_frame_to_the_last():
    assert choose_sample(3).tolist() == [0, 1, 2]
    some = choose_sample(2_000_000)
    assert (len(some), some[0], some[-1]) == (1000, 0, 1_999_999)


def test_one_vector_for_all_is_a_collapse():
    with pytest.raises(
        ValueError, match=r"nearly one vector for all of 3 frames .* it has collapsed"
    ):
        find_min_cosine(at_angles(10, 10, 10))
