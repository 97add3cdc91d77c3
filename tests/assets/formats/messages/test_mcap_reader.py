"""MCAP recordings: what is read, where it lies, and what happens to damaged files."""

from __future__ import annotations

import base64
import json
import struct
from collections import Counter
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from foxglove_schemas_protobuf.CameraCalibration_pb2 import CameraCalibration
from foxglove_schemas_protobuf.CompressedImage_pb2 import CompressedImage
from foxglove_schemas_protobuf.FrameTransform_pb2 import FrameTransform
from foxglove_schemas_protobuf.Quaternion_pb2 import Quaternion
from foxglove_schemas_protobuf.RawImage_pb2 import RawImage
from foxglove_schemas_protobuf.Vector3_pb2 import Vector3
from google.protobuf.timestamp_pb2 import Timestamp
from mcap.writer import CompressionType, Writer
from mcap_protobuf.schema import register_schema

from assets.formats import protocol
from assets.formats.messages import mcap_chunks, raw_images
from assets.formats.messages.topics import name_sensor
from assets.formats.observations import CalibrationObservation, SignalObservation

NS = 1_000_000_000
HEADER = "std_msgs/Header header\n"
HEADER_PARTS = "MSG: std_msgs/Header\nbuiltin_interfaces/Time stamp\nstring frame_id\n"
RULE = "=" * 80 + "\n"
IMU = (
    HEADER
    + "geometry_msgs/Vector3 angular_velocity\nfloat64[9] angular_velocity_covariance\n"
    "geometry_msgs/Vector3 linear_acceleration\nfloat64[9] linear_acceleration_covariance\n"
    + RULE
    + HEADER_PARTS
    + RULE
    + "MSG: geometry_msgs/Vector3\nfloat64 x\nfloat64 y\nfloat64 z\n"
)
TEXT = (
    HEADER
    + "uint32 height\nuint32 width\nstring encoding\nuint8 is_bigendian\nuint32 step\nuint8[] data\n"
    + RULE
    + HEADER_PARTS
)


class Recording:
    """A recording written with the reference writer."""

    def __init__(
        self,
        compression: CompressionType = CompressionType.NONE,
        chunk_size: int = 4096,
        **options,
    ) -> None:
        self.stream = BytesIO()
        self._writer = Writer(
            self.stream, chunk_size=chunk_size, compression=compression, **options
        )
        self._writer.start()
        self._channels: dict[str, int] = {}

    def add(self, topic: str, message, t_ns: int = 0) -> None:
        if topic not in self._channels:
            schema = register_schema(self._writer, type(message))
            self._channels[topic] = self._writer.register_channel(
                topic, "protobuf", schema
            )
        self._put(topic, message.SerializeToString(), t_ns)

    def add_bytes(
        self,
        topic: str,
        data: bytes,
        schema: tuple[str, str, str],
        encoding: str,
        t_ns: int = 0,
    ) -> None:
        if topic not in self._channels:
            name, schema_encoding, text = schema
            number = self._writer.register_schema(name, schema_encoding, text.encode())
            self._channels[topic] = self._writer.register_channel(
                topic, encoding, number
            )
        self._put(topic, data, t_ns)

    def add_json(self, topic: str, name: str, value: object) -> None:
        self.add_bytes(
            topic, json.dumps(value).encode(), (name, "jsonschema", "{}"), "json"
        )

    def finish(self) -> bytes:
        self._writer.finish()
        return self.stream.getvalue()

    def _put(self, topic: str, data: bytes, t_ns: int) -> None:
        self._writer.add_message(
            self._channels[topic], log_time=t_ns + 5, data=data, publish_time=t_ns
        )


def stamp(t_ns: int) -> Timestamp:
    return Timestamp(seconds=t_ns // NS, nanos=t_ns % NS)


def picture(payload: bytes, t_ns: int, image_format: str = "jpeg") -> CompressedImage:
    return CompressedImage(
        timestamp=stamp(t_ns), frame_id="camera_left", data=payload, format=image_format
    )


def transform(
    parent: str,
    child: str,
    xyz=(0.0, 0.0, 0.0),
    xyzw=(0.0, 0.0, 0.0, 1.0),
    t_ns: int = 0,
) -> FrameTransform:
    return FrameTransform(
        timestamp=stamp(t_ns),
        parent_frame_id=parent,
        child_frame_id=child,
        translation=Vector3(x=xyz[0], y=xyz[1], z=xyz[2]),
        rotation=Quaternion(x=xyzw[0], y=xyzw[1], z=xyzw[2], w=xyzw[3]),
    )


def cdr_header(t_ns: int, frame: str = "rig") -> bytes:
    name = frame.encode() + b"\0"
    return struct.pack("<iII", t_ns // NS, t_ns % NS, len(name)) + name


def cdr_imu(
    t_ns: int,
    gyro=(1.0, 2.0, 3.0),
    accel=(0.0, 0.0, 9.8),
    first_covariance: float = 0.0,
) -> bytes:
    head = cdr_header(t_ns)
    head += b"\0" * (-len(head) % 8)
    return (
        b"\0\1\0\0"
        + head
        + struct.pack("<24d", *gyro, first_covariance, *[0.0] * 8, *accel, *[0.0] * 9)
    )


def simulated(
    make_image,
    compression: CompressionType = CompressionType.NONE,
    num_frames: int = 12,
    **options,
) -> bytes:
    """A recording in the form of the simulator's."""
    recording = Recording(compression, **options)
    k = [30.0, 0, 16, 0, 31, 12, 0, 0, 1]
    for _ in range(3):
        recording.add(
            "/camera/left/calibration",
            CameraCalibration(frame_id="camera_left", width=32, height=24, K=k),
        )
    recording.add("/tf", transform("rig", "camera_left", (0.1, 0, 0)))
    for i in range(num_frames):
        t_ns = i * NS // 10
        recording.add("/camera/left/image", picture(make_image(i), t_ns), t_ns)
        recording.add(
            "/camera/depth/image",
            picture(make_image(i, ending=".png", bits=16), t_ns, "png"),
            t_ns,
        )
        recording.add("/tf", transform("world", "rig", (i, 0, 0), t_ns=t_ns), t_ns)
        recording.add_bytes(
            "/imu", cdr_imu(t_ns), ("sensor_msgs/msg/Imu", "ros2msg", IMU), "cdr", t_ns
        )
        item = {
            "class_name": "ball",
            "track_id": 4,
            "box_xyxy": [1, 2, 3.5, 4],
            "mask_rle": "abc",
            "mask_size": [24, 32],
        }
        truth = {
            "sensor": "left",
            "t_ns": t_ns,
            "recognition": "ball",
            "objects": [item, item],
        }
        recording.add_json("/ground_truth/left", "daguerre.GroundTruth", truth)
    return recording.finish()


def test_a_simulated_recording_is_read_completely(
    write_files, read_session, make_image
):
    reading = read_session(write_files({"a.mcap": simulated(make_image)}))
    assert [(p.reader, p.is_container) for p in reading.plans] == [
        ("mcap", True)
    ] and not reading.problems
    assert Counter((f.sensor, f.kind, f.encoding) for f in reading.frames) == {
        ("left", "color", "jpeg"): 12,
        ("depth", "depth", "png"): 12,
    }
    left = [f for f in reading.frames if f.sensor == "left"]
    assert [f.t_ns for f in left] == [i * NS // 10 for i in range(12)], (
        "the stamp, also when it is zero"
    )
    assert [f.sequence for f in left] == list(range(12))
    assert left[3].payload == make_image(3)
    signals = Counter(
        (s.sensor, s.kind, s.frame_of_reference, s.child_frame)
        for s in reading.of(SignalObservation)
    )
    assert signals == {
        ("imu", "imu", "rig", None): 12,
        ("rig", "pose", "world", "rig"): 12,
        ("camera_left", "transform", "rig", "camera_left"): 1,
    }
    imu = next(s for s in reading.of(SignalObservation) if s.kind == "imu")
    assert imu.values == (1, 2, 3, 0, 0, 9.8)
    assert Counter((x.task, x.class_name, x.index) for x in reading.labels) == {
        ("detection", "ball", 0): 12,
        ("detection", "ball", 1): 12,
        ("recognition", "ball", 2): 12,
    }
    label = reading.labels[0]
    assert (label.sensor, label.frame_path, label.box_xyxy, label.track_id) == (
        "left",
        None,
        (1, 2, 3.5, 4),
        4,
    )
    assert label.origin == "simulated"


def test_a_repeated_calibration_is_one_and_knows_its_place_on_the_rig(
    write_files, read_session, make_image
):
    (calibration,) = read_session(
        write_files({"a.mcap": simulated(make_image, num_frames=1)})
    ).of(CalibrationObservation)
    assert (
        calibration.fx_px,
        calibration.fy_px,
        calibration.cx_px,
        calibration.cy_px,
    ) == (30, 31, 16, 12)
    assert calibration.rig_from_camera == (0.1, 0, 0, 0, 0, 0, 1)


def test_offsets_point_to_the_message_in_an_uncompressed_file(
    write_files, read_session, make_image
):
    for options in ({}, {"use_chunking": False}):
        data = simulated(make_image, **options)
        reading = read_session(write_files({"a.mcap": data}))
        assert len(reading.frames) == 24
        for frame in reading.frames:
            assert frame.source.inner_offset is None
            message = CompressedImage.FromString(
                data[frame.source.offset :][: frame.source.length]
            )
            assert message.data == frame.payload


@pytest.mark.parametrize("compression", [CompressionType.ZSTD, CompressionType.LZ4])
def test_offsets_point_to_the_chunk_in_a_compressed_file(
    write_files, read_session, make_image, compression
):
    from mcap.reader import make_reader

    data = simulated(make_image, compression)
    reading = read_session(write_files({"a.mcap": data}))
    chunks = {
        c.chunk_start_offset: c.chunk_length
        for c in make_reader(BytesIO(data)).get_summary().chunk_indexes
    }
    assert len(chunks) > 2 and len(reading.frames) == 24 and not reading.problems
    places = {(f.source.offset, f.source.inner_offset) for f in reading.frames}
    assert {
        f.source.offset: f.source.length for f in reading.frames
    }.items() <= chunks.items()
    assert len(places) == 24 and None not in {inner for _, inner in places}


@pytest.mark.parametrize(
    "compression", [CompressionType.NONE, CompressionType.ZSTD, CompressionType.LZ4]
)
def test_a_cut_file_gives_all_whole_messages_and_a_problem(
    write_files, read_session, make_image, compression
):
    data = simulated(make_image, compression)
    whole = read_session(write_files({"a.mcap": data})).frames
    counts = []
    for keep in (0.3, 0.6, 0.8):
        reading = read_session(write_files({"a.mcap": data[: int(len(data) * keep)]}))
        assert [f.payload for f in reading.frames] == [
            f.payload for f in whole[: len(reading.frames)]
        ]
        assert (
            len(reading.problems) == 1
            and "cut" in reading.problems[0].reason
            and reading.problems[0].remedy
        )
        counts.append(len(reading.frames))
    assert 0 < counts[0] < counts[1] < counts[2] <= 24
    if compression == CompressionType.NONE:
        cut = int(len(data) * 0.3)
        assert counts[0] == sum(
            f.source.offset + f.source.length <= cut for f in whole
        ), "none of the whole ones is lost"


def test_every_possible_cut_ends_in_a_problem_and_never_in_an_error(
    write_files, read_session, make_image
):
    data = simulated(make_image, num_frames=2)
    for size in range(1, len(data), 37):
        reading = read_session(write_files({"a.mcap": data[:size]}))
        assert len(reading.frames) <= 4 and reading.problems


def test_a_flipped_bit_costs_its_chunk_and_the_counts_tell(
    write_files, read_session, make_image
):
    data = bytearray(simulated(make_image))
    whole = read_session(write_files({"a.mcap": bytes(data)})).frames
    victim = whole[10].source
    data[victim.offset + victim.length // 2] ^= 1
    reading = read_session(write_files({"a.mcap": bytes(data)}))
    assert 0 < len(reading.frames) < 24
    reasons = [p.reason for p in reading.problems]
    assert "chunk CRC differs: bytes changed after it was written" in reasons
    counted = [r for r in reasons if "the file's summary promises" in r]
    left = len([f for f in reading.frames if f.sensor == "left"])
    assert (
        f"topic /camera/left/image: {left} messages read, the file's summary promises 12"
        in counted
    )


def test_a_flipped_bit_outside_chunks_is_found_by_the_data_crc(
    write_files, read_session, make_image
):
    data = bytearray(simulated(make_image, use_chunking=False, enable_data_crcs=True))
    source = read_session(write_files({"a.mcap": bytes(data)})).frames[5].source
    data[source.offset + source.length - 3] ^= 1
    problems = read_session(write_files({"a.mcap": bytes(data)})).problems
    assert ["data CRC differs" in p.reason for p in problems] == [True]


def test_a_record_with_an_impossible_length_costs_its_chunk_only(
    write_files, read_session, make_image
):
    from mcap.reader import make_reader

    data = bytearray(simulated(make_image))
    second = sorted(
        c.chunk_start_offset
        for c in make_reader(BytesIO(data)).get_summary().chunk_indexes
    )[1]
    data[second + 3] = 1  # 64 KiB more
    reading = read_session(write_files({"a.mcap": bytes(data)}))
    assert 12 < len(reading.frames) < 24
    assert "a record's length cannot be true" in [p.reason for p in reading.problems]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            "git-lfs pointer, not data",
        ),
        (b"", "empty file"),
        (b"hello", "does not begin as an MCAP file does"),
        (b"\x89MCAP0\r\n", "file ends without a footer: the recording was cut"),
        (b"\x89MCAP0\r\n" * 9, "the footer is damaged"),
    ],
)
def test_files_that_are_no_recording(write_files, read_session, data, reason):
    problems = read_session(write_files({"a.mcap": data})).problems
    assert problems[0].reason == reason and problems[0].remedy


def test_a_message_that_makes_no_sense_is_named_and_its_neighbours_read(
    write_files, read_session, make_image
):
    recording = Recording()
    recording.add("/camera/left/image", picture(make_image(), 5))
    recording._put("/camera/left/image", b"\xff\xff\xff", 6)
    recording.add("/camera/left/image", picture(b"no picture", 7))
    recording.add("/camera/left/calibration", CameraCalibration(width=3, height=2))
    for data in (
        cdr_imu(8)[:40],
        cdr_imu(8, gyro=(float("nan"), 0, 0)),
        cdr_imu(8, first_covariance=-1.0),
    ):
        recording.add_bytes(
            "/imu", data, ("sensor_msgs/msg/Imu", "ros2msg", IMU), "cdr"
        )
    for truth in (
        [],
        {"sensor": "left", "t_ns": 1, "objects": [{"class_name": "a"}]},
        {"sensor": "left"},
    ):
        recording.add_json("/ground_truth/left", "daguerre.GroundTruth", truth)
    recording.add("/camera/left/image", picture(make_image(), 9))
    reading = read_session(write_files({"a.mcap": recording.finish()}))
    assert [f.t_ns for f in reading.frames] == [5, 9]
    assert Counter(p.sensor for p in reading.problems) == {"left": 6, "imu": 3}
    assert not reading.of(SignalObservation) and not reading.of(CalibrationObservation)


def test_topics_without_meaning_for_us_are_noted(write_files, read_session):
    recording = Recording()
    recording.add_bytes(
        "/rosout", b"abc", ("rcl_interfaces/msg/Log", "ros2msg", "string x"), "cdr"
    )
    recording.add_bytes(
        "/old", b"a", ("foxglove_msgs/LocationFix", "ros1msg", "string x"), "ros1"
    )
    reading = read_session(write_files({"a.mcap": recording.finish()}))
    assert (
        reading.plans[0].notes["not read: /rosout (rcl_interfaces/msg/Log)"]
        == "1 messages"
    )
    assert [
        "message encoding 'ros1' is not read" in p.reason for p in reading.problems
    ] == [True]


def test_messages_longer_than_the_limit_are_not_parsed_but_for_pictures(
    write_files, read_session, make_image, lower
):
    lower(mcap_chunks, MAX_LIST_BYTES=100)
    data = simulated(make_image, num_frames=1)
    reading = read_session(write_files({"a.mcap": data}))
    assert len(reading.frames) == 2 and all(
        len(f.payload) > 100 for f in reading.frames
    )
    assert not [s for s in reading.of(SignalObservation) if s.kind == "imu"]
    (problem,) = [p for p in reading.problems if p.sensor == "imu"]
    size = len(cdr_imu(0))
    assert f"{size} bytes that is no image, more than 100" in problem.reason


def test_a_raw_image_of_more_pixels_than_the_limit_is_not_read(
    write_files, read_session, lower
):
    lower(raw_images, MAX_RAW_PIXELS=3)
    recording = Recording()
    for topic, width in (("/a/image", 3), ("/b/image", 4)):
        image = RawImage(
            timestamp=stamp(1),
            width=width,
            height=1,
            encoding="mono8",
            step=width,
            data=bytes(width),
        )
        recording.add(topic, image)
    reading = read_session(write_files({"a.mcap": recording.finish()}))
    assert [f.sensor for f in reading.frames] == ["a"]
    assert ["4x1 mono8" in p.reason for p in reading.problems] == [True]


def test_raw_images_become_png(write_files, read_session):
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (3, 4, 3)).astype(np.uint8)
    depth = rng.integers(0, 65536, (3, 4)).astype("<u2")
    metres = np.array([[0.5, np.nan], [70.0, -1.0]], "<f4")
    recording = Recording()
    for topic, pixels, layout in (
        ("/cam/rgb", rgb, "rgb8"),
        ("/cam/depth", depth, "16UC1"),
        ("/cam/z", metres, "32FC1"),
    ):
        rows = np.concatenate(
            [
                pixels.reshape(len(pixels), -1).view(np.uint8),
                np.zeros((len(pixels), 2), np.uint8),
            ],
            axis=1,
        )
        recording.add(
            topic,
            RawImage(
                timestamp=stamp(1),
                width=pixels.shape[1],
                height=pixels.shape[0],
                encoding=layout,
                step=rows.shape[1],
                data=rows.tobytes(),
            ),
        )
    recording.add(
        "/cam/short",
        RawImage(width=99, height=99, encoding="rgb8", step=297, data=b"x"),
    )
    recording.add(
        "/cam/bayer",
        RawImage(width=1, height=1, encoding="bayer_rggb8", step=1, data=b"x"),
    )
    reading = read_session(write_files({"a.mcap": recording.finish()}))
    decoded = [
        cv2.imdecode(np.frombuffer(f.payload, np.uint8), cv2.IMREAD_UNCHANGED)
        for f in reading.frames
    ]
    assert (decoded[0][..., ::-1] == rgb).all() and (decoded[1] == depth).all()
    assert decoded[2].tolist() == [[500, 0], [0, 0]], "what is no distance is unknown"
    assert [f.kind for f in reading.frames] == ["color", "depth", "depth"] and len(
        reading.problems
    ) == 2
    assert [f.depth_m_per_unit for f in reading.frames] == [None, 0.001, 0.001], (
        "REP 118"
    )


def test_compressed_depth_has_a_unit_where_the_format_names_a_depth_image(
    write_files, read_session, make_image
):
    recording = Recording()
    depth = make_image(1, ending=".png", bits=16)
    topics = (
        ("/a/image", "png"),
        ("/depth/image", "png"),
        ("/b/image", "16UC1; png compressed "),
    )
    for topic, declared in topics:
        recording.add(topic, picture(depth, NS, declared), NS)
    frames = read_session(write_files({"a.mcap": recording.finish()})).frames
    assert {f.sensor: (f.kind, f.depth_m_per_unit) for f in frames} == {
        "a": ("color", None),
        "depth": ("depth", None),
        "b": ("depth", 0.001),
    }


def test_ros2_images_and_json_images(write_files, read_session, make_image):
    head = cdr_header(3 * NS, "cam")
    body = (
        head
        + b"\0" * (-len(head) % 4)
        + struct.pack("<II", 1, 2)
        + struct.pack("<I", 6)
        + b"mono8\0"
        + b"\0"
    )
    body += b"\0" * (-len(body) % 4) + struct.pack("<II", 2, 2) + b"\x07\x09"
    recording = Recording()
    recording.add_bytes(
        "/cam0/image_raw",
        b"\0\1\0\0" + body,
        ("sensor_msgs/msg/Image", "ros2msg", TEXT),
        "cdr",
    )
    data = base64.b64encode(make_image()).decode()
    value = {
        "timestamp": {"sec": 2, "nsec": 5},
        "frame_id": "c",
        "data": data,
        "format": "jpeg",
    }
    recording.add_json("/cam1/image", "foxglove.CompressedImage", value)
    reading = read_session(write_files({"a.mcap": recording.finish()}))
    assert not reading.problems
    assert [(f.sensor, f.t_ns) for f in reading.frames] == [
        ("cam0", 3 * NS),
        ("cam1", 2 * NS + 5),
    ]
    pixels = cv2.imdecode(
        np.frombuffer(reading.frames[0].payload, np.uint8), cv2.IMREAD_UNCHANGED
    )
    assert pixels.tolist() == [[7, 9]]


def test_the_place_on_the_rig_is_composed_of_fixed_transforms(
    write_files, read_session
):
    recording = Recording()
    k = [1.0, 0, 0, 0, 1, 0, 0, 0, 1]
    half = 0.5**0.5
    for sensor in ("left", "pan", "loose"):
        recording.add(
            f"/camera/{sensor}/calibration",
            CameraCalibration(frame_id=sensor, width=1, height=1, K=k),
        )
    # a quarter turn about z
    recording.add("/tf_static", transform("rig", "mast", (1, 0, 0), (0, 0, half, half)))
    recording.add("/tf_static", transform("mast", "left", (2, 0, 0)))
    recording.add("/tf", transform("rig", "pan", (0, 0, 0)))
    recording.add("/tf", transform("rig", "pan", (0, 0, 1)))
    recording.add("/tf", transform("world", "rig", (9, 9, 9)))
    found = {
        c.sensor: c.rig_from_camera
        for c in read_session(write_files({"a.mcap": recording.finish()})).of(
            CalibrationObservation
        )
    }
    assert found["left"] == pytest.approx((1, 2, 0, 0, 0, half, half)), (
        "2 m along the mast's x is 2 m along the rig's y"
    )
    assert found["pan"] is None and found["loose"] is None


@pytest.mark.parametrize(
    ("topic", "sensor"),
    [
        ("/camera/left/image", "left"),
        ("/camera/left/calibration", "left"),
        ("/cam0/image_raw/compressed", "cam0"),
        ("/imu", "imu"),
        ("/imu/data", "imu"),
        ("/camera/image_raw", "camera"),
        ("/odom", "odom"),
        ("/image", "image"),
        ("/robot1/camera/front/camera_info", "robot1_camera_front"),
        ("/", "sensor"),
    ],
)
def test_sensors_are_named_after_topics(topic, sensor):
    assert name_sensor(topic) == sensor


def test_a_recording_of_a_real_robot(real_data, read_session):
    reading = read_session(real_data("sensors/mcap"))
    assert not reading.problems and not reading.leftovers
    kinds = Counter((s.kind, s.sensor) for s in reading.of(SignalObservation))
    assert kinds["odometry", "odom"] == 2639 and kinds["pose", "amcl_pose"] == 135
    on_tf = {
        s.source.inner_offset
        for s in reading.of(SignalObservation)
        if s.kind in ("pose", "transform")
    }
    assert len(on_tf) == 5422 + 1 + 135, "messages on /tf, /tf_static, /amcl_pose"


def test_lfs_pointers_are_named_as_such(real_data, read_session):
    problems = read_session(real_data("lfs_pointers")).problems
    assert [p.reason for p in problems] == ["git-lfs pointer, not data"] * 2
    assert all("git lfs pull" in p.remedy for p in problems)


def test_a_file_is_known_by_its_first_bytes_too(write_files, read_session, make_image):
    reading = read_session(
        write_files({"recording-0001": simulated(make_image, num_frames=1)})
    )
    assert [p.reader for p in reading.plans] == ["mcap"] and len(reading.frames) == 2


def test_equal_problems_are_counted_not_repeated(write_files, read_session, lower):
    lower(protocol, MAX_SAME_PROBLEMS=2)
    recording = Recording()
    for i in range(5):
        recording.add("/camera/left/image", picture(b"no picture", i))
    problems = read_session(write_files({"a.mcap": recording.finish()})).problems
    assert len(problems) == 3
    assert problems[-1].reason.startswith("3 more like the 2 before")


def test_reading_needs_no_file_on_disk_to_be_a_path(make_image):
    from assets.formats import plan_session, read_capture
    from assets.storage import SessionFile

    data = simulated(make_image, num_frames=1)
    file = SessionFile("a.mcap", "s3://bucket/a.mcap", len(data), "etag")
    plans, _ = plan_session([file], lambda _: BytesIO(data))
    assert len(list(read_capture(plans[0], lambda _: BytesIO(data)))) > 5
    assert not Path("a.mcap").exists()
