"""Which sessions somebody asks about: by names, or patterns as shells have them; none named: all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_MOST_NAMED = 12  # sessions in an error


def is_chosen(session: str | None, patterns: Sequence[str]) -> bool:
    """Whether a session is asked about; what is of none is where nothing is named."""
    if not patterns or session is None:
        return not patterns
    return any(fnmatchcase(session, pattern) for pattern in patterns)


def require_known(known: Collection[str], patterns: Sequence[str], what: str) -> None:
    """Raise ValueError for a name or pattern that no known session meets; `what` sort of session is meant."""
    for pattern in patterns:
        if not any(fnmatchcase(session, pattern) for session in known):
            listed = sorted(known)
            more = f" and {len(listed) - _MOST_NAMED} more" * (
                len(listed) > _MOST_NAMED
            )
            there = (
                f"there are {', '.join(listed[:_MOST_NAMED])}{more}"
                if listed
                else "there is none yet"
            )
            raise ValueError(f"there is no session '{pattern}' {what}: {there}")


def choose(sessions: pa.ChunkedArray, patterns: Sequence[str]) -> NDArray[np.bool_]:
    """The same of a column (N,)."""
    if not patterns:
        return np.ones(len(sessions), bool)
    named = [s for s in sessions.unique().to_pylist() if is_chosen(s, patterns)]
    known = pa.array(named, pa.string())
    return np.asarray(pc.is_in(sessions, value_set=known).to_numpy(), bool)
