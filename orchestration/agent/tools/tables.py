"""Tools that read tables: which there are, and one SELECT over them.

Columns of a private class are not there; a policy may let figures over groups of sessions be asked of them.
"""

import re
from collections.abc import Mapping, Sequence

from pydantic import Field

from assets.audit import Act, note
from assets.retrieval.grouped import run_bounded
from assets.retrieval.query import Bounds, Found, to_json_rows
from assets.tables.schemas import TABLES
from assets.tables.sql import VIEWS, list_private
from orchestration.agent.answer import (
    Answer,
    Fact,
    Rows,
    Sentence,
    Source,
    Value,
    plain,
    say,
    take,
)
from orchestration.agent.tool import MAX_ROWS, Arguments, Listing, Tool
from orchestration.agent.world import World

_MAX_SECONDS = 30.0
_MOST_IN_A_LINE = 6  # rows


class Sql(Arguments):
    """One statement."""

    sql: str = Field(min_length=1, description="One SELECT in DuckDB's SQL.")
    limit: int = Field(50, ge=1, le=MAX_ROWS, description="Rows at most.")
    seconds: float = Field(10.0, gt=0, le=_MAX_SECONDS, description="Time at most.")


def ask_sql(world: World, asked: Sql) -> Answer:
    """The rows, within bounds; a sentence says where there are more."""
    bounds = Bounds(asked.limit, asked.seconds)
    found = look_up(world, asked.sql, bounds)
    source = Source("sql", asked.sql)
    rows = tuple(
        {k: plain(v) for k, v in row.items()} for row in to_json_rows(found.rows)
    )
    said = Rows("rows", rows, source, is_cut=bool(found.cut))
    is_whole = not (found.cut or found.left_out or found.num_small)
    line = _say_in_a_line(rows, source) if is_whole else None
    sentences = [line or say("{rows} rows.", Fact("rows", len(rows), source))]
    if found.cut:
        words = {
            "rows": "There are more than the limit of {limit}: ask for a count, or narrow it.",
            "size": "There are more, cut off at {limit}: ask for fewer columns.",
        }
        limit = asked.limit if found.cut == "rows" else bounds.size_bytes
        unit = "1" if found.cut == "rows" else "bytes"
        sentences.append(say(words[found.cut], Fact("limit", limit, source, unit)))
    if found.num_small:
        small = Fact("groups", found.num_small, source)
        sentences.append(say("Left out, being of too few sessions: {groups}.", small))
    if found.left_out:
        left = Fact("left_out", ", ".join(found.left_out), source)
        sentences.append(say("Left out, being bytes: {left_out}.", left))
    if found.held:
        held = ", ".join(sorted({one.session or one.table for one in found.held}))
        fact = Fact("held", held, Source("home", "publications"))
        sentences.append(say("Held by a check, and not for training: {held}.", fact))
    return Answer(tuple(sentences), (said,))


def look_up(world: World, sql: str, bounds: Bounds) -> Found:
    """The rows for who may not read private columns; figures over these are written down as reads."""
    least = world.settings.workspace.policy.min_group
    found = run_bounded(world.catalog, world.ledger, sql, bounds, least)
    if found.num_small is not None:
        of = f"{', '.join(found.restricted)} over groups of {least} sessions or more"
        note(world.settings.home, Act("read", world.who, of, sql))
    return found


class Table(Listing):
    """Which table is meant."""

    table: str = Field("", description="One table or view; none: the names of all.")


def _say_in_a_line(
    rows: Sequence[Mapping[str, Value]], source: Source
) -> Sentence | None:
    """One value with what it counts, or a few names with a value each; None for what needs rows of its own."""
    shape = {len(row) for row in rows}
    if len(rows) == 1 and shape == {1}:
        ((name, value),) = rows[0].items()
        noun = f" {name.replace('_', ' ')}" if _is_noun(name, value) else ""
        return say(f"{{value}}{noun}.", Fact("value", value, source))
    if shape != {2} or len(rows) > _MOST_IN_A_LINE:
        return None
    (_, noun), *_ = (tuple(row) for row in rows)
    facts = [
        Fact(f"{kind}_{number}", value, source)
        for number, row in enumerate(rows)
        for kind, value in zip(("name", "value"), row.values(), strict=True)
    ]
    if not all(_is_noun(noun, fact.value) for fact in facts[1::2]):
        return None
    told = ", ".join(f"{{name_{n}}} {{value_{n}}}" for n in range(len(rows)))
    return say(f"{noun.replace('_', ' ').capitalize()}: {told}.", *facts)


def _is_noun(name: str, value: Value) -> bool:
    """Whether a column is named as what its number counts."""
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return is_count and re.fullmatch(r"[a-z_]+s", name) is not None


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
