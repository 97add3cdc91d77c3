"""How much processor time something takes. Needs nothing, so that it runs in each peer's own environment."""

from __future__ import annotations

import resource


def measure_cpu_s() -> float:
    """User and system time of this process and of the children that have ended."""
    used = [
        resource.getrusage(who)
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    return sum(one.ru_utime + one.ru_stime for one in used)
