"""Evidence over sessions: false alarms in 200 clean ones, and how soon each simulated change is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.alarms import (
    CHANGES,
    Asked,
    World,
    count_alarms,
    count_day_alarms,
    draw_distances,
    find_day_delays,
    find_delays,
)
from models.metrics.sequential import MAX_FALSE_ALARMS, THRESHOLD, chart, to_evidence

RUNS = 25


def follow(distances: np.ndarray, is_one_sided: bool = False):
    """The chart of figures that are measured by 8 recordings each."""
    num = distances.shape[1]
    return chart(distances, np.full(num, 8), np.full(num, is_one_sided))


def test_evidence_of_a_p_value_of_one_over_e():
    # ln p is -1: (1 - p - p) / p = e - 2
    assert to_evidence(1 / np.e) == pytest.approx(np.e - 2)


def test_evidence_is_1_on_average_where_nothing_has_changed():
    least = 1e-12
    log = np.linspace(np.log(least), 0, 400_001)
    p = np.exp(log)
    mean = np.trapezoid(to_evidence(p) * p, log)
    # of all k in (0, 1) the part above the least p-value: 1 - least^k
    assert mean == pytest.approx(1 + (1 - least) / np.log(least), abs=1e-3)


@pytest.mark.parametrize("p_value", [0.0, 1e-320, 0.5, 0.9999, 1.0])
def test_evidence_of_any_p_value_is_finite(p_value):
    assert 0 < to_evidence(p_value) < np.inf


# skewed recordings raise none in most runs and many in a few, so that it takes more of them
@pytest.mark.parametrize(
    ("scatter", "references", "runs"),
    [("normal", 4, 20), ("heavy", 8, 20), ("skewed", 4, 60)],
)
def test_200_clean_sessions_raise_no_more_alarms_than_stated(scatter, references, runs):
    assert count_alarms(World(scatter, references), runs) <= MAX_FALSE_ALARMS


def test_days_from_one_place_that_stays_keep_the_bound_where_what_was_told_is_learnt():
    days = Asked("skewed", references=8, stays=0.9)
    told_once = count_day_alarms(days, 10, learns=True)
    assert told_once <= MAX_FALSE_ALARMS
    assert count_day_alarms(days, 10, learns=False) > 3 * MAX_FALSE_ALARMS


def test_a_dusk_of_requests_is_seen_in_three_days():
    delays = find_day_delays(Asked(stays=0.5, moved=4, by_sd=5.0), 20)
    assert np.mean(delays <= 3) >= 0.9


@pytest.mark.parametrize(
    ("change", "within", "share"),
    [
        ("motion blur, whole", 2, 0.9),
        ("motion blur, half", 5, 0.9),
        ("motion blur, a quarter", 20, 0.8),
        ("motion blur, half, of one camera", 5, 0.85),
        ("sensor noise", 2, 0.9),
        ("dusk", 5, 0.95),
        ("a little less light", 20, 0.4),
    ],
)
def test_each_change_is_seen_as_soon_as_stated(change, within, share):
    assert (find_delays(CHANGES[change], RUNS) <= within).mean() >= share


def test_a_stronger_change_is_seen_sooner():
    worlds = [replace(CHANGES["dusk"], by_sd=by_sd) for by_sd in (2.5, 4.0, 8.0)]
    delays = [np.median(find_delays(world, RUNS)) for world in worlds]
    assert delays[0] > delays[1] > delays[2]


def test_a_change_that_stays_alarms_again_and_again_as_it_is_never_learnt():
    world = World(moved=4, by_sd=5.0)
    distances = draw_distances(world, 60, np.random.default_rng(1))
    alarms = np.flatnonzero(follow(distances).is_alarm)
    assert len(alarms) > 10 and alarms[-1] > 55


def test_an_alarm_sets_all_evidence_back():
    distances = np.zeros((4, 1))
    distances[1] = 100.0
    found = follow(distances)
    assert found.is_alarm.tolist() == [False, True, False, False]
    assert found.total[1] > THRESHOLD and found.total[2] < 2


def test_a_figure_that_a_session_lacks_keeps_its_evidence():
    distances = np.array([[0.0, 0.0], [3.0, 0.0], [np.nan, 0.0]])
    found = follow(distances)
    assert found.evidence[2, 0] == found.evidence[1, 0] > 1


def test_a_figure_that_comes_later_does_not_weaken_what_was_before():
    alone = np.array([[0.0], [3.0]])
    joined = np.array([[0.0, np.nan], [3.0, np.nan], [0.0, 0.0]])
    assert follow(joined).total[:2] == pytest.approx(follow(alone).total)


def test_of_a_one_sided_figure_small_distances_are_no_evidence():
    low = np.full((6, 1), -6.0)
    assert follow(low, is_one_sided=True).total[-1] < 5 < follow(low).total[1]


def test_no_session_has_no_reading():
    assert len(follow(np.empty((0, 3))).total) == 0


def test_an_infinite_distance_and_a_small_reference_are_refused():
    with pytest.raises(ValueError, match="1 distances are infinite"):
        follow(np.array([[np.inf]]))
    with pytest.raises(ValueError, match="3 reference recordings: 4 are needed"):
        chart(np.zeros((1, 1)), np.array([3]), np.array([False]))
