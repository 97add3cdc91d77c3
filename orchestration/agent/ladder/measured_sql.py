"""Statements whose numbers are measured: a model may not select what it wrote itself and quote that as said by a tool.

Belongs here: telling such statements by DuckDB's own parse of them. Does not: running them, and which tables they read.
"""

import json
from collections.abc import Iterator
from typing import Any

from assets.tables.sql import open_closed

_REMEDY = (
    "select columns and functions of columns alone, such as count(*) FILTER (WHERE score > 0.5); numbers and texts of "
    "your own belong behind WHERE"
)
# by how many arguments are of columns; those behind say how
_HOW_BEHIND = {"round": 1, "quantile_cont": 1, "quantile_disc": 1}
_OF_ROWS = ("count_star", "row_number", "rank", "dense_rank")  # without arguments
_TESTS = ("COMPARISON", "CONJUNCTION", "BETWEEN")
_NO_VALUES = (
    "where_clause",
    "having",
    "qualify",
    "modifiers",
    "filter",
    "filter_expr",
    "when_expr",
)
_VALUES = ("select_list", "values", "then_expr", "else_expr")


def require_measured(sql: str) -> None:
    """Raises ValueError for a statement that selects constants, or from a function; the tool finds other faults."""
    with open_closed() as connection:
        query = "SELECT json_serialize_sql(?)"
        ((text,),) = connection.execute(query, [sql]).fetchall()
    parsed: dict[str, Any] = json.loads(text)
    if parsed.get("error"):
        return  # the tool says what is wrong
    for fault in _find_faults(parsed["statements"], False):
        raise ValueError(f"{fault}: {_REMEDY}")


def _find_faults(part: Any, is_value: bool) -> Iterator[str]:
    if isinstance(part, list):
        for one in part:
            yield from _find_faults(one, is_value)
    if not isinstance(part, dict) or part.get("class") == "TYPE":
        return
    yield from _judge(part, is_value)
    name = str(part.get("function_name", ""))
    is_value &= part.get("class") not in _TESTS
    for key, inner in part.items():
        if key == "arguments" and name in _HOW_BEHIND:
            inner = inner[: _HOW_BEHIND[name]]
        is_inside = (is_value or key in _VALUES) and key not in _NO_VALUES
        yield from _find_faults(inner, is_inside)


def _judge(part: dict[str, Any], is_value: bool) -> Iterator[str]:
    kind = part.get("class")
    if part.get("type") == "TABLE_FUNCTION":
        yield "it selects from a function"
    if kind == "CONSTANT" and is_value and not _is_null(part):
        yield "it selects a number or text of its own"
    if kind != "FUNCTION":
        return
    name = part["function_name"]
    given = [one["expression"] for one in part.get("arguments", [])]
    if not given and name not in _OF_ROWS:
        yield f"it selects {name}(), which is of no column"
    if given and all(one.get("class") == "CONSTANT" for one in given):
        yield f"it computes {name} of numbers or texts of its own"


def _is_null(part: dict[str, Any]) -> bool:
    return bool(part.get("literal", {}).get("kind") == "NULL_LITERAL")
