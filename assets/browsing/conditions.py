"""Which frames an expression of SQL holds for: over the columns in memory, and other tables in subqueries.

It runs in a DuckDB that reaches no file and no network, changes nothing, sees shown columns alone
(`assets.browsing.shown`), and is stopped after some seconds or where it would take much memory.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from assets.browsing.condition_faults import tell_fault
from assets.browsing.frame_ids import Positions
from assets.browsing.frame_index import FrameIndex
from assets.browsing.shown import list_shown, name_shown
from assets.tables.catalog import Catalog, TableMissing
from assets.tables.schemas import TABLES
from assets.tables.sql import limit_time, list_own, open_closed

MOST_CHARACTERS = 2_000
MOST_SECONDS = 5.0
MOST_MEMORY = "256MB"
# functions that make rows of nothing but their arguments
_MAKERS = frozenset({"unnest", "range", "generate_series"})
_PLACE = "_position"
_BEFORE = "SELECT 1 WHERE ("
_COLUMNS = ("frame_id",)  # that there are anyhow


class ConditionError(ValueError):
    """The expression is none that can be answered; the message says why, and what helps."""


@lru_cache(256)
def list_tables(condition: str) -> frozenset[str]:
    """The tables that a condition asks. Raises ConditionError for what is none, and for one that may not be shown."""
    import duckdb

    if len(condition) > MOST_CHARACTERS:
        raise ConditionError(
            f"a condition of {len(condition):,} characters: {MOST_CHARACTERS:,} are read"
        )
    with open_closed({"memory_limit": MOST_MEMORY, "threads": 1}) as connection:
        try:
            parsed = _parse(connection, condition)
            _require_new_names(parsed, list_own(connection) | TABLES.keys())
            return frozenset(_list_asked(parsed))
        except duckdb.Error as error:
            raise ConditionError(_tell(error, condition)) from error


def find_positions(
    catalog: Catalog, index: FrameIndex, condition: str, most_s: float = MOST_SECONDS
) -> Positions:
    """Ascending positions of the frames that the condition holds for.

    Raises ConditionError for anything but one expression that is true or false, for what may not be shown, and for what
    takes more than `most_s` seconds.
    """
    import duckdb

    asked = list_tables(condition)
    with open_closed({"memory_limit": MOST_MEMORY, "threads": 2}) as connection:
        try:
            for name in sorted(asked - {"frames"}):
                _show(connection, catalog, name)
            connection.register("frames", _number(index.rows))
            connection.execute("SET lock_configuration = true")
            with limit_time(connection, most_s):
                frames = connection.table("frames")
                # takes one expression and nothing else: no second statement, no UNION
                found = frames.filter(condition).project(_PLACE).to_arrow_table()
        except duckdb.InterruptException:
            raise ConditionError(
                f"the condition was stopped after {most_s:g} s: narrow it, or ask by `daguerre query`"
            ) from None
        except duckdb.Error as error:
            others = (name for table in sorted(asked) for name in name_shown(table))
            names = list(dict.fromkeys([*index.rows.column_names, *others]))
            raise ConditionError(_tell(error, condition, names)) from error
    return np.sort(np.asarray(found[_PLACE], np.int32))


def _number(rows: pa.Table) -> pa.Table:
    return rows.append_column(_PLACE, pa.array(np.arange(len(rows), dtype=np.int32)))


def _tell(error: Exception, condition: str, columns: Sequence[str] = _COLUMNS) -> str:
    return f"no condition on frames: {tell_fault(error, condition, columns)}"


def _parse(connection: Any, condition: str) -> Any:
    """The expression as DuckDB understands it. Raises ConditionError for what it does not."""
    sql = f"{_BEFORE}{condition}\n)"
    ((parsed,),) = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
    found = json.loads(parsed)
    if found.get("error"):
        said = Exception(found.get("error_message", "not understood"))
        raise ConditionError(_tell(said, condition))
    return found


def _require_new_names(parsed: Any, taken: Collection[str]) -> None:
    """Raises ConditionError where WITH gives a name that something else has."""
    for name in _list_made(parsed):
        if name in taken:
            raise ConditionError(
                f"{name!r} is the name of a table: call what stands in WITH something else"
            )


def _list_asked(parsed: Any) -> set[str]:
    """The tables that are named. Raises ConditionError for one that may not be shown, and for functions that read."""
    made = set(_list_made(parsed))
    asked = set()
    for part in _walk(parsed):
        if part.get("type") == "TABLE_FUNCTION":
            name = str(part.get("function", {}).get("function_name"))
            if name.lower() not in _MAKERS:
                raise ConditionError(
                    f"{name}() is not asked here: {', '.join(sorted(_MAKERS))} are"
                )
        if part.get("type") == "BASE_TABLE":
            name = str(part["table_name"])
            if name.lower() not in made or part.get("schema_name"):
                asked.add(_require_shown(part, name))
    return asked


def _require_shown(part: Mapping[str, Any], name: str) -> str:
    is_plain = not part.get("schema_name") and not part.get("catalog_name")
    if name in TABLES and is_plain and list_shown(name):
        return name
    raise ConditionError(
        f"there is no table {name!r} to ask here: `daguerre query` lists them with their columns"
    )


def _list_made(parsed: Any) -> Iterator[str]:
    """Names of what stands in WITH, in lower case."""
    for part in _walk(parsed):
        for one in (part.get("cte_map") or {}).get("map") or ():
            yield str(one["key"]).lower()


def _walk(parsed: Any) -> Iterator[Mapping[str, Any]]:
    parts = [parsed]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            yield part
            parts.extend(part.values())
        elif isinstance(part, list):
            parts.extend(part)


def _show(connection: Any, catalog: Catalog, name: str) -> None:
    """The columns of a table that may be shown, under its name."""
    shown = name_shown(name)
    try:
        stored = catalog.open_stored(name)
    except TableMissing:
        connection.register(name, TABLES[name].schema.empty_table().select(shown))
        return
    # nothing names it: a condition asks the tables of the schemas alone
    hidden = f"stored_{secrets.token_hex(16)}"
    connection.register(hidden, stored)
    columns = ", ".join(
        f'"{column}"' if column in stored.schema.names else f'NULL AS "{column}"'
        for column in shown
    )
    connection.execute(f'CREATE TEMP VIEW "{name}" AS SELECT {columns} FROM {hidden}')
