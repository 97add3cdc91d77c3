"""Tables of tracking: boxes with their tracks, what came of each recording, and objects in space and in every view."""

from __future__ import annotations

from assets.tables.schemas.table import (
    BOOL,
    DERIVED,
    FLOAT,
    FLOATS,
    INT,
    SESSION,
    SHA,
    TEXT,
    Column,
    Table,
    id_column,
)
from models.tracking.names import TRACKER_NAMES

AFTER: tuple[str, ...] = ("monitoring",)
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

SHAPE_NAMES = ("cuboid", "cylinder", "spheroid")
_VELOCITY = ("vx", "vy", "vz")
_PLACE = ("x_m", "y_m", "z_m", "length_m", "width_m", "height_m")

OBJECT_BOXES = Table(
    name="object_boxes",
    stage="tracking",
    version=3,
    key="object_box_id",
    erase="capture_id",
    columns=(
        id_column("object_box_id"),
        id_column("capture_id"),
        SESSION,
        Column("source", TEXT, "1 (its boxes in images)", values=("labels", "tracks")),
        Column("object", TEXT, "1 (track id there)"),
        Column("class_name", TEXT),
        Column("frame_of_reference", TEXT, "1 (z is up)", nullable=True),
        Column(
            "t_ns",
            INT,
            "ns (null: it stands; a row a moment of what moves)",
            "sensor clock",
            nullable=True,
        ),
        Column("shape", TEXT, values=SHAPE_NAMES, nullable=True),
        *(
            Column(name, FLOAT, "m", "frame_of_reference", nullable=True)
            for name in _PLACE
        ),
        Column("yaw_rad", FLOAT, "rad, about z", "frame_of_reference", nullable=True),
        *(
            Column(
                f"{name.rpartition('_')[0]}_sigma_{name.rpartition('_')[2]}",
                FLOAT,
                f"{name.rpartition('_')[2]} (standard error; null: the views do not tell)",
                "frame_of_reference",
                nullable=True,
                low=0,
            )
            for name in (*_PLACE, "yaw_rad")
        ),
        Column(
            "covariance",
            FLOATS,
            "m, rad; 7 x 7, row by row: place, size, yaw",
            "frame_of_reference",
            nullable=True,
        ),
        *(
            Column(
                f"{axis}_m_s",
                FLOAT,
                "m/s (null: it stands, or nobody knows)",
                "frame_of_reference",
                nullable=True,
            )
            for axis in _VELOCITY
        ),
        *(
            Column(
                f"{axis}_sigma_m_s",
                FLOAT,
                "m/s (standard error)",
                "frame_of_reference",
                nullable=True,
                low=0,
            )
            for axis in _VELOCITY
        ),
        Column(
            "yaw_rate_rad_s",
            FLOAT,
            "rad/s, about z (null: it does not turn)",
            "frame_of_reference",
            nullable=True,
        ),
        Column(
            "yaw_rate_sigma_rad_s",
            FLOAT,
            "rad/s (standard error)",
            "frame_of_reference",
            nullable=True,
            low=0,
        ),
        Column("chi2", FLOAT, "1 (left by degree of freedom)", nullable=True, low=0),
        Column("num_views", INT, "1 (that it rests on)", low=0),
        Column("num_depths", INT, "1 (views with a depth)", low=0),
        Column("num_dropped", INT, "1 (sides and depths that were off)", low=0),
        Column("reason", TEXT, "1; why there is no box", nullable=True),
        *DERIVED,
    ),
)

OBJECT_VIEWS = Table(
    name="object_views",
    stage="tracking",
    key="object_view_id",
    erase="frame_id",
    columns=(
        id_column("object_view_id"),
        id_column("object_box_id"),
        id_column("frame_id"),
        id_column("capture_id"),
        SESSION,
        Column("sensor", TEXT),
        *(
            Column(side, FLOAT, "px (projected, inside the image)", "image")
            for side in ("x_min", "y_min", "x_max", "y_max")
        ),
        Column("near_m", FLOAT, "m", "camera", low=0),
        Column("far_m", FLOAT, "m", "camera", low=0),
        Column("truncated", FLOAT, "1 (share outside of the image)", low=0, high=1),
        Column(
            "occluded", FLOAT, "1 (share that is hidden)", nullable=True, low=0, high=1
        ),
        Column("has_depth", BOOL, "a depth image tells what is hidden"),
        Column("is_used", BOOL, "the box rests on this view too"),
        Column("is_whole", BOOL, "its box in the image has four sides of its own"),
        Column(
            "iou", FLOAT, "1 (with the box in the image)", nullable=True, low=0, high=1
        ),
        Column(
            "off_sigmas",
            FLOAT,
            "standard errors (the side that is off most)",
            nullable=True,
            low=0,
        ),
    ),
)

TABLES = (TRACKS, TRACKED_RECORDINGS, OBJECT_BOXES, OBJECT_VIEWS)
