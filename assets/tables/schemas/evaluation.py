"""Tables of evaluation: the scores of models on their splits, also by slice."""

from __future__ import annotations

from assets.tables.schemas.table import FLOAT, INT, SHA, TEXT, Column, Table, id_column

AFTER: tuple[str, ...] = ("training",)

SCORES = Table(
    name="scores",
    stage="evaluation",
    key="score_id",
    erase="none",
    columns=(
        id_column("score_id"),
        Column("model_sha256", TEXT, regex=SHA),
        id_column("release_id"),
        Column("split", TEXT, values=("train", "val", "test")),
        Column("slice_by", TEXT),
        Column("slice_value", TEXT),
        Column("metric", TEXT),
        Column("value", FLOAT, nullable=True),
        Column("num_samples", INT, low=0),
    ),
)

TABLES = (SCORES,)
