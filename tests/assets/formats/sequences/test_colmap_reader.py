"""COLMAP models: cameras as calibrations, pictures with their poses."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from assets.formats.observations import CalibrationObservation, SignalObservation
from assets.formats.sequences.sequence_files import matrix_of_pose

CAMERAS = {1: "PINHOLE 32 24 50 52 16.5 12.25", 2: "SIMPLE_RADIAL 32 24 60 16 12 0.1"}
NUMBERS = {"SIMPLE_PINHOLE": 0, "PINHOLE": 1, "SIMPLE_RADIAL": 2, "FOV": 7}
# camera_from_world: a half turn about x, then 3 ahead; the camera's centre is (0, 0, 3) of the world
TURNED = ((0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 3.0))
STILL = ((1.0, 0.0, 0.0, 0.0), (-0.5, 0.0, 0.0))
IMAGES = [(7, TURNED, 1, "a.png"), (3, STILL, 1, "b c.png")]


def text_model(
    cameras: dict[int, str] = CAMERAS, images: list = IMAGES
) -> dict[str, str]:
    points = {n: "1.5 2.5 -1 3 4 8" if n % 2 else "" for n, _, _, _ in images}
    rows = [
        f"{n} {' '.join(map(str, (*q, *t)))} {camera} {name}\n{points[n]}\n"
        for n, (q, t), camera, name in images
    ]
    return {
        "cameras.txt": "# Camera list\n"
        + "".join(f"{n} {said}\n" for n, said in cameras.items()),
        "images.txt": "# Image list\n" + "".join(rows),
        "points3D.txt": "# 3D points\n",
    }


def binary_model(
    cameras: dict[int, str] = CAMERAS, images: list = IMAGES
) -> dict[str, bytes]:
    lens = struct.pack("<Q", len(cameras))
    for camera_id, said in cameras.items():
        model, width, height, *numbers = said.split()
        lens += struct.pack("<iiQQ", camera_id, NUMBERS[model], int(width), int(height))
        lens += struct.pack(f"<{len(numbers)}d", *map(float, numbers))
    pictures = struct.pack("<Q", len(images))
    for number, (q, t), camera_id, name in images:
        pictures += (
            struct.pack("<i7di", number, *q, *t, camera_id) + name.encode() + b"\0"
        )
        num_points = 2 if number % 2 else 0
        pictures += struct.pack("<Q", num_points) + bytes(24 * num_points)
    return {"cameras.bin": lens, "images.bin": pictures, "points3D.bin": bytes(8)}


def below(folder: str, files: dict) -> dict:
    return {f"{folder}/{name}": data for name, data in files.items()}


@pytest.fixture
def pictures(make_image) -> dict[str, bytes]:
    return {
        f"images/{name}.png": make_image(n, ending=".png")
        for n, name in enumerate(("a", "b c", "d"))
    }


@pytest.mark.parametrize("make_model", [text_model, binary_model])
def test_poses_and_calibrations_by_value(
    write_files, read_session, pictures, make_model
):
    reading = read_session(write_files(below("sparse/0", make_model()) | pictures))
    assert [(p.reader, p.root) for p in reading.plans] == [("colmap", "")]
    assert not reading.problems and not reading.leftovers
    assert len(reading.frames) == 3, "a picture that is not registered is a frame too"
    (camera,) = reading.of(CalibrationObservation)
    assert (camera.sensor, camera.width_px, camera.height_px) == ("camera", 32, 24)
    # centres count from the middle of the first pixel here
    assert (camera.fx_px, camera.fy_px, camera.cx_px, camera.cy_px) == (
        50,
        52,
        16,
        11.75,
    )
    assert camera.distortion_model is None and camera.rig_from_camera is None
    sequences = {f.source.path: f.sequence for f in reading.frames}
    turned, still = reading.of(SignalObservation)
    assert (turned.sequence, still.sequence) == (
        sequences["images/a.png"],
        sequences["images/b c.png"],
    )
    assert (
        turned.kind,
        turned.t_ns,
        turned.frame_of_reference,
        turned.child_frame,
    ) == (
        "pose",
        None,
        "reconstruction",
        "camera",
    )
    assert np.allclose(still.values, [0.5, 0, 0, 0, 0, 0, 1])
    world_from_camera = matrix_of_pose(turned.values)
    assert np.allclose(world_from_camera @ [0, 0, 0, 1], [0, 0, 3, 1])
    assert np.allclose(world_from_camera @ [0, 0, 1, 1], [0, 0, 2, 1]), "it looks back"
    notes = reading.plans[0].notes
    assert (
        notes["unit of poses"].startswith("the model's own")
        and "points3D" in notes["not read: sparse/0"]
    )
    assert turned.source != still.source, "each pose says where it stands"


@pytest.mark.parametrize(
    ("said", "model", "distortion"),
    [
        ("SIMPLE_PINHOLE 32 24 50 16 12", None, ()),
        ("SIMPLE_RADIAL 32 24 50 16 12 .1", "plumb_bob", (0.1, 0, 0, 0)),
        ("RADIAL 32 24 50 16 12 .1 .2", "plumb_bob", (0.1, 0.2, 0, 0)),
        ("OPENCV 32 24 50 50 16 12 .1 .2 .3 .4", "plumb_bob", (0.1, 0.2, 0.3, 0.4)),
        (
            "FULL_OPENCV 32 24 50 50 16 12 .1 .2 .3 .4 .5 .6 .7 .8",
            "rational_polynomial",
            (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
        ),
        (
            "OPENCV_FISHEYE 32 24 50 50 16 12 .1 .2 .3 .4",
            "equidistant",
            (0.1, 0.2, 0.3, 0.4),
        ),
        ("SIMPLE_RADIAL_FISHEYE 32 24 50 16 12 .1", "equidistant", (0.1, 0, 0, 0)),
        ("RADIAL_FISHEYE 32 24 50 16 12 .1 .2", "equidistant", (0.1, 0.2, 0, 0)),
        ("EUCM 32 24 50 50 16 12 .6 1.1", "eucm", (0.6, 1.1)),
    ],
)
def test_models_that_a_camera_holds(
    write_files, read_session, pictures, said, model, distortion
):
    reading = read_session(
        write_files(below("sparse", text_model({1: said})) | pictures)
    )
    assert not reading.problems
    (camera,) = reading.of(CalibrationObservation)
    assert (camera.distortion_model, camera.distortion) == (model, distortion)
    assert (camera.fx_px, camera.cx_px, camera.cy_px) == (50, 15.5, 11.5)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("FOV 32 24 50 50 16 12 .1", "camera 1: camera model 'FOV' is not read"),
        (
            "EUCM 32 24 50 50 16 12 1.6 1",
            "camera 1: coefficients (1.6, 1.0) make no lens",
        ),
        ("PINHOLE 32 24 50 16 12", "camera 1: 3 parameters where PINHOLE has 4"),
        ("PINHOLE 32 24 -50 50 16 12", "camera 1: focal lengths -50, 50"),
        ("OPENCV_FISHEYE 32 24 50 50 16 12 0 0 0 0", "coefficients are all zero"),
    ],
)
def test_models_that_no_camera_holds_cost_the_calibration_alone(
    write_files, read_session, pictures, said, reason
):
    reading = read_session(
        write_files(below("sparse", text_model({1: said})) | pictures)
    )
    (problem,) = reading.problems
    assert reason in problem.reason
    assert len(reading.of(SignalObservation)) == 2 and not reading.of(
        CalibrationObservation
    )


def test_pictures_that_are_not_here_or_of_another_size(
    write_files, read_session, pictures, make_image
):
    images = [
        *IMAGES,
        (4, STILL, 1, "gone.png"),
        (5, STILL, 9, "d.png"),
        (6, ((0.5, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0)), 1, "d.png"),
        (8, STILL, 1, "small.png"),
    ]
    files = below("sparse/0", text_model(images=images)) | pictures
    files["images/small.png"] = make_image(9, 16, 12, ".png")
    reading = read_session(write_files(files))
    reasons = [p.reason for p in reading.problems]
    expected = [
        "there is no image 'gone.png'",
        "'d.png' has the camera 9, and there is none",
        "'d.png' has no pose: quaternion",
        "'small.png' has 16x12 px, its camera 32x24",
    ]
    assert [r[: len(e)] for r, e in zip(reasons, expected, strict=True)] == expected
    assert len(reading.of(SignalObservation)) == 2


def test_smaller_copies_beside_the_pictures_are_another_folder(
    write_files, read_session, pictures, make_image
):
    files = below("sparse/0", binary_model()) | pictures
    files["images_2/a.png"] = make_image(0, 16, 12, ".png")
    reading = read_session(write_files(files))
    assert not reading.problems and len(reading.of(SignalObservation)) == 2
    assert {p.reader for p in reading.plans} == {"colmap", "image_folder"}


def test_several_models_have_a_world_each(write_files, read_session, pictures):
    files = (
        below("sparse/0", binary_model()) | below("sparse/1", binary_model()) | pictures
    )
    reading = read_session(write_files(files))
    assert {s.frame_of_reference for s in reading.of(SignalObservation)} == {
        "reconstruction sparse/0",
        "reconstruction sparse/1",
    }


def test_damaged_models_cost_what_is_behind_the_damage(
    write_files, read_session, pictures
):
    model = binary_model()
    cut = below("sparse/0", model | {"images.bin": model["images.bin"][:-30]})
    reading = read_session(write_files(cut | pictures))
    (problem,) = reading.problems
    assert (
        "it ends early" in problem.reason
        and problem.source.path == "sparse/0/images.bin"
    )
    assert len(reading.of(SignalObservation)) == 1 and len(reading.frames) == 3
    longer = below("sparse/0", model | {"cameras.bin": model["cameras.bin"] + b"\0"})
    (problem,) = read_session(write_files(longer | pictures)).problems
    assert problem.reason == "is no list of cameras: 1 bytes behind the last entry"
    unknown = model["cameras.bin"].replace(
        struct.pack("<ii", 1, 1), struct.pack("<ii", 1, 99)
    )
    (problem,) = read_session(
        write_files(below("sparse/0", model | {"cameras.bin": unknown}) | pictures)
    ).problems
    assert "camera model number 99 is not known" in problem.reason


def test_a_model_beside_no_picture_is_told(write_files, read_session):
    reading = read_session(write_files(below("sparse/0", text_model())))
    assert not reading.plans and len(reading.leftovers) == 3
