"""What goes on is told by whole lines where nobody looks on: soon after it began, and again while it lasts."""

from __future__ import annotations

import threading

import pytest

from orchestration import console as consoles
from orchestration.cli.progress import show_activity
from orchestration.console import Remaining, RunConsole


def test_a_stage_that_lasts_is_named_and_one_that_is_over_soon_is_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    console = RunConsole()
    told = threading.Event()
    tell = console.tell

    def tell_and_note(line: str) -> None:
        tell(line)
        told.set()

    monkeypatch.setattr(console, "tell", tell_and_note)
    with console.step("train detection"):
        monkeypatch.setattr(consoles, "_SLOW_S", 600.0)
        console.enter("curation/splits")
        monkeypatch.setattr(consoles, "_SLOW_S", 0.0)
        console.enter("starting Ray")
        assert told.wait(30)
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["train detection", "  starting Ray ..."]
    assert "splits" not in "".join(lines)


def test_steps_are_told_every_few_seconds_and_without_control_characters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    console = RunConsole()
    monkeypatch.setattr(consoles, "_QUIET_S", 600.0)
    console.show("epoch 1 of 5, step 1 of 40")
    monkeypatch.setattr(consoles, "_QUIET_S", 0.0)
    console.show("epoch 1 of 5, step 9 of 40")
    told = capsys.readouterr().err
    assert told == "  epoch 1 of 5, step 9 of 40\n"


def test_a_stage_that_ends_with_its_step_is_told_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    console = RunConsole()
    monkeypatch.setattr(consoles, "_SLOW_S", 600.0)
    with pytest.raises(KeyError), console.step("report"):
        console.enter("drawing detection")
        waiting = console._waiting
        raise KeyError
    assert waiting is not None and waiting.finished.is_set()


def test_an_activity_is_a_line_at_once_and_at_each_change(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with show_activity("loading what draws") as enter:
        assert capsys.readouterr().err == "loading what draws ...\n"
        enter("drawing \x1b[31mdetection")
    assert capsys.readouterr().err == "drawing \\x1b[31mdetection ...\n"


def test_the_time_left_is_told_once_it_is_measured_without_the_steps_that_warm_up() -> (
    None
):
    """100 steps, four of 4 s, then of 1 s each. It is warm at the fourth, and five more seconds are five steps."""
    remaining = Remaining()
    told = {}
    now_s = 0.0
    for step in range(1, 101):
        now_s += 4.0 if step <= 4 else 1.0
        told[step] = remaining.add(now_s, step / 100)
    assert [step for step, left_s in told.items() if left_s is None] == list(
        range(1, 9)
    )
    assert told[9] == pytest.approx(91.0)  # steps of a second each
    assert told[50] == pytest.approx(50.0) and told[100] == pytest.approx(0.0)


def test_a_few_long_steps_and_many_short_ones_are_too_little_to_tell() -> None:
    long, short = Remaining(), Remaining()
    assert [long.add(60.0 * n, n / 9) for n in range(1, 7)] == [None] * 6
    assert long.add(60.0 * 7, 7 / 9) == pytest.approx(120.0)
    assert [short.add(0.01 * n, n / 999) for n in range(1, 500)] == [None] * 499
