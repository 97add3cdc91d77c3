"""Tables of search: what is known in words, with where it stands; what frames show, as text and as vectors."""

from __future__ import annotations

import pyarrow as pa

from assets.tables.schemas.table import (
    DERIVED,
    FLOATS,
    INT,
    SESSION,
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

# names, number plates and papers may stand in a picture: personal, as it is
FRAME_TEXTS = Table(
    name="frame_texts",
    stage="search",
    key="frame_id",
    erase="frame_id",
    columns=(
        id_column("frame_id"),
        SESSION,
        Column(
            "texts", pa.list_(TEXT), "as read, from the top down", privacy="personal"
        ),
        Column("scores", FLOATS, "1 (0 unsure, 1 sure), one a text"),
        Column("boxes_xyxy", FLOATS, "px, four a text", "image"),
        Column("num_left_out", INT, "texts that are unsure, or beyond the most", low=0),
        *DERIVED,
    ),
)

PICTURE_VECTORS = Table(
    name="picture_vectors",
    stage="search",
    key="frame_id",
    erase="frame_id",
    columns=(
        id_column("frame_id"),
        SESSION,
        Column(
            "vector",
            pa.list_(pa.float32()),
            "1 (unit length), by the net that `code_version` names",
            privacy="personal",
        ),
        *DERIVED,
    ),
)

TABLES = (DOCUMENTS, FRAME_TEXTS, PICTURE_VECTORS)
