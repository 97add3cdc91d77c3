"""Positions and scans under a privacy policy: no table tells where on Earth a session was, or no nearer than a cell."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from foxglove_schemas_protobuf.LocationFix_pb2 import LocationFix

from assets.capture.intake import Intake
from assets.evaluation.data_caveats import list_privacy
from assets.privacy.keys import SealKeys
from assets.privacy.policy import PrivacyPolicy, read_entry, read_text
from assets.privacy.positions import Grid, hide_fix, is_on_earth
from assets.privacy.told import tell_privacy
from assets.storage import Folder
from assets.tables.schemas import TABLES, to_table
from checks.gates import gate_session
from tests.assets.formats.messages.bags import NUM_TICKS, write_ros2
from tests.assets.formats.messages.test_mcap_reader import Recording, stamp, transform

LATITUDE, LONGITUDE, ALTITUDE = 48.13715432, 11.57612345, 519.25
NORTHING = 5_334_567.125  # of UTM, m
DROP = "privacy: {faces: false, position: drop}\n"
COARSE = "privacy: {faces: false, position: {grid_m: 1000}}\n"
KEEP = "privacy: {faces: false, scans: hold}\n"


def write_drive(folder: Path, settings: str) -> Path:
    """Two fixes, one of which is no place; a pose in UTM, and one in a frame of the recording's own."""
    recording = Recording()
    for t_ns, altitude in ((10, ALTITUDE), (20, math.inf)):
        fix = LocationFix(
            timestamp=stamp(t_ns),
            latitude=LATITUDE,
            longitude=LONGITUDE,
            altitude=altitude,
            frame_id="gps",
        )
        recording.add("/fix", fix, t_ns)
    for parent, x in (("utm", 691_234.5), ("map", 691_234.5), ("odom", 12.5)):
        y = NORTHING if x > 1000 else 0.5
        recording.add("/tf", transform(parent, "base", (x, y, 0.0), t_ns=30), 30)
    folder.mkdir(exist_ok=True)
    (folder / "drive.mcap").write_bytes(recording.finish())
    (folder / "daguerre.yaml").write_text(settings)
    return folder


@pytest.fixture
def sealing(intake: Intake, home: Path) -> Intake:
    return replace(intake, keys=SealKeys(home))


@pytest.fixture
def take_in(sealing: Intake, tmp_path: Path) -> Callable[[str], None]:
    def run(settings: str) -> None:
        folder = write_drive(tmp_path / "in", settings)
        sealing.ingest(Folder(str(folder)), "street")

    return run


def read(intake: Intake, table: str) -> list[dict[str, Any]]:
    return intake.catalog.read_latest(table).to_pylist()


def list_leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from list_leaves(one)
    else:
        yield value


def is_secret(value: Any) -> bool:
    """Whether a value of a table tells the place to some 10 m, as a number or in words."""
    secrets = (LATITUDE, LONGITUDE, NORTHING, 691_234.5)
    if isinstance(value, float):
        return any(abs(value - secret) < 1e-4 for secret in secrets)
    return isinstance(value, str) and any(str(s)[:7] in value for s in secrets)


def find_tables_that_tell(intake: Intake) -> set[str]:
    """Of all tables of the home those with such a value: what every reader, view and export reads."""
    return {
        name
        for name in TABLES
        if intake.catalog.exists(name)
        and any(map(is_secret, list_leaves(read(intake, name))))
    }


def find_files_that_tell(home: Path) -> list[Path]:
    """Files of the home in which the position lies as a number of 8 bytes."""
    piece = struct.pack("<d", LATITUDE)
    return [p for p in home.rglob("*") if p.is_file() and piece in p.read_bytes()]


def judge(intake: Intake) -> dict[str, bool]:
    verdicts = gate_session(intake.catalog, "signals", "street")
    return {v.name: v.passed for v in verdicts}


@pytest.mark.parametrize("settings", [DROP, COARSE])
def test_no_table_and_no_file_tells_the_place(settings, take_in, sealing, home):
    take_in(settings)
    assert find_tables_that_tell(sealing) == set()
    assert find_files_that_tell(home) == []
    signals = read(sealing, "signals")
    fixes = [s for s in signals if s["kind"] == "gnss"]
    assert [s["t_ns"] for s in fixes] == [10]  # its time and its sensor stay
    assert [s["frame_of_reference"] for s in signals if s not in fixes] == ["odom"]
    assert judge(sealing)["signals_keep_to_the_privacy_policy"]
    (told,) = tell_privacy(sealing.catalog)
    assert told.positions == 0
    assert told.kept_out == (
        "2 of base: poses on Earth, not told by the privacy policy",
    )


def test_without_the_word_the_same_look_finds_it(take_in, sealing, home):
    """The test above can fail; `status` says that positions are told."""
    take_in(KEEP)
    assert find_tables_that_tell(sealing) == {"signals", "quarantine"}
    assert find_files_that_tell(home)
    (told,) = tell_privacy(sealing.catalog)
    assert told.positions == 3  # a fix and two poses


def test_another_word_reads_the_recording_again(take_in, sealing):
    take_in(KEEP)
    before = len(read(sealing, "signals"))
    take_in(DROP)
    assert find_tables_that_tell(sealing) == set()
    take_in(COARSE)
    (fix,) = [s for s in read(sealing, "signals") if s["kind"] == "gnss"]
    off_m = abs(fix["values"][0] - LATITUDE) * 111_195
    assert 0 < off_m <= 500 and math.isnan(fix["values"][2])
    take_in(KEEP)
    assert len(read(sealing, "signals")) == before


def test_what_tells_more_than_a_new_word_lets_is_not_published(take_in, sealing):
    """A worker that was killed before it read the recording again."""
    take_in(KEEP)
    row = {"session": "street", "policy": PrivacyPolicy(position="drop").text}
    sealing.catalog.delete("privacy_policies", "true")
    table = TABLES["privacy_policies"]
    sealing.catalog.upsert(table.name, to_table(table, [row]))
    assert not judge(sealing)["signals_keep_to_the_privacy_policy"]


def test_scans_that_are_held_are_in_no_table_and_are_counted(tmp_path, sealing, home):
    folder = write_ros2(tmp_path / "in" / "bag", "mcap").parent
    sealing.ingest(Folder(str(folder)), "street")
    assert len(read(sealing, "scans")) == NUM_TICKS
    (folder / "daguerre.yaml").write_text("privacy: {scans: hold}\n")
    sealing.ingest(Folder(str(folder)), "street")
    assert read(sealing, "scans") == []
    (told,) = tell_privacy(sealing.catalog)
    held = f"{NUM_TICKS} of velodyne_points: scans, held by the privacy policy"
    assert (told.scans, told.kept_out) == (0, (held,))
    (folder / "daguerre.yaml").write_text("privacy: true\n")
    sealing.ingest(Folder(str(folder)), "street")
    assert len(read(sealing, "scans")) == NUM_TICKS


def test_a_session_of_held_scans_alone_is_in_order(tmp_path, sealing):
    """A file of points: nothing of it is in the tables, and no gate holds the session for that."""
    folder = tmp_path / "in"
    folder.mkdir()
    fields = "FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 1\nHEIGHT 1\nPOINTS 1\n"
    (folder / "0.pcd").write_text(f"VERSION 0.7\n{fields}DATA ascii\n1 2 3\n")
    (folder / "daguerre.yaml").write_text("privacy: {scans: hold}\n")
    report = sealing.ingest(Folder(str(folder)), "street")
    assert report.quarantined == 0 and read(sealing, "scans") == []
    for table in ("frames", "scans", "signals", "clock_reports"):
        assert all(v.passed for v in gate_session(sealing.catalog, table, "street"))


def test_a_card_says_that_scans_and_positions_are_as_they_came(tmp_path, sealing):
    folder = write_ros2(tmp_path / "in" / "bag", "mcap").parent
    (folder / "daguerre.yaml").write_text("privacy: true\n")
    sealing.ingest(Folder(str(folder)), "street")
    blocks = list_privacy(sealing.catalog, {"sessions": ["street", "open"]})
    said = " ".join(map(str, blocks))
    assert "Of 1 of its sessions, which are under no privacy policy" in said
    assert "Scans are never covered" in said
    assert f"('street', 'faces', {NUM_TICKS}, {NUM_TICKS})" in said


def test_a_cell_is_as_large_as_it_is_said_to_be_and_a_centre_is_its_own():
    """On the equator a degree is 111.195 km: a cell of 111,195 m is a degree, whose centre is at its half."""
    latitude, longitude = Grid(111_195.0).snap(0.2, 7.7)
    assert (latitude, longitude) == pytest.approx((0.5, 7.5), abs=0.02)
    for place in ((48.137, 11.576), (-33.9, 151.2), (89.9999, -180.0), (-90.0, 180.0)):
        snapped = Grid(500.0).snap(*place)
        assert Grid(500.0).snap(*snapped) == pytest.approx(snapped, abs=1e-9)
        off_m = abs(snapped[0] - place[0]) * 111_195
        assert off_m <= 251


def test_two_positions_of_one_cell_are_told_alike():
    first = hide_fix((48.13711, 11.57611, 500.0), Grid(1000.0))
    second = hide_fix((48.13712, 11.57612, 700.0), Grid(1000.0))
    assert first[:2] == second[:2] and math.isnan(first[2])


@pytest.mark.parametrize(
    ("kind", "values", "frame", "is_told"),
    [
        ("pose", (691_234.5, 5_334_567.0, 0.0), "map", True),  # UTM by its size
        ("pose", (1.0, 2.0, 3.0), "/UTM", True),
        ("position", (4_180_000.0, 856_000.0, 4_727_000.0), "earth", True),
        ("odometry", (90_000.0, 0.0, 0.0), "odom", False),  # a long drive
        ("imu", (200_000.0, 0.0, 0.0), "earth", False),
    ],
)
def test_a_pose_on_earth_is_known_by_its_frame_or_its_size(
    kind, values, frame, is_told
):
    assert is_on_earth(kind, values, (frame, None)) == is_told


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"position": "hide"}, "give keep, drop, or grid_m"),
        ({"position": {"grid_m": 1}}, "from 10 to 1e"),
        ({"position": {"grid_m": True}}, "give keep, drop, or grid_m"),
        ({"position": {"grid_m": math.nan}}, "give keep, drop, or grid_m"),
        ({"position": ["drop"]}, "give keep, drop, or grid_m"),
        ({"scans": True}, "give keep or hold"),
        ({"faces": False, "scans": "keep"}, "covers nothing"),
    ],
)
def test_what_is_no_word_for_them_is_named(entry, told):
    with pytest.raises(ValueError, match=told):
        read_entry(entry)


def test_a_policy_of_positions_alone_reads_back():
    policy = PrivacyPolicy(False, position=Grid(500.0), scans="hold")
    assert read_text(policy.text) == policy
    assert policy.summary == "positions on a grid of 500 m, scans held"
