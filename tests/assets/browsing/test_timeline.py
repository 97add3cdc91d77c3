"""When frames were taken: counts in equal parts of time, gaps, and where something could not be read."""

from __future__ import annotations

from assets.browsing.browser import Browser
from assets.browsing.timeline import NUM_BUCKETS, tell_timeline
from assets.tables.schemas import content_id
from assets.workspace import Workspace
from tests.assets.browsing.conftest import put


def test_a_gap_and_what_was_lost_stand_at_their_time(home, catalog, frame_rows):
    # ten frames a second, ten of them, five seconds of nothing, ten more
    times = [n * 10**8 for n in (*range(10), *range(60, 70))]
    rows = frame_rows(
        20, t_ns=times, source_path="a.mcap", source_offset=[n * 100 for n in range(20)]
    )
    catalog.merge("frames", rows)
    put(
        catalog,
        "quarantine",
        [
            {
                "problem_id": content_id("problem"),
                "session": "monday",
                "source_path": "a.mcap",
                "source_offset": 450,
                "reason": "cut off",
            }
        ],
    )
    index = Browser(catalog, Workspace(home)).index
    (told,) = tell_timeline(catalog, index, ["monday"])
    assert (told["start_ns"], told["end_ns"]) == (0, 6_900_000_000)
    assert len(told["buckets"]) == NUM_BUCKETS and sum(told["buckets"]) == 20
    assert told["buckets"][NUM_BUCKETS // 2] == 0
    assert (
        told["bucket_ns"] == 116_666_667
    )  # 7 s, as the last frame has its tenth, of 60
    assert told["gaps"] == [[900_000_000, 6_000_000_000]]
    # behind the frame at byte 400
    assert told["quarantined"] == [{"time_ns": 400_000_000, "reason": "cut off"}]


def test_a_short_video_has_a_bucket_a_frame_and_its_gap_is_seen(
    home, catalog, frame_rows
):
    # ten frames a second, of which the fifth and sixth are not there
    times = [n * 10**8 for n in (0, 1, 2, 3, 6, 7, 8, 9)]
    catalog.merge("frames", frame_rows(8, t_ns=times))
    index = Browser(catalog, Workspace(home)).index
    (told,) = tell_timeline(catalog, index, ["monday"])
    assert told["buckets"] == [1, 1, 1, 1, 0, 0, 1, 1, 1, 1]
    assert told["bucket_ns"] == 10**8


def test_one_frame_is_in_one_bucket(home, catalog, frame_rows):
    catalog.merge("frames", frame_rows(1, t_ns=[10**18]))
    index = Browser(catalog, Workspace(home)).index
    (told,) = tell_timeline(catalog, index, ["monday"])
    assert told["buckets"] == [1] and told["gaps"] == []


def test_a_session_without_times_has_no_buckets(home, catalog, frame_rows):
    catalog.merge("frames", frame_rows(3, t_ns=None))
    index = Browser(catalog, Workspace(home)).index
    (told,) = tell_timeline(catalog, index, ["monday"])
    assert told["buckets"] == [] and told["num_without_time"] == 3
