"""Tables of the registry: the champion of each task."""

from __future__ import annotations

from assets.tables.schemas.table import INT, SHA, TEXT, WORD, Column, Table, id_column

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
    ),
)

TABLES = (CHAMPIONS,)
