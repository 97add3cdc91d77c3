"""A feed that stops, by a history that a person can follow."""

from __future__ import annotations

from functools import partial

import pytest

from assets.monitoring.feeds import judge_feed, note_delivering, read_feeds
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from bench.synthetic_home import plain_row

judge = partial(judge_feed, was_seen=True)
HOUR = 3600 * 10**9
START = 1_700_000_000 * 10**9  # 14 November 2023
# breaks of 24, 24, 30, 24 and 24 hours
DAILY = [START + HOUR * at for at in (0, 24, 48, 78, 102, 126)]


@pytest.mark.parametrize(
    ("hours_later", "state"), [(1, "delivers"), (60, "delivers"), (61, "stopped")]
)
def test_a_feed_stops_at_twice_its_longest_usual_break(hours_later, state):
    found = judge("left", DAILY, DAILY[-1] + hours_later * HOUR)
    assert (found.state, found.usual_ns) == (state, 30 * HOUR)
    assert found.limit_ns == DAILY[-1] + 60 * HOUR
    assert "longest break of 5 was 30.0 hours" in found.reason


def test_recordings_that_follow_at_once_do_not_make_a_short_break_an_alarm():
    minutes = [START + HOUR * n // 60 for n in range(20)]
    assert judge("left", minutes, minutes[-1] + HOUR - 1).state == "delivers"
    assert judge("left", minutes, minutes[-1] + HOUR + 1).state == "stopped"


def test_five_recordings_tell_no_usual_break():
    found = judge("left", DAILY[:5], DAILY[-1] + 10_000 * HOUR)
    assert found.state == "unknown" and "5 recordings, 6" in found.reason


def test_a_clock_without_a_date_is_no_feed_that_stops():
    found = judge("left", [10**9 * n for n in range(9)], START)
    assert (found.state, found.reason) == ("unknown", "its clock tells no date")


def test_what_was_never_seen_to_deliver_has_not_stopped():
    archived = judge_feed("left", DAILY, DAILY[-1] + 61 * HOUR, was_seen=False)
    assert archived.state == "unknown"
    assert "never seen to deliver, as an archive or a sim" in archived.reason
    fresh = judge_feed("left", DAILY, DAILY[-1] + 60 * HOUR, was_seen=False)
    assert fresh.state == "delivers"


def test_feeds_are_read_from_clock_reports_a_sensor_each(tmp_path):
    catalog = Catalog(str(tmp_path / "tables"))
    assert read_feeds(catalog) == []
    rows = [
        plain_row(
            "clock_reports",
            {
                "report_id": content_id(sensor, t_ns),
                "sensor": sensor,
                "kind": "color",
                "end_ns": t_ns,
            },
        )
        for sensor, stamps in (("left", DAILY), ("right", DAILY[:-1]))
        for t_ns in stamps
    ]
    catalog.merge("clock_reports", to_table(TABLES["clock_reports"], rows))
    late_ns = DAILY[-1] + 100 * HOUR
    note_delivering(catalog, read_feeds(catalog, late_ns), late_ns)
    assert {f.state for f in read_feeds(catalog, late_ns)} == {"unknown"}
    for now_ns in (DAILY[-1] + HOUR, DAILY[-1] + 2 * HOUR):
        note_delivering(catalog, read_feeds(catalog, now_ns), now_ns)
    sightings = catalog.read_latest("feed_sightings").to_pylist()
    assert sightings == [{"sensor": "left", "seen_ns": DAILY[-1] + HOUR}]
    found = read_feeds(catalog, late_ns)
    assert [(f.sensor, f.state) for f in found] == [
        ("left", "stopped"),
        ("right", "unknown"),
    ]
