"""The tables of the tables themselves: what readers may see, and what counts now."""

from __future__ import annotations

from assets.tables.schemas.table import BOOL, INT, TEXT, Column, Table, id_column

PUBLICATIONS = Table(
    name="publications",
    stage="tables",
    key="publication_id",
    erase="session",
    columns=(
        id_column("publication_id"),
        Column("table_name", TEXT),
        Column("session", TEXT),
        Column("version", INT, low=1),
        Column("is_held", BOOL),
        Column("reason", TEXT),
    ),
)

POINTERS = Table(
    name="pointers",
    stage="tables",
    key="pointer",
    erase="none",
    columns=(
        Column("pointer", TEXT, regex=r"^[a-z_]+/[a-z_]+$"),
        Column("target", TEXT),
    ),
)

TABLES = (
    PUBLICATIONS,
    POINTERS,
)
