"""Tables of reconstruction: rigs calibrated from a board, what each picture of it showed, depth from two views, how an
IMU sits to cameras and where down is."""

from __future__ import annotations

import pyarrow as pa

from assets.tables.schemas.table import (
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

IMU_MOUNTS = Table(
    name="imu_mounts",
    stage="reconstruction",
    key="imu_mount_id",
    erase="capture_id",
    columns=(
        id_column("imu_mount_id"),
        id_column("capture_id"),
        SESSION,
        Column("sensor", TEXT, "1 (a colour camera)"),
        Column("imu_sensor", TEXT, nullable=True),
        Column("imu_from_camera", FLOATS, "quaternion xyzw", "IMU", nullable=True),
        Column(
            "sigmas_deg",
            FLOATS,
            "deg (standard errors, about the camera's axes)",
            "camera",
            nullable=True,
        ),
        Column(
            "covariance",
            FLOATS,
            "rad^2, row by row, of turns about the camera's axes",
            "camera",
            nullable=True,
        ),
        Column(
            "sigma_deg",
            FLOAT,
            "deg (standard error, about the axis known least)",
            nullable=True,
            low=0,
        ),
        Column("lag_ms", FLOAT, "ms (camera behind the IMU)", nullable=True),
        Column("lag_sigma_ms", FLOAT, "ms (standard error)", nullable=True, low=0),
        Column("gyro_bias_rad_s", FLOATS, "rad/s", "IMU", nullable=True),
        Column(
            "gyro_bias_sigmas_rad_s", FLOATS, "rad/s (standard errors)", nullable=True
        ),
        Column("num_steps", INT, "1 (between frames)", nullable=True, low=0),
        Column("residual_deg", FLOAT, "deg (median, of a step)", nullable=True, low=0),
        Column(
            "stated_off_deg",
            FLOAT,
            "deg (from what the recording states)",
            nullable=True,
            low=0,
            high=180,
        ),
        Column("reason", TEXT, "1; why there is no figure", nullable=True),
        *DERIVED,
    ),
)

GRAVITIES = Table(
    name="gravities",
    stage="reconstruction",
    key="gravity_id",
    erase="capture_id",
    columns=(
        id_column("gravity_id"),
        id_column("capture_id"),
        SESSION,
        Column("sensor", TEXT, "1 (whose poses)", nullable=True),
        Column("imu_sensor", TEXT, nullable=True),
        Column("imu_from_body", FLOATS, "quaternion xyzw", "IMU", nullable=True),
        Column(
            "body_sigma_deg",
            FLOAT,
            "deg (standard error, about the axis known least)",
            nullable=True,
            low=0,
        ),
        Column("lag_ms", FLOAT, "ms (poses behind the IMU)", nullable=True),
        Column("lag_sigma_ms", FLOAT, "ms (standard error)", nullable=True, low=0),
        Column(
            "gravity_m_s2", FLOATS, "m/s^2 (down)", "frame of the poses", nullable=True
        ),
        Column(
            "covariance",
            FLOATS,
            "m^2/s^4, row by row",
            "frame of the poses",
            nullable=True,
        ),
        Column(
            "sigma_deg",
            FLOAT,
            "deg (standard error of the direction, about the axis known least)",
            nullable=True,
            low=0,
        ),
        Column("size_m_s2", FLOAT, "m/s^2", nullable=True, low=0),
        Column(
            "size_sigma_m_s2", FLOAT, "m/s^2 (standard error)", nullable=True, low=0
        ),
        Column("accel_bias_m_s2", FLOATS, "m/s^2", "IMU", nullable=True),
        Column(
            "accel_bias_sigmas_m_s2", FLOATS, "m/s^2 (standard errors)", nullable=True
        ),
        Column("num_steps", INT, "1 (triples of poses)", nullable=True, low=0),
        Column("reason", TEXT, "1; why there is no figure", nullable=True),
        *DERIVED,
    ),
)

TABLES = (RIG_CALIBRATIONS, BOARD_VIEWS, RIG_FITS, DEPTH_MAPS, IMU_MOUNTS, GRAVITIES)
