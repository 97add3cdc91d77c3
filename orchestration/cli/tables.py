"""Rows as a table that fits its terminal, as a wide one, or as CSV."""

import csv
import re
import shutil
import sys
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer

from assets.foreign_text import for_line

Rows = Sequence[Mapping[str, Any]]
Wide = Annotated[
    bool, typer.Option("--wide", help="All columns, each row on one line.")
]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV, every value in full.")]

_WHOLE = 20  # characters of a value that is not wrapped, such as a time in nanoseconds
_LEAST = 14  # characters of a column whose values are wrapped
_LONGEST = 100  # characters of a value
_FRAME = 3  # characters that a column takes besides its values
_HASH = re.compile(r"[0-9a-f]{32,}")
_OF_HASH = 12  # characters: verbs take a beginning of an id


def print_table(
    rows: Rows,
    title: str | None = None,
    is_wide: bool = False,
    more: str = "",
    order: Sequence[str] = (),
    asked: Collection[str] = (),
) -> None:
    """Rows with equal keys as a table, with the columns that fit into the terminal (80 characters where there is none).

    They get room by `order`, else as they come. A column without a name holds marks, and is always there, and so are
    those that were `asked` for, however wide the table becomes. Those that do not fit are named below it, with `more`,
    which says how to see them. A wide table is as wide as its values.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    names = list(rows[0]) if rows else ["(no rows)"]
    cells = [[_tell(row[name], is_wide) for name in names] for row in rows]
    columns = [[name, *(line[at] for line in cells)] for at, name in enumerate(names)]
    widths = [max(map(len, column)) for column in columns]
    width = sum(widths) + _FRAME * len(widths) + 1 if is_wide else _find_width()
    most = width - _FRAME - 1
    needed = widths if is_wide else [min(_need(column), most) for column in columns]
    always = [at for at, name in enumerate(names) if not name or name in asked]
    places = [names.index(name) for name in order]
    kept = choose_columns(needed, width, always, places)
    width = max(width, 1 + sum(needed[at] + _FRAME for at in kept))
    console = Console(width=width)
    table = Table(title=title, title_justify="left")
    for at in kept:
        table.add_column(names[at], overflow="fold", min_width=needed[at])
    for line in cells:
        table.add_row(*(Text(line[at]) for at in kept))
    console.print(table)
    left_out = [name for at, name in enumerate(names) if at not in kept]
    if left_out:
        told = f"no room for {', '.join(left_out)}{': ' * bool(more)}{more}"
        print_lines([told])


def require_one_form(is_wide: bool, is_csv: bool, is_json: bool) -> None:
    """Raises ValueError for more than one of --wide, --csv and --json."""
    asked = {"--wide": is_wide, "--csv": is_csv, "--json": is_json}
    given = [name for name, is_given in asked.items() if is_given]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)}: give one of them")


def print_lines(lines: Iterable[str], is_wide: bool = False) -> None:
    """Lines for a terminal, each broken between words where it is longer than that is wide; not so where all is asked
    for on one line. What follows a break stands below the text, a little further in.
    """
    width = _find_width()
    for line in map(for_line, lines):
        if is_wide or len(line) <= width:
            print(line)
            continue
        indent = " " * (len(line) - len(line.lstrip()))
        print(
            textwrap.fill(
                line.lstrip(),
                width,
                initial_indent=indent,
                subsequent_indent=f"{indent}    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        )


def drop_empty(rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Rows for `print_table` without the columns in which none says anything."""
    told = {
        name for row in rows for name, value in row.items() if value not in ("", "-")
    }
    return [
        {name: value for name, value in row.items() if name in told} for row in rows
    ]


def print_csv(rows: Rows) -> None:
    """Rows with equal keys as CSV with a line of names, in full; what would move a cursor is escaped.

    Lines end as those of other commands do, so that a shell takes an id from them.
    """
    out = csv.writer(sys.stdout, lineterminator="\n")
    if rows:
        out.writerow(map(for_line, rows[0]))
    for row in rows:
        out.writerow("" if v is None else for_line(v) for v in row.values())


def choose_columns(
    needed: Sequence[int],
    width: int,
    always: Sequence[int] = (),
    order: Sequence[int] = (),
) -> list[int]:
    """Which columns, of so many characters at least, fit into `width`. Some are `always` there, and so is the first;
    the others get room by `order`, else as they come."""
    order = order or range(len(needed))
    kept = {*order[:1], *always}
    room = width - 1 - sum(needed[at] + _FRAME for at in kept)
    for at in order:
        if at not in kept and needed[at] + _FRAME <= room:
            kept.add(at)
            room -= needed[at] + _FRAME
    return sorted(kept)


def _need(column: Sequence[str]) -> int:
    """Characters at least: all of short values; of longer ones, which are wrapped, the longest word."""
    natural = max(map(len, column))
    if natural <= _WHOLE:
        return natural
    words = (word for value in column for word in value.split())
    return max(_LEAST, len(column[0]), *map(len, words))


def _find_width() -> int:
    """Of the terminal, in characters: 80 where there is none and `COLUMNS` says nothing."""
    return shutil.get_terminal_size((80, 24)).columns


def _tell(value: Any, is_wide: bool) -> str:
    text = "" if value is None else for_line(value)
    if is_wide:
        return text
    if _HASH.fullmatch(text):
        return f"{text[:_OF_HASH]}…"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
