"""Progress says how much is done, how fast, and how long it still takes; the clock is the test's."""

from __future__ import annotations

import io
import sys

import pytest

import orchestration.cli.progress as progress
from orchestration.cli.progress import Pace, show_progress


def test_the_rate_and_the_time_left_follow_from_what_was_done():
    """3 of 12 files and 480 frames in 12 s: 40 frames/s, and 9 more files at 4 s each."""
    pace = Pace("files", total=12)
    pace.add(100.0, 0)
    pace.add(112.0, 3, 480)
    assert (
        pace.describe(has_frames=True)
        == "3/12 files, 480 frames, 40 frames/s, 0:36 left"
    )


def test_without_frames_the_rate_is_that_of_the_unit():
    pace = Pace("frames", total=1000)
    pace.add(0.0, 0)
    pace.add(2.0, 500)
    assert (
        pace.describe(has_frames=False) == "500/1,000 frames, 250 frames/s, 0:02 left"
    )


def test_nothing_done_yet_has_no_time_left():
    pace = Pace("files", total=4)
    pace.add(0.0, 0)
    pace.add(5.0, 0)
    assert (
        pace.left_s is None
        and pace.describe(has_frames=False) == "0/4 files, 0 files/s"
    )


def test_before_the_first_tick_no_line_is_like_the_one_before_it():
    pace = Pace("files")
    told = []
    for second in range(0, 80, 5):  # longer than a rate looks back
        pace.add(100.0 + second, 0)
        told.append(pace.describe(has_frames=True))
    assert told[0] == "getting ready, 0:00 so far"
    assert told[-1] == "getting ready, 1:15 so far"
    assert len(set(told)) == len(told)


def test_the_time_until_something_is_done_does_not_count():
    """20 s until a model is loaded, then 10 frames a second: 80 of 100 are left, 8 s."""
    pace = Pace("frames", total=100)
    for second in range(23):
        pace.add(float(second), max(0, second - 20) * 10)
    assert pace.rate(1) == pytest.approx(10) and pace.left_s == pytest.approx(8)


def test_the_end_has_no_time_left():
    pace = Pace("files", total=2)
    pace.add(0.0, 0)
    pace.add(4.0, 2)
    assert pace.describe(has_frames=False) == "2/2 files, 0.5 files/s"


def test_only_the_recent_half_minute_counts():
    """Slow at first, 10 files/s later: the rate is the later one."""
    pace = Pace("files", total=1000)
    for second in range(101):
        pace.add(float(second), 0 if second < 60 else (second - 60) * 10)
    assert pace.rate(1) == pytest.approx(10) and len(pace.samples) == 31
    assert pace.left_s == pytest.approx(60)


def test_lines_where_stderr_is_no_terminal(monkeypatch):
    monkeypatch.setattr(progress, "_LINE_S", 0.01)
    monkeypatch.setattr(sys, "stderr", stderr := io.StringIO())
    frames = iter(range(5, 10**6))
    with show_progress("ingesting monday", "files", lambda: next(frames)) as tick:
        tick(1, 2, "a.mcap")
        wait_for(lambda: "1/2 files" in stderr.getvalue())
        tick(2, 2, "")
    lines = stderr.getvalue().splitlines()
    assert all(
        line.startswith("ingesting monday: ")
        and (" frames" in line or "getting ready" in line)
        for line in lines
    )
    assert lines[-1].startswith("ingesting monday: 2/2 files")


def test_what_is_quick_prints_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stderr", stderr := io.StringIO())
    with show_progress("ingesting monday", "files") as tick:
        tick(1, 1)
    assert stderr.getvalue() == ""


def test_a_bar_where_stderr_is_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", stderr := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with show_progress("ingesting monday", "files", lambda: 7) as tick:
        tick(3, 3)
    assert "3/3 files" in stderr.getvalue() and "ingesting monday" in stderr.getvalue()


def test_an_error_in_the_work_ends_the_progress(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with pytest.raises(OSError, match="disk"), show_progress("ingesting", "files"):
        raise OSError("disk")


def wait_for(condition) -> None:
    """Until the condition holds; the test's timeout ends what never does."""
    while not condition():
        pass
