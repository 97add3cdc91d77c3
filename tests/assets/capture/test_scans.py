"""Point clouds through intake: a row each, exactly once, their points on demand, and gone with their files."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from assets.capture.contents import count_scans
from assets.capture.partial import find_missing_end
from assets.point_clouds import read_points
from assets.storage import Folder
from assets.tables.catalog import Catalog
from checks.gates import gate_session
from checks.verdicts import stops_flow
from tests.assets.formats.messages.bags import (
    NUM_TICKS,
    START_NS,
    points_of,
    write_bag,
    write_ros2,
)

POINT = struct.pack("<4f", 1, 2, 3, 0.5)


def take_in(intake, root: Path):
    return intake.ingest(Folder(str(root)), "monday")


def rows_of_scans(catalog: Catalog):
    rows = catalog.read_latest("scans").to_pylist()
    return sorted(rows, key=lambda r: (r["source_path"], r["sequence"]))


@pytest.fixture
def drive(tmp_path) -> Path:
    root = tmp_path / "drive"
    root.mkdir()
    write_bag(root / "a.bag", "lz4")
    write_ros2(root / "b")
    return root


def test_scans_of_recordings_are_rows_and_their_points_come_back(intake, drive):
    report = take_in(intake, drive)
    assert report.problems == 0 and report.quarantined == 0
    scans = rows_of_scans(intake.catalog)
    assert len(scans) == 2 * NUM_TICKS
    assert count_scans(intake.catalog, "monday") == {"velodyne_points": 2 * NUM_TICKS}
    captures = intake.catalog.read_latest("captures").to_pylist()
    assert {c["num_scans"] for c in captures} == {NUM_TICKS}
    assert {c["reader"] for c in captures} == {"rosbag1", "rosbag2"}
    assert {s["blob_sha256"] for s in scans} == {c["sha256"] for c in captures}
    for scan in scans:
        assert scan["t_ns"] == START_NS + scan["sequence"] * 10**8
        points = read_points(intake.catalog, scan["scan_id"])
        assert points.tobytes() == points_of(scan["sequence"]).tobytes()
    take_in(intake, drive)
    assert rows_of_scans(intake.catalog) == scans, "exactly once"


def test_all_gates_open_for_a_drive_with_scans(intake, drive):
    take_in(intake, drive)
    for table in ("frames", "scans"):
        verdicts = gate_session(intake.catalog, table, "monday")
        assert not stops_flow(verdicts), [v.summary for v in verdicts if v.stops]
    assert len(intake.catalog.read("scans")) == 2 * NUM_TICKS


def test_a_session_of_scans_alone_is_in_order(intake, write_files):
    root = write_files({"velodyne/0.bin": POINT * 2, "velodyne/1.bin": POINT * 3})
    take_in(intake, root)
    for table in ("captures", "frames", "scans", "clock_reports"):
        verdicts = gate_session(intake.catalog, table, "monday")
        assert not stops_flow(verdicts), [v.summary for v in verdicts if v.stops]
    first, second = rows_of_scans(intake.catalog)
    assert first["sha256"] == first["blob_sha256"]
    points = read_points(intake.catalog, second["scan_id"])
    assert points["x"].tolist() == [1, 1, 1] and points.dtype.names[3] == "reflectance"


def test_scans_go_with_their_files(intake, write_files, drive):
    root = write_files({"velodyne/0.bin": POINT, "velodyne/1.bin": POINT * 2})
    take_in(intake, root)
    (root / "velodyne/0.bin").write_bytes(POINT * 5)
    (root / "velodyne/1.bin").unlink()
    take_in(intake, root)
    (scan,) = rows_of_scans(intake.catalog)
    assert (scan["source_path"], scan["num_points"]) == ("velodyne/0.bin", 5)
    (capture,) = intake.catalog.read_latest("captures").to_pylist()
    assert capture["num_scans"] == 1


def test_scans_go_with_their_recording(intake, drive):
    take_in(intake, drive)
    (drive / "a.bag").unlink()
    take_in(intake, drive)
    scans = rows_of_scans(intake.catalog)
    assert {s["source_path"] for s in scans} == {"b/b.db3"}
    assert len(scans) == NUM_TICKS


def test_points_of_another_blob_are_refused(intake, drive):
    take_in(intake, drive)
    scan = rows_of_scans(intake.catalog)[0]
    with pytest.raises(KeyError, match="no scan has the id"):
        read_points(intake.catalog, "0" * 32)
    wrong = {**scan, "source_inner_offset": scan["source_inner_offset"] + 1}
    from assets.point_clouds import points_of as decode

    with pytest.raises(ValueError, match="run `daguerre verify`"):
        decode(intake.blobs, wrong)


@pytest.mark.parametrize(
    ("name", "what"), [("a.bag", "its index"), ("b/b.db3", "its last")]
)
def test_a_recording_under_way_waits_for_its_end(intake, drive, name, what):
    whole = (drive / name).read_bytes()
    with (drive / name).open("rb") as stream:
        assert find_missing_end(name, stream) is None
    for share in (0.4, 0.8, 0.99):
        (drive / name).write_bytes(whole[: int(share * len(whole))])
        with (drive / name).open("rb") as stream:
            assert f"ends without {what}" in find_missing_end(name, stream)
    take_in(intake, drive)
    rows = intake.catalog.read_latest("quarantine").to_pylist()
    (row,) = [r for r in rows if r["source_path"] == name]
    assert "`rosbag reindex`" in row["remedy"] and row["capture_id"] is None
