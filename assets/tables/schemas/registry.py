"""Tables of the registry: the champion of each task, how each came to be it, and forms for small machines."""

from __future__ import annotations

from assets.tables.schemas.table import (
    BOOL,
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
        id_column("promotion_id", nullable=True),
    ),
    version=3,
)

PROMOTED = "promoted"
APPROVED = "approved"
ROLLED_BACK = "rolled back"

PROMOTIONS = Table(
    name="promotions",
    stage="registry",
    key="promotion_id",
    erase="who",
    columns=(
        id_column("promotion_id"),
        id_column("previous_id", nullable=True),
        Column("task", TEXT, regex=WORD),
        Column("act", TEXT, values=(PROMOTED, APPROVED, ROLLED_BACK)),
        Column("who", TEXT, "an account, or the gate", privacy="personal"),
        Column("why", TEXT, "1; may name persons", privacy="personal"),
        Column("at_ns", INT, "ns", "UTC"),
        Column(
            "until_ns",
            INT,
            "ns; of an approval: when it ends; null: it does not",
            "UTC",
            nullable=True,
        ),
        Column("before_version", INT, nullable=True, low=1),
        Column("before_sha256", TEXT, nullable=True, regex=SHA),
        Column("after_version", INT, low=1),
        Column("after_sha256", TEXT, regex=SHA),
        id_column("release_id"),
        Column(
            "spent",
            FLOAT,
            "of the gate's metric: of the model after it; null: 0",
            nullable=True,
            low=0,
        ),
    ),
    version=2,
)

EDGE_FORMS = Table(
    name="edge_forms",
    stage="registry",
    key="edge_sha256",
    erase="none",
    columns=(
        Column("edge_sha256", TEXT, regex=SHA),
        Column("model_sha256", TEXT, regex=SHA),
        Column("task", TEXT, regex=WORD),
        id_column("release_id"),
        Column("is_accepted", BOOL),
        Column("verdict", TEXT, "JSON: rules with their figures, on which exam"),
    ),
)

TABLES = (CHAMPIONS, PROMOTIONS, EDGE_FORMS)
