"""Pairs of near hashes: each once, none missed, and none inside a component."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from assets.curation import hamming
from assets.curation.components import Components
from assets.curation.hamming import list_near_pairs

RNG = np.random.default_rng(0)


def draw_hashes(num_centres: int, num_each: int, num_flips: int) -> np.ndarray:
    """Hashes around random centres, each with up to so many flipped bits."""
    centres = np.repeat(RNG.integers(0, 2**63, num_centres, dtype=np.uint64), num_each)
    flips = np.uint64(1) << RNG.integers(
        0, 64, (len(centres), num_flips), dtype=np.uint64
    )
    return centres ^ np.bitwise_xor.reduce(flips, axis=1)


def list_plainly(bits: np.ndarray, is_sought: np.ndarray) -> list[tuple[int, int]]:
    return [
        (a, b)
        for a, b in combinations(range(len(bits)), 2)
        if int(bits[a] ^ bits[b]).bit_count() <= 6 and (is_sought[a] or is_sought[b])
    ]


def list_all(
    bits: np.ndarray, is_sought: np.ndarray, components: Components
) -> Counter[tuple[int, int]]:
    found: Counter[tuple[int, int]] = Counter()
    for rows, columns in list_near_pairs(bits, is_sought, components):
        found.update(
            (min(p), max(p))
            for p in set(zip(rows.tolist(), columns.tolist(), strict=True))
        )
    return found


@pytest.mark.parametrize("num_flips", [1, 3, 6])
@pytest.mark.parametrize("pairs_at_once", [5, 1 << 20])
def test_every_near_pair_is_listed_once(monkeypatch, num_flips, pairs_at_once):
    monkeypatch.setattr(hamming, "_PAIRS", pairs_at_once)
    bits = draw_hashes(20, 10, num_flips)
    found = list_all(bits, np.ones(200, bool), Components(200))
    assert sorted(found) == list_plainly(bits, np.ones(200, bool)) and set(
        found.values()
    ) == {1}


@pytest.mark.parametrize("large", [2, 10**6])
def test_of_known_hashes_only_pairs_with_a_sought_one_are_listed(monkeypatch, large):
    monkeypatch.setattr(hamming, "_LARGE_BUCKET", large)
    bits = draw_hashes(10, 20, 2)
    is_sought = RNG.random(200) < 0.2
    assert sorted(list_all(bits, is_sought, Components(200))) == list_plainly(
        bits, is_sought
    )


@pytest.mark.parametrize("large", [2, 10**6])
def test_no_pair_inside_a_component_is_listed(monkeypatch, large):
    monkeypatch.setattr(hamming, "_LARGE_BUCKET", large)
    bits = draw_hashes(1, 100, 1)
    components = Components(100)
    components.join(np.arange(0, 98, 2), np.arange(2, 100, 2))  # the even ones
    found = list_all(bits, np.ones(100, bool), components)
    expected = [
        p for p in list_plainly(bits, np.ones(100, bool)) if p[0] % 2 or p[1] % 2
    ]
    assert sorted(found) == expected


def test_components_that_grow_spare_the_pairs_that_are_left(monkeypatch):
    monkeypatch.setattr(hamming, "_LARGE_BUCKET", 2)
    bits = np.zeros(1000, np.uint64)
    components = Components(1000)
    num_pairs = 0
    for rows, columns in list_near_pairs(bits, np.ones(1000, bool), components):
        components.join(rows, columns)
        num_pairs += len(rows)
    assert num_pairs == 999
    assert np.unique(components.find(np.arange(1000))).tolist() == [0]


def test_components_are_named_alike_however_their_edges_come():
    components = Components(6)
    for row, column in ((4, 5), (1, 2), (5, 2)):
        components.join(np.array([row]), np.array([column]))
    assert components.find(np.arange(6)).tolist() == [0, 1, 1, 3, 1, 1]
