"""Trackers on walks that a person can follow: what is one track, what is filled, and what begins anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.peers.track_cases import make_crowd
from models.metrics.hota import measure_hota
from models.metrics.track_pairs import TrackedBoxes, pair_tracks
from models.tracking.offline import OfflineConfig, track_offline
from models.tracking.online import ByteConfig, SortConfig, track_byte, track_sort
from models.tracking.sightings import FILLED, Sightings

ALL = (track_sort, track_byte, track_offline)


def spans(tracks):
    """First frame, last frame and number of boxes of each track."""
    return [
        (int(f.min()), int(f.max()), len(f))
        for number in range(int(tracks.numbers.max(initial=-1)) + 1)
        for f in [tracks.frames[tracks.numbers == number]]
    ]


@pytest.mark.parametrize("track", ALL)
def test_two_that_walk_apart_are_two_tracks(track, sight):
    rows = [(n, 3 * n, 0.9) for n in range(10)] + [
        (n, 200 - 3 * n, 0.9) for n in range(10)
    ]
    tracks = track(sight(rows))
    assert spans(tracks) == [(0, 9, 10), (0, 9, 10)]
    assert (tracks.sources >= 0).all()


@pytest.mark.parametrize("track", ALL)
def test_of_nothing_there_is_no_track(track, sight):
    tracks = track(sight([]))
    assert len(tracks) == 0 and tracks.boxes_xyxy.shape == (0, 4)


@pytest.mark.parametrize("track", ALL)
def test_one_frame_is_no_quadratic_and_no_error(track, sight):
    tracks = track(sight([(5, 30 * n, 0.9) for n in range(50)]))
    assert set(tracks.frames.tolist()) <= {5}


@pytest.mark.parametrize("track", ALL)
def test_tracks_are_the_same_whatever_the_order_of_boxes_in_a_frame(track):
    _, found = make_crowd(30, 12)
    rng = np.random.default_rng(0)
    told = []
    for _ in range(2):
        rows = found[rng.permutation(len(found))]
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        seen = Sightings(rows[:, 0].astype(int), rows[:, 2:], np.full(len(rows), 0.9))
        tracks = track(seen)
        told.append((tracks.frames, tracks.numbers, tracks.boxes_xyxy.round(6)))
    for one, other in zip(*told, strict=True):
        assert np.array_equal(one, other)


def test_sort_tells_a_late_track_from_its_third_box_on_and_ends_it_at_a_gap(sight):
    rows = [(n, 0, 0.9) for n in range(20)]
    rows += [(n, 100, 0.9) for n in range(5, 20) if n not in (12, 13)]
    tracks = track_sort(sight(rows), SortConfig(max_age=1, min_hits=3))
    # seen first in frame 5, in a row three times in frame 8; after two frames without it begins anew
    assert spans(tracks) == [(0, 19, 20), (8, 11, 4), (17, 19, 3)]


def test_bytetrack_goes_on_with_what_was_found_with_doubt_and_begins_nothing_with_it(
    sight,
):
    rows = [(n, 0, 0.9 if n not in (4, 5) else 0.2) for n in range(10)]
    rows += [(n, 100, 0.2) for n in range(10)]
    tracks = track_byte(sight(rows))
    assert spans(tracks) == [(0, 9, 10)]


def test_bytetrack_keeps_a_lost_track_for_some_frames(sight):
    rows = [(n, 2 * n, 0.9) for n in range(25) if not 8 <= n < 14]
    assert len(spans(track_byte(sight(rows), ByteConfig(max_age=10)))) == 1
    assert len(spans(track_byte(sight(rows), ByteConfig(max_age=3)))) == 2


def test_the_offline_tracker_fills_a_gap_along_the_path_and_says_so(sight):
    rows = [(n, 4 * n, 0.9) for n in range(20) if not 8 <= n < 13]
    tracks = track_offline(sight(rows))
    assert spans(tracks) == [(0, 19, 20)]
    filled = tracks.sources == FILLED
    assert tracks.frames[filled].tolist() == [8, 9, 10, 11, 12]
    assert tracks.boxes_xyxy[filled, 0] == pytest.approx([32, 36, 40, 44, 48], abs=1.0)
    assert tracks.scores[filled] == pytest.approx([0.9] * 5)


def test_the_offline_tracker_takes_in_doubtful_boxes_on_a_path_and_no_others(sight):
    rows = [(n, 4 * n, 0.9 if not 8 <= n < 13 else 0.3) for n in range(20)]
    rows += [(n, 300, 0.3) for n in range(20)]
    tracks = track_offline(sight(rows))
    assert spans(tracks) == [(0, 19, 20)]
    assert (tracks.sources != FILLED).all()


def test_who_jumps_is_not_joined(sight):
    rows = [(n, 0, 0.9) for n in range(8)] + [(n, 150, 0.9) for n in range(10, 18)]
    assert spans(track_offline(sight(rows))) == [(0, 7, 8), (10, 17, 8)]


def test_looks_tell_apart_whom_paths_do_not(sight):
    # one goes behind something, another comes out
    rows = [(n, 4 * n, 0.9) for n in [*range(8), *range(12, 20)]]
    one, other = [1.0, 0.0], [0.0, 1.0]
    same = track_offline(sight(rows, [one] * 16))
    others = track_offline(sight(rows, [one] * 8 + [other] * 8))
    assert spans(same) == [(0, 19, 20)]
    assert spans(others) == [(0, 7, 8), (12, 19, 8)]


def test_later_frames_change_no_number_of_a_track_that_began_before(sight):
    rows = [(n, 3 * n, 0.9) for n in range(12)] + [(n, 300, 0.9) for n in range(4, 12)]
    whole = track_offline(sight([*rows, *((n, 600, 0.9) for n in range(14, 20))]))
    part = track_offline(sight(rows))
    assert spans(whole)[:2] == spans(part)


def test_a_gap_of_a_million_frames_costs_none(sight):
    rows = [(n, 0, 0.9) for n in range(5)] + [(10**9 + n, 0, 0.9) for n in range(5)]
    for track in ALL:
        assert len(spans(track(sight(rows)))) == 2


def test_the_offline_tracker_leads_where_boxes_go_missing():
    truth, found = make_crowd(40, 60, seed=3)
    rng = np.random.default_rng(3)
    found = found[rng.random(len(found)) < 0.75]
    seen = Sightings(found[:, 0].astype(int), found[:, 2:], np.full(len(found), 0.9))
    boxes = TrackedBoxes(truth[:, 0].astype(int), truth[:, 1].astype(int), truth[:, 2:])

    def score(tracks):
        told = TrackedBoxes(tracks.frames, tracks.numbers, tracks.boxes_xyxy)
        return measure_hota(pair_tracks(boxes, told)).hota

    assert score(track_offline(seen)) > score(track_sort(seen)) + 0.05


def test_sightings_that_do_not_fit_together_are_refused(sight):
    seen = sight([(1, 0, 0.9), (2, 0, 0.9)])
    with pytest.raises(ValueError, match="frames step back"):
        replace(seen, frames=np.array([2, 1]))
    with pytest.raises(ValueError, match="not finite"):
        replace(seen, boxes_xyxy=np.full((2, 4), np.nan))
    with pytest.raises(ValueError, match="one box and one score each"):
        replace(seen, scores=np.ones(3))


def test_settings_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match=r"keep 0 <= low <= high <= new <= 1"):
        ByteConfig(high=0.8, new=0.7)
    with pytest.raises(ValueError, match="min_boxes 0: each is at least 1"):
        OfflineConfig(min_boxes=0)
