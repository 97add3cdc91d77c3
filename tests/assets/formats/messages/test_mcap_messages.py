"""Messages in MCAP recordings: raw and compressed images, depth and its unit, GNSS, odometry, fixed transforms."""

from __future__ import annotations

import base64
import json
import math
import struct

import cv2
import numpy as np
import pytest
from foxglove_schemas_protobuf.CompressedImage_pb2 import CompressedImage
from foxglove_schemas_protobuf.FrameTransform_pb2 import FrameTransform
from foxglove_schemas_protobuf.LocationFix_pb2 import LocationFix
from foxglove_schemas_protobuf.Odometry_pb2 import Odometry
from foxglove_schemas_protobuf.Pose_pb2 import Pose
from foxglove_schemas_protobuf.Quaternion_pb2 import Quaternion
from foxglove_schemas_protobuf.RawImage_pb2 import RawImage
from foxglove_schemas_protobuf.Vector3_pb2 import Vector3

from assets.capture.simulate import SimulationSpec, simulate
from assets.formats.observations import CalibrationObservation, SignalObservation
from tests.assets.formats.messages.test_mcap_reader import (
    HEADER,
    HEADER_PARTS,
    NS,
    RULE,
    TEXT,
    Recording,
    stamp,
)

IMAGE = ("sensor_msgs/msg/Image", "ros2msg", TEXT)
COMPRESSED = (
    "sensor_msgs/msg/CompressedImage",
    "ros2msg",
    HEADER + "string format\nuint8[] data\n" + RULE + HEADER_PARTS,
)
FIX = (
    "sensor_msgs/msg/NavSatFix",
    "ros2msg",
    HEADER
    + "sensor_msgs/NavSatStatus status\nfloat64 latitude\nfloat64 longitude\nfloat64 altitude\n"
    "float64[9] position_covariance\nuint8 position_covariance_type\n"
    + RULE
    + HEADER_PARTS
    + RULE
    + "MSG: sensor_msgs/NavSatStatus\nint8 status\nuint16 service\n",
)
ROS_FOXGLOVE = (
    "foxglove_msgs/msg/CompressedImage",
    "ros2msg",
    "builtin_interfaces/Time timestamp\nstring frame_id\nuint8[] data\nstring format\n",
)


# as `rosbags-convert` writes those of a ROS 1 bag
CAMERA_OF_ROS_1 = (
    "sensor_msgs/msg/CameraInfo",
    "ros2msg",
    HEADER
    + "uint32 height\nuint32 width\nstring distortion_model\n"
    + "float64[] D\nfloat64[9] K\nfloat64[9] R\nfloat64[12] P\n"
    + RULE
    + "MSG: std_msgs/Header\nuint32 seq\nbuiltin_interfaces/Time stamp\nstring frame_id\n",
)


class Cdr:
    """A little-endian CDR message, field by field, each at a multiple of its size (OMG DDS-XTypes, XCDR1)."""

    def __init__(self) -> None:
        self.data = b""

    def put(self, code: str, *values) -> Cdr:
        for value in values:
            self.data += b"\0" * (
                -len(self.data) % struct.calcsize(code)
            ) + struct.pack("<" + code, value)
        return self

    def text(self, value: str) -> Cdr:
        self.put("I", len(value) + 1)
        self.data += value.encode() + b"\0"
        return self

    def blob(self, value: bytes) -> Cdr:
        self.put("I", len(value))
        self.data += value
        return self

    def head(self, t_ns: int, frame: str = "cam") -> Cdr:
        return self.put("i", t_ns // NS).put("I", t_ns % NS).text(frame)

    def finish(self) -> bytes:
        return b"\0\1\0\0" + self.data


def raw_image(pixels: np.ndarray, encoding: str, is_big_endian: int = 0) -> bytes:
    height, width = pixels.shape[:2]
    message = (
        Cdr().head(7).put("I", height, width).text(encoding).put("B", is_big_endian)
    )
    return message.put("I", pixels.nbytes // height).blob(pixels.tobytes()).finish()


def decode(frame) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(frame.payload, np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.fixture
def read_recording(write_files, read_session):
    return lambda recording: read_session(write_files({"a.mcap": recording.finish()}))


RGBA = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
DEEP = np.arange(6, dtype=np.uint16).reshape(2, 3) * 1000


@pytest.mark.parametrize(
    ("encoding", "pixels", "expected"),
    [
        ("rgb8", RGBA[..., :3], RGBA[..., 2::-1]),
        ("bgr8", RGBA[..., :3], RGBA[..., :3]),
        ("bgra8", RGBA, RGBA),
        ("rgba8", RGBA, RGBA[..., [2, 1, 0, 3]]),
        ("mono8", RGBA[..., 0], RGBA[..., 0]),
        ("mono16", DEEP, DEEP),
        ("16UC1", DEEP, DEEP),
        (
            "rgb16",
            np.stack([DEEP, DEEP + 1, DEEP + 2], axis=2),
            np.stack([DEEP + 2, DEEP + 1, DEEP], axis=2),
        ),
    ],
)
@pytest.mark.parametrize("is_ros", [True, False])
def test_raw_pixels_come_back_exactly(
    read_recording, encoding, pixels, expected, is_ros
):
    recording = Recording()
    pixels = np.ascontiguousarray(pixels)
    if is_ros:
        recording.add_bytes("/cam/image_raw", raw_image(pixels, encoding), IMAGE, "cdr")
    else:
        recording.add(
            "/cam/image_raw",
            RawImage(
                timestamp=stamp(7),
                width=3,
                height=2,
                encoding=encoding,
                step=pixels.nbytes // 2,
                data=pixels.tobytes(),
            ),
        )
    reading = read_recording(recording)
    (frame,) = reading.frames
    assert (decode(frame) == expected).all() and (frame.t_ns, frame.encoding) == (
        7,
        "png",
    )
    assert (
        reading.plans[0].notes["frames of /cam/image_raw"]
        == "1 read, 1 messages promised"
    )


def test_big_endian_depth_is_turned(read_recording):
    recording = Recording()
    recording.add_bytes(
        "/depth/image_raw", raw_image(DEEP.astype(">u2"), "16UC1", 1), IMAGE, "cdr"
    )
    assert (decode(read_recording(recording).frames[0]) == DEEP).all()


def test_yuv_422_becomes_bgr_in_both_byte_orders(read_recording):
    # white, black in video range
    grey_uyvy = np.array([[[128, 235], [128, 16]]], np.uint8)
    recording = Recording()
    recording.add_bytes("/a/image_raw", raw_image(grey_uyvy, "yuv422"), IMAGE, "cdr")
    recording.add_bytes(
        "/b/image_raw",
        raw_image(np.ascontiguousarray(grey_uyvy[..., ::-1]), "yuv422_yuy2"),
        IMAGE,
        "cdr",
    )
    for frame in read_recording(recording).frames:
        assert decode(frame).tolist() == [[[255, 255, 255], [0, 0, 0]]]


def test_sixteen_bits_are_depth_only_where_something_says_so(read_recording):
    recording = Recording()
    for topic, encoding in (
        ("/a/image_raw", "16UC1"),
        ("/b/depth/image", "mono16"),
        ("/thermal/image", "mono16"),
    ):
        recording.add_bytes(topic, raw_image(DEEP, encoding), IMAGE, "cdr")
    recording.add_bytes(
        "/z/image",
        raw_image(np.array([[0.0015, 1.0, 2.5]], np.float32), "32FC1"),
        IMAGE,
        "cdr",
    )
    frames = read_recording(recording).frames
    assert [(f.kind, f.depth_m_per_unit) for f in frames] == [
        ("depth", 0.001),
        ("depth", 0.001),
        ("color", None),
        ("depth", 0.001),
    ]
    assert decode(frames[3]).tolist() == [[2, 1000, 2500]]


def test_a_picture_of_an_infrared_camera_is_no_depth_though_its_driver_says_16uc1(
    read_recording,
):
    recording = Recording()
    for topic in (
        "/camera/infra1/image_rect_raw",
        "/thermal/image",
        "/camera/aligned_depth_to_color/image_raw",
    ):
        recording.add_bytes(topic, raw_image(DEEP, "16UC1"), IMAGE, "cdr")
    assert [f.kind for f in read_recording(recording).frames] == [
        "color",
        "color",
        "depth",
    ]


def test_bayer_is_refused_with_a_reason(read_recording):
    recording = Recording()
    recording.add_bytes(
        "/cam/image_raw", raw_image(RGBA[..., 0], "bayer_rggb8"), IMAGE, "cdr"
    )
    (problem,) = read_recording(recording).problems
    assert "one colour a pixel; the two others would be guessed" in problem.reason


def test_compressed_depth_loses_its_header_and_keeps_its_unit(read_recording):
    png = cv2.imencode(".png", DEEP)[1].tobytes()
    recording = Recording()

    def compressed(form: str, data: bytes) -> bytes:
        return Cdr().head(9).text(form).blob(data).finish()

    header = struct.pack("<iff", 0, 0.0, 0.0)
    recording.add_bytes(
        "/d/compressedDepth",
        compressed("16UC1; compressedDepth png", header + png),
        COMPRESSED,
        "cdr",
    )
    recording.add_bytes(
        "/e/compressed", compressed("16UC1; png compressed ", png), COMPRESSED, "cdr"
    )
    recording.add_bytes(
        "/f/compressed", compressed("mono16; png compressed ", png), COMPRESSED, "cdr"
    )
    recording.add_bytes(
        "/g/compressedDepth",
        compressed("32FC1; compressedDepth png", header + png),
        COMPRESSED,
        "cdr",
    )
    eight = cv2.imencode(".png", DEEP.astype(np.uint8))[1].tobytes()
    recording.add_bytes(
        "/h/compressedDepth",
        compressed("16UC1; compressedDepth png", header + eight),
        COMPRESSED,
        "cdr",
    )
    reading = read_recording(recording)
    assert [(f.payload == png, f.kind, f.depth_m_per_unit) for f in reading.frames] == [
        (True, "depth", 0.001),
        (True, "depth", 0.001),
        (True, "color", None),
    ]
    quantised, shallow = (problem.reason for problem in reading.problems)
    assert (
        "quantised 32FC1" in quantised
        and "declared as depth, and is no 16-bit PNG" in shallow
    )


def test_simulated_depth_says_its_unit(tmp_path, read_session):
    simulate(tmp_path, SimulationSpec(1, 0.3, 3, width_px=96, height_px=72))
    frames = read_session(tmp_path).frames
    assert {(f.sensor, f.kind, f.depth_m_per_unit) for f in frames} == {
        ("left", "color", None),
        ("right", "color", None),
        ("depth", "depth", 0.001),
    }


def nav_sat_fix(t_ns: int, status: int, place: tuple[float, float, float]) -> bytes:
    return (
        Cdr()
        .head(t_ns, "gps")
        .put("b", status)
        .put("H", 1)
        .put("d", *place, *[0.0] * 9)
        .put("B", 0)
        .finish()
    )


def test_satellite_positions(read_recording):
    recording = Recording()
    recording.add_bytes("/gps/fix", nav_sat_fix(5, 0, (48.1, 11.6, 519.0)), FIX, "cdr")
    recording.add_bytes(
        "/gps/fix", nav_sat_fix(6, 0, (48.2, 11.7, math.nan)), FIX, "cdr"
    )
    recording.add_bytes("/gps/fix", nav_sat_fix(7, -1, (0.0, 0.0, 0.0)), FIX, "cdr")
    recording.add_bytes("/gps/fix", nav_sat_fix(8, 0, (91.0, 0.0, 0.0)), FIX, "cdr")
    recording.add(
        "/fix",
        LocationFix(
            timestamp=stamp(9),
            latitude=-33.0,
            longitude=151.0,
            altitude=3.0,
            frame_id="g",
        ),
    )
    value = {"timestamp": {"sec": 1, "nsec": 2}, "latitude": 1.5, "longitude": 2.5}
    recording.add_json("/json", "foxglove.LocationFix", value)
    reading = read_recording(recording)
    signals = reading.of(SignalObservation)
    assert [(s.kind, s.t_ns, s.frame_of_reference) for s in signals] == [
        ("gnss", t, "wgs84") for t in (5, 6, 9, NS + 2)
    ]
    assert signals[0].values == (48.1, 11.6, 519.0) and signals[0].child_frame == "gps"
    assert signals[2].values == (-33.0, 151.0, 3.0)
    assert math.isnan(signals[1].values[2]) and math.isnan(signals[3].values[2]), (
        "an altitude nobody stated"
    )
    assert [
        "no fix" in p.reason or "no place on earth" in p.reason
        for p in reading.problems
    ] == [True, True]


def test_foxglove_odometry_and_a_transform_without_time(read_recording):
    turn = Quaternion(w=1.0)
    pose = Pose(position=Vector3(x=1, y=2, z=3), orientation=turn)
    recording = Recording()
    recording.add(
        "/odom",
        Odometry(timestamp=stamp(4), frame_id="odom", body_frame_id="base", pose=pose),
    )
    recording.add(
        "/tf_static",
        FrameTransform(parent_frame_id="base", child_frame_id="cam", rotation=turn),
    )
    recording.add(
        "/tf",
        FrameTransform(parent_frame_id="map", child_frame_id="base", rotation=turn),
    )
    reading = read_recording(recording)
    assert [
        (s.kind, s.t_ns, tuple(s.values)) for s in reading.of(SignalObservation)
    ] == [
        ("odometry", 4, (1, 2, 3, 0, 0, 0, 1)),
        ("transform", None, (0, 0, 0, 0, 0, 0, 1)),
    ]
    assert "a pose without a time" in reading.problems[0].reason


def test_foxglove_messages_in_their_ros_2_form(read_recording, make_image):
    message = (
        Cdr()
        .put("i", 1)
        .put("I", 5)
        .text("cam")
        .blob(make_image())
        .text("jpeg")
        .finish()
    )
    recording = Recording()
    recording.add_bytes("/cam/image", message, ROS_FOXGLOVE, "cdr")
    (frame,) = read_recording(recording).frames
    assert (frame.t_ns, frame.encoding, frame.payload) == (NS + 5, "jpeg", make_image())


def test_three_encodings_of_one_image_are_one_image(read_recording, make_image):
    recording = Recording()
    jpeg = make_image()
    recording.add(
        "/a/image", CompressedImage(timestamp=stamp(3), data=jpeg, format="jpeg")
    )
    value = {
        "timestamp": {"sec": 0, "nsec": 3},
        "data": base64.b64encode(jpeg).decode(),
        "format": "jpeg",
    }
    recording.add_json("/b/image", "foxglove.CompressedImage", value)
    recording.add_bytes(
        "/c/image/compressed",
        Cdr().head(3).text("jpeg").blob(jpeg).finish(),
        COMPRESSED,
        "cdr",
    )
    reading = read_recording(recording)
    assert [(f.sensor, f.t_ns, f.payload == jpeg) for f in reading.frames] == [
        (s, 3, True) for s in "abc"
    ]


def test_a_file_without_statistics_says_that_nothing_was_compared(
    read_recording, make_image
):
    recording = Recording(use_statistics=False)
    recording.add(
        "/a/image",
        CompressedImage(timestamp=stamp(3), data=make_image(), format="jpeg"),
    )
    reading = read_recording(recording)
    assert (
        "no statistics" in reading.plans[0].notes["not compared"]
        and not reading.problems
    )


@pytest.mark.parametrize("is_all", [True, False])
def test_a_stamp_of_zero_is_no_time_in_any_message_format(
    read_recording, make_image, is_all
):
    """Unless the recorder's own clock began there. Log times of what has no time stand in the notes."""
    recording = Recording()
    begin_ns = 1_700_000_000 * NS
    turn = Quaternion(w=1.0)
    for n in range(3):
        log_ns = begin_ns + n * NS
        stamp_ns = 0 if is_all or not n else begin_ns + n * NS
        parts = {"sec": stamp_ns // NS, "nsec": 0}
        recording.add(
            "/a/image",
            CompressedImage(timestamp=stamp(stamp_ns), data=make_image(n)),
            log_ns,
        )
        value = {
            "timestamp": parts,
            "data": base64.b64encode(make_image(n)).decode(),
            "format": "jpeg",
        }
        schema = ("foxglove.CompressedImage", "jsonschema", "{}")
        recording.add_bytes(
            "/b/image", json.dumps(value).encode(), schema, "json", log_ns
        )
        message = (
            Cdr()
            .put("i", stamp_ns // NS)
            .put("I", 0)
            .text("cam")
            .blob(make_image(n))
            .text("jpeg")
            .finish()
        )
        recording.add_bytes("/c/image", message, ROS_FOXGLOVE, "cdr", log_ns)
        recording.add_bytes(
            "/gps/fix",
            nav_sat_fix(stamp_ns, 0, (48.1, 11.6, 519.0)),
            FIX,
            "cdr",
            log_ns,
        )
        pose = Pose(position=Vector3(x=n), orientation=turn)
        recording.add(
            "/odom",
            Odometry(timestamp=stamp(stamp_ns), frame_id="odom", pose=pose),
            log_ns,
        )
    reading = read_recording(recording)
    times = [None, None, None] if is_all else [None, begin_ns + NS, begin_ns + 2 * NS]
    for sensor in "abc":
        assert [f.t_ns for f in reading.frames if f.sensor == sensor] == times
    for kind in ("gnss", "odometry"):
        assert [
            s.t_ns for s in reading.of(SignalObservation) if s.kind == kind
        ] == times
    assert not reading.problems
    which = "no stamps in its messages" if is_all else "no stamps in 1 of 3 messages"
    last_ns = begin_ns + 2 * NS * is_all + 5
    said = (
        f"{begin_ns + 5} .. {last_ns} ns on the recorder's clock (UTC, as a rule), "
        + ("3 messages, median rate 1 Hz" if is_all else "1 messages")
    )
    notes = reading.plans[0].notes
    for topic in ("/a/image", "/b/image", "/c/image", "/gps/fix", "/odom"):
        assert notes[f"log time of {topic} ({which})"] == said


def test_fixed_transforms_need_no_stamp_and_no_log_time(read_recording):
    recording = Recording()
    still = FrameTransform(
        timestamp=stamp(0),
        parent_frame_id="base",
        child_frame_id="cam",
        rotation=Quaternion(w=1.0),
    )
    recording.add("/tf_static", still, NS)
    reading = read_recording(recording)
    assert [s.t_ns for s in reading.of(SignalObservation)] == [
        None
    ] and not reading.plans[0].notes


def test_a_calibration_of_a_converted_ros_1_bag_has_its_names_in_capitals(
    read_recording,
):
    message = Cdr().put("I", 1).head(7).put("I", 24, 32).text("plumb_bob")
    message.put("I", 5).put("d", 0.1, -0.2, 0.001, 0.002, 0.0)
    message.put("d", 40, 0, 16, 0, 41, 12, 0, 0, 1)
    message.put("d", *[0.0] * 9, *[0.0] * 12)
    recording = Recording()
    recording.add_bytes(
        "/left/camera_info", message.finish(), CAMERA_OF_ROS_1, "cdr", 7
    )
    reading = read_recording(recording)
    assert not reading.problems
    (camera,) = reading.of(CalibrationObservation)
    assert (camera.width_px, camera.height_px) == (32, 24)
    assert (camera.fx_px, camera.fy_px, camera.cx_px, camera.cy_px) == (40, 41, 16, 12)
    assert camera.distortion == (0.1, -0.2, 0.001, 0.002, 0.0)


@pytest.mark.parametrize(
    ("schema", "encoding", "reason"),
    [
        (
            (IMAGE[0], "ros2msg", ""),
            "cdr",
            "its schema is empty, so its messages cannot be decoded",
        ),
        ((IMAGE[0], "ros2msg", "# nothing\n\n"), "cdr", "its schema is empty"),
        (
            (IMAGE[0], "ros2msg", "junk"),
            "cdr",
            "cannot be understood, so its messages cannot be decoded: junk",
        ),
        ((IMAGE[0], "ros2msg", "uint8[[] data"), "cdr", "cannot be understood"),
        ((IMAGE[0], "ros2msg", "Header a b"), "cdr", "cannot be understood"),
        (
            (IMAGE[0], "ros2msg", "uint8 x"),
            "cdr",
            "message without the field 'width', which sensor_msgs/msg/Image",
        ),
        (
            (IMAGE[0], "ros2idl", TEXT),
            "cdr",
            "has a schema in 'ros2idl': only ros2msg is read",
        ),
        (
            (IMAGE[0], "ros2msg", TEXT),
            "xcdr9",
            "sensor_msgs/msg/Image in message encoding 'xcdr9' is not read",
        ),
        (
            ("foxglove_msgs/LocationFix", "ros1msg", TEXT),
            "ros1",
            "in message encoding 'ros1' is not read",
        ),
    ],
)
def test_a_channel_that_cannot_be_decoded_says_why_and_the_others_are_read(
    read_recording, make_image, schema, encoding, reason
):
    recording = Recording()
    recording.add_bytes("/zed/image_raw", raw_image(RGBA, "rgba8"), schema, encoding)
    recording.add(
        "/a/image",
        CompressedImage(timestamp=stamp(3), data=make_image(), format="jpeg"),
    )
    reading = read_recording(recording)
    (problem,) = reading.problems
    assert (
        problem.reason.startswith("topic /zed/image_raw: ")
        and reason in problem.reason
        and problem.remedy
    )
    assert "Error" not in problem.reason and "attribute" not in problem.reason
    assert [f.sensor for f in reading.frames] == ["a"]


@pytest.mark.parametrize(
    ("encoding", "reason"),
    [
        ("cdr", "it has no schema, so its messages cannot be decoded"),
        ("protobuf", "it has no schema"),
        ("json", ""),
    ],
)
def test_a_channel_without_a_schema_is_named(read_recording, encoding, reason):
    recording = Recording()
    recording._channels["/x"] = recording._writer.register_channel("/x", encoding, 0)
    for _ in range(2):
        recording._put("/x", b"{}", NS)
    reading = read_recording(recording)
    assert [
        reason in p.reason and "stores schemas" in p.remedy for p in reading.problems
    ] == [True] * bool(reason)
    assert reading.plans[0].notes["not read: /x (no schema)"] == "2 messages"
