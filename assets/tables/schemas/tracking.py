"""Tables of tracking: boxes of recordings with the track of each, and what came of each recording."""

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
# steadied: turns of the camera are taken out. no_gain: they are known, and boxes follow each other no better without
# them. unknown: there are no poses of all frames, or no calibration
STEADINESS = ("steadied", "no_gain", "unknown")
FIGURES = ("hota", "deta", "assa", "mota", "idf1")

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

TRACKED_RECORDINGS = Table(
    name="tracked_recordings",
    stage="tracking",
    key="tracked_id",
    erase="capture_id",
    columns=(
        id_column("tracked_id"),
        id_column("capture_id"),
        SESSION,
        Column("sensor", TEXT),
        Column("model_sha256", TEXT, regex=SHA),
        Column("tracker", TEXT, values=TRACKER_NAMES),
        Column("uses_looks", BOOL, "whether vectors of the boxes' pixels counted"),
        Column(
            "min_score", FLOAT, "the score from which on a box counts", low=0, high=1
        ),
        Column("steadiness", TEXT, values=STEADINESS),
        Column("num_frames", INT, low=0),
        Column("num_answered", INT, "1 (frames with an answer of the model)", low=0),
        Column("num_tracks", INT, low=0),
        Column("num_filled", INT, "1 (boxes where nothing was found)", low=0),
        # null: no label of the recording names a track
        *(
            Column(name, INT, "1 (of labels that name a track)", nullable=True, low=0)
            for name in ("num_true_tracks", "num_true_boxes")
        ),
        *(
            Column(name, FLOAT, "1 (against labels)", nullable=True, high=1)
            for name in FIGURES
        ),
        Column("switches", INT, "1 (against labels)", nullable=True, low=0),
        Column("truth_sha256", TEXT, "1 (of the labels)", nullable=True, regex=SHA),
        *DERIVED,
    ),
)

TABLES = (TRACKS, TRACKED_RECORDINGS)
