"""The tables of the tables themselves: what readers may see, what counts now, and what was handed on."""

from __future__ import annotations

import pyarrow as pa

from assets.tables.schemas.table import (
    BOOL,
    INT,
    SHA,
    TEXT,
    Column,
    Table,
    id_column,
)

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

# written before the first byte leaves, and again when all have left
DEPARTURES = Table(
    name="departures",
    stage="tables",
    key="departure_id",
    erase="sent_by",
    columns=(
        id_column("departure_id"),
        Column("kind", TEXT, values=("export", "push", "backup", "page")),
        Column("what", TEXT, "1; such as: frames as coco"),
        Column("place", TEXT, "1; a folder, a file or an address", privacy="personal"),
        Column("sessions", pa.list_(TEXT), "1; none: those of the release, or all"),
        id_column("release_id", nullable=True),
        Column("model_sha256", TEXT, nullable=True, regex=SHA),
        Column("num_frames", INT, "1; null: nobody counted", nullable=True, low=0),
        Column("sent_by", TEXT, "1; an account", privacy="personal"),
        Column("at_ns", INT, "ns; when it began", "UTC"),
        Column("is_whole", BOOL, "1; false: it was cut short, or is under way"),
    ),
)

TABLES = (
    PUBLICATIONS,
    POINTERS,
    DEPARTURES,
)
