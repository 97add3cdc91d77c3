"""Which sessions somebody asks about: by names, or patterns as shells have them; none named: all."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


def is_chosen(session: str | None, patterns: Sequence[str]) -> bool:
    """Whether a session is asked about; what is of none is where nothing is named."""
    if not patterns or session is None:
        return not patterns
    return any(fnmatchcase(session, pattern) for pattern in patterns)


def choose(sessions: pa.ChunkedArray, patterns: Sequence[str]) -> NDArray[np.bool_]:
    """The same of a column (N,)."""
    if not patterns:
        return np.ones(len(sessions), bool)
    named = [s for s in sessions.unique().to_pylist() if is_chosen(s, patterns)]
    known = pa.array(named, pa.string())
    return np.asarray(pc.is_in(sessions, value_set=known).to_numpy(), bool)
