"""Tables of tracking: boxes of recordings, each with the track that it belongs to."""

from __future__ import annotations

from assets.tables.schemas.table import (
    BOOL,
    DERIVED,
    FLOAT,
    INT,
    SESSION,
    SHA,
    TEXT,
    Column,
    Table,
    id_column,
)

AFTER: tuple[str, ...] = ("monitoring",)
TRACKER_NAMES = ("offline", "bytetrack", "sort")

TRACKS = Table(
    name="tracks",
    stage="tracking",
    key="track_box_id",
    erase="frame_id",
    columns=(
        id_column("track_box_id"),
        id_column("track_id"),
        id_column("frame_id"),
        id_column("capture_id"),
        SESSION,
        Column("sensor", TEXT),
        Column("frame_number", INT, "frame intervals from the recording's first frame"),
        Column("model_sha256", TEXT, regex=SHA),
        Column("tracker", TEXT, values=TRACKER_NAMES),
        Column("uses_looks", BOOL, "whether vectors of the boxes' pixels counted"),
        Column("class_name", TEXT),
        *(
            Column(side, FLOAT, "px", "image")
            for side in ("x_min", "y_min", "x_max", "y_max")
        ),
        Column("score", FLOAT, low=0, high=1),
        Column("is_filled", BOOL, "nothing was found there: put on the path"),
        id_column("prediction_id", nullable=True),
        Column(
            "box_number",
            INT,
            "place among the boxes of the prediction, from 0",
            nullable=True,
            low=0,
        ),
        *DERIVED,
    ),
)

TABLES = (TRACKS,)
