"""Laser scans of ROS, point clouds and laser scans of Foxglove: what becomes a point, where, and what does not."""

from __future__ import annotations

import base64
import math
import struct

import numpy as np
import pytest
from foxglove_schemas_protobuf.LaserScan_pb2 import LaserScan
from foxglove_schemas_protobuf.PackedElementField_pb2 import PackedElementField
from foxglove_schemas_protobuf.PointCloud_pb2 import PointCloud
from foxglove_schemas_protobuf.Pose_pb2 import Pose
from foxglove_schemas_protobuf.Quaternion_pb2 import Quaternion
from foxglove_schemas_protobuf.Vector3_pb2 import Vector3
from rosbags.rosbag1 import Writer as BagWriter
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as DatabaseWriter

from assets.formats import foresee
from assets.formats.messages.containers import read_message
from assets.formats.observations import ScanObservation
from assets.formats.points import foxglove_points
from assets.formats.points.clouds import move_points
from assets.formats.points.encodings import decode_scan
from assets.storage import Folder
from tests.assets.formats.messages.bags import START_NS, Messages
from tests.assets.formats.messages.test_mcap_messages import Cdr
from tests.assets.formats.messages.test_mcap_reader import NS, Recording, stamp

LAYOUT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("ring", "i1")])
POINTS = np.array([(1, 2, 3, -1), (-4, 0.5, 0, 7)], LAYOUT)
FIELDS = [("x", 0, 7), ("y", 4, 7), ("z", 8, 7), ("ring", 12, 2)]
# a quarter turn to the left about z, 10 m ahead
QUARTER = Pose(
    position=Vector3(x=10.0),
    orientation=Quaternion(z=math.sqrt(0.5), w=math.sqrt(0.5)),
)
TURNED = [[8, 1, 3], [9.5, -4, 0]]
BEAMS = np.array([2.0, 1.0, 0.05, 5.0, np.inf, np.nan, 5.1, 4.0], np.float32)


def laser(messages: Messages, ranges: np.ndarray, beam_s: float = 0.0):
    """From straight ahead to the left, a quarter turn a beam; ranges count from 0.1 to 5 m."""
    head = messages.head(START_NS, "laser")
    intensities = np.arange(len(ranges), dtype=np.float32)
    numbers = (0.0, 7 * math.pi / 2, math.pi / 2, beam_s, 0.1, 0.1, 5.0)
    return messages.of("sensor_msgs", "LaserScan", head, *numbers, ranges, intensities)


def write_scan(folder, storage: str):
    """A recording of one laser scan, by rosbags."""
    messages = Messages(is_ros1=storage == "bag")
    message = laser(messages, BEAMS, beam_s=0.001)
    kind = message.__msgtype__
    if storage == "bag":
        with BagWriter(folder / "a.bag") as bag:
            topic = bag.add_connection("/scan", kind, typestore=messages.store)
            bag.write(topic, START_NS, messages.store.serialize_ros1(message, kind))
        return folder / "a.bag"
    plugin = StoragePlugin.SQLITE3 if storage == "db3" else StoragePlugin.MCAP
    with DatabaseWriter(folder / "d", version=9, storage_plugin=plugin) as bag:
        topic = bag.add_connection("/scan", kind, typestore=messages.store)
        bag.write(topic, START_NS, messages.store.serialize_cdr(message, kind))
    return next((folder / "d").glob(f"*.{storage}"))


@pytest.mark.parametrize("storage", ["bag", "db3", "mcap"])
def test_beams_with_a_return_are_points_of_the_plane(tmp_path, read_session, storage):
    """Left out are 0.05 (below the least range), 5.1 (above the greatest), infinity and NaN; 5.0 is the greatest."""
    path = write_scan(tmp_path, storage)
    reading = read_session(path.parent)
    assert not reading.problems
    (scan,) = reading.of(ScanObservation)
    assert (scan.sensor, scan.t_ns, scan.frame_of_reference) == (
        "scan",
        START_NS,
        "laser",
    )
    assert scan.facts.num_points == 4 and scan.num_left_out == 4
    (plan,) = reading.plans
    assert plan.notes["left out of /scan"] == "4 beams without a return"
    with path.open("rb") as stream:
        place = (scan.source.offset, scan.source.inner_offset, scan.size_bytes)
        points = decode_scan(scan.encoding, read_message(stream, *place)).points
    assert points["index"].tolist() == points["intensity"].tolist() == [0, 1, 3, 7]
    assert np.allclose(points["time"], [0, 0.001, 0.003, 0.007], rtol=1e-6)
    # ahead, left, right; the eighth beam looks to the right again
    xy = np.stack([points["x"], points["y"]], axis=1)
    assert np.allclose(xy, [[2, 0], [0, 1], [0, -5], [0, -4]], atol=1e-5)
    assert not points["z"].any()


def test_a_dry_run_reads_laser_scans_and_says_why_packets_are_not_read(
    write_files, read_session
):
    recording = Recording()
    kind = ("velodyne_msgs/msg/VelodyneScan", "ros2msg", "uint8[] data\n")
    recording.add_bytes("/velodyne_packets", b"\0\1\0\0\0\0\0\0", kind, "cdr")
    kind = ("sensor_msgs/msg/LaserScan", "ros2msg", "float32 angle_min\n")
    messages = Messages(is_ros1=False)
    message = laser(messages, BEAMS)
    data = bytes(messages.store.serialize_cdr(message, message.__msgtype__))
    recording.add_bytes("/scan", data, kind, "cdr")
    root = write_files({"a.mcap": recording.finish()})
    reading = read_session(root)
    (scan,) = reading.of(ScanObservation)
    assert scan.encoding == "laserscan_cdr" and scan.facts.num_points == 4
    (plan,) = reading.plans
    topic = "not read: /velodyne_packets (velodyne_msgs/msg/VelodyneScan)"
    assert "record its sensor_msgs/PointCloud2" in plan.notes[topic]
    told = foresee(plan, Folder(str(root)).open)
    assert "record its sensor_msgs/PointCloud2" in told[topic]
    assert told["read: /scan (sensor_msgs/msg/LaserScan)"] == "1 messages"


def cloud(pose: Pose | None = None, points: np.ndarray = POINTS, **changed):
    said = {
        "timestamp": stamp(7 * NS + 5),
        "frame_id": "map",
        "point_stride": points.itemsize,
        "fields": [PackedElementField(name=n, offset=o, type=t) for n, o, t in FIELDS],
        "data": points.tobytes(),
        **changed,
    }
    return PointCloud(pose=pose, **said)


def as_json(message: PointCloud) -> dict:
    place, turn = message.pose.position, message.pose.orientation
    return {
        "timestamp": {"sec": 7, "nsec": 5},
        "frame_id": message.frame_id,
        "pose": {
            "position": {a: getattr(place, a) for a in "xyz"},
            "orientation": {a: getattr(turn, a) for a in "xyzw"},
        },
        "point_stride": message.point_stride,
        "fields": [
            {"name": f.name, "offset": f.offset, "type": f.type} for f in message.fields
        ],
        "data": base64.b64encode(message.data).decode(),
    }


def as_cdr(message: PointCloud) -> bytes:
    place, turn = message.pose.position, message.pose.orientation
    out = Cdr().head(7 * NS + 5, message.frame_id)
    out.put("d", place.x, place.y, place.z, turn.x, turn.y, turn.z, turn.w)
    out.put("I", message.point_stride, len(message.fields))
    for field in message.fields:
        out.text(field.name).put("I", field.offset).put("B", field.type)
    return out.blob(message.data).finish()


def as_ros1(message: PointCloud) -> bytes:
    def text(value: str) -> bytes:
        return struct.pack("<I", len(value)) + value.encode()

    place, turn = message.pose.position, message.pose.orientation
    pose = (place.x, place.y, place.z, turn.x, turn.y, turn.z, turn.w)
    out = struct.pack("<II", 7, 5) + text(message.frame_id) + struct.pack("<7d", *pose)
    out += struct.pack("<II", message.point_stride, len(message.fields))
    for field in message.fields:
        out += text(field.name) + struct.pack("<IB", field.offset, field.type)
    return out + struct.pack("<I", len(message.data)) + message.data


@pytest.mark.parametrize("form", ["protobuf", "json", "cdr", "ros1"])
def test_a_cloud_of_foxglove_stands_in_the_frame_that_it_names(
    write_files, read_session, form
):
    """(1, 2, 3) turned to the left is (-2, 1, 3), and 10 m ahead (8, 1, 3)."""
    recording = Recording()
    for topic, message in (("/turned", cloud(QUARTER)), ("/plain", cloud(None))):
        kind = ("foxglove_msgs/msg/PointCloud", "ros2msg", "float64 x\n")
        match form:
            case "protobuf":
                recording.add(topic, message)
            case "json":
                recording.add_json(topic, "foxglove.PointCloud", as_json(message))
            case "cdr":
                recording.add_bytes(topic, as_cdr(message), kind, "cdr")
            case "ros1":
                kind = ("foxglove_msgs/PointCloud", "ros1msg", "float64 x\n")
                recording.add_bytes(topic, as_ros1(message), kind, "ros1")
    reading = read_session(write_files({"a.mcap": recording.finish()}))
    assert not reading.problems
    scans = {scan.sensor: scan for scan in reading.of(ScanObservation)}
    assert {scan.encoding for scan in scans.values()} == {f"foxglove_points_{form}"}
    turned, plain = scans["turned"], scans["plain"]
    assert (turned.t_ns, turned.frame_of_reference) == (7 * NS + 5, "map")
    points = decode_scan(turned.encoding, turned.payload).points
    xyz = np.stack([points[axis] for axis in "xyz"], axis=1)
    assert np.allclose(xyz, TURNED, atol=1e-12)
    assert points["ring"].tolist() == [-1, 7]
    assert plain.facts.fields[-1] == ("ring", "int8", 1)
    kept = decode_scan(plain.encoding, plain.payload).points
    assert kept.tobytes() == POINTS.tobytes()


@pytest.mark.parametrize("form", ["protobuf", "json", "cdr"])
def test_a_laser_scan_of_foxglove_goes_from_its_first_angle_to_its_last(form):
    """Three beams: ahead, left, back. It states no least and greatest range: only what is no distance is left out."""
    ranges, (start, end) = [2.0, 0.0, 7.0], (0.0, math.pi)
    if form == "protobuf":
        message = LaserScan(
            start_angle=start, end_angle=end, ranges=[*ranges[:2], math.inf]
        )
        cloud = decode_scan("foxglove_laser_protobuf", message.SerializeToString())
        assert (cloud.num_left_out, cloud.t_ns, cloud.frame_of_reference) == (
            1,
            None,
            None,
        )
        assert cloud.points["index"].tolist() == [0, 1]
        return
    if form == "json":
        angles = f'"start_angle": {start}, "end_angle": {end}'
        data = f'{{{angles}, "ranges": [2.0, null, 7.0]}}'.encode()
        assert decode_scan("foxglove_laser_json", data).num_left_out == 1
        data = data.replace(b"null", b"0")
    else:
        out = Cdr().head(7 * NS + 5, "/laser").put("d", *[0.0] * 7, start, end)
        data = out.put("I", 3).put("d", *ranges).put("I", 0).finish()
    found = decode_scan(f"foxglove_laser_{form}", data)
    assert found.num_left_out == 0 and found.points.dtype.names == (
        "x",
        "y",
        "z",
        "index",
    )
    xy = np.stack([found.points["x"], found.points["y"]], axis=1)
    assert np.allclose(xy, [[2, 0], [0, 0], [-7, 0]], atol=1e-12)


def test_points_of_two_axes_lie_in_a_plane():
    fields = [
        PackedElementField(name=n, offset=o, type=7) for n, o in (("y", 0), ("x", 4))
    ]
    data = struct.pack("<4f", 2, 1, 4, 3)
    message = PointCloud(point_stride=8, fields=fields, data=data)
    points = decode_scan("foxglove_points_protobuf", message.SerializeToString()).points
    assert [(p["x"], p["y"], p["z"]) for p in points] == [(1, 2, 0), (3, 4, 0)]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (cloud(data=bytes(27)), "27 bytes are no whole number of points of 13"),
        (cloud(point_stride=0), "points of 0 bytes"),
        (cloud(fields=[PackedElementField(name="x")]), "'x' is of the unknown type 0"),
        (cloud(fields=[PackedElementField(name="x", type=7)]), "points without y, z"),
        (
            cloud(Pose(orientation=Quaternion(w=2.0))),
            r"quaternion \[0.0, 0.0, 0.0, 2.0\] has the length 2.0",
        ),
        (cloud(Pose(position=Vector3(x=math.nan))), "of the points is not finite"),
    ],
)
def test_a_cloud_that_makes_no_sense_says_why(message, reason):
    with pytest.raises(ValueError, match=reason):
        decode_scan("foxglove_points_protobuf", message.SerializeToString())


def test_every_cut_of_a_cloud_is_told():
    for form, data in (
        ("protobuf", cloud(QUARTER).SerializeToString()),
        ("cdr", as_cdr(cloud(QUARTER))),
        ("ros1", as_ros1(cloud(QUARTER))),
    ):
        told = 0
        for size in range(1, len(data) - 2):
            try:
                found = decode_scan(f"foxglove_points_{form}", data[:size])
            except ValueError:
                told += 1
            else:  # a Protobuf message without its last records is one too
                assert form == "protobuf" and not len(found.points)
        assert told > len(data) / 2


def test_limits_of_fields_and_records(lower):
    data = cloud(None).SerializeToString()
    lower(foxglove_points, _MAX_FIELDS=3)
    for form, message in (("protobuf", data), ("cdr", as_cdr(cloud(None)))):
        with pytest.raises(ValueError, match="points of 4 fields, more than 3"):
            decode_scan(f"foxglove_points_{form}", message)
    lower(foxglove_points, _MAX_RECORDS=5)
    with pytest.raises(ValueError, match="more than 5 records"):
        decode_scan("foxglove_points_protobuf", data)


def test_integers_that_are_moved_become_metres_of_64_bits():
    points = np.array([(1, 2, 3)], [(axis, "<i2") for axis in "xyz"])
    assert move_points(points, (0, 0, 0), (0, 0, 0, 0)) is points
    moved = move_points(points, (0.5, 0, 0), (0, 0, 0, 1))
    assert moved.tolist() == [(1.5, 2, 3)] and moved.dtype["x"] == np.float64
