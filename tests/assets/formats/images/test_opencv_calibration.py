"""Calibrations that OpenCV wrote, beside the images that they are for: whose they are is said, or they are refused."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from assets.formats.observations import CalibrationObservation

K = np.array([[500.5, 0, 16.25], [0, 501.5, 12.75], [0, 0, 1]])
D = np.array([[-0.25, 0.125, 0.001, -0.002, 0.5]])
NUMBERS = "[ 500.5, 0., 16.25, 0., 501.5, 12.75, 0., 0., 1. ]"
MATRIX = f"!!opencv-matrix\n   rows: 3\n   cols: 3\n   dt: d\n   data: {NUMBERS}\n"


def store(path, **entries) -> bytes:
    """What cv2.FileStorage writes."""
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for name, value in entries.items():
        storage.write(name, value)
    storage.release()
    return path.read_bytes()


@pytest.fixture
def pair(make_image):
    """One picture of each of two cameras, 32x24 px."""
    return {"left01.jpg": make_image(1), "right01.jpg": make_image(2)}


@pytest.mark.parametrize("ending", ["yml", "xml"])
def test_a_file_of_one_camera_is_of_the_camera_in_its_name(
    write_files, read_session, pair, tmp_path, ending
):
    entries = {
        "image_width": 640,
        "image_height": 480,
        "camera_matrix": K,
        "distortion_coefficients": D,
    }
    pair[f"left_intrinsics.{ending}"] = store(tmp_path / f"a.{ending}", **entries)
    reading = read_session(write_files(pair))
    assert [(p.reader, len(p.files)) for p in reading.plans] == [("image_folder", 3)]
    assert not reading.leftovers and not reading.problems and len(reading.frames) == 2
    (c,) = reading.of(CalibrationObservation)
    assert (c.sensor, c.width_px, c.height_px) == ("left", 640, 480)
    assert (c.fx_px, c.fy_px, c.cx_px, c.cy_px) == (500.5, 501.5, 16.25, 12.75)
    assert (c.distortion_model, c.distortion) == (
        "plumb_bob",
        (-0.25, 0.125, 0.001, -0.002, 0.5),
    )
    assert c.rig_from_camera is None


def test_the_old_head_of_opencv_and_no_document_mark_are_read(
    write_files, read_session, pair
):
    pair["left.yml"] = (
        f"\ufeff%YAML:1.0\r\ncameraMatrix: {MATRIX}imageSize: [ 32, 24 ]\n"
    )
    (c,) = read_session(write_files(pair)).of(CalibrationObservation)
    assert (c.sensor, c.width_px, c.height_px, c.distortion_model, c.distortion) == (
        "left",
        32,
        24,
        None,
        (),
    )


def test_a_pair_takes_the_size_of_the_frames_and_the_rig_is_the_left_camera(
    write_files, read_session, pair, tmp_path
):
    pair["intrinsics.yml"] = store(
        tmp_path / "a.yml",
        M1=K,
        D1=D,
        M2=2 * K - np.diag([0, 0, 1]),
        D2=np.zeros((1, 8)),
    )
    # about the y axis: x of the left one is -z of the right
    quarter = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    pair["extrinsics.yml"] = store(
        tmp_path / "b.yml", R=quarter, T=np.array([[-0.1], [0], [0]]), R1=K, P1=K
    )
    reading = read_session(write_files(pair))
    left, right = reading.of(CalibrationObservation)
    assert (left.sensor, left.width_px, left.height_px) == (
        "left",
        32,
        24,
    ) and not reading.problems
    assert (right.sensor, right.fx_px, right.distortion_model) == (
        "right",
        1001,
        "rational_polynomial",
    )
    assert left.rig_from_camera == pytest.approx((0, 0, 0, 0, 0, 0, 1))
    # right = R left + T, so the right camera sits at -R^T T: x -0.1 is 0.1 m along z of the left one
    half = 0.5**0.5
    assert right.rig_from_camera == pytest.approx((0, 0, 0.1, 0, -half, 0, half))
    assert reading.plans[0].notes["rig"] == (
        "the left camera, as its images are; T of extrinsics.yml is in metres: 0.1"
    )


def test_a_shift_in_squares_of_a_board_gives_no_place(
    write_files, read_session, pair, tmp_path
):
    entries = {
        "M1": K,
        "D1": D,
        "M2": K,
        "D2": D,
        "R": np.eye(3),
        "T": np.array([[-3.33], [0], [0]]),
    }
    pair["stereo.yml"] = store(tmp_path / "a.yml", **entries)
    reading = read_session(write_files(pair))
    assert [c.rig_from_camera for c in reading.of(CalibrationObservation)] == [
        None,
        None,
    ]
    (problem,) = reading.problems
    assert (
        "T has a length of 3.33, which in metres is no pair" in problem.reason
        and "metres" in problem.remedy
    )


def test_the_only_camera_needs_no_name(write_files, read_session, make_image, tmp_path):
    files = {
        "pictures/a.jpg": make_image(1),
        "pictures/calib/cam.yml": store(tmp_path / "a.yml", camera_matrix=K),
    }
    (c,) = read_session(write_files(files)).of(CalibrationObservation)
    assert (c.sensor, c.width_px, c.height_px) == ("camera", 32, 24)


def test_the_only_camera_is_not_given_the_calibration_of_another(
    write_files, read_session, make_image, tmp_path
):
    files = {
        "front/a.jpg": make_image(1),
        "rear.yml": store(tmp_path / "a.yml", camera_matrix=K),
    }
    (problem,) = read_session(write_files(files)).problems
    assert problem.reason == "is for the camera rear, and the cameras here are: front"


def test_the_yaml_of_ros_names_its_camera(write_files, read_session, pair):
    matrix = "{rows: 3, cols: 3, data: [500.5, 0, 16, 0, 501.5, 12, 0, 0, 1]}"
    pair["ost.yaml"] = (
        f"image_width: 32\nimage_height: 24\ncamera_name: right\ncamera_matrix: {matrix}\n"
    )
    (c,) = read_session(write_files(pair)).of(CalibrationObservation)
    assert (c.sensor, c.fx_px) == ("right", 500.5)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        (
            "calib.yml",
            f"%YAML:1.0\ncamera_matrix: {MATRIX}",
            "does not say for which camera it is: left, right",
        ),
        (
            "rear.yml",
            f"%YAML:1.0\ncamera_matrix: {MATRIX}",
            "is for the camera rear, and the cameras here are: left",
        ),
        (
            "left.yml",
            f"%YAML:1.0\ncamera_matrix: {MATRIX}".replace("500.5", "-1"),
            "make no camera",
        ),
        (
            "left.yml",
            f"%YAML:1.0\ncamera_matrix: {MATRIX}".replace("500.5", ".Nan"),
            "not a",
        ),
        (
            "left.yml",
            f"%YAML:1.0\ncamera_matrix: {MATRIX}".replace("rows: 3", "rows: 2"),
            "2 x 3 are stated",
        ),
        (
            "left.yml",
            f"%YAML:1.0\nimage_width: 0\nimage_height: 24\ncamera_matrix: {MATRIX}",
            "no width and height",
        ),
        (
            "left.yml",
            f"%YAML:1.0\nimage_width: 32\ncamera_matrix: {MATRIX}",
            "'None' is not a number",
        ),
        (
            "left.yml",
            f"%YAML:1.0\nfisheye_model: 1\ncamera_matrix: {MATRIX}",
            "fisheye lens with 0 coefficients",
        ),
        (
            "left.yml",
            f"%YAML:1.0\ncamera_matrix: {MATRIX}b: [",
            "is no calibration: YAML that cannot be read",
        ),
        (
            "left.yml",
            f"%YAML:1.0\ncamera_matrix: &a {MATRIX}b: *a\n",
            "YAML with an alias",
        ),
        (
            "left.xml",
            "<opencv_storage><camera_matrix>",
            "is no calibration: XML that cannot be read",
        ),
    ],
)
def test_what_is_not_certain_is_refused_and_the_frames_stay(
    write_files, read_session, pair, name, text, reason
):
    pair[name] = text
    reading = read_session(write_files(pair))
    (problem,) = reading.problems
    assert reason in problem.reason and problem.source.path == name and problem.remedy
    assert problem.sensor is None, "a calibration is no picture that was refused"
    assert (
        len(reading.frames) == 2
        and not reading.of(CalibrationObservation)
        and not reading.leftovers
    )


def test_frames_of_several_sizes_give_no_size(
    write_files, read_session, pair, make_image, tmp_path
):
    pair |= {
        "left02.jpg": make_image(3, 64, 48),
        "left.yml": store(tmp_path / "a.yml", camera_matrix=K),
    }
    (problem,) = read_session(write_files(pair)).problems
    assert "says no image size, and the frames of left have 2 sizes" in problem.reason


def test_what_is_no_calibration_stays_where_it_was(
    write_files, read_session, pair, tmp_path
):
    pair |= {
        "stereo_calib.xml": '<?xml version="1.0"?>\n<opencv_storage>\n<imagelist>\n"left01.jpg"\n"right01.jpg"\n'
        "</imagelist>\n</opencv_storage>\n",
        "settings.yml": store(tmp_path / "a.yml", speed=3, where="here"),
    }
    reading = read_session(write_files(pair))
    left = {item.file.path: item.reason for item in reading.leftovers}
    assert left.keys() == {"stereo_calib.xml", "settings.yml"} and not reading.problems
    assert (
        left["stereo_calib.xml"]
        == "a list of 2 images for OpenCV's calibration, and no calibration"
    )


def test_a_calibration_without_images_is_told(write_files, read_session, tmp_path):
    (left,) = read_session(
        write_files({"left.yml": store(tmp_path / "a.yml", camera_matrix=K)})
    ).leftovers
    assert "lies beside no image folder without labels" in left.reason


def test_a_calibration_beside_labelled_images_is_told_where_it_is_read(
    write_files, read_session, make_image, tmp_path
):
    files = {"images/a.jpg": make_image(), "labels/a.txt": "0 .5 .5 .1 .1"}
    files["images/calib.yml"] = store(tmp_path / "a.yml", camera_matrix=K)
    (left,) = read_session(write_files(files)).leftovers
    assert (
        left.file.path == "images/calib.yml"
        and "image folder without labels" in left.reason
    )
    assert (
        "CameraCalibration" in left.remedy and "a session of their own" in left.remedy
    )


def test_a_real_pair(real_data, read_session):
    reading = read_session(real_data("calibration/opencv_stereo_chessboard"))
    assert len(reading.frames) == 26 and not reading.problems
    found = reading.of(CalibrationObservation)
    assert [
        (c.source.path, c.sensor, round(c.fx_px, 3), c.width_px, c.height_px)
        for c in found
    ] == [
        ("intrinsics.yml", "left", 534.803, 640, 480),
        ("intrinsics.yml", "right", 534.803, 640, 480),
        ("left_intrinsics.yml", "left", 535.916, 640, 480),
    ]
    assert [left.reason for left in reading.leftovers] == [
        f"a list of {n} images for OpenCV's calibration, and no calibration"
        for n in (13, 26)
    ]
