"""Frames that cover what is there: the lazy form chooses what the plain one does, to the last id."""

from __future__ import annotations

import numpy as np
import pytest

from assets.annotation.queue import coverage
from assets.annotation.queue.coverage import (
    choose_centres,
    choose_centres_plainly,
    round_vectors,
    spread_first,
)


def draw_vectors(seed: int, count: int, dim: int = 96, groups: int = 12) -> np.ndarray:
    """Vectors in groups of uneven size, some of them copies: distances tie."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(groups, dim))
    of = rng.integers(0, groups, count) ** 2 // groups
    vectors = centres[of] + 0.3 * rng.normal(size=(count, dim))
    vectors[count // 2 :: 7] = vectors[: len(vectors[count // 2 :: 7])]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return round_vectors(unit.astype(np.float32))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("num_known", [0, 1, 40])
def test_lazy_and_plain_choose_the_same_frames(seed, num_known, monkeypatch):
    monkeypatch.setattr(
        coverage, "_STALE_BLOCK", 16
    )  # so that several rounds are needed
    vectors = draw_vectors(seed, 500)
    known = draw_vectors(seed + 100, 60)[:num_known]
    lazy, distances = choose_centres(vectors, known, 80)
    plain, plain_distances = choose_centres_plainly(vectors, known, 80)
    assert lazy.tolist() == plain.tolist()
    assert distances.tolist() == plain_distances.tolist()
    assert len(set(lazy.tolist())) == 80


def test_the_lazy_form_measures_less(monkeypatch):
    """Of 40 frames far out in turn, and 2,000 near a known one, the near ones are measured once."""
    measured = []
    measure = coverage._measure

    def count(vectors, others):
        measured.append(len(vectors) * len(others))
        return measure(vectors, others)

    monkeypatch.setattr(coverage, "_measure", count)
    rng = np.random.default_rng(0)
    near = np.eye(64)[:1] + 0.01 * rng.normal(size=(2000, 64))
    far = np.eye(64)[1:41]
    both = np.vstack([near, far])
    vectors = round_vectors(
        (both / np.linalg.norm(both, axis=1, keepdims=True)).astype(np.float32)
    )
    chosen, _ = choose_centres(vectors, vectors[:1], 40)
    lazily = sum(measured)
    measured.clear()
    plainly, _ = choose_centres_plainly(vectors, vectors[:1], 40)
    assert chosen.tolist() == plainly.tolist()
    assert sorted(chosen.tolist()) == list(range(2000, 2040))
    assert lazily < sum(measured) / 6


def test_sums_are_exact_in_any_order():
    """Rounded vectors have the same products forwards, backwards and in parts."""
    vectors = draw_vectors(5, 200, dim=1280).astype(np.float32)
    forwards = vectors @ vectors.T
    backwards = vectors[:, ::-1] @ vectors[:, ::-1].T
    in_parts = (
        vectors[:, :700] @ vectors[:, :700].T + vectors[:, 700:] @ vectors[:, 700:].T
    )
    exact = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    for found in (forwards, backwards, in_parts):
        assert (found.astype(np.float64) == exact).all()


def test_frames_that_lie_where_a_known_one_does_are_not_chosen():
    vectors = round_vectors(np.eye(4, dtype=np.float32)[[0, 1, 1, 0]])
    chosen, distances = choose_centres(vectors, vectors[:1], 4)
    assert (chosen.tolist(), distances.tolist()) == ([1], [1.0])
    assert choose_centres_plainly(vectors, vectors[:1], 4)[0].tolist() == [1]


def test_turns_are_spread_over_time():
    assert spread_first(8).tolist() == [0, 4, 2, 6, 1, 5, 3, 7]
    assert sorted(spread_first(11).tolist()) == list(range(11))
