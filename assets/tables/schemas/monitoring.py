"""Tables of monitoring: what models say about frames, how far sessions and answers have drifted, and what follows."""

from __future__ import annotations

from dataclasses import replace

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
SUBJECTS = ("images", "answers")
ALARM_KINDS = (
    *SUBJECTS,
    "estimate",
    "feed",
    "request_images",
    "request_answers",
    "request_estimate",
    "canary",
    "shadow",
    "rig",
)

METRICS = ("accuracy", "precision", "none")  # that are estimated
_NOT_OF_REQUESTS = ("drift_id", "session", "code_version")

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
        Column(
            "judged_ns",
            INT,
            "ns, when the session was judged first; null in rows from before that was noted",
            "UTC",
            nullable=True,
        ),
        MADE_BY,
    ),
    version=2,
)

# written with `drift`, and made again where that is
ANSWER_DRIFT = replace(
    DRIFT,
    name="answer_drift",
    columns=tuple(column for column in DRIFT.columns if column is not MADE_BY),
    version=1,
)

ESTIMATES = Table(
    name="estimates",
    stage="monitoring",
    key="estimate_id",
    erase="session",
    columns=(
        id_column("estimate_id"),
        SESSION,
        Column("task", TEXT, values=TASK_NAMES),
        Column("model_name", TEXT),
        Column("model_version", INT, low=1),
        Column("release_id", TEXT, regex=ID),
        Column("metric", TEXT, values=METRICS),
        Column(
            "value",
            FLOAT,
            "1, estimated without labels; null: no estimate",
            nullable=True,
            low=0,
            high=1,
        ),
        Column(
            "error",
            FLOAT,
            "1, mean absolute error on recordings of the test part; null: too few",
            nullable=True,
            low=0,
        ),
        Column(
            "reference",
            FLOAT,
            "1, the true figure of the test part",
            nullable=True,
            low=0,
            high=1,
        ),
        Column("num_answers", INT, low=0),
        Column("num_recordings", INT, "recordings of the test part", low=0),
        Column("reason", TEXT),
        Column("estimated_ns", INT, "ns", "UTC"),
        Column(
            "truth",
            FLOAT,
            "1, by the labels of the session; null: it has none yet",
            nullable=True,
            low=0,
            high=1,
        ),
        Column(
            "value_of_labelled",
            FLOAT,
            "1, the estimate for the frames that have labels",
            nullable=True,
            low=0,
            high=1,
        ),
        Column("num_labelled", INT, "answers on frames with labels", low=0),
    ),
)

# days in which servers were asked, a row a champion and window; what was asked in them goes with its time
REQUEST_WINDOWS = Table(
    name="request_windows",
    stage="monitoring",
    key="window_id",
    erase="none",
    columns=(
        id_column("window_id"),
        Column("window", TEXT, "first day, or first and last day", "UTC"),
        Column("start_ns", INT, "ns", "UTC"),
        Column("end_ns", INT, "ns, the first that is after it", "UTC"),
        Column("task", TEXT, values=TASK_NAMES),
        Column("model_name", TEXT),
        Column("model_version", INT, low=1),
        Column("release_id", TEXT, regex=ID),
        Column("num_images", INT, "different images, of the sampled requests", low=1),
        Column("num_judged", INT, "images of these, drawn at random", low=1),
        *(
            column
            for subject in SUBJECTS
            for column in (
                Column(
                    f"{subject}_drifted", BOOL, "1; null: no verdict", nullable=True
                ),
                Column(f"{subject}_p_value", FLOAT, "1", nullable=True, low=0, high=1),
                Column(f"{subject}_reason", TEXT),
            )
        ),
        Column("metric", TEXT, values=METRICS),
        Column(
            "estimate",
            FLOAT,
            "1, without labels; null: no estimate",
            nullable=True,
            low=0,
            high=1,
        ),
        Column("error", FLOAT, "1, as in `estimates`", nullable=True, low=0),
        Column("reference", FLOAT, "1, as in `estimates`", nullable=True),
        Column("estimate_reason", TEXT),
        Column("judged_ns", INT, "ns", "UTC"),
    ),
)

# as `drift`, of windows of requests; written before their rows in `request_windows`
REQUEST_DRIFT = replace(
    DRIFT,
    name="request_drift",
    erase="none",
    columns=(
        id_column("drift_id"),
        Column("window", TEXT, "as in `request_windows`"),
        Column("subject", TEXT, values=SUBJECTS),
        *(c for c in DRIFT.columns if c.name not in _NOT_OF_REQUESTS),
    ),
    version=1,
)

# cameras that were seen to deliver, while alarms were looked for
FEED_SIGHTINGS = Table(
    name="feed_sightings",
    stage="monitoring",
    key="sensor",
    erase="none",
    columns=(
        Column("sensor", TEXT),
        Column("seen_ns", INT, "ns, of the first time", "UTC"),
    ),
)

ALARMS = Table(
    name="alarms",
    stage="monitoring",
    key="alarm_id",
    erase="none",
    columns=(
        id_column("alarm_id"),
        Column("kind", TEXT, values=ALARM_KINDS),
        Column("cause", TEXT, "one for all that is told once in a cool-down"),
        Column(
            "task",
            TEXT,
            "the champion's that it is about; null: of none, or of all",
            nullable=True,
        ),
        Column(
            "session", TEXT, "whose frames explain it; null: none do", nullable=True
        ),
        Column("summary", TEXT),
        Column("remedy", TEXT),
        Column("raised_ns", INT, "ns", "UTC"),
        Column("is_told", BOOL, "false: the cause was told within the cool-down"),
        Column("num_tries", INT, "of telling the webhook", low=0),
        Column(
            "told",
            TEXT,
            "who was told: log, webhook; pending where the webhook is tried again; failed; none",
            values=("log", "webhook", "pending", "failed", "none"),
        ),
    ),
    version=3,
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
    ANSWER_DRIFT,
    ESTIMATES,
    REQUEST_WINDOWS,
    REQUEST_DRIFT,
    FEED_SIGHTINGS,
    ALARMS,
    RETRAINING_REQUESTS,
)
