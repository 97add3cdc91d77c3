"""What is wrong with a condition, in words of its writer: which column there is not, and which come near it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches

from assets.tables.sql import explain

_NEAR = 0.5  # of two names, as difflib counts: sharpnes and sharpness 0.94
_MOST_NEAR = 3
_LONGEST = 300  # of what DuckDB says, which lists candidates at length


def tell_fault(error: Exception, condition: str, columns: Sequence[str]) -> str:
    """A sentence with the remedy. What is none of the faults that people make is told as DuckDB tells it, in short."""
    said = str(error)
    for pattern, tell in _FAULTS:
        found = pattern.search(said)
        if found:
            return tell(*found.groups(), condition, columns)
    told = explain(error, condition).partition("; Candidate")[0]
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]} ..."


def _tell_column(name: str, condition: str, columns: Sequence[str]) -> str:
    if re.search(rf'"{re.escape(name)}"', condition) and name not in columns:
        quoted = f", or '{name}' in single quotes where it is a word"
    else:
        quoted = ""
    lower = {column.lower(): column for column in columns}
    near = get_close_matches(name.lower(), list(lower), _MOST_NEAR, _NEAR)
    names = ", ".join([lower[one] for one in near] or columns)
    told = f"near it: {names}" if near else f"there are {names}"
    return f"no column is called {name!r}; {told}{quoted}"


def _tell_table(name: str, condition: str, columns: Sequence[str]) -> str:
    return f"{name!r} is no table that is asked here: write columns of frames by their name alone, as {columns[0]}"


def _tell_function(name: str, condition: str, columns: Sequence[str]) -> str:
    return (
        f"DuckDB has no function {name!r}: compare columns by <, =, LIKE, IN or BETWEEN"
    )


def _tell_kinds(
    function: str, kinds: str, condition: str, columns: Sequence[str]
) -> str:
    plain = (
        kinds.replace("_LITERAL", "").replace("VARCHAR", "text").lower() or "nothing"
    )
    shown = {"~~": "LIKE"}.get(function, function)
    return f"{shown} does not go with {plain}: texts stand in single quotes, numbers without"


def _tell_value(value: str, kind: str, condition: str, columns: Sequence[str]) -> str:
    what = "number" if re.search("INT|DOUBLE|FLOAT|DECIMAL", kind) else kind.lower()
    return f"{value!r} is no {what}, and is compared with one: columns of numbers take numbers"


def _tell_syntax(token: str, condition: str, columns: Sequence[str]) -> str:
    if token == ")" and condition.count(")") <= condition.count("("):
        return "it ends before it is whole: close what is opened, and give both sides of each comparison"
    places = [m.start() + 1 for m in re.finditer(re.escape(token), condition)]
    at = f" (character {places[0]})" if len(places) == 1 else ""
    return (
        f"it cannot be read at {token!r}{at}: write one comparison or several, joined by AND or OR, "
        "texts in single quotes, as in sharpness < 0.1 AND sensor = 'left'"
    )


def _tell_second(condition: str, columns: Sequence[str]) -> str:
    return "it is more than one expression: take out what begins with ; or ends it, as ORDER BY or LIMIT"


def _tell_aggregate(condition: str, columns: Sequence[str]) -> str:
    return "a frame by itself has no sum, count or mean: put it into a subquery, as (SELECT avg(sharpness) FROM frames)"


_FAULTS: tuple[tuple[re.Pattern[str], Callable[..., str]], ...] = (
    (re.compile(r'Referenced column "([^"]+)" not found'), _tell_column),
    (re.compile(r'does not have a column named "([^"]+)"'), _tell_column),
    (re.compile(r'Referenced table "([^"]+)" not found'), _tell_table),
    (re.compile(r"Function with name (\S+) does not exist"), _tell_function),
    (
        re.compile(r"given name and argument types '([^('\s]+)\(([^')]*)\)'"),
        _tell_kinds,
    ),
    (re.compile(r"Could not convert string '(.*?)' to (\w+)"), _tell_value),
    (re.compile(r'syntax error at or near "([^"]+)"'), _tell_syntax),
    (re.compile(r"cannot contain aggregates"), _tell_aggregate),
    (re.compile(r"Cannot have any modifiers|multiple statements"), _tell_second),
)
