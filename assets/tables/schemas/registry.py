"""Tables of the registry: the champion of each task."""

from __future__ import annotations

from assets.tables.schemas.table import (
    FLOAT,
    INT,
    SHA,
    TEXT,
    WORD,
    Column,
    Table,
    id_column,
)

AFTER: tuple[str, ...] = ("evaluation",)

CHAMPIONS = Table(
    name="champions",
    stage="registry",
    key="task",
    erase="none",
    columns=(
        Column("task", TEXT, regex=WORD),
        Column("model_name", TEXT),
        Column("model_version", INT, low=1),
        Column("model_sha256", TEXT, regex=SHA),
        id_column("release_id"),
        Column(
            "spent",
            FLOAT,
            "of the gate's metric: how far below the best of its line; null: 0",
            nullable=True,
            low=0,
        ),
    ),
    version=2,
)

TABLES = (CHAMPIONS,)
