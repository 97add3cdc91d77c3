"""Some schedules of `make prove`, each of which must end as if nothing had befallen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.prove.scenarios import run_schedule
from bench.prove.schedules import KINDS, Schedule, count_cases, make_schedules, pick

CHOSEN = (
    Schedule(0, "killed", 0, place=0.6),
    Schedule(1, "killed while it grows", 0, place=0.2),
    Schedule(2, "object store fails", 0, place=0.8, fault="lost_reply"),
    Schedule(3, "two processes", 0),
    Schedule(4, "partial upload", 0, amount=0.5),
    Schedule(5, "same key, other bytes", 0, place=0.5),
    Schedule(6, "stopped past its lease", 0, place=0.6, with_growth=True),
    Schedule(7, "full disk", 0, amount=0.6),
)


@pytest.mark.parametrize("schedule", CHOSEN, ids=lambda schedule: schedule.title)
def test_a_schedule_ends_as_if_nothing_had_befallen(schedule, stage, points):
    result = run_schedule(stage, schedule, points)
    assert result.verdict.is_clean, result.verdict


def test_a_restart_of_the_database_is_survived(stage, points, postgres):
    with_ledger = replace(stage, postgres=postgres)
    result = run_schedule(
        with_ledger, Schedule(0, "database restarts", 0, place=0.5), points
    )
    assert result.verdict.is_clean, result.verdict


def test_the_points_are_the_writes_of_an_intake(points):
    passed = {point for point, _ in points["killed"]}
    writes = {
        "put",
        "claim",
        "commit",
        "record",
        "append frames",
        "merge signals",
        "upsert captures",
    }
    assert {
        f"{when} {write}" for when in ("before", "after") for write in writes
    } <= passed
    assert "after delete quarantine" in {
        point for point, _ in points["killed while it grows"]
    }
    assert len(points["object store fails"]) > 50


def test_schedules_are_the_same_for_a_seed_and_take_every_case_in_turn():
    num_points = dict.fromkeys(KINDS, 4)
    dealt = make_schedules(len(KINDS) * 20, 7, num_points)
    assert (
        dealt
        == make_schedules(len(KINDS) * 20, 7, num_points)
        != make_schedules(len(KINDS) * 20, 8, num_points)
    )
    on_s3 = {(s.place, s.fault) for s in dealt if s.kind == "object store fails"}
    assert len(on_s3) == 4 * 5  # every request under every fault
    assert {s.place for s in dealt if s.kind == "killed"} == {
        0.125,
        0.375,
        0.625,
        0.875,
    }
    # nine kinds of places, four with their own cases
    assert count_cases(num_points) == 8 * 4 + 20 + 8 + 8 + 20 + 20


def test_a_place_means_the_same_share_of_any_way():
    way = [("a", 1), ("b", 1), ("b", 2), ("c", 1)]
    assert [pick(place, way) for place in (0.0, 0.25, 0.74, 0.99)] == [
        ("a", 1),
        ("b", 1),
        ("b", 2),
        ("c", 1),
    ]
