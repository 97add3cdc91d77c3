"""CLEAR, identity and HOTA: sums a person can do, and the fast form beside a plain one, also where they come apart."""

from __future__ import annotations

import numpy as np
import pytest

from bench.peers.track_cases import list_cases
from models.metrics.clear_mot import measure_clear
from models.metrics.hota import LEVELS, measure_hota
from models.metrics.identity import measure_identity
from models.metrics.track_pairs import TrackedBoxes, pair_tracks
from tests.models.metrics.plain_tracks import (
    plain_clear,
    plain_hota,
    plain_identity,
    read_frames,
)

CASES = list_cases(60, seed=7)


def pair(truth, found):
    sides = (
        TrackedBoxes(rows[:, 0].astype(int), rows[:, 1].astype(int), rows[:, 2:])
        for rows in (
            np.array(truth, float).reshape(-1, 6),
            np.array(found, float).reshape(-1, 6),
        )
    )
    return pair_tracks(*sides)


def walk(number, frames, left=0.0):
    return [[frame, number, left, 0, left + 10, 20] for frame in frames]


@pytest.mark.parametrize("name", CASES)
def test_the_fast_form_says_what_the_plain_one_says(name):
    frames = read_frames(*CASES[name])
    pairs = pair(*CASES[name])
    clear, identity, hota = (
        measure(pairs) for measure in (measure_clear, measure_identity, measure_hota)
    )
    for figure, value in plain_clear(frames).items():
        assert getattr(clear, figure) == pytest.approx(value, abs=1e-9), figure
    for figure, value in plain_identity(frames).items():
        assert getattr(identity, figure) == pytest.approx(value, abs=1e-9), figure
    plain = plain_hota(frames)
    assert hota.by_level == pytest.approx(plain["hota"], abs=1e-9)
    assert hota.detection == pytest.approx(plain["deta"], abs=1e-9)
    assert hota.association == pytest.approx(plain["assa"], abs=1e-9)
    assert hota.localisation == pytest.approx(plain["loca"], abs=1e-9)


def test_a_track_that_changes_halfway_is_one_switch_and_half_of_the_identity():
    # 10 boxes, tracks 1 and 2 with 5 each: the better of them has 5 of 10
    pairs = pair(walk(1, range(10)), walk(1, range(5)) + walk(2, range(5, 10)))
    clear = measure_clear(pairs)
    assert (clear.hits, clear.misses, clear.switches) == (10, 0, 1)
    assert clear.mota == pytest.approx((10 - 1) / 10)
    assert measure_identity(pairs).idf1 == pytest.approx(5 / 10)
    # each hit lies in a track of 5 that shares 5 of 10 boxes with the truth
    assert measure_hota(pairs).by_level == pytest.approx([np.sqrt(1 * 0.5)] * 19)


def test_an_overlap_counts_at_the_levels_up_to_its_own():
    # boxes 10 wide, 2.5 apart: 7.5 of 12.5 is 0.6
    hota = measure_hota(pair(walk(1, range(4)), walk(1, range(4), left=2.5)))
    assert hota.hits.tolist() == [4 * bool(level <= 0.6 + 1e-12) for level in LEVELS]
    assert hota.localisation[0] == pytest.approx(0.6)
    assert hota.localisation[-1] == 1.0


def test_misses_and_false_alarms_are_counted_where_one_side_is_empty():
    nothing = np.zeros((0, 6))
    missed, invented = (
        pair(walk(1, range(3)), nothing),
        pair(nothing, walk(1, range(3))),
    )
    assert (
        measure_clear(missed).misses == 3 and measure_clear(invented).false_alarms == 3
    )
    assert measure_clear(missed).mostly_lost == 1
    assert measure_clear(invented).mota == 0.0
    assert measure_hota(missed).hota == measure_hota(invented).hota == 0.0
    assert measure_hota(pair(nothing, nothing)).loca == 1.0


def test_a_track_in_two_places_at_once_is_refused():
    with pytest.raises(ValueError, match="track 4 has two boxes in frame 2"):
        pair(walk(4, [1, 2, 2]), walk(1, [1]))


def test_a_box_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="not finite"):
        pair([[1, 1, 0, 0, np.nan, 5]], walk(1, [1]))
