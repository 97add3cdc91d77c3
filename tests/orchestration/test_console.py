"""What goes on is told by whole lines where nobody looks on: soon after it began, and again while it lasts."""

from __future__ import annotations

import threading

import pytest

from orchestration import console as consoles
from orchestration.cli.progress import show_activity
from orchestration.console import RunConsole


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
