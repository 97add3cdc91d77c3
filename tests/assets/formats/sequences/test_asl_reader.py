"""The ASL layout of EuRoC: cameras, IMU, positions and poses with exact times; and a table that a spreadsheet saved."""

from __future__ import annotations

from collections import Counter

import pytest

from assets.formats.observations import CalibrationObservation, SignalObservation

CAMERA = """sensor_type: camera
T_BS:
  cols: 4
  rows: 4
  data: [0.0, -1.0, 0.0, 0.1, 1.0, 0.0, 0.0, 0.2, 0.0, 0.0, 1.0, 0.3, 0.0, 0.0, 0.0, 1.0]
rate_hz: 20
resolution: [32, 24]
camera_model: pinhole
intrinsics: [40.5, 41.5, 16.0, 12.0] #fu, fv, cu, cv
distortion_model: radial-tangential
distortion_coefficients: [-0.28, 0.07, 0.0002, 1.76e-05]
"""
IMU_HEADER = (
    "#timestamp [ns],w_RS_S_x [rad s^-1],w_RS_S_y [rad s^-1],w_RS_S_z [rad s^-1],"
    "a_RS_S_x [m s^-2],a_RS_S_y [m s^-2],a_RS_S_z [m s^-2]\n"
)
TRUTH = (
    "#timestamp, p_RS_R_x [m], p_RS_R_y [m], p_RS_R_z [m], q_RS_w [], q_RS_x [], q_RS_y [], q_RS_z [], v_RS_R_x\n"
    "1403636580838555648,4.5,-1.5,0.75,0.6,0.8,0,0,0.1\n"
)


@pytest.fixture
def rig(make_image):
    return {
        "mav0/body.yaml": "comment: a robot\n",
        "mav0/cam0/sensor.yaml": CAMERA,
        "mav0/cam0/data.csv": "#timestamp [ns],filename\r\n1403636579763555584,1.png\r\n1403636579813555456,2.png\r\n",
        "mav0/cam0/data/1.png": make_image(1, ending=".png"),
        "mav0/cam0/data/2.png": make_image(2, ending=".png"),
        "mav0/imu0/sensor.yaml": "sensor_type: imu\nrate_hz: 200\n",
        "mav0/imu0/data.csv": IMU_HEADER
        + "1403636579758555392,-0.1,0.15,0.25,8.5,-0.5,-2.5\n",
        "mav0/state_groundtruth_estimate0/data.csv": TRUTH,
    }


def test_a_rig_is_one_capture_with_exact_times(write_files, read_session, rig):
    reading = read_session(write_files(rig))
    assert [(p.reader, p.root) for p in reading.plans] == [("asl", "mav0")]
    assert not reading.problems and not reading.leftovers
    assert [(f.sensor, f.kind, f.t_ns, f.sequence) for f in reading.frames] == [
        ("cam0", "color", 1403636579763555584, 0),
        ("cam0", "color", 1403636579813555456, 1),
    ]
    imu, truth = reading.of(SignalObservation)
    assert (imu.sensor, imu.kind, imu.t_ns) == ("imu0", "imu", 1403636579758555392)
    assert (
        imu.values == (-0.1, 0.15, 0.25, 8.5, -0.5, -2.5)
        and imu.frame_of_reference == "imu0"
    )
    assert (truth.kind, truth.t_ns, truth.frame_of_reference) == (
        "pose",
        1403636580838555648,
        "world",
    )
    assert truth.values == (4.5, -1.5, 0.75, 0.8, 0, 0, 0.6), (
        "the file has w first, a pose has it last"
    )


def test_a_calibration_has_the_place_on_the_body(write_files, read_session, rig):
    (c,) = read_session(write_files(rig)).of(CalibrationObservation)
    assert (c.sensor, c.width_px, c.height_px) == ("cam0", 32, 24)
    assert (c.fx_px, c.fy_px, c.cx_px, c.cy_px) == (40.5, 41.5, 16, 12)
    assert c.distortion_model == "plumb_bob" and c.distortion == (
        -0.28,
        0.07,
        0.0002,
        1.76e-05,
    )
    assert c.rig_from_camera == pytest.approx(
        (0.1, 0.2, 0.3, 0, 0, 0.5**0.5, 0.5**0.5)
    ), "a quarter turn about z"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("pinhole", "omni", "camera model 'omni' is not read"),
        ("40.5,", "-1,", "make no camera"),
        ("[32, 24]", "[32]", "resolution is [32], not a list of 2 numbers"),
        ("radial-tangential", "fov", "distortion model 'fov' is not known"),
        ("0.0, -1.0, 0.0, 0.1", "0.0, -3.0, 0.0, 0.1", "T_BS is no pose"),
        ("sensor_type: camera", "sensor_type: [", "YAML that cannot be read"),
        ("sensor_type: camera", "a: !unknown 1", "YAML that cannot be read"),
        ("-0.28", ".nan", "not all are finite"),
        ("rate_hz: 20", "a: &a 1\nb: *a", "YAML with an alias"),
    ],
)
def test_a_calibration_that_makes_no_sense_is_a_problem_and_the_frames_stay(
    write_files, read_session, rig, old, new, reason
):
    rig["mav0/cam0/sensor.yaml"] = CAMERA.replace(old, new)
    reading = read_session(write_files(rig))
    (problem,) = reading.problems
    assert (
        reason in problem.reason
        and problem.source.path == "mav0/cam0/sensor.yaml"
        and problem.remedy
    )
    assert len(reading.frames) == 2 and not reading.of(CalibrationObservation)


def test_each_difference_between_table_and_images_is_told(
    write_files, read_session, rig, make_image
):
    rig["mav0/cam0/data.csv"] += "1403636579863555584,lost.png\n1403636579913555456\n"
    rig["mav0/cam0/data/extra.png"] = make_image(3, ending=".png")
    reading = read_session(write_files(rig))
    assert len(reading.frames) == 2
    assert [(p.source.path, p.reason) for p in reading.problems] == [
        (
            "mav0/cam0/data.csv",
            "line 4: there is no image 'lost.png' in data/, or it is listed twice",
        ),
        (
            "mav0/cam0/data.csv",
            "line 5: has 0 of its 1 values (frame): '1403636579913555456'",
        ),
        (
            "mav0/cam0/data/extra.png",
            "is not listed in data.csv, so nothing vouches for its time",
        ),
    ]


def test_rows_with_rounded_times_are_refused_together_and_exact_ones_stay(
    write_files, read_session, rig
):
    rig["mav0/imu0/data.csv"] += (
        "1.40363657976356E+018,1,2,3,4,5,6\n1.40363657976856E+018,1,2,3,4,5,6\n,,,,,,\n"
    )
    reading = read_session(write_files(rig))
    (problem,) = reading.problems
    assert problem.sensor == "imu0" and problem.source.path == "mav0/imu0/data.csv"
    assert problem.reason.startswith(
        "2 rows are not read, the first in line 3: time '1.40363657976356E+018' was rounded"
    )
    assert "spreadsheet" in problem.reason
    assert [s.t_ns for s in reading.of(SignalObservation) if s.kind == "imu"] == [
        1403636579758555392
    ]
    assert reading.plans[0].notes["imu0: blank rows"] == "1"


def test_a_table_without_columns_we_know_is_a_problem(write_files, read_session, rig):
    rig["mav0/imu0/data.csv"] = "time,temperature\n1,2\n"
    reading = read_session(write_files(rig))
    (problem,) = reading.problems
    assert (
        "names no columns that are read: 'time,temperature'" in problem.reason
        and len(reading.frames) == 2
    )


def test_a_data_csv_elsewhere_is_not_claimed(write_files, read_session):
    reading = read_session(write_files({"report/data.csv": IMU_HEADER}))
    assert not reading.plans


def test_a_real_table_that_went_through_a_spreadsheet(test_data, read_session):
    reading = read_session(test_data("sensors/euroc_mav0_imu"))
    assert [(p.reader, p.root) for p in reading.plans] == [
        ("asl", "mav0")
    ] and not reading.leftovers
    signals = reading.of(SignalObservation)
    assert Counter((s.sensor, s.kind) for s in signals) == {
        ("leica0", "position"): 3099,
        ("leica0", "transform"): 1,
        ("imu0", "transform"): 1,
    }
    first = next(s for s in signals if s.kind == "position")
    assert first.t_ns == 1403636578922881280 and first.values[0] == 4.7822997174796811
    place = next(
        s for s in signals if s.child_frame == "leica0" and s.kind == "transform"
    )
    assert place.t_ns is None and place.frame_of_reference == "body"
    assert place.values == pytest.approx((0.0748903, -0.0184772, -0.120209, 0, 0, 0, 1))
    rounded, *strays = reading.problems
    assert rounded.reason.startswith(
        "36820 rows are not read, the first in line 2: time '1.40363657975856E+018'"
    )
    assert "spreadsheet" in rounded.reason
    assert [p.reason.split(":")[0] for p in strays] == [
        f"line {n}" for n in (36823, 36824, 36825, 36826, 36828)
    ]
    assert "Step: 0.005 = 1/200" in strays[-1].reason
    assert len(signals) - 2 + 36820 + len(strays) == 3099 + 36825, (
        "every row that is not blank has its place"
    )


def test_marks_comments_blank_lines_and_missing_fields_cost_no_neighbour(
    write_files, read_session, rig, make_image
):
    rig["mav0/cam0/data.csv"] = (
        "\ufeff# exported\r\n#timestamp [ns],filename\r\n\r\n1403636579763555584,1.png\r\n1403636579783555584,\r\n"
        "1403636579813555456,2.png"
    )
    rig["mav0/imu0/data.csv"] = (
        IMU_HEADER + "1403636579758555392,-0.1,,0.25,8.5,-0.5,-2.5\n"
    )
    reading = read_session(write_files(rig))
    assert [(f.t_ns, f.sequence, f.source.path[-5:]) for f in reading.frames] == [
        (1403636579763555584, 0, "1.png"),
        (1403636579813555456, 2, "2.png"),
    ]
    assert [p.reason.split(":")[0] for p in reading.problems] == ["line 5", "line 2"]


def test_stamps_of_zero_are_no_times(write_files, read_session, rig):
    rig["mav0/cam0/data.csv"] = (
        "#timestamp [ns],filename\n0,1.png\n1403636579813555456,2.png\n"
    )
    rig["mav0/imu0/data.csv"] = IMU_HEADER + "0,-0.1,0.15,0.25,8.5,-0.5,-2.5\n" * 2
    reading = read_session(write_files(rig))
    assert [f.t_ns for f in reading.frames] == [None, 1403636579813555456]
    assert [s.t_ns for s in reading.of(SignalObservation) if s.kind == "imu"] == [
        None,
        None,
    ]
    assert (
        reading.plans[0].notes["imu0: stamps of zero"] == "2 samples have no time"
        and not reading.problems
    )
