"""One training of a task at a time, whatever becomes of the process that has the turn."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from assets.training.turn import TakenTurn, find_turn, take_turn
from orchestration.profiles import CHECKOUT

_HOLD = """
import sys, time
from pathlib import Path
from assets.training.turn import take_turn
with take_turn(Path(sys.argv[1]), "detection", print):
    print("has it", flush=True)
    time.sleep(600)
"""


def test_who_comes_later_waits_until_the_other_is_dead_or_gives_up(
    tmp_path: Path,
) -> None:
    words = [sys.executable, "-c", _HOLD, str(tmp_path)]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "has it\n"
        assert find_turn(tmp_path, "detection") == str(other.pid)
        with (
            pytest.raises(TakenTurn, match=f"process {other.pid} trains detection"),
            take_turn(tmp_path, "detection", print, gives_up=True),
        ):
            pass
        with take_turn(tmp_path, "segmentation", print, gives_up=True):
            pass  # another task
        told: list[str] = []

        def kill_the_other(text: str) -> None:
            told.append(text)
            other.send_signal(signal.SIGKILL)

        with take_turn(tmp_path, "detection", kill_the_other):
            assert told == [
                f"process {other.pid} trains detection in this home: waiting for its end"
            ]
    assert find_turn(tmp_path, "detection") == ""
