"""Which columns of a query a person wants to see first, where not all fit.

Belongs here: their order. Does not: how wide they are, and which of them fit (`tables.py`).
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

_HASH = re.compile(r"[0-9a-f]{32,}")
# where a row is from, and which code made it: looked at when something is wrong
_OF_ORIGIN = frozenset(
    {
        "source_offset",
        "source_length",
        "source_inner_offset",
        "code_version",
        "input_sha256",
        "run_id",
        "frames_version",
    }
)


def rank_columns(
    rows: Sequence[Mapping[str, Any]], named: Collection[str]
) -> list[str]:
    """The columns of rows with equal keys, in the order in which they get room: those that were asked for by name, then
    what is different from row to row, what is the same in all, where rows are from, hashes, and what holds nothing.
    """
    names = list(rows[0]) if rows else []
    return sorted(names, key=lambda name: _rank(name, rows, named))  # stable


def _rank(name: str, rows: Sequence[Mapping[str, Any]], named: Collection[str]) -> int:
    if name in named:
        return 0
    values = [row[name] for row in rows]
    if all(value in (None, "", [], {}) for value in values):
        return 5
    if any(isinstance(value, str) and _HASH.fullmatch(value) for value in values):
        return 4
    if name in _OF_ORIGIN:
        return 3
    is_same = len(rows) > 1 and all(value == values[0] for value in values)
    return 2 if is_same else 1
