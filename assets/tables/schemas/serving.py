"""Tables of serving: the requests that were sampled, with the picture's figures and what was answered."""

from __future__ import annotations

import pyarrow as pa

from assets.tables.schemas.curation import EMBEDDING_DIM, FRAME_QUALITY
from assets.tables.schemas.table import (
    FLOAT,
    FLOATS,
    ID,
    INT,
    SHA,
    TEXT,
    Column,
    Table,
    id_column,
)
from models.task_names import TASK_NAMES

AFTER: tuple[str, ...] = ("registry",)
QUALITY = (
    "brightness",
    "contrast",
    "sharpness",
    "crispness",
    "clipped_dark",
    "clipped_bright",
    "noise",
    "perceptual_hash",
)

REQUESTS = Table(
    name="requests",
    stage="serving",
    version=2,
    key="sample_id",
    erase="image_sha256",
    columns=(
        id_column("sample_id"),
        id_column("request_id"),
        Column("image_index", INT, "place among the images of the request", low=0),
        Column("at_ns", INT, "ns", "UTC", low=0),
        Column("keep_until_ns", INT, "ns", "UTC", low=0),
        Column("sample_rate", FLOAT, "share of requests", low=0, high=1),
        Column("task", TEXT, values=TASK_NAMES),
        Column("model_name", TEXT),
        Column("model_version", INT, low=1),
        Column("model_sha256", TEXT, regex=SHA),
        Column("release_id", TEXT, regex=ID),
        # who answered; what a shadow said was told to nobody
        Column("role", TEXT, values=("champion", "canary", "shadow")),
        Column("image_sha256", TEXT, regex=SHA, privacy="restricted"),
        # of a stored frame that was asked about by its id
        id_column("frame_id", nullable=True),
        Column("width_px", INT, "px", low=1),
        Column("height_px", INT, "px", low=1),
        *(FRAME_QUALITY.column(name) for name in QUALITY),
        Column(
            "vector",
            pa.list_(pa.float32(), EMBEDDING_DIM),
            "1 (unit length)",
            privacy="restricted",
            nullable=True,
        ),
        # as `code_version` of frame_embeddings: vectors of equal ones compare
        Column("vector_version", TEXT, nullable=True),
        Column("boxes_xyxy", FLOATS, "px, four a box", "image", privacy="restricted"),
        Column("class_names", pa.list_(TEXT), privacy="restricted"),
        Column("scores", FLOATS, privacy="restricted"),
        Column(
            "mask_rles",
            pa.list_(TEXT),
            "COCO RLE, one a class, together every pixel; segmentation only",
            "image",
            privacy="restricted",
            nullable=True,
        ),
        Column(
            "confidence",
            FLOAT,
            "highest score; null: nothing was found",
            nullable=True,
            low=0,
            high=1,
        ),
        Column("latency_ms", FLOAT, "ms, from the request to its answer", low=0),
        Column("batch_size", INT, "images that were computed together", low=1),
        Column(
            "disagreement",
            FLOAT,
            "from the champion's answer on this image, 0 the same; null: of the champion, or not compared",
            nullable=True,
            low=0,
            high=1,
        ),
    ),
)

# canaries that servers took back, by themselves; a server that starts anew tries them again
CANARY_RETURNS = Table(
    name="canary_returns",
    stage="serving",
    key="return_id",
    erase="none",
    columns=(
        id_column("return_id"),
        Column("task", TEXT, values=TASK_NAMES),
        Column("model_name", TEXT),
        Column("model_version", INT, low=1),
        Column("model_sha256", TEXT, regex=SHA),
        Column("champion_version", INT, "1, of who answers in its place", low=1),
        Column("champion_sha256", TEXT, regex=SHA),
        Column("cause", TEXT),
        Column("num_images", INT, "images that it was asked about", low=0),
        Column("num_failed", INT, "images of these", low=0),
        Column(
            "disagreement",
            FLOAT,
            "mean, as in `requests`; null: none was compared",
            nullable=True,
            low=0,
            high=1,
        ),
        Column("at_ns", INT, "ns", "UTC", low=0),
    ),
)

TABLES = (REQUESTS, CANARY_RETURNS)
