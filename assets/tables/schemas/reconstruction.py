"""Tables of reconstruction: rigs calibrated from a board, what its pictures showed, depth, paths and surfaces."""

from __future__ import annotations

import pyarrow as pa

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

AFTER: tuple[str, ...] = ("capture",)
LENGTH_UNITS = ("m", "square")  # squares where nobody gave the side of one

RIG_CALIBRATIONS = Table(
    name="rig_calibrations",
    stage="reconstruction",
    key="calibration_id",
    erase="session",
    columns=(
        id_column("calibration_id"),
        SESSION,
        Column("sensor", TEXT),
        Column("reference_sensor", TEXT, "1 (the camera that is the rig)"),
        Column("board", TEXT, "1 (kind:columns x rows:lengths)"),
        Column("length_unit", TEXT, "1 (of every length here)", values=LENGTH_UNITS),
        Column("width_px", INT, "px", low=1),
        Column("height_px", INT, "px", low=1),
        Column("num_pictures", INT, "1 (looked at)", low=0),
        Column("num_found", INT, "1 (that show the board)", low=0),
        Column("reason", TEXT, "1; why there is no calibration", nullable=True),
        Column("fx_px", FLOAT, "px", "camera", nullable=True, low=1e-3),
        Column("fy_px", FLOAT, "px", "camera", nullable=True, low=1e-3),
        Column("cx_px", FLOAT, "px", "image", nullable=True),
        Column("cy_px", FLOAT, "px", "image", nullable=True),
        Column("distortion_model", TEXT),
        Column("distortion", FLOATS, nullable=True),
        Column(
            "rig_from_camera",
            FLOATS,
            "length_unit, quaternion xyzw",
            "reference camera",
            nullable=True,
        ),
        Column(
            "parameter_names",
            pa.list_(TEXT),
            "1 (in the order of sigmas and covariance)",
            nullable=True,
        ),
        Column(
            "parameter_sigmas",
            FLOATS,
            "standard errors: px, 1, rad, length_unit; null: the views do not determine them",
            nullable=True,
        ),
        Column("covariance", FLOATS, "row by row, of the parameters", nullable=True),
        Column("num_points", INT, nullable=True, low=0),
        Column(
            "coverage",
            FLOAT,
            "1 (share of 8 x 6 parts of the image with a point)",
            "image",
            nullable=True,
            low=0,
            high=1,
        ),
        Column("rms_px", FLOAT, "px, of all cameras together", nullable=True, low=0),
        Column("rms_alone_px", FLOAT, "px, of this camera alone", nullable=True, low=0),
        Column("noise_px", FLOAT, "px, robust, of a coordinate", nullable=True, low=0),
        Column(
            "pattern_px",
            FLOAT,
            "px, of what the residuals of a part of the image share",
            "image",
            nullable=True,
            low=0,
        ),
        Column("made_ns", INT, "ns", "UTC", low=0),
        *DERIVED,
    ),
)

BOARD_VIEWS = Table(
    name="board_views",
    stage="reconstruction",
    key="board_view_id",
    erase="frame_id",
    columns=(
        id_column("board_view_id"),
        id_column("frame_id"),
        SESSION,
        Column("sensor", TEXT),
        Column("board", TEXT, "1 (kind:columns x rows:lengths)"),
        Column("view", INT, "1 (pictures of one time share it)", low=0),
        Column("num_points", INT, "1 (0: the board was not found)", low=0),
        Column("point_ids", pa.list_(INT)),
        Column("pixels", FLOATS, "px, two a point, pixel centres", "image"),
        Column("residuals", FLOATS, "px, two a point", "image", nullable=True),
        Column("rms_px", FLOAT, "px", "image", nullable=True, low=0),
        Column(
            "rig_from_board",
            FLOATS,
            "length_unit of the calibration, quaternion xyzw",
            "reference camera",
            nullable=True,
        ),
        Column(
            "board_sigmas",
            FLOATS,
            "standard errors: three turns in rad, three shifts",
            "reference camera",
            nullable=True,
        ),
    ),
)

RIG_FITS = Table(
    name="rig_fits",
    stage="reconstruction",
    key="rig_fit_id",
    erase="capture_id",
    columns=(
        id_column("rig_fit_id"),
        id_column("capture_id"),
        SESSION,
        Column("sensor", TEXT),
        Column("reference_sensor", TEXT, nullable=True),
        Column("calibrated_in", TEXT, "1 (session of the calibration)", nullable=True),
        Column("calibration_sha256", TEXT, nullable=True, regex=SHA),
        Column("epipolar_px", FLOAT, "px (median)", "image", nullable=True, low=0),
        Column("focal_px", FLOAT, "px", "image", nullable=True, low=1e-3),
        Column(
            "tilt_deg", FLOAT, "deg", "reference camera", nullable=True, low=0, high=180
        ),
        Column("tilt_sigma_deg", FLOAT, "deg (standard error)", nullable=True, low=0),
        Column("num_matches", INT, nullable=True, low=0),
        Column("reason", TEXT, "1; why there is no figure", nullable=True),
    ),
)

DEPTH_MAPS = Table(
    name="depth_maps",
    stage="reconstruction",
    key="depth_map_id",
    erase="frame_id",
    columns=(
        id_column("depth_map_id"),
        # where there is a reason, the camera's first
        id_column("frame_id"),
        id_column("other_frame_id", nullable=True),
        id_column("capture_id"),
        SESSION,
        Column("sensor", TEXT),
        Column("other_sensor", TEXT, nullable=True),
        Column("t_ns", INT, "ns", "sensor clock", nullable=True),
        Column(
            "calibrated_in",
            TEXT,
            "1 (session of the board, or its own: as recorded)",
            nullable=True,
        ),
        Column("baseline_m", FLOAT, "m", nullable=True, low=1e-9),
        Column("focal_px", FLOAT, "px", "rectified image", nullable=True, low=1e-3),
        Column("num_disparities", INT, "px", nullable=True, low=16),
        Column("width_px", INT, "px (of the depth image)", nullable=True, low=1),
        Column("height_px", INT, "px (of the depth image)", nullable=True, low=1),
        Column(
            "coverage", FLOAT, "1 (share with a depth)", nullable=True, low=0, high=1
        ),
        Column(
            "agreement",
            FLOAT,
            "1 (share of the pixels matched from both sides that agree)",
            nullable=True,
            low=0,
            high=1,
        ),
        Column("median_confidence", FLOAT, nullable=True, low=0, high=1),
        Column("median_depth_m", FLOAT, "m", "camera", nullable=True, low=0),
        Column("median_sigma_m", FLOAT, "m (standard error)", nullable=True, low=0),
        Column(
            "num_sensor_points",
            INT,
            "1 (compared with a depth camera)",
            nullable=True,
            low=0,
        ),
        Column(
            "sensor_off_px",
            FLOAT,
            "px of disparity (median), from a depth camera",
            nullable=True,
            low=0,
        ),
        Column(
            "sensor_bias_px",
            FLOAT,
            "px of disparity (median), more than a depth camera has",
            nullable=True,
        ),
        Column("depth_m_per_unit", FLOAT, "m", nullable=True, low=1e-9),
        Column(
            "payload",
            pa.large_binary(),
            "16-bit PNG, depth_m_per_unit, 0: unknown",
            "camera",
            "restricted",
            nullable=True,
        ),
        Column(
            "confidence_payload",
            pa.large_binary(),
            "8-bit PNG, 255: sure, 0: unknown",
            "camera",
            "restricted",
            nullable=True,
        ),
        Column("reason", TEXT, "1; why there is no depth", nullable=True),
        *DERIVED,
    ),
)

ODOMETRY = Table(
    name="odometry",
    stage="reconstruction",
    key="odometry_id",
    erase="capture_id",
    columns=(
        id_column("odometry_id"),
        # of the depth image; where a capture has none, of its first picture
        id_column("frame_id"),
        id_column("color_frame_id", nullable=True),
        id_column("capture_id"),
        SESSION,
        Column("sensor", TEXT),
        Column("color_sensor", TEXT, nullable=True),
        Column("t_ns", INT, "ns", "sensor clock", nullable=True),
        Column("sequence", INT, low=0),
        Column(
            "part", INT, "1 (frames of one frame of reference)", nullable=True, low=0
        ),
        Column(
            "world_from_camera",
            FLOATS,
            "m, quaternion xyzw",
            "first camera of the part",
            "restricted",
            nullable=True,
        ),
        Column(
            "covariance",
            FLOATS,
            "6 x 6, row by row: of turns in rad and shifts in m behind the pose",
            "camera",
            nullable=True,
        ),
        Column(
            "overlap",
            FLOAT,
            "1 (share of its points on what its key picture sees; null: it began)",
            nullable=True,
            low=0,
            high=1,
        ),
        Column(
            "off_sigma",
            FLOAT,
            "1 (middle distance from the key picture's planes, by the noise of depth)",
            nullable=True,
            low=0,
        ),
        Column("is_key", BOOL),
        Column("num_loops", INT, "1 (that end here)", low=0),
        Column(
            "loop_drift_m",
            FLOAT,
            "m (that odometry alone was off, of the worst of them)",
            nullable=True,
            low=0,
        ),
        Column("loop_drift_deg", FLOAT, "deg", nullable=True, low=0, high=180),
        Column("loop_path_m", FLOAT, "m (between its ends)", nullable=True, low=0),
        Column(
            "given_off_m",
            FLOAT,
            "m (from the recorded pose, the part laid on those as one)",
            nullable=True,
            low=0,
        ),
        Column("given_off_deg", FLOAT, "deg", nullable=True, low=0, high=180),
        Column("reason", TEXT, "1; why there is no pose", nullable=True),
        *DERIVED,
    ),
)

MESHES = Table(
    name="meshes",
    stage="reconstruction",
    key="mesh_id",
    erase="capture_id",
    columns=(
        id_column("mesh_id"),
        id_column("capture_id"),
        SESSION,
        Column("sensor", TEXT),
        Column("part", INT, "1 (of `odometry`)", nullable=True, low=0),
        Column("num_frames", INT, low=0),
        Column("voxel_m", FLOAT, "m", nullable=True, low=1e-6),
        Column("num_blocks", INT, "1 (of 8 x 8 x 8 voxels)", nullable=True, low=0),
        Column("num_vertices", INT, nullable=True, low=1),
        Column("num_triangles", INT, nullable=True, low=1),
        Column("area_m2", FLOAT, "m^2", nullable=True, low=0),
        *(
            Column(
                f"{axis}_{end}_m",
                FLOAT,
                "m",
                "first camera of the part",
                "restricted",
                nullable=True,
            )
            for end in ("min", "max")
            for axis in ("x", "y", "z")
        ),
        Column(
            "median_off_m",
            FLOAT,
            "m (of measured points from the surface)",
            nullable=True,
            low=0,
        ),
        Column("size_bytes", INT, "byte (of the PLY)", nullable=True, low=1),
        Column(
            "blob_sha256",
            TEXT,
            "1 (of the blob that is the PLY)",
            privacy="restricted",
            nullable=True,
            regex=SHA,
        ),
        Column("reason", TEXT, "1; why there is no mesh", nullable=True),
        *DERIVED,
    ),
)

TABLES = (RIG_CALIBRATIONS, BOARD_VIEWS, RIG_FITS, DEPTH_MAPS, ODOMETRY, MESHES)
