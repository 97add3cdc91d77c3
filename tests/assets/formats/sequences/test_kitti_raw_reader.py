"""KITTI raw: drives that share the calibration of their day, times a line, GNSS and IMU packets."""

from __future__ import annotations

import struct

import pytest

from assets.formats.observations import (
    CalibrationObservation,
    ScanObservation,
    SignalObservation,
)
from assets.formats.sequences.kitti_raw import parse_civil_time

DAY = "2011_09_26"
DRIVE = f"{DAY}/2011_09_26_drive_0001_sync"
TIMES = "2011-09-26 13:02:25.964389445\n2011-09-26 13:02:26.067000000\n"
FIRST_NS = 1317042145964389445  # date -u -d '2011-09-26 13:02:25' +%s
PACKET = " ".join(
    str(v)
    for v in (
        49.015,
        8.434,
        116.5,
        0.03,
        0.01,
        -2.6,
        *range(5),
        0.1,
        0.2,
        9.8,
        *range(3),
        0.01,
        0.02,
        0.03,
        *range(10),
    )
)
IDENTITY = "1 0 0 0 1 0 0 0 1"
CAM_TO_CAM = f"""calib_time: 09-Jan-2012 13:57:47
corner_dist: 9.950000e-02
S_00: 64 48
K_00: 50 0 32 0 50 24 0 0 1
D_00: -0.1 0.2 0 0 0.5
R_00: {IDENTITY}
T_00: 0 0 0
S_rect_00: 32 24
R_rect_00: {IDENTITY}
P_rect_00: 40 0 16 0 0 40 12 0 0 0 1 0
S_02: 64 48
K_02: 50 0 32 0 50 24 0 0 1
D_02: -0.1 0.2 0 0 0.5
R_02: {IDENTITY}
T_02: 0.5 0 0
S_rect_02: 32 24
R_rect_02: {IDENTITY}
P_rect_02: 40 0 16 20 0 40 12 0 0 0 1 0
"""
# camera axes (right, down, forward) of a scanner that looks forward with x, left with y, up with z
VELO_TO_CAM = "calib_time: x\nR: 0 -1 0 0 0 -1 1 0 0\nT: 0 0 -0.25\n"
IMU_TO_VELO = f"R: {IDENTITY}\nT: -1 0 0.5\n"

# x, y, z, reflectance
POINT = struct.pack("<4f", 10, -2, 0.5, 0.25)


@pytest.fixture
def drive(make_image):
    files = {
        f"{DAY}/calib_cam_to_cam.txt": CAM_TO_CAM,
        f"{DRIVE}/oxts/timestamps.txt": TIMES,
        f"{DRIVE}/oxts/dataformat.txt": "lat: latitude\n",
        f"{DRIVE}/velodyne_points/timestamps.txt": TIMES,
    }
    for number in range(2):
        files[f"{DRIVE}/oxts/data/{number:010d}.txt"] = PACKET
        files[f"{DRIVE}/velodyne_points/data/{number:010d}.bin"] = POINT * (number + 1)
    for camera in ("image_00", "image_02"):
        files[f"{DRIVE}/{camera}/timestamps.txt"] = TIMES
        for number in range(2):
            files[f"{DRIVE}/{camera}/data/{number:010d}.png"] = make_image(
                number, ending=".png"
            )
    return files


def test_a_civil_time_keeps_its_nanoseconds():
    assert parse_civil_time("1970-01-02 00:00:00.000000001") == 86_400_000_000_001
    assert parse_civil_time("2011-09-26 13:02:25.964389445") == FIRST_NS
    for text in (
        "2011-13-26 13:02:25",
        "2011-09-26 24:02:25",
        "2011-09-26T13:02:25",
        "1317042145.9",
    ):
        with pytest.raises(ValueError, match=r"month|time"):
            parse_civil_time(text)


def test_a_day_is_one_capture_with_exact_times(write_files, read_session, drive):
    reading = read_session(write_files(drive))
    assert [(p.reader, p.root) for p in reading.plans] == [("kitti_raw", DAY)]
    assert not reading.problems and not reading.leftovers
    assert [(f.sensor, f.t_ns, f.sequence) for f in reading.frames] == [
        (camera, t, i)
        for camera in ("image_00", "image_02")
        for i, t in enumerate((FIRST_NS, FIRST_NS + 102610555))
    ]


def test_laser_scans_have_the_times_of_their_lines(write_files, read_session, drive):
    first, second = read_session(write_files(drive)).of(ScanObservation)
    assert (first.sensor, first.t_ns, first.sequence) == ("velodyne", FIRST_NS, 0)
    assert (second.t_ns, second.sequence) == (FIRST_NS + 102610555, 1)
    assert (first.facts.num_points, second.facts.num_points) == (1, 2)
    assert first.facts.bounds == (10, -2, 0.5, 10, -2, 0.5)
    assert first.facts.fields[3] == ("reflectance", "float32", 1)


def test_a_packet_is_a_position_and_a_sample_of_the_imu(
    write_files, read_session, drive
):
    signals = read_session(write_files(drive)).of(SignalObservation)
    assert [(s.sensor, s.kind) for s in signals] == [
        ("oxts", "gnss"),
        ("oxts", "imu"),
    ] * 2
    gnss, imu = signals[:2]
    assert gnss.values == (49.015, 8.434, 116.5) and gnss.t_ns == FIRST_NS
    assert imu.values == (0.01, 0.02, 0.03, 0.1, 0.2, 9.8), "gyroscope first"


def test_rectified_images_get_rectified_calibrations_beside_camera_00(
    write_files, read_session, drive
):
    left, right = read_session(write_files(drive)).of(CalibrationObservation)
    assert (
        left.sensor,
        left.fx_px,
        left.cx_px,
        left.distortion_model,
        left.distortion,
    ) == (
        "image_00",
        40,
        16,
        None,
        (),
    )
    assert left.rig_from_camera == pytest.approx((0, 0, 0, 0, 0, 0, 1))
    assert right.rig_from_camera == pytest.approx((-0.5, 0, 0, 0, 0, 0, 1)), (
        "P has fx * 0.5 = 20"
    )


def test_with_all_three_files_the_rig_is_the_imu(write_files, read_session, drive):
    drive |= {
        f"{DAY}/calib_velo_to_cam.txt": VELO_TO_CAM,
        f"{DAY}/calib_imu_to_velo.txt": IMU_TO_VELO,
    }
    reading = read_session(write_files(drive))
    assert not reading.problems and reading.plans[0].notes["rig"] == "the IMU"
    place = reading.of(CalibrationObservation)[0].rig_from_camera
    # the camera is 0.25 m before the scanner, which is 1 m before the IMU and 0.5 m below it
    assert place[:3] == pytest.approx((1.25, 0, -0.5))
    assert place[3:] == pytest.approx((-0.5, 0.5, -0.5, 0.5)), (
        "z of the camera is x of the rig"
    )


def test_images_of_the_raw_size_get_raw_calibrations(
    write_files, read_session, drive, make_image
):
    for camera in ("image_00", "image_02"):
        for number in range(2):
            drive[f"{DRIVE}/{camera}/data/{number:010d}.png"] = make_image(
                number, 64, 48, ".png"
            )
    left, right = read_session(write_files(drive)).of(CalibrationObservation)
    assert (left.fx_px, left.distortion_model, left.distortion) == (
        50,
        "plumb_bob",
        (-0.1, 0.2, 0, 0, 0.5),
    )
    assert right.rig_from_camera == pytest.approx((-0.5, 0, 0, 0, 0, 0, 1))


def test_images_of_another_size_have_no_calibration(
    write_files, read_session, drive, make_image
):
    drive[f"{DRIVE}/image_02/data/0000000000.png"] = make_image(1, 10, 10, ".png")
    reading = read_session(write_files(drive))
    (problem,) = reading.problems
    assert "image_02 has no calibration: its images are 10x10 px" in problem.reason
    assert [c.sensor for c in reading.of(CalibrationObservation)] == ["image_00"]


def test_each_difference_between_lines_and_files_is_told(
    write_files, read_session, drive, make_image
):
    drive[f"{DRIVE}/image_00/data/0000000007.png"] = make_image(7, ending=".png")
    del drive[f"{DRIVE}/image_02/data/0000000001.png"]
    drive[f"{DRIVE}/oxts/timestamps.txt"] = TIMES.replace(
        "2011-09-26 13:02:26.067", "soon"
    )
    drive[f"{DRIVE}/oxts/data/0000000000.txt"] = PACKET + " 1"
    reading = read_session(write_files(drive))
    assert len(reading.frames) == 3 and not reading.of(SignalObservation)
    assert [p.reason for p in reading.problems] == [
        "has no line of its own in timestamps.txt (2 lines), so it has no time",
        "timestamps.txt has 2 lines, and there are no files for 1: 0000000001",
        "line 2: 'soon000000' is not a date and a time: what it times is not read",
        "31 values where 30 are needed",
    ]


def test_two_drives_of_a_day_are_one_capture_and_go_on_counting(
    write_files, read_session, drive
):
    again = {
        name.replace("0001_sync", "0002_sync"): data
        for name, data in drive.items()
        if "drive" in name
    }
    reading = read_session(write_files(drive | again))
    assert [p.root for p in reading.plans] == [DAY] and not reading.problems
    assert [f.sequence for f in reading.frames if f.sensor == "image_00"] == [
        0,
        1,
        2,
        3,
    ]


def test_a_drive_without_calibration_has_none(write_files, read_session, drive):
    del drive[f"{DAY}/calib_cam_to_cam.txt"]
    reading = read_session(write_files(drive))
    assert [p.root for p in reading.plans] == [DRIVE]
    assert (
        not reading.problems
        and not reading.of(CalibrationObservation)
        and len(reading.frames) == 4
    )


def test_a_calibration_that_makes_no_sense_is_a_problem_and_the_frames_stay(
    write_files, read_session, drive
):
    drive[f"{DAY}/calib_cam_to_cam.txt"] = CAM_TO_CAM.replace(
        "P_rect_00: 40", "P_rect_00: nan"
    )
    reading = read_session(write_files(drive))
    (problem,) = reading.problems
    assert (
        "image_00 has no calibration: P_rect_00: 'nan' is not a finite number"
        in problem.reason
    )
    assert len(reading.frames) == 4


THREE = "2011-09-26 13:02:25.964389445\n\n2011-09-26 13:02:26.067000000\n"


def test_a_blank_line_keeps_its_number_and_its_picture_has_no_time(
    write_files, read_session, drive, make_image
):
    for sensor in ("image_00", "image_02", "oxts"):
        drive[f"{DRIVE}/{sensor}/timestamps.txt"] = THREE
    for number in range(3):
        drive[f"{DRIVE}/image_00/data/{number:010d}.png"] = make_image(
            number, ending=".png"
        )
        drive[f"{DRIVE}/oxts/data/{number:010d}.txt"] = PACKET
    drive[f"{DRIVE}/image_02/data/0000000002.png"] = drive.pop(
        f"{DRIVE}/image_02/data/0000000001.png"
    )
    reading = read_session(write_files(drive))
    last_ns = FIRST_NS + 102610555
    assert [(f.sensor, f.sequence, f.t_ns) for f in reading.frames] == [
        ("image_00", 0, FIRST_NS),
        ("image_00", 1, None),
        ("image_00", 2, last_ns),
        ("image_02", 0, FIRST_NS),
        ("image_02", 2, last_ns),
    ]
    assert [s.t_ns for s in reading.of(SignalObservation) if s.kind == "gnss"] == [
        FIRST_NS,
        None,
        last_ns,
    ]
    assert [(p.sensor, p.reason) for p in reading.problems] == [
        (
            sensor,
            "the lines of these files in timestamps.txt are blank, so they are taken in without a time, "
            "1: 0000000001",
        )
        for sensor in ("image_00", "oxts")
    ]
    assert (
        reading.plans[0].notes[f"no time and no file: {DRIVE}/image_02"]
        == "1 blank lines of timestamps.txt"
    )


@pytest.mark.parametrize(
    "text",
    [
        TIMES.rstrip("\n"),
        TIMES.replace("\n", "\r\n"),
        "\ufeff" + TIMES,
        TIMES + "\n\n",
        "# times of the camera\n" + TIMES,
        "\ufeff# times\r\n" + TIMES,
    ],
)
def test_ends_of_lines_marks_and_headers_shift_no_time(
    write_files, read_session, drive, text
):
    drive[f"{DRIVE}/image_00/timestamps.txt"] = text
    reading = read_session(write_files(drive))
    assert [f.t_ns for f in reading.frames if f.sensor == "image_00"] == [
        FIRST_NS,
        FIRST_NS + 102610555,
    ]
    assert not reading.problems


def test_a_time_that_was_taken_out_keeps_the_number_of_its_line(
    write_files, read_session, drive
):
    drive[f"{DRIVE}/image_00/timestamps.txt"] = "#" + TIMES
    reading = read_session(write_files(drive))
    assert [f.t_ns for f in reading.frames if f.sensor == "image_00"] == [
        None,
        FIRST_NS + 102610555,
    ]


def test_a_clock_that_nobody_set_gives_no_time(write_files, read_session, drive):
    drive[f"{DRIVE}/image_00/timestamps.txt"] = (
        "1970-01-01 00:00:00.000000000\n" + TIMES.split("\n")[1]
    )
    reading = read_session(write_files(drive))
    assert [f.t_ns for f in reading.frames if f.sensor == "image_00"] == [
        None,
        FIRST_NS + 102610555,
    ]
