"""Tables of training: one row a model package."""

from __future__ import annotations

from assets.tables.schemas.table import INT, SHA, TEXT, WORD, Column, Table, id_column

AFTER: tuple[str, ...] = ("curation",)

MODELS = Table(
    name="models",
    stage="training",
    key="model_sha256",
    erase="none",
    columns=(
        Column("model_sha256", TEXT, regex=SHA),
        Column("task", TEXT, regex=WORD),
        Column("recipe", TEXT),
        id_column("release_id"),
        Column("code_version", TEXT),
        Column("seed", INT, low=0),
        Column("run_id", TEXT, unit="Dagster run id"),
        Column("folder", TEXT, frame="home"),
        Column("facts_sha256", TEXT, nullable=True, regex=SHA),
    ),
    version=2,
)

TABLES = (MODELS,)
