"""Times are the sensor's: lost scans shift none, stamps of zero are none, equal ones stop the session, and go on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from assets.storage import Folder
from checks.gates import gate_session
from tests.assets.formats.messages.test_mcap_messages import COMPRESSED, IMAGE, Cdr
from tests.assets.formats.messages.test_mcap_reader import IMU, NS, Recording, cdr_imu

DRIVE = Path("2011_09_26/2011_09_26_drive_0009_sync")
START_NS = 1770000000 * NS  # where the recordings begin
PICTURES = (0, 1, 2, 3, 6, 7, 8, 9, 10, 11)  # the scans of 4 and 5 are lost


def paint(seed: int, ending: str = ".png", size=(40, 60, 3)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, size).astype(np.uint8)
    return cv2.imencode(ending, pixels)[1].tobytes()


def make_drive(folder: Path) -> None:
    for camera in ("image_00", "image_02"):
        place = folder / DRIVE / camera
        (place / "data").mkdir(parents=True)
        times = [
            f"2011-09-26 13:02:{25.594360375 + 0.103 * n:012.9f}"
            if n in PICTURES
            else ""
            for n in range(12)
        ]
        (place / "timestamps.txt").write_text("\n".join(times) + "\n")
        for n in PICTURES:
            (place / "data" / f"{n:010d}.png").write_bytes(paint(n))


def record(folder: Path, stamp_ns: Callable[[int], int]) -> None:
    """20 pictures and depth maps at 15 Hz beside an IMU whose stamps are right; log times are right throughout."""
    recording = Recording()
    depth = np.full((24, 32), 1500, np.uint16)
    for n in range(80):
        recording.add_bytes(
            "/zed/imu/data",
            cdr_imu(START_NS + n * NS // 60),
            ("sensor_msgs/msg/Imu", "ros2msg", IMU),
            "cdr",
            START_NS + n * NS // 60,
        )
    for n in range(20):
        log_ns = START_NS + n * NS // 15
        jpeg = paint(n, ".jpg")
        message = Cdr().head(stamp_ns(n)).text("jpeg").blob(jpeg).finish()
        recording.add_bytes(
            "/zed/left/image_rect_color/compressed", message, COMPRESSED, "cdr", log_ns
        )
        message = (
            Cdr()
            .head(stamp_ns(n))
            .put("I", 24, 32)
            .text("16UC1")
            .put("B", 0)
            .put("I", 64)
            .blob(depth.tobytes())
        )
        recording.add_bytes(
            "/zed/depth/depth_registered", message.finish(), IMAGE, "cdr", log_ns
        )
    (folder / "zed.mcap").write_bytes(recording.finish())


def take_in(intake, folder: Path):
    """Rows of the frames in order, the capture's row, and the verdicts on frames and signals by name."""
    intake.ingest(Folder(str(folder)), "monday")
    verdicts = {
        v.name: v
        for table in ("frames", "signals")
        for v in gate_session(intake.catalog, table, "monday")
    }
    columns = ["source_path", "sensor", "kind", "sequence", "t_ns"]
    frames = intake.catalog.read_latest("frames", columns).sort_by(
        [("sensor", "ascending"), ("sequence", "ascending")]
    )
    (capture,) = intake.catalog.read_latest("captures").to_pylist()
    return frames.to_pylist(), capture, verdicts


def test_line_n_is_picture_n_though_scans_are_lost(intake, find_case):
    frames, capture, verdicts = take_in(
        intake, find_case("kitti_lost_scans", make_drive)
    )
    first_ns = 1317042145594360375
    for camera in ("image_00", "image_02"):
        mine = [f for f in frames if f["sensor"] == camera]
        assert [int(Path(f["source_path"]).stem) for f in mine] == list(PICTURES)
        assert [f["sequence"] for f in mine] == list(PICTURES)
        assert [f["t_ns"] for f in mine] == [
            first_ns + n * 103_000_000 for n in PICTURES
        ]
    assert capture["num_problems"] == 0, "a line without time and picture is no fault"
    assert json.loads(capture["notes"])[
        f"no time and no file: {DRIVE.as_posix()}/image_02"
    ].startswith("2 blank lines")
    assert not any(v.stops for v in verdicts.values())


def test_stamps_that_are_all_zero_are_no_times_and_log_times_are_kept_beside(
    intake, find_case
):
    frames, capture, verdicts = take_in(
        intake, find_case("mcap_stamps_all_zero", lambda f: record(f, lambda n: 0))
    )
    assert len(frames) == 40 and {f["t_ns"] for f in frames} == {None}
    assert [f["sequence"] for f in frames if f["kind"] == "color"] == list(range(20))
    imu = (
        intake.catalog.read_latest("signals", ["t_ns"])
        .sort_by("t_ns")["t_ns"]
        .to_pylist()
    )
    assert len(imu) == 80 and imu[0] == START_NS
    assert (capture["start_ns"], capture["end_ns"]) == (imu[0], imu[-1]), (
        "of sensor stamps alone"
    )
    notes = json.loads(capture["notes"])
    said = notes[
        "log time of /zed/left/image_rect_color/compressed (no stamps in its messages)"
    ]
    first_ns, _, last_ns = said.split()[:3]
    assert 0 <= int(first_ns) - START_NS < NS // 100 and int(last_ns) - int(
        first_ns
    ) == pytest.approx(19 / 15 * NS)
    assert said.endswith("20 messages, median rate 15 Hz")
    assert not any(v.stops for v in verdicts.values())


def test_equal_stamps_of_a_camera_stop_the_session(intake, find_case):
    folder = find_case("mcap_stamps_equal", lambda f: record(f, lambda n: START_NS))
    frames, _, verdicts = take_in(intake, folder)
    assert len(frames) == 40 and {f["t_ns"] for f in frames} == {START_NS}
    verdict = verdicts["timestamps_are_monotonic"]
    assert verdict.stops and verdict.figures["num_offending"] == 38
    assert (
        "`no_clock: [zed_depth_depth_registered, zed_left]` into daguerre.yaml"
        in verdict.summary
    )
    assert not len(intake.catalog.read("frames")), "held"


def test_a_session_with_a_bad_clock_can_be_taken_without_it_and_given_it_back(
    intake, tmp_path
):
    folder = tmp_path / "desk"
    folder.mkdir()
    record(folder, lambda n: START_NS)
    assert take_in(intake, folder)[2]["timestamps_are_monotonic"].stops
    settings = folder / "daguerre.yaml"
    settings.write_text("no_clock: [zed_left, zed_depth_depth_registered, lidar]\n")
    frames, capture, verdicts = take_in(intake, folder)
    assert len(frames) == 40 and {f["t_ns"] for f in frames} == {None}
    assert (
        not any(v.stops for v in verdicts.values())
        and len(intake.catalog.read("frames")) == 40
    )
    assert capture["start_ns"] == START_NS and capture["num_signals"] == 80, (
        "the IMU keeps its clock"
    )
    assert json.loads(capture["notes"])["without a clock, by daguerre.yaml"] == (
        "lidar: no such sensor in this capture; zed_depth_depth_registered: 20 samples; zed_left: 20 samples"
    )
    settings.unlink()
    frames, _, verdicts = take_in(intake, folder)
    assert {f["t_ns"] for f in frames} == {START_NS} and verdicts[
        "timestamps_are_monotonic"
    ].stops


def test_stamps_of_zero_at_the_beginning_alone_are_no_times(intake, tmp_path):
    """Two frames before the clock is set: else the recording would begin in 1970, and hold a gap of decades."""
    frames, capture, verdicts = take_in_recorded(
        intake, tmp_path, lambda n: 0 if n < 2 else START_NS + n * NS // 15
    )
    left = [f["t_ns"] for f in frames if f["sensor"] == "zed_left"]
    assert left == [None, None, *(START_NS + n * NS // 15 for n in range(2, 20))]
    assert capture["start_ns"] == START_NS and not any(
        v.stops for v in verdicts.values()
    )
    key = "log time of /zed/left/image_rect_color/compressed (no stamps in 2 of 20 messages)"
    assert key in json.loads(capture["notes"])


def test_a_camera_whose_stamps_stand_still_stops_the_session_however_many_frames_others_have(
    intake, tmp_path
):
    folder = tmp_path / "many"
    folder.mkdir()
    recording = Recording()
    for n in range(500):
        message = (
            Cdr()
            .head(START_NS + n * NS // 100)
            .text("jpeg")
            .blob(paint(n, ".jpg", (8, 8, 3)))
            .finish()
        )
        recording.add_bytes("/front/compressed", message, COMPRESSED, "cdr", START_NS)
    for n in range(4):  # 3 of 504 frames are 0.6 %
        message = (
            Cdr()
            .head(START_NS)
            .text("jpeg")
            .blob(paint(900 + n, ".jpg", (8, 8, 3)))
            .finish()
        )
        recording.add_bytes("/rear/compressed", message, COMPRESSED, "cdr", START_NS)
    (folder / "a.mcap").write_bytes(recording.finish())
    verdict = take_in(intake, folder)[2]["timestamps_are_monotonic"]
    assert (
        verdict.stops
        and verdict.figures["num_offending"] == 3
        and "no_clock: [rear]" in verdict.summary
    )


def test_labels_find_frames_that_lost_their_time_and_never_one_of_many(
    intake, tmp_path
):
    folder = tmp_path / "labelled"
    folder.mkdir()
    recording = Recording()
    stamps = {
        "left": [START_NS, START_NS + 5, 0],
        "right": [START_NS, START_NS, START_NS + 5],
    }
    for sensor, of_sensor in stamps.items():
        for n, stamp_ns in enumerate(of_sensor):
            jpeg = paint(10 * n + len(sensor), ".jpg")
            message = Cdr().head(stamp_ns).text("jpeg").blob(jpeg).finish()
            recording.add_bytes(
                f"/{sensor}/compressed", message, COMPRESSED, "cdr", START_NS + n
            )
            truth = {
                "sensor": sensor,
                "t_ns": stamp_ns,
                "recognition": f"{sensor} {n}",
                "objects": [],
            }
            recording.add_json(f"/ground_truth/{sensor}", "daguerre.GroundTruth", truth)
    (folder / "a.mcap").write_bytes(recording.finish())
    (folder / "daguerre.yaml").write_text("no_clock: [left]\n")
    take_in(intake, folder)
    frames = {
        f["frame_id"]: f for f in intake.catalog.read_latest("frames").to_pylist()
    }
    labels = intake.catalog.read_latest(
        "labels", ["frame_id", "class_name"]
    ).to_pylist()
    found = {
        r["class_name"]: (
            frames[r["frame_id"]]["sensor"],
            frames[r["frame_id"]]["sequence"],
        )
        for r in labels
    }
    assert found == {
        "left 0": ("left", 0),
        "left 1": ("left", 1),
        "left 2": ("left", 2),
        "right 2": ("right", 2),
    }
    reasons = intake.catalog.read_latest("quarantine", ["reason"])["reason"].to_pylist()
    assert sorted(reasons) == [
        f"label 'right {n}' is for one of 2 frames with this stamp: right at {START_NS} ns"
        for n in range(2)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "no_clock: cam0\n",
        "no_clocks: [a]\n",
        "- a\n",
        "no_clock: [1]\n",
        "no_clock: [\n",
    ],
)
def test_settings_that_say_nothing_are_told_and_change_nothing(
    intake, write_files, make_png, text
):
    folder = write_files({"a.png": make_png(1), "daguerre.yaml": text})
    report = intake.ingest(Folder(str(folder)), "monday")
    assert (report.frames, report.quarantined) == (1, 1)
    (reason,) = report.reasons
    assert (
        reason["path"] == "daguerre.yaml"
        and "no settings of a session" in reason["reason"]
    )
    assert "no_clock: [cam0, imu]" in reason["remedy"]


def take_in_recorded(intake, tmp_path: Path, stamp_ns: Callable[[int], int]):
    folder = tmp_path / "recorded"
    folder.mkdir()
    record(folder, stamp_ns)
    return take_in(intake, folder)
