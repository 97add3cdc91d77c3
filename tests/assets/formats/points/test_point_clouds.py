"""Scans of files: what PCD, KITTI and nuScenes hold, point by point, and what is said of other files."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from assets.formats.observations import ScanObservation
from assets.formats.points import clouds, pcd, pointcloud2
from assets.formats.points.clouds import PointField, layout_of, measure_cloud
from assets.formats.points.encodings import decode_scan
from assets.formats.points.pcd import expand_lzf, parse_pcd
from assets.formats.points.pointcloud2 import parse_cdr

HEAD = """# .PCD v0.7 - Point Cloud Data file format
VERSION 0.7
FIELDS x y z rgb
SIZE 4 4 4 4
TYPE F F F U
COUNT 1 1 1 1
WIDTH {width}
HEIGHT {height}
VIEWPOINT 0 0 0 1 0 0 0
POINTS {points}
DATA {data}
"""
LAYOUT = [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("rgb", "<u4")]
POINTS = np.array(
    [(1, 2, 3, 4294967295), (-1, 0.5, np.nan, 7), (0.25, 0, 1, 1), (0, 0, 0, 9)],
    LAYOUT,
)


def head(
    data: str, width: int = 4, height: int = 1, points: int | None = None
) -> bytes:
    points = width * height if points is None else points
    said = {"width": width, "height": height, "points": points, "data": data}
    return HEAD.format(**said).encode()


def store_lzf(data: bytes) -> bytes:
    """LZF without a copy: runs of at most 32 bytes."""
    runs = [data[at : at + 32] for at in range(0, len(data), 32)]
    return b"".join(bytes([len(run) - 1]) + run for run in runs)


def compressed(points: np.ndarray, stored: bytes | None = None) -> bytes:
    columns = b"".join(points[name].tobytes() for name in points.dtype.names)
    body = store_lzf(columns) if stored is None else stored
    sizes = struct.pack("<II", len(body), len(columns))
    return head("binary_compressed") + sizes + body


def test_all_three_forms_of_pcd_hold_the_same_points():
    text = b"1 2 3 4294967295\n-1 0.5 nan 7\n0.25 0 1 1\n0 0 0 9\n"
    for data in (
        head("ascii") + text,
        head("binary") + POINTS.tobytes(),
        compressed(POINTS),
        head("binary").replace(b"\n", b"\r\n") + POINTS.tobytes(),
    ):
        found = parse_pcd(data).points
        assert found.dtype == POINTS.dtype and found.tobytes() == POINTS.tobytes()


def test_compressed_copies_repeat_what_came_before():
    """A run of three bytes, then seven bytes from three back, which run into themselves; then a long copy."""
    stored = b"\x02abc" + bytes([(7 - 2) << 5, 2])
    assert expand_lzf(stored, 10) == b"abcabcabca"
    # length 7 means: more in the next byte
    longer = b"\x00z" + bytes([7 << 5, 30 - 9, 0])
    assert expand_lzf(longer, 31) == b"z" * 31
    for damaged in (b"\x02abc\x20\x05", b"\x02ab", b"\x02abc\x20"):
        with pytest.raises(ValueError, match="compressed data"):
            expand_lzf(damaged, 6)


def test_fields_of_several_values_padding_and_grids():
    text = (
        "VERSION .7\nFIELDS x y _ z h\nSIZE 8 8 1 8 2\nTYPE F F U F I\nCOUNT 1 1 4 1 3\n"
        "WIDTH 2\nHEIGHT 2\nPOINTS 4\nDATA binary\n"
    )
    row = struct.pack("<dd4sdhhh", 1, 2, b"pad!", 3, 4, 5, 6)
    cloud = parse_pcd(text.encode() + row * 4)
    assert cloud.size == (2, 2) and cloud.points.dtype.names == ("x", "y", "z", "h")
    assert cloud.points["h"].tolist() == [[4, 5, 6]] * 4
    assert measure_cloud(cloud.points).fields[-1] == ("h", "int16", 3)


def test_integers_of_64_bits_keep_their_digits():
    text = head("ascii", width=1).replace(b"SIZE 4 4 4 4", b"SIZE 4 4 4 8")
    cloud = parse_pcd(text + b"0 0 0 18014398509481985\n")
    assert cloud.points["rgb"].tolist() == [18014398509481985]


def test_figures_are_of_finite_points():
    facts = measure_cloud(POINTS)
    assert (facts.num_points, facts.num_finite) == (4, 3)
    assert facts.bounds == (0, 0, 0, 1, 2, 3)
    nothing = measure_cloud(POINTS[1:2])
    assert (nothing.num_points, nothing.num_finite, nothing.bounds) == (1, 0, None)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (head("binary") + POINTS.tobytes()[:-1], "63 bytes where 4 x 1 points have 64"),
        (head("binary", points=5) + POINTS.tobytes(), "POINTS 5, and 4 x 1"),
        (head("ascii") + b"1 2 3\n", "3 numbers where 4 points of 4 belong"),
        (head("ascii", width=1) + b"1 2 3 x\n", "the field 'rgb'"),
        (head("zip") + b"", "DATA 'zip': ascii, binary and binary_compressed"),
        (head("binary").replace(b"x y z", b"a b c"), "points without x, y, z"),
        (head("binary").replace(b"x y z", b"x x z"), "a name each"),
        (head("binary").replace(b"F F F", b"F F Q"), "of type Q 4"),
        (head("binary").replace(b"WIDTH 4", b"WIDTH -4"), "WIDTH is '-4'"),
        (compressed(POINTS)[:-3], "the compressed data are cut"),
        (compressed(POINTS, b"\x00a"), "have not the 64 bytes"),
        (b"VERSION 0.7\nFIELDS x y z\n", "without a line `DATA`"),
    ],
)
def test_a_pcd_that_makes_no_sense_says_why(data, reason):
    with pytest.raises(ValueError, match=reason):
        parse_pcd(data)


def test_limits_of_points_and_text(lower):
    lower(pcd, MAX_POINTS=3, _MAX_TEXT_BYTES=10)
    with pytest.raises(ValueError, match="4 points, more than the 3 read"):
        parse_pcd(head("binary") + POINTS.tobytes())
    with pytest.raises(ValueError, match="more than the 10 read: write it as binary"):
        parse_pcd(head("ascii", width=3) + b"1 2 3 4\n" * 3)
    lower(pcd, _MAX_HEADER_BYTES=60)
    with pytest.raises(ValueError, match="without a line `DATA`"):
        parse_pcd(head("binary") + POINTS.tobytes())
    lower(clouds, MAX_POINTS=3)
    with pytest.raises(ValueError, match="4 points, more than the 3 read"):
        decode_scan("kitti_bin", bytes(64))


def test_limits_of_expansion_and_fields(lower):
    lower(pcd, MAX_EXPANDED_BYTES=63)
    with pytest.raises(ValueError, match="compressed data of 64 bytes"):
        parse_pcd(compressed(POINTS))
    lower(clouds, _MAX_FIELDS=3)
    with pytest.raises(ValueError, match="points of 16 bytes with 4 fields"):
        layout_of([PointField(n, "<f4", 0) for n in "xyzw"], 16)
    lower(pointcloud2, _MAX_FIELDS=2)
    with pytest.raises(ValueError, match="points of 3 fields, more than 2"):
        parse_cdr(cloud_message())
    lower(clouds, _MAX_POINT_BYTES=15)
    with pytest.raises(ValueError, match="points of 16 bytes"):
        layout_of([PointField(n, "<f4", 0) for n in "xyz"], 16)


def cloud_message(order: str = "<", **changed: int) -> bytes:
    """PointCloud2 in CDR: one row of two points with x, y, z as int16 and two spare bytes."""
    said = {"width": 2, "step": 8, "row": 16, "kind": 3, "fields": 3, **changed}
    out = bytearray()

    def put(code: str, *values) -> None:
        for value in values:
            out.extend(bytes(-len(out) % struct.calcsize(code)))
            out.extend(struct.pack(order + code, value))

    def text(value: bytes) -> None:
        put("I", len(value) + 1)
        out.extend(value + b"\0")

    put("i", 7)
    put("I", 5)
    text(b"/lidar")
    put("I", 1, said["width"], said["fields"])
    for n, name in enumerate((b"x", b"y", b"z")):
        text(name)
        put("I", 2 * n)
        put("B", said["kind"])
        put("I", 0)
    put("B", order == ">")
    put("I", said["step"], said["row"])
    points = [struct.pack(order + "hhh", *p) for p in ((1, -2, 300), (4, 5, 6))]
    put("I", 16)
    out.extend(b"".join(p + b"\xff\xff" for p in points))
    put("B", 1)
    return (b"\0\0\0\0" if order == ">" else b"\0\1\0\0") + bytes(out)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_message_in_either_byte_order(order):
    cloud = parse_cdr(cloud_message(order))
    assert [p.tolist() for p in cloud.points] == [(1, -2, 300), (4, 5, 6)]
    assert cloud.t_ns == 7_000_000_005 and cloud.frame_of_reference == "lidar"
    assert measure_cloud(cloud.points).fields[0] == ("x", "int16", 1)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"width": 3}, "16 bytes where 3 x 1 points have 24"),
        ({"kind": 9}, "of the unknown type 9"),
        ({"step": 5}, "the field 'z' lies outside of its point"),
        ({"step": 0}, "points of 0 bytes"),
        ({"fields": 2**31}, "fields, more than 64"),
        ({"width": 2**30}, "more than the 50000000 read"),
    ],
)
def test_a_message_that_makes_no_sense_says_why(changed, reason):
    with pytest.raises(ValueError, match=reason):
        parse_cdr(cloud_message(**changed))


def test_every_cut_of_a_message_is_told():
    whole = cloud_message()
    for size in range(len(whole) - 1):
        with pytest.raises(ValueError, match=r"ends inside|points have|begins with"):
            parse_cdr(whole[:size])


def test_files_are_scans_of_the_sensor_that_their_folder_or_name_tells(
    write_files, read_session
):
    sweep = "n015-2018-07-24-11-22-45+0800__LIDAR_TOP__1532402927647951.pcd.bin"
    files = {
        f"sweeps/LIDAR_TOP/{sweep}": struct.pack("<5f", 1, 2, 3, 4, 5),
        "training/velodyne/000010.bin": struct.pack("<8f", *range(8)),
        "training/velodyne/000009.bin": struct.pack("<4f", *range(4)),
        "run1/a.pcd": head("binary") + POINTS.tobytes(),
    }
    reading = read_session(write_files(files))
    assert not reading.problems and not reading.leftovers
    said = [
        (s.sensor, s.encoding, s.t_ns, s.sequence, s.facts.num_points)
        for s in reading.of(ScanObservation)
    ]
    assert said == [
        ("lidar", "pcd", None, 0, 4),
        ("lidar_top", "nuscenes_bin", 1532402927647951000, 0, 1),
        ("velodyne", "kitti_bin", None, 0, 1),
        ("velodyne", "kitti_bin", None, 1, 2),
    ]
    ring = reading.of(ScanObservation)[1].facts.fields[4]
    assert ring == ("ring", "float32", 1)


def test_a_scan_that_does_not_read_leaves_its_neighbours(write_files, read_session):
    files = {
        "velodyne/0.bin": bytes(16),
        "velodyne/1.bin": bytes(17),
        "velodyne/2.bin": b"",
        "velodyne/3.bin": bytes(32),
        "a.pcd": "version https://git-lfs.github.com/spec/v1\n",
    }
    reading = read_session(write_files(files))
    assert [s.sequence for s in reading.of(ScanObservation)] == [0, 3]
    reasons = [p.reason for p in reading.problems]
    assert reasons[0] == "git-lfs pointer, not data"
    assert "17 bytes are no whole number of points of 16 bytes" in reasons[1]
    assert reasons[2] == "empty file" and len(reasons) == 3


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("model.bin", "a folder `velodyne`, those of nuScenes end in `.pcd.bin`"),
        ("scan.ply", "write its points as PCD"),
        ("scan.LAS", "write its points as PCD"),
        ("bag_0.db3-wal", "PRAGMA wal_checkpoint"),
        ("bag_0.db3.zstd", "zstd -d FILE"),
    ],
)
def test_files_that_come_near_say_what_is_read(write_files, read_session, name, remedy):
    (left,) = read_session(write_files({name: b"\x01\x02\x03"})).leftovers
    assert left.reason.startswith("no reader for .") and remedy in left.remedy


def test_scans_in_an_archive_are_read_with_their_bytes(tmp_path, read_session):
    import zipfile

    (tmp_path / "s").mkdir()
    data = struct.pack("<4f", 1, 2, 3, 0.5)
    with zipfile.ZipFile(tmp_path / "s" / "a.zip", "w") as archive:
        archive.writestr("velodyne/0.bin", data)
    (scan,) = read_session(tmp_path / "s").of(ScanObservation)
    assert scan.source.path == "a.zip!/velodyne/0.bin" and scan.payload == data
