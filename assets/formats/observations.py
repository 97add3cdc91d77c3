"""What every reader yields: the frames, signals, scans, calibrations and labels of one capture, and the problems met.

A reader says what the bytes say and no more: what a format cannot tell (a clock, a calibration) is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assets.formats.points.clouds import CloudFacts
from assets.sandbox.guard import ImageFacts
from models.geometry.camera import Camera


@dataclass(frozen=True)
class Source:
    """Where an observation's bytes lie.

    `path` is relative to the session, with '/' between parts; a member of an archive is `outer.zip!/inner/a.jpg`.
    `offset` and `length` are bytes in the outermost file: the record itself when it is stored as it is, otherwise the
    compressed chunk or member that holds it, and then `inner_offset` is the place after decompression.
    """

    path: str
    offset: int = 0
    length: int | None = None
    inner_offset: int | None = None


def outer_path(path: str) -> str:
    """The session file that holds a source: 'a.zip' for 'a.zip!/b/c.jpg'."""
    return path.split("!/", 1)[0]


@dataclass(frozen=True)
class FrameObservation:
    """One image at one time, still encoded; or its place in a stored video, already decoded once."""

    sensor: str
    payload: bytes
    encoding: str  # "jpeg", "png", "tiff", "bmp", "webp", "gif", "heic", "avif"; "video": a `VideoPlace`
    source: Source
    kind: str = "color"  # "color" or "depth" (16-bit, `depth_m_per_unit` metres a unit, 0 where unknown)
    t_ns: int | None = None  # the sensor's own clock; None where the format has none
    sequence: int = 0  # position among the frames of this sensor in this capture
    split_hint: str | None = None  # "train", "val" or "test" where the producer says so
    # 0.001 for millimetres; None for colour, and where the format cannot say
    depth_m_per_unit: float | None = None
    # a stamp that is no time, where there is no `t_ns`: labels may name the frame by it
    stamp_ns: int | None = None
    # what its decoder found, where it was decoded to be read
    facts: ImageFacts | None = None


@dataclass(frozen=True)
class SignalObservation:
    """One non-image sample: IMU, pose, odometry; or a fixed transform, which has no time."""

    sensor: str
    kind: str  # "imu", "pose", "odometry", "transform", "gnss", "position", "acceleration"
    # the sensor's own clock; None where the format has none, and for what does not move
    t_ns: int | None
    # imu: gyro xyz rad/s, accel xyz m/s^2; gnss: latitude deg, longitude deg, altitude m
    values: Sequence[float]
    # (WGS 84, altitude NaN where unknown); position: xyz m; acceleration: xyz m/s^2; others: xyz m, quaternion xyzw
    source: Source
    frame_of_reference: str | None = None  # e.g. "world" (parent) of a pose
    child_frame: str | None = None  # e.g. "rig"
    # the frames it belongs to, by their `sequence`, where there is no clock to tell
    sequence: int | None = None


@dataclass(frozen=True)
class ScanObservation:
    """One point cloud at one time. Its points stay where they lie: in a stored recording, or in `payload`."""

    sensor: str
    source: Source
    encoding: str  # a key of `points.encodings.PARSERS`
    facts: CloudFacts
    sha256: str  # of the scan's own bytes
    size_bytes: int
    payload: bytes | None  # None: the recording is stored, and holds them
    t_ns: int | None = None  # the sensor's own clock; None where the format has none
    sequence: int = 0  # position among the scans of this sensor in this capture
    frame_of_reference: str | None = None  # as the message names it
    num_left_out: int = 0  # beams of a laser scan without a range, which are no points


@dataclass(frozen=True)
class CalibrationObservation:
    """Pinhole intrinsics of one camera and its place on the rig."""

    sensor: str
    width_px: int
    height_px: int
    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    source: Source
    distortion_model: str | None = None
    distortion: Sequence[float] = ()
    # xyz m, quaternion xyzw; None where unknown
    rig_from_camera: Sequence[float] | None = None

    @classmethod
    def of(
        cls,
        sensor: str,
        camera: Camera,
        source: Source,
        rig_from_camera: Sequence[float] | None = None,
    ) -> CalibrationObservation:
        """What a calibrated camera says of itself, and its place on the rig where it is known."""
        model = camera.distortion_model
        distortion = camera.distortion
        return cls(
            sensor,
            *camera.size_px,
            *camera.focal_px,
            *camera.centre_px,
            source,
            model,
            distortion,
            rig_from_camera,
        )


# between labels that somebody drew, by the tool; also the attribute by which such a label says how it was made
INTERPOLATED = "interpolated"


@dataclass(frozen=True)
class LabelObservation:
    """What somebody says is in a frame. The frame is named by the source path of its bytes, or by sensor and time."""

    frame_path: str | None  # Source.path of the frame; None: found by sensor and t_ns
    # "recognition"; "detection"; "segmentation": a mask that says of its pixels which class they show, of a whole class
    # or of one object. Pixels in no such mask are unlabelled: where background is known, it is a class with a mask.
    task: str
    class_name: str
    source: Source
    sensor: str | None = None
    t_ns: int | None = None
    box_xyxy: tuple[float, float, float, float] | None = None  # px
    mask_rle: str | None = None  # COCO compressed RLE counts, frame-sized
    track_id: int | None = None
    origin: str = "imported"  # "imported", "simulated", or INTERPOLATED
    # position inside its source, so that two equal boxes stay two labels
    index: int = 0
    # what else the annotator said of it: (name, value)
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class AnnotationObservation:
    """Somebody looked at a picture for a task, and marked these many objects in it, which may be none.

    The frame is named as that of a label is. A picture that nobody looked at has no such observation.
    """

    frame_path: str | None
    task: str
    source: Source
    sensor: str | None = None
    t_ns: int | None = None
    num_labels: int = 0  # marked objects that are labels
    num_missing: int = 0  # marked objects that are none: refused for a fault, or of a kind that is not read
    # regions that stand for no single object: crowds, points, lines
    num_ignored: int = 0


@dataclass(frozen=True)
class Problem:
    """Something that could not be read. Its neighbours were."""

    source: Source
    reader: str
    reason: str
    remedy: str
    sensor: str | None = None


Observation = (
    FrameObservation
    | SignalObservation
    | ScanObservation
    | CalibrationObservation
    | LabelObservation
    | AnnotationObservation
    | Problem
)
