"""Tables of search: what is known in words, with where it stands."""

from __future__ import annotations

import pyarrow as pa

from assets.tables.schemas.table import (
    DERIVED,
    SESSION_KEY,
    TEXT,
    Column,
    Table,
    id_column,
)

AFTER: tuple[str, ...] = ("tracking",)
SENTENCE_DIM = 384  # all-MiniLM-L6-v2, mean of tokens
DOCUMENT_KINDS = (
    "page",  # a section of the documentation
    "session",
    "class",
    "attribute",  # what labels say of objects beside their class: captions, properties
    "release",  # a data card
    "model",  # a model card
    "decision",  # a promotion, an approval, a way back
    "check",  # a claim that did not hold
    "quarantine",
    "alarm",
    "run",  # one that failed, with its errors
)

DOCUMENTS = Table(
    name="documents",
    stage="search",
    key="document_id",
    erase="session",
    columns=(
        id_column("document_id"),
        Column("kind", TEXT, values=DOCUMENT_KINDS),
        Column("source", TEXT, "1 (its id or path, to be followed)"),
        Column(
            "session",
            TEXT,
            "whose data it is about; null: of none, or of several",
            nullable=True,
            regex=SESSION_KEY,
        ),
        Column("title", TEXT),
        Column("text", TEXT),
        Column(
            "vector",
            pa.list_(pa.float32(), SENTENCE_DIM),
            "1 (unit length); null: there was no net of sentences",
            nullable=True,
        ),
        *DERIVED,
    ),
)

TABLES = (DOCUMENTS,)
