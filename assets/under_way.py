"""What this thread works on, for who writes it down: the run of Dagster, and the session.

Other threads start without: `contextvars.copy_context().run` takes it along.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Work:
    """ "" where there is none."""

    run_id: str = ""
    session: str = ""


_NOTHING = Work()
_now: ContextVar[Work] = ContextVar("work", default=_NOTHING)


def current_work() -> Work:
    """What goes on here and now."""
    return _now.get()


@contextmanager
def working_on(run_id: str = "", session: str = "") -> Iterator[None]:
    """Within the context it is this run, or this session; what is not given stays as it was."""
    given = {"run_id": run_id, "session": session}
    known = {name: value for name, value in given.items() if value}
    token = _now.set(replace(_now.get(), **known))
    try:
        yield
    finally:
        _now.reset(token)
