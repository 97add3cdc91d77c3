"""Processes that end soon: the collector comes rarely, and not at the end."""

from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import atexit, gc, weakref
from orchestration.collector import spare_collector

class Cycle:
    def __init__(self):
        self.itself = self
    def __del__(self):
        print("collected")

spare_collector()
spare_collector()
print(gc.get_threshold()[0])
atexit.register(print, "exits")
cycle = Cycle()
weakref.finalize(cycle, print, "finalised")
"""


def test_at_the_end_what_is_registered_runs_and_no_cycle_is_looked_for():
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["10000", "finalised", "exits"]
