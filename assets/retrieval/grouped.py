"""Private columns counted, summed and averaged over groups of at least so many sessions; of a smaller group nothing.

Who may not read a private column may learn of many sessions together where the policy of the home has a `min_group`.
Sessions are counted, not rows: a thousand frames of one session are one place. Only a statement of one plain form is
answered; of any other nobody could say how many sessions stand behind a value.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assets.ledger import Ledger
from assets.retrieval.query import (
    Bounds,
    Found,
    QueryError,
    cut_rows,
    find_held,
    parse_statement,
    run_query,
    walk_parts,
)
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES
from assets.tables.sql import (
    explain,
    limit_time,
    list_private,
    open_closed,
    open_tables,
)

_FORM = (
    "private columns are asked as SELECT open_column, avg(private_column) FROM one_table WHERE a condition on open "
    "columns GROUP BY open_column, by count, sum and avg alone"
)
# of a SELECT, and of the table behind it, what may be there; all else has to be empty
_OF_SELECT = frozenset(
    {
        *("type", "select_list", "from_table", "where_clause", "cte_map"),
        *("group_expressions", "group_sets", "aggregate_handling"),
    }
)
_OF_TABLE = frozenset({"type", "table_name", "qualified_name"})
_OF_CALL = frozenset(
    {
        *("class", "type", "alias", "function_name", "arguments"),
        *("order_bys", "distinct", "is_operator", "qualified_name"),
    }
)
_PLACE = frozenset({"query_location", "query_location_length"})
_AGGREGATES = frozenset({"count", "count_star", "sum", "avg"})
_IN_CONDITION = frozenset(
    {
        *("COMPARISON", "CONJUNCTION", "CONSTANT", "COLUMN_REF"),
        *("OPERATOR", "BETWEEN", "FUNCTION"),
    }
)

Part = Mapping[str, Any]


def run_bounded(
    catalog: Catalog, ledger: Ledger, sql: str, bounds: Bounds, min_group: int | None
) -> Found:
    """As `run_query` without private columns; with `min_group` these too, over groups of as many sessions or more.

    Raises QueryError as that does, and for a statement that names a private column in any other form.
    """
    import duckdb

    parsed = None if min_group is None else _read_select(sql)
    if parsed is None or min_group is None:
        return run_query(catalog, ledger, sql, False, bounds)
    private = _require_form(_get_select(parsed))
    with open_tables(catalog, is_bounded=True) as connection:
        try:
            told, few = _write(connection, parsed, private, min_group)
            with limit_time(connection, bounds.seconds):
                rows = connection.sql(told).limit(bounds.rows + 1).to_arrow_table()
                ((num_small,),) = connection.execute(few).fetchall()
        except duckdb.InterruptException as error:
            raise QueryError(f"it took more than {bounds.seconds:g} s") from error
        except duckdb.Error as error:
            raise QueryError(explain(error, sql)) from error
    rows, cut = cut_rows(rows, bounds)
    table, names = _name(_get_select(parsed)), tuple(rows.column_names)
    return Found(
        rows,
        (),
        find_held(catalog, {table}, rows),
        names,
        names,
        tuple(f"{table}.{column}" for column in private),
        cut,
        num_small,
    )


def _read_select(sql: str) -> dict[str, Any] | None:
    """A SELECT from one table that names a private column of it, as DuckDB understands it; None for all else, which
    sees no private column."""
    with open_closed() as connection:
        parsed = parse_statement(connection, sql)
    if len(parsed.get("statements") or ()) != 1:
        return None
    node = _get_select(parsed)
    source = node.get("from_table") or {}
    if node["type"] != "SELECT_NODE" or source.get("type") != "BASE_TABLE":
        return None
    is_known = _name(node) in TABLES
    return parsed if is_known and _list_columns(node) & list_private(_name(node)) else None  # fmt: skip


def _get_select(parsed: Part) -> dict[str, Any]:
    node: dict[str, Any] = parsed["statements"][0]["node"]
    return node


def _name(node: Part) -> str:
    return str(node["from_table"]["table_name"]).lower()


def _list_columns(part: Any) -> set[str]:
    """All names in a statement that may be those of columns."""
    return {
        str(name).lower()
        for one in walk_parts(part)
        for name in one.get("column_names") or ()
    }


def _require_form(node: Part) -> list[str]:
    """The private columns of which an aggregate is asked. Raises QueryError for any other form of a statement."""
    source, table = node["from_table"], TABLES[_name(node)]
    private = list_private(table.name)
    is_open = frozenset(column.name for column in table.columns) - private
    groups = [_name_column(one, table.name) for one in node["group_expressions"]]
    _require(_is_bare(node, _OF_SELECT) and not node["cte_map"]["map"])
    _require(_is_bare(source, _OF_TABLE) and table.has_session)
    _require(node["aggregate_handling"] == "STANDARD_HANDLING")
    _require(node["group_sets"] in ([], [list(range(len(groups)))]))
    _require(set(groups) <= is_open)
    for part in walk_parts(node["where_clause"]):
        _require(_is_condition(part, table.name, is_open))
    aggregated: list[str] = []
    for item in node["select_list"]:
        if item["class"] == "COLUMN_REF":
            _require(_name_column(item, table.name) in groups)
        else:
            aggregated += _list_aggregated(item, table.name)
    return sorted(set(aggregated) & private)


def _is_condition(part: Part, table: str, is_open: frozenset[str]) -> bool:
    if "class" not in part:
        return True  # what an expression says of itself
    if part["class"] == "COLUMN_REF":
        return _name_column(part, table) in is_open
    is_operator = part["class"] != "FUNCTION" or part["is_operator"]
    return part["class"] in _IN_CONDITION and bool(is_operator)


def _list_aggregated(item: Part, table: str) -> Iterator[str]:
    """What a count, sum or average is of."""
    _require(item["class"] == "FUNCTION" and item["function_name"] in _AGGREGATES)
    _require(_is_bare(item, _OF_CALL) and not item["order_bys"]["orders"])
    _require(not item["distinct"] or item["function_name"] == "count")
    for argument in item["arguments"]:
        column = _name_column(argument["expression"], table)
        _require(bool(column))
        yield column


def _name_column(part: Part, table: str) -> str:
    """The column that stands there, perhaps behind the name of its table; "" for anything else."""
    *before, name = [str(one).lower() for one in part.get("column_names") or ("",)]
    known = {column.name for column in TABLES[table].columns}
    return name if before in ([], [table]) and name in known else ""


def _is_bare(part: Part, known: frozenset[str]) -> bool:
    return not any(part[name] for name in part.keys() - known - _PLACE)


def _require(holds: bool) -> None:
    if not holds:
        raise QueryError(_FORM)


def _write(
    connection: Any, parsed: Part, private: Sequence[str], least: int
) -> tuple[str, str]:
    """SQL of the groups that are large enough, and of how many are not: to the statement are added, under names that
    nobody can guess, the numbers of sessions that have a value of each private column."""
    names = [f"n_{secrets.token_hex(16)}" for _ in private]
    counts = ", ".join(
        f'count(DISTINCT session) FILTER (WHERE "{column}" IS NOT NULL) AS {name}'
        for column, name in zip(private, names, strict=True)
    )
    counting = parse_statement(connection, f"SELECT {counts} FROM x")
    _get_select(parsed)["select_list"] += _get_select(counting)["select_list"]
    sql = "SELECT json_deserialize_sql(?::JSON)"
    ((grouped,),) = connection.execute(sql, [json.dumps(parsed)]).fetchall()
    listed = ", ".join(names)
    few = f"SELECT count(*) FROM ({grouped}) WHERE least({listed}) < {least:d}"
    large = f"FROM ({grouped}) WHERE least({listed}) >= {least:d}"
    return f"SELECT * EXCLUDE ({listed}) {large}", few
