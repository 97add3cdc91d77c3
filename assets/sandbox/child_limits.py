"""Limits that a process which decodes foreign bytes puts on itself: memory, processor time, files."""

from __future__ import annotations

import resource
import sys

# heap and anonymous mappings, beyond what the libraries take to load
MEMORY_BYTES = 1 << 30
# for one image or one frame, so that a hostile file is done with in 10
ITEM_SECONDS = 6


def limit_resources(memory_bytes: int) -> None:
    """From now on at most `memory_bytes` more than the libraries hold already, no core dump, nothing written to files.

    To be called when the libraries are loaded.
    """
    limit = memory_bytes + _measure_data_bytes()
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def allow_seconds(seconds: int) -> int:
    """From now on: the soft limit on processor time ends this process with SIGXCPU. Returns the seconds used so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    used_s = int(usage.ru_utime + usage.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (used_s + seconds + 1, hard))
    return used_s


def _measure_data_bytes() -> int:
    """What RLIMIT_DATA counts already: the libraries' own data."""
    try:
        with open("/proc/self/statm") as stream:
            return int(stream.read().split()[5]) * resource.getpagesize()
    except OSError:  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
            1 if sys.platform == "darwin" else 1024
        )
