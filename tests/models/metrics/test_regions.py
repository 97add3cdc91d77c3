"""Regions that score worse: a planted one is found and described; shuffled scores give no more than was promised."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.metrics.regions import (
    FALSE_SHARE,
    MIN_FRAMES,
    describe_region,
    find_regions,
)

NUM_RECORDINGS, NUM_FRAMES = 40, 6
RECORDINGS = np.repeat(np.arange(NUM_RECORDINGS), NUM_FRAMES).tolist()


def draw_vectors(rng: np.random.Generator) -> NDArray[np.float32]:
    """Six places in the space; a recording lies at one of them, its frames close together."""
    places = rng.normal(0, 1, (6, 24))
    own = places[np.arange(NUM_RECORDINGS) % 6] + rng.normal(
        0, 0.1, (NUM_RECORDINGS, 24)
    )
    return (np.repeat(own, NUM_FRAMES, 0) + rng.normal(0, 0.05, (240, 24))).astype(
        np.float32
    )


def draw_scores(rng: np.random.Generator) -> NDArray[np.float64]:
    """Frames of a recording are good or bad together."""
    of_recording = np.repeat(rng.normal(0.8, 0.08, NUM_RECORDINGS), NUM_FRAMES)
    return of_recording + rng.normal(0, 0.02, len(RECORDINGS))


def test_a_place_where_the_model_is_worse_is_found():
    rng = np.random.default_rng(0)
    vectors, values = draw_vectors(rng), draw_scores(rng)
    is_bad = np.array(RECORDINGS) % 6 == 2
    values[is_bad] -= 0.2
    (found,) = find_regions(vectors, values, RECORDINGS)
    assert np.array_equal(found.places, np.flatnonzero(is_bad))
    assert found.p_value < 0.05 and found.num_recordings == 7
    assert found.mean == pytest.approx(0.6, abs=0.1)


def test_scores_that_have_nothing_to_do_with_the_place_give_few_discoveries():
    """60 shuffles of recordings: a false discovery in FALSE_SHARE of them at most, on average; 13 or more would come
    once in a hundred times."""
    rng = np.random.default_rng(1)
    vectors = draw_vectors(rng)
    with_any = 0
    for seed in range(60):
        values = draw_scores(np.random.default_rng([1, seed]))
        with_any += bool(find_regions(vectors, values, RECORDINGS, seed))
    assert with_any <= 60 * FALSE_SHARE + 6


def test_one_bad_recording_is_no_region():
    """It lies alone in its place: there is nothing to tell its place from its luck."""
    rng = np.random.default_rng(2)
    vectors, values = draw_vectors(rng), draw_scores(rng)
    is_bad = np.array(RECORDINGS) == 5
    vectors[is_bad] += 20
    values[is_bad] -= 0.5
    assert not any(
        is_bad[one.places].all() for one in find_regions(vectors, values, RECORDINGS)
    )


def test_a_region_is_described_by_what_it_has_and_others_have_not():
    dark, bright = {"sensor = left", "dark"}, {"sensor = left", "bright"}
    traits = [dark] * 8 + [bright] * 12
    assert describe_region(np.arange(8), traits) == ["dark"]
    assert describe_region(np.arange(0, 20, 2), traits) == []


def test_few_frames_have_no_regions_and_unequal_ones_are_refused():
    few = MIN_FRAMES - 1
    assert find_regions(np.zeros((few, 4), np.float32), np.ones(few), range(few)) == []
    with pytest.raises(ValueError, match="3 vectors, 2 scores"):
        find_regions(np.zeros((3, 4), np.float32), np.ones(2), range(3))
    with pytest.raises(ValueError, match="not finite"):
        find_regions(np.zeros((2, 4), np.float32), np.array([1, np.nan]), range(2))
