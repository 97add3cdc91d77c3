"""Tools that read tables: which there are, and one SELECT over them. Columns of a private class are not there."""

from pydantic import Field

from assets.retrieval.query import Bounds, run_query, to_json_rows
from assets.tables.schemas import TABLES
from assets.tables.sql import VIEWS, list_private
from orchestration.agent.answer import Answer, Fact, Rows, Source, plain, say, take
from orchestration.agent.tool import MAX_ROWS, Arguments, Listing, Tool
from orchestration.agent.world import World

_MAX_SECONDS = 30.0


class Sql(Arguments):
    """One statement."""

    sql: str = Field(min_length=1, description="One SELECT in DuckDB's SQL.")
    limit: int = Field(50, ge=1, le=MAX_ROWS, description="Rows at most.")
    seconds: float = Field(10.0, gt=0, le=_MAX_SECONDS, description="Time at most.")


def ask_sql(world: World, asked: Sql) -> Answer:
    """The rows, within bounds; a sentence says where there are more."""
    bounds = Bounds(asked.limit, asked.seconds)
    found = run_query(world.catalog, world.ledger, asked.sql, False, bounds)
    source = Source("sql", asked.sql)
    rows = tuple(
        {k: plain(v) for k, v in row.items()} for row in to_json_rows(found.rows)
    )
    said = Rows("rows", rows, source, is_cut=bool(found.cut))
    if len(rows) == 1 and len(rows[0]) == 1 and not found.cut:
        (value,) = rows[0].values()
        return Answer((say("{value}.", Fact("value", value, source)),), (said,))
    count = Fact("rows", len(rows), source)
    sentences = [say("{rows} rows.", count)]
    if found.cut:
        words = {
            "rows": "There are more than the limit of {limit}: ask for a count, or narrow it.",
            "size": "There are more, cut off at {limit}: ask for fewer columns.",
        }
        limit = asked.limit if found.cut == "rows" else bounds.size_bytes
        unit = "1" if found.cut == "rows" else "bytes"
        sentences.append(say(words[found.cut], Fact("limit", limit, source, unit)))
    if found.left_out:
        left = Fact("left_out", ", ".join(found.left_out), source)
        sentences.append(say("Left out, being bytes: {left_out}.", left))
    if found.held:
        held = ", ".join(sorted({one.session or one.table for one in found.held}))
        fact = Fact("held", held, Source("home", "publications"))
        sentences.append(say("Held by a check, and not for training: {held}.", fact))
    return Answer(tuple(sentences), (said,))


class Table(Listing):
    """Which table is meant."""

    table: str = Field("", description="One table or view; none: the names of all.")


def describe_tables(world: World, asked: Table) -> Answer:
    """The tables and how many rows they have; of one its columns with units and privacy classes."""
    source = Source("home", "tables")
    if not asked.table:
        rows = [
            {"table": name, "stage": table.stage, "columns": len(table.columns)}
            for name, table in TABLES.items()
        ]
        count = Fact("tables", len(rows), source)
        return Answer(
            (say("There are {tables} tables.", count),),
            (take("tables", rows, MAX_ROWS, source),),
        )
    if asked.table not in TABLES:
        raise ValueError(
            f"there is no table '{asked.table}': choose of {', '.join([*TABLES, *VIEWS])}"
        )
    table = TABLES[asked.table]
    hidden = list_private(asked.table)
    columns = [
        {"column": c.name, "type": str(c.type), "unit": c.unit, "privacy": c.privacy}
        for c in table.columns
        if c.name not in hidden
    ]
    facts = (
        Fact("table", table.name, source),
        Fact("columns", len(columns), source),
        Fact("private", len(hidden), source),
    )
    words = "Table {table} has {columns} columns that may be asked, and {private} that are private."
    return Answer((say(words, *facts),), (take("columns", columns, MAX_ROWS, source),))


SQL = Tool(
    "sql",
    "Run one read-only SELECT over all tables (DuckDB), with limits of rows, time and size.",
    Sql,
    ask_sql,
)
DESCRIBE = Tool(
    "tables",
    "List the tables, or the columns of one with their units.",
    Table,
    describe_tables,
)
