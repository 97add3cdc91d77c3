"""Processes that end soon: the collector comes rarely, and not at the end."""

from __future__ import annotations

import subprocess
import sys

_CYCLE = """
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
_QUERY = """
import duckdb
from orchestration.collector import spare_collector

spare_collector()
print(duckdb.connect().execute("SELECT 1").fetchone()[0])
"""


def run(script: str) -> list[str]:
    """What a process says, on both streams."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_at_the_end_what_is_registered_runs_and_no_cycle_is_looked_for():
    assert run(_CYCLE) == ["10000", "finalised", "exits"]


def test_duckdb_tells_of_nothing_that_is_left():
    assert run(_QUERY) == ["1"]
