"""ROS 1 bags and databases of rosbag2: what they hold is what the same messages in an MCAP file hold."""

from __future__ import annotations

import sqlite3
import struct
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from assets.formats import foresee
from assets.formats.messages import rosbag1_records, rosbag2_records, sqlite_pages
from assets.formats.messages.containers import open_walker, read_message
from assets.formats.messages.mcap_chunks import RecordingLimits
from assets.formats.messages.mcap_records import Damage, Located
from assets.formats.messages.rosbag1_records import BagWalker
from assets.formats.messages.rosbag2_records import DatabaseWalker
from assets.formats.observations import (
    CalibrationObservation,
    FrameObservation,
    ScanObservation,
    SignalObservation,
    Source,
)
from assets.storage import Folder
from tests.assets.formats.messages.bags import (
    NUM_TICKS,
    START_NS,
    points_of,
    write_bag,
    write_ros2,
)

NOWHERE = Source("")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("recordings")
    return {
        "mcap": write_ros2(root / "mcap", "mcap"),
        "bag": write_bag(root / "plain.bag", chunk_bytes=4000),
        "bz2": write_bag(root / "bz2.bag", "bz2", chunk_bytes=4000),
        "lz4": write_bag(root / "lz4.bag", "lz4"),
        "db3": write_ros2(root / "db3"),
        "zstd": write_ros2(root / "zstd", compression="message"),
    }


def take(read_session, tmp_path: Path, data: bytes, name: str):
    (tmp_path / "s").mkdir(exist_ok=True)
    (tmp_path / "s" / name).write_bytes(data)
    return read_session(tmp_path / "s")


def read_one(read_session, tmp_path: Path, path: Path):
    return take(read_session, tmp_path, path.read_bytes(), path.name)


def without_place(reading):
    """What is said, in order, without where it lies. A scan's bytes differ between ROS 1 and CDR."""
    said = []
    for item in reading.observations:
        if isinstance(item, ScanObservation):
            item = replace(item, sha256="", size_bytes=0, payload=None, encoding="")
        said.append(replace(item, source=NOWHERE))
    return said


@pytest.mark.parametrize("kind", ["bag", "bz2", "lz4", "db3", "zstd"])
def test_every_container_says_the_same_of_the_same_messages(
    recordings, read_session, tmp_path, kind
):
    reading = read_one(read_session, tmp_path, recordings[kind])
    (tmp_path / "b").mkdir()
    expected = read_one(read_session, tmp_path / "b", recordings["mcap"])
    assert not reading.problems and not reading.leftovers
    assert without_place(reading) == without_place(expected)
    counts = [
        len(reading.of(k))
        for k in (
            FrameObservation,
            SignalObservation,
            ScanObservation,
            CalibrationObservation,
        )
    ]
    assert counts == [2 * NUM_TICKS, 3 * NUM_TICKS, NUM_TICKS, 2]
    (plan,) = reading.plans
    assert plan.reader == ("rosbag1" if kind in ("bag", "bz2", "lz4") else "rosbag2")
    assert plan.notes["not read: /chatter (std_msgs/msg/String)"] == "6 messages"


@pytest.mark.parametrize("kind", ["bag", "db3"])
def test_values_are_those_that_rosbags_reads(recordings, read_session, tmp_path, kind):
    reading = read_one(read_session, tmp_path, recordings[kind])
    store = get_typestore(Stores.ROS2_HUMBLE)
    path = recordings[kind] if kind == "bag" else recordings[kind].parent
    messages = {}
    with AnyReader([path], default_typestore=store) as bag:
        for connection, _, data in bag.messages():
            message = bag.deserialize(data, connection.msgtype)
            messages.setdefault(connection.topic, []).append(message)
    imu = [s for s in reading.of(SignalObservation) if s.kind == "imu"]
    assert [(s.t_ns, s.values) for s in imu] == [
        (
            m.header.stamp.sec * 10**9 + m.header.stamp.nanosec,
            (
                *(getattr(m.angular_velocity, a) for a in "xyz"),
                *(getattr(m.linear_acceleration, a) for a in "xyz"),
            ),
        )
        for m in messages["/imu/data"]
    ]
    pictures = [f.payload for f in reading.frames if f.sensor == "cam0"]
    assert pictures == [
        m.data.tobytes() for m in messages["/cam0/image_raw/compressed"]
    ]
    clouds = [
        points_from(s.encoding, s.payload).tobytes()
        for s in reading.of(ScanObservation)
    ]
    assert clouds == [m.data.tobytes() for m in messages["/velodyne_points"]]


def points_from(encoding, payload):
    from assets.formats.points.encodings import decode_scan

    return decode_scan(encoding, payload).points


@pytest.mark.parametrize("kind", ["mcap", "bag", "bz2", "lz4", "db3", "zstd"])
def test_the_place_of_a_scan_leads_to_its_bytes(
    recordings, read_session, tmp_path, kind
):
    reading = read_one(read_session, tmp_path, recordings[kind])
    scans = reading.of(ScanObservation)
    with recordings[kind].open("rb") as stream:
        for number, scan in enumerate(scans):
            place = (scan.source.offset, scan.source.inner_offset)
            data = read_message(stream, *place, scan.size_bytes)
            assert data == scan.payload
            found = points_from(scan.encoding, data)
            assert found.dtype == points_of(number).dtype
            assert found.tobytes() == points_of(number).tobytes()


@pytest.mark.parametrize("kind", ["bag", "bz2", "db3"])
def test_a_walk_from_a_message_goes_on_with_its_topic(recordings, kind):
    with recordings[kind].open("rb") as stream:
        mine = [
            item
            for item in open_walker(stream).walk()
            if isinstance(item, Located) and item.channel.topic == "/imu/data"
        ]
        start = mine[3]
        again = list(open_walker(stream).walk_from(start.record_at, start.channel.id))
        from_there = [item.place for item in again if item.place >= start.place]
        assert from_there == [item.place for item in mine[3:]]


@pytest.mark.parametrize(("kind", "reader"), [("bag", "rosbag1"), ("db3", "rosbag2")])
def test_a_dry_run_tells_topics_types_and_counts(
    recordings, read_session, tmp_path, kind, reader
):
    reading = read_one(read_session, tmp_path, recordings[kind])
    told = foresee(reading.plans[0], Folder(str(tmp_path / "s")).open)
    assert told["read: /imu/data (sensor_msgs/msg/Imu)"] == "6 messages"
    assert told["read: /velodyne_points (sensor_msgs/msg/PointCloud2)"] == "6 messages"
    assert told["not read: /chatter (std_msgs/msg/String)"] == "6 messages"
    assert len(told) == 9 and reading.plans[0].reader == reader


def test_a_folder_of_rosbag2_has_no_leftovers(recordings, read_session):
    reading = read_session(recordings["db3"].parent)
    assert [p.reader for p in reading.plans] == ["rosbag2"]
    (left,) = reading.leftovers
    assert left.is_document and left.reason == "description of a rosbag2 folder"


def test_a_database_without_definitions_is_read_by_the_published_ones(
    recordings, read_session, tmp_path
):
    """As ROS 2 wrote them before Iron."""
    path = tmp_path / "old.db3"
    path.write_bytes(recordings["db3"].read_bytes())
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE message_definitions")
        database.execute("ALTER TABLE topics DROP COLUMN type_description_hash")
    database.close()
    reading = read_one(read_session, tmp_path, path)
    assert not reading.problems
    assert len(reading.frames) == 2 * NUM_TICKS
    assert len(reading.of(ScanObservation)) == NUM_TICKS


def test_long_messages_on_pages_of_their_own_are_whole(tmp_path):
    """Every length around the sizes at which SQLite moves a row to further pages, at several sizes of page."""
    for page_bytes in (512, 4096, 65536):
        path = tmp_path / f"{page_bytes}.db3"
        with sqlite3.connect(path) as database:
            database.execute(f"PRAGMA page_size={page_bytes}")
            database.execute(
                "CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER, b BLOB)"
            )
            lengths = [
                *range(0, 20),
                *range(page_bytes - 60, page_bytes + 20),
                3 * page_bytes,
                10 * page_bytes + 1,
            ]
            blobs = [bytes(n % 251 for n in range(length)) for length in lengths]
            values = [(-(7**n) % 2**62, blob) for n, blob in enumerate(blobs)]
            database.executemany("INSERT INTO t(a, b) VALUES (?, ?)", values)
        database.close()
        with path.open("rb") as stream:
            found = sqlite_pages.Database(stream, 1 << 24)
            root, columns = found.list_tables()["t"]
            rows = list(found.rows(root))
            assert columns == ("id", "a", "b")
            assert [row.values[1:] for row in rows] == values
            assert found.read_cell(rows[-1].offset) == rows[-1]


@pytest.mark.parametrize("share", [0.1, 0.35, 0.6, 0.9, 0.995])
@pytest.mark.parametrize("kind", ["bag", "bz2", "lz4", "db3"])
def test_a_cut_recording_says_so_and_gives_what_is_there(
    recordings, read_session, tmp_path, kind, share
):
    data = recordings[kind].read_bytes()
    path = recordings[kind]
    reading = take(read_session, tmp_path, data[: int(len(data) * share)], path.name)
    assert reading.problems
    assert all(p.reader.startswith("rosbag") and p.remedy for p in reading.problems)
    assert any(
        "cut" in p.reason or "not in the file" in p.reason for p in reading.problems
    )
    whole = read_one(read_session, tmp_path / "s", path)
    assert set(f.sha256 for f in reading.of(ScanObservation)) <= set(
        f.sha256 for f in whole.of(ScanObservation)
    )
    if kind == "bag" and share > 0.5:
        assert reading.frames


def test_a_bag_whose_recorder_was_stopped_names_the_remedy(
    recordings, read_session, tmp_path
):
    """The head of such a bag names no index, and the bag ends behind its last chunk."""
    data = bytearray(recordings["bag"].read_bytes())
    summary = rosbag1_records.read_index(BytesIO(data), len(data))
    at = data.index(b"index_pos=") + len(b"index_pos=")
    data[at : at + 8] = bytes(8)
    reading = take(read_session, tmp_path, bytes(data[: summary.start]), "a.bag")
    (problem,) = reading.problems
    assert "has no index" in problem.reason and "`rosbag reindex`" in problem.remedy
    assert len(reading.frames) == 2 * NUM_TICKS
    told = foresee(reading.plans[0], Folder(str(tmp_path / "s")).open)
    assert "`rosbag reindex`" in told["topics"]


def test_a_damaged_chunk_leaves_its_neighbours(recordings, read_session, tmp_path):
    data = bytearray(recordings["bz2"].read_bytes())
    summary = rosbag1_records.read_index(BytesIO(data), len(data))
    assert len(summary.chunk_starts) > 3
    at = data.index(b"BZh9", summary.chunk_starts[1])
    data[at : at + 4] = b"XXXX"
    reading = take(read_session, tmp_path, bytes(data), "a.bag")
    reasons = [p.reason for p in reading.problems]
    assert "does not decompress" in reasons[0]
    assert sum("messages read" in reason for reason in reasons) >= 1
    kept = [o for o in reading.observations if o not in reading.problems]
    assert 5 * NUM_TICKS < len(kept) < 6 * NUM_TICKS + 2


def test_a_damaged_page_leaves_its_neighbours(recordings, read_session, tmp_path):
    data = bytearray(recordings["db3"].read_bytes())
    with recordings["db3"].open("rb") as stream:
        places = [
            item.offset
            for item in DatabaseWalker(stream).walk()
            if isinstance(item, Located)
        ]
    page_at = places[len(places) // 2] // 4096 * 4096
    data[page_at] = 99
    reading = take(read_session, tmp_path, bytes(data), "a.db3")
    (problem,) = reading.problems
    assert (
        "is none of a table" in problem.reason
        and "`sqlite3 FILE .recover" in problem.remedy
    )
    assert problem.source.offset == page_at
    assert 0 < len(reading.frames) < 2 * NUM_TICKS


@pytest.mark.parametrize(
    ("name", "data", "reason", "remedy"),
    [
        ("a.bag", b"#ROSBAG V1.2\n", "a bag of version V1.2", "rosbag filter"),
        ("a.bag", b"PK\x03\x04", "does not begin as a ROS 1 bag", "check"),
        ("a.db3", b"SQLite format 2\0" + bytes(200), "does not begin as an SQLite", ""),
        ("a.db3", b"", "empty file", "copy it again"),
    ],
)
def test_other_files_of_the_name_say_what_they_are(
    read_session, tmp_path, name, data, reason, remedy
):
    (problem,) = take(read_session, tmp_path, data, name).problems
    assert reason in problem.reason and remedy in problem.remedy


def test_a_database_of_something_else_names_its_tables(read_session, tmp_path):
    (tmp_path / "s").mkdir()
    with sqlite3.connect(tmp_path / "s" / "a.db3") as database:
        database.execute("CREATE TABLE cats(name TEXT)")
    database.close()
    (problem,) = read_session(tmp_path / "s").problems
    assert problem.reason.endswith("without the tables of rosbag2: it has cats")


def test_messages_of_another_definition_are_refused(recordings, read_session, tmp_path):
    """Told by the MD5 sum that the bag states: what it says of its messages is not run."""
    data = recordings["bag"].read_bytes()
    md5 = b"6a62c6daae103f4ff57a132d6f95cec2"
    assert md5 in data
    reading = take(read_session, tmp_path, data.replace(md5, b"0" * 32), "a.bag")
    (problem,) = reading.problems
    assert "its definition of sensor_msgs/msg/Imu has the MD5 sum 000" in problem.reason
    assert len(reading.frames) == 2 * NUM_TICKS


def test_limits_of_chunks_records_and_rows(recordings):
    def walk(kind, **limits):
        make = BagWalker if kind != "db3" and kind != "zstd" else DatabaseWalker
        data = BytesIO(recordings[kind].read_bytes())
        items = list(make(data, RecordingLimits(**limits)).walk())
        return [i.reason for i in items if isinstance(i, Damage)]

    def is_told(reason, kind, **limits):
        return any(reason in found for found in walk(kind, **limits))

    assert is_told("more than the 100 allowed", "bz2", chunk_bytes=100)
    assert is_told("more than is allowed for its size", "bz2", free_bytes=5000, ratio=0)
    assert is_told("more than is read at once", "bag", record_bytes=100)
    few = {"free_records": 10, "bytes_a_record": 10**9}
    assert is_told("more records in chunks", "bag", **few)
    assert is_told("more than is read at once", "db3", record_bytes=100)
    assert is_told("expands to more than is allowed", "zstd", chunk_bytes=100)
    assert not walk("bz2") and not walk("db3") and not walk("zstd")


def test_limits_of_headers_pages_and_counts(recordings, lower, monkeypatch):
    def walk(kind, make):
        items = make(BytesIO(recordings[kind].read_bytes())).walk()
        return [i.reason for i in items if isinstance(i, Damage)]

    lower(rosbag1_records, _MAX_HEADER_BYTES=20)
    assert "header of" in walk("bag", BagWalker)[0]
    lower(rosbag2_records, _MAX_COUNTED_BYTES=100)
    with recordings["db3"].open("rb") as stream:
        assert DatabaseWalker(stream).count().statistics is None
    lower(sqlite_pages, _MAX_COLUMNS=4)
    assert "has more than 4 columns" in walk("db3", DatabaseWalker)[0]
    lower(sqlite_pages, _MAX_DEPTH=0, _MAX_COLUMNS=3)
    assert "has more than 3 columns" in walk("db3", DatabaseWalker)[0]
    monkeypatch.setattr(sqlite_pages, "_MAX_COLUMNS", 100)
    assert "twice, or too deep" in walk("db3", DatabaseWalker)[0]


def test_stamps_are_those_of_the_messages(recordings, read_session, tmp_path):
    reading = read_one(read_session, tmp_path, recordings["bag"])
    scans = reading.of(ScanObservation)
    assert [s.t_ns for s in scans] == [START_NS + n * 10**8 for n in range(NUM_TICKS)]
    assert [s.sequence for s in scans] == list(range(NUM_TICKS))
    assert scans[2].facts.bounds == (0, -1.25, 2, 19, -1.25, 2)
    assert (scans[2].facts.num_points, scans[2].facts.num_finite) == (40, 39)
    assert scans[2].frame_of_reference == "velodyne"


def test_a_message_that_says_more_than_it_holds_is_a_problem_of_its_own(
    recordings, read_session, tmp_path
):
    data = recordings["bag"].read_bytes()
    width = struct.pack("<II", 1, 40)
    assert data.count(width) >= NUM_TICKS
    wrong = data.replace(width, struct.pack("<II", 1, 400), 1)
    reading = take(read_session, tmp_path, wrong, "a.bag")
    (problem,) = reading.problems
    assert "where 400 x 1 points have" in problem.reason
    assert len(reading.of(ScanObservation)) == NUM_TICKS - 1
