"""Tables of monitoring: what models say about frames, how far sessions have drifted, and what follows."""

from __future__ import annotations

import pyarrow as pa

from assets.tables.schemas.table import (
    BOOL,
    FLOAT,
    FLOATS,
    ID,
    INT,
    MADE_BY,
    SESSION,
    SHA,
    TEXT,
    Column,
    Table,
    id_column,
)
from models.task_names import TASK_NAMES

AFTER: tuple[str, ...] = ("serving",)
WHOLE_SESSION = (
    "session"  # `statistic` of the drift row with the verdict on all sensors together
)

PREDICTIONS = Table(
    name="predictions",
    stage="monitoring",
    key="prediction_id",
    erase="frame_id",
    columns=(
        id_column("prediction_id"),
        id_column("frame_id"),
        SESSION,
        Column("sensor", TEXT),
        Column("task", TEXT, values=TASK_NAMES),
        Column("model_sha256", TEXT, regex=SHA),
        Column("purpose", TEXT, values=("test", "monitoring")),
        Column("boxes_xyxy", FLOATS, "px, four a box", "image"),
        Column("class_names", pa.list_(TEXT)),
        Column("scores", FLOATS),
        Column(
            "mask_rles",
            pa.list_(TEXT),
            "COCO RLE, one a class, together every pixel; segmentation only",
            "image",
            nullable=True,
        ),
        MADE_BY,
    ),
    version=2,
)

DRIFT = Table(
    name="drift",
    stage="monitoring",
    key="drift_id",
    erase="session",
    columns=(
        id_column("drift_id"),
        SESSION,
        Column("sensor", TEXT),
        Column("model_name", TEXT),
        Column("model_version", INT, low=1),
        Column("release_id", TEXT, regex=ID),
        Column("statistic", TEXT),
        Column("value", FLOAT, "standard deviations of the prediction", nullable=True),
        Column(
            "p_value",
            FLOAT,
            "probability, adjusted over the session",
            nullable=True,
            low=0,
            high=1,
        ),
        Column(
            "raw_p_value",
            FLOAT,
            "probability, of this test alone",
            nullable=True,
            low=0,
            high=1,
        ),
        Column("threshold", FLOAT, "probability", low=0, high=1),
        Column("is_drifted", BOOL, unit="1; null: no verdict", nullable=True),
        Column("num_frames", INT, low=1),
        Column("num_reference", INT, "units", low=0),
        Column("unit", TEXT, values=("recording", "block of pictures", "none")),
        Column("reason", TEXT),
        MADE_BY,
    ),
    version=2,
)

RETRAINING_REQUESTS = Table(
    name="retraining_requests",
    stage="monitoring",
    key="request_id",
    erase="none",
    columns=(
        id_column("request_id"),
        Column("task", TEXT, values=TASK_NAMES),
        SESSION,
        Column("reason", TEXT),
        Column("model_version", INT, low=1),
        Column("requested_ns", INT, "ns", "UTC"),
    ),
)

TABLES = (
    PREDICTIONS,
    DRIFT,
    RETRAINING_REQUESTS,
)
