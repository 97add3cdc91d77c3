"""KITTI object data: boxes, what is said of them, and calibrations."""

from __future__ import annotations

import numpy as np
import pytest

from assets.formats.observations import (
    AnnotationObservation,
    CalibrationObservation,
)
from assets.formats.sequences.sequence_files import matrix_of_pose

CAR = "Car 0.25 1 -1.58 5.5 6 30.25 20 1.5 1.6 3.7 1.0 1.5 8.0 -1.5\n"
NOBODY = "DontCare -1 -1 -10 1 2 3 4 -1 -1 -1 -1000 -1000 -1000 -10\n"
FLAT = "Van -1 -1 -10 1 2 9 8 -1 -1 -1 -1000 -1000 -1000 -10\n"
# focal length 700, centre (16, 12), half a metre left of camera 0
P2 = "P2: 700 0 16 350 0 700 12 0 0 0 1 0\n"


def write_set(
    make_image, labels: dict[str, str], **more: str
) -> dict[str, bytes | str]:
    files: dict[str, bytes | str] = {}
    for number, (name, text) in enumerate(labels.items()):
        files[f"training/image_2/{name}.png"] = make_image(number, ending=".png")
        files[f"training/label_2/{name}.txt"] = text
    return files | more


def test_a_box_with_what_is_said_of_it(write_files, read_session, make_image):
    root = write_files(write_set(make_image, {"000007": CAR + NOBODY + FLAT}))
    reading = read_session(root)
    assert not reading.problems and not reading.leftovers
    car, van = reading.labels
    assert (car.class_name, car.box_xyxy) == ("Car", (5.5, 6, 30.25, 20))
    assert car.frame_path == "training/image_2/000007.png"
    assert car.attributes == (
        ("truncated", "0.25"),
        ("occluded", "1"),
        ("alpha_rad", "-1.58"),
        ("height_width_length_m", "1.5 1.6 3.7"),
        ("bottom_centre_xyz_m", "1.0 1.5 8.0"),
        ("rotation_y_rad", "-1.5"),
    )
    assert van.box_xyxy == (1, 2, 9, 8) and van.attributes == ()
    (seen,) = reading.of(AnnotationObservation)
    assert (seen.num_labels, seen.num_missing, seen.num_ignored) == (2, 0, 1)
    assert (car.source.offset, van.source.offset) == (0, len(CAR + NOBODY))


def test_pictures_of_the_right_camera_and_of_testing_get_no_labels(
    write_files, read_session, make_image
):
    files = write_set(make_image, {"000000": CAR})
    files["training/image_3/000000.png"] = make_image(5, ending=".png")
    files["testing/image_2/000000.png"] = make_image(6, ending=".png")
    reading = read_session(write_files(files))
    assert [x.frame_path for x in reading.labels] == ["training/image_2/000000.png"]
    assert len(reading.frames) == 3
    assert {f.split_hint for f in reading.frames} == {None}, "nobody made a test split"
    assert len(reading.of(AnnotationObservation)) == 1
    assert "no splits" in reading.plans[0].notes


def test_lists_make_splits_of_labelled_pictures(write_files, read_session, make_image):
    files = write_set(make_image, {"000000": CAR, "000001": CAR, "000002": CAR})
    files["testing/image_2/000002.png"] = make_image(6, ending=".png")
    files |= {
        "ImageSets/train.txt": "000000\n000002\n",
        "ImageSets/val.txt": "000001\n000009\n",
        "ImageSets/test.txt": "000002\n",
    }
    reading = read_session(write_files(files))
    assert {f.source.path: f.split_hint for f in reading.frames} == {
        "training/image_2/000000.png": "train",
        "training/image_2/000001.png": "val",
        "training/image_2/000002.png": "train",
        "testing/image_2/000002.png": None,
    }
    assert [p.reason for p in reading.problems] == [
        "lists pictures without labels, 1: 000009"
    ]


def test_calibrations_that_differ_are_kept_once(write_files, read_session, make_image):
    other = P2.replace("700", "710", 1).replace("710 0 16", "710 0 17")
    files = write_set(make_image, {"000000": CAR, "000001": CAR, "000002": CAR})
    files |= {
        "training/calib/000000.txt": P2,
        "training/calib/000001.txt": P2,
        "training/calib/000002.txt": other,
        "training/calib/000003.txt": P2,
    }
    reading = read_session(write_files(files))
    first, second = reading.of(CalibrationObservation)
    assert (first.sensor, first.width_px, first.height_px) == ("image_2", 32, 24)
    assert (first.fx_px, first.fy_px, first.cx_px, first.cy_px) == (700, 700, 16, 12)
    assert np.allclose(first.rig_from_camera, [-0.5, 0, 0, 0, 0, 0, 1])
    assert first.source.path == "training/calib/000000.txt"
    assert (second.fx_px, second.cx_px) == (710, 17)
    assert second.source.path == "training/calib/000002.txt"
    assert [p.source.path for p in reading.problems] == ["training/calib/000003.txt"]
    assert reading.plans[0].notes["rig"] == "camera 0, rectified"
    assert reading.plans[0].notes["calibrations of image_2"].startswith("2 that differ")


def test_the_rig_is_the_imu_where_the_file_places_it(
    write_files, read_session, make_image
):
    chain = (
        "R0_rect: 1 0 0 0 1 0 0 0 1\n"
        "Tr_velo_to_cam: 0 -1 0 0 0 0 -1 0 1 0 0 -0.25\n"
        "Tr_imu_to_velo: 1 0 0 -1 0 1 0 0 0 0 1 2\n"
    )
    files = write_set(make_image, {"000000": CAR})
    files["training/calib/000000.txt"] = P2 + chain
    reading = read_session(write_files(files))
    (found,) = reading.of(CalibrationObservation)
    imu_from_camera = matrix_of_pose(found.rig_from_camera)
    # camera 0 is 0.25 m before the scanner, the IMU 1 m behind it and 2 m above; the camera 0.5 m left of camera 0
    assert np.allclose(imu_from_camera @ [0, 0, 0, 1], [1.25, 0.5, -2, 1])
    assert np.allclose(imu_from_camera @ [0, 0, 1, 1], [2.25, 0.5, -2, 1]), "z is ahead"
    assert reading.plans[0].notes["rig"] == "the IMU"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (CAR.strip() + " 0.9\n", "the last is a score"),
        ("Car 0 0 0 1 2 3\n", "7 fields"),
        (CAR.replace("5.5", "left"), "'left' is not a number"),
        (CAR.replace("5.5", "nan"), "not a finite number"),
    ],
)
def test_a_row_that_is_no_label_takes_its_picture_along(
    write_files, read_session, make_image, row, reason
):
    reading = read_session(
        write_files(write_set(make_image, {"a": CAR + row, "b": CAR}))
    )
    (problem,) = reading.problems
    assert reason in problem.reason and problem.source.offset == len(CAR)
    assert len(reading.labels) == 2
    missing = {a.frame_path: a.num_missing for a in reading.of(AnnotationObservation)}
    assert missing == {"training/image_2/a.png": 1, "training/image_2/b.png": 0}


def test_labels_in_a_folder_of_another_name_and_without_a_row(
    write_files, read_session, make_image
):
    files = {
        "images/a.jpg": make_image(0),
        "images/b.jpg": make_image(1),
        "labels/a.txt": CAR,
        "labels/b.txt": "",
        "labels/c.txt": CAR,
    }
    reading = read_session(write_files(files))
    assert [p.reader for p in reading.plans] == ["kitti_object"]
    assert [x.frame_path for x in reading.labels] == ["images/a.jpg"]
    looked = {a.frame_path: a.num_labels for a in reading.of(AnnotationObservation)}
    assert looked == {"images/a.jpg": 1, "images/b.jpg": 0}
    assert [p.source.path for p in reading.problems] == ["labels/c.txt"]


def test_labels_alone_are_told(write_files, read_session):
    reading = read_session(write_files({"training/label_2/0.txt": CAR}))
    assert not reading.plans and len(reading.leftovers) == 1
