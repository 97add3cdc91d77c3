"""What the demo says before it does it: its faults are planned."""

from __future__ import annotations

from orchestration.console import RunConsole
from orchestration.demo import _FIRST_WAVE, _SECOND_WAVE, _announce


def test_faults_and_shifts_are_announced_as_planned(capsys):
    console = RunConsole()
    _announce(_FIRST_WAVE, console)
    _announce(_SECOND_WAVE, console)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "  planned: desk-faulty is broken on purpose (corrupt_frame, truncated_file), checks are to hold it back",
        "  planned: desk-dusk is another world on purpose (dusk), drift is to be raised",
    ]
