"""Freed memory stays with the process while it trains, and goes back to the system afterwards."""

from __future__ import annotations

import subprocess
import sys

import pytest

_COUNT = """
import resource
import numpy as np
from assets.training.heap import keep_freed_memory

def count_faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        np.ones(40 * 2**20, np.uint8)  # 10,240 pages
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

count_faults()
outside = count_faults()
with keep_freed_memory():
    count_faults()
    inside = count_faults()
print(outside, inside, count_faults())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="malloc is not glibc's")
def test_pages_are_cleared_once_while_it_trains():
    # a process of its own: the thresholds are the whole process's
    ran = subprocess.run(
        [sys.executable, "-c", _COUNT], capture_output=True, text=True, check=True
    )
    outside, inside, after = map(int, ran.stdout.split())
    assert inside < outside / 20
    assert after > outside / 2
