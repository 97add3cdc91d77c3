"""TUM RGB-D: lists of time and file, depth of 5000 units a metre, ground truth; and plain trajectories."""

from __future__ import annotations

import io
import zipfile

import pytest

from assets.formats.observations import SignalObservation

TRUTH = (
    "# ground truth trajectory\n# timestamp tx ty tz qx qy qz qw\n1.5 1 2 3 0 0 0 1\n"
)


@pytest.fixture
def sequence(make_image):
    depth = make_image(9, ending=".png", bits=16)
    return {
        "desk/rgb.txt": "# color images\n# time filename\n1305031102.175304 rgb/a.png\n1305031102.211214 rgb/b.png\n",
        "desk/depth.txt": "1305031102.160407 depth/a.png\n",
        "desk/rgb/a.png": make_image(1, ending=".png"),
        "desk/rgb/b.png": make_image(2, ending=".png"),
        "desk/depth/a.png": depth,
        "desk/groundtruth.txt": TRUTH,
        "desk/accelerometer.txt": "# timestamp ax ay az\n1305031098.657001 0.25 8.5 -4\n",
    }


def test_a_sequence_is_one_capture_with_exact_times(
    write_files, read_session, sequence
):
    reading = read_session(write_files(sequence))
    assert [(p.reader, p.root) for p in reading.plans] == [("tum_rgbd", "desk")]
    assert not reading.problems and not reading.leftovers
    assert [
        (f.sensor, f.kind, f.t_ns, f.sequence, f.depth_m_per_unit)
        for f in reading.frames
    ] == [
        ("rgb", "color", 1305031102175304000, 0, None),
        ("rgb", "color", 1305031102211214000, 1, None),
        ("depth", "depth", 1305031102160407000, 0, 1 / 5000),
    ]


def test_ground_truth_is_a_pose_of_the_colour_camera_and_the_source_is_its_line(
    write_files, read_session, sequence
):
    root = write_files(sequence)
    pose, acceleration = read_session(root).of(SignalObservation)
    assert (pose.kind, pose.t_ns, pose.frame_of_reference, pose.child_frame) == (
        "pose",
        1_500_000_000,
        "world",
        "rgb",
    )
    assert pose.values == (1, 2, 3, 0, 0, 0, 1)
    data = (root / pose.source.path).read_bytes()
    assert data[pose.source.offset :][: pose.source.length] == b"1.5 1 2 3 0 0 0 1\n"
    assert (acceleration.kind, acceleration.values) == (
        "acceleration",
        (0.25, 8.5, -4.0),
    )
    assert acceleration.t_ns == 1305031098657001000


def test_each_difference_between_list_and_images_is_told_and_the_neighbours_go_on(
    write_files, read_session, sequence, make_image
):
    sequence["desk/rgb.txt"] += (
        "1305031103 rgb/lost.png\nnow rgb/b.png\n1305031104 rgb/a.png\n1305031105 ../b.png\n"
    )
    sequence["desk/rgb/extra.png"] = make_image(3, ending=".png")
    sequence["desk/depth.txt"] += "1305031102.2 depth/colour.jpg\n"
    sequence["desk/depth/colour.jpg"] = make_image(4)
    reading = read_session(write_files(sequence))
    assert len(reading.frames) == 3
    reasons = "\n".join(f"{p.source.path}: {p.reason}" for p in reading.problems)
    assert len(reading.problems) == 6 and all(p.remedy for p in reading.problems)
    for expected in (
        "desk/rgb.txt: line 5: there is no image 'rgb/lost.png'",
        "desk/rgb.txt: line 6: 'now' is not a time",
        "desk/rgb.txt: line 7: 'rgb/a.png' is listed twice",
        "desk/rgb.txt: line 8: there is no image '../b.png'",
        "desk/rgb/extra.png: is not listed in rgb.txt, so it has no time",
        "desk/depth/colour.jpg: stands where depth belongs, and is no 16-bit PNG of one channel but jpeg",
    ):
        assert expected in reasons


def test_a_sequence_inside_a_zip(write_files, read_session, sequence):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in sequence.items():
            archive.writestr(name, data)
    reading = read_session(write_files({"all.zip": packed.getvalue()}))
    assert not reading.problems
    assert [f.t_ns for f in reading.frames][:1] == [1305031102175304000]
    assert len(reading.of(SignalObservation)) == 2


def test_a_list_of_another_kind_claims_nothing(write_files, read_session, make_image):
    root = write_files({"x/rgb.txt": "red green blue\n", "x/a.jpg": make_image(1)})
    assert [p.reader for p in read_session(root).plans] == ["image_folder"]


def test_a_list_that_was_cut_to_a_pointer_is_a_problem(
    write_files, read_session, sequence
):
    sequence["desk/groundtruth.txt"] = (
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n"
    )
    (problem,) = read_session(write_files(sequence)).problems
    assert problem.reason == "git-lfs pointer, not data"


def test_a_plain_trajectory_names_no_frames(write_files, read_session):
    reading = read_session(
        write_files({"runs/slam.txt": TRUTH + "1.6 1 2 3 0 0 0 5\n1.7 1 2 3 0 0 0\n"})
    )
    (pose,) = reading.of(SignalObservation)
    assert (pose.sensor, pose.frame_of_reference, pose.child_frame) == (
        "slam",
        None,
        None,
    )
    assert [p.reason.split(",")[0] for p in reading.problems] == [
        "line 4: quaternion (0.0",
        "line 5: 6 values where 7 are needed",
    ]


@pytest.mark.parametrize(
    "text", ["1 2 3\n", "0 0.5 0.5 0.1 0.1\n", "a b\n", "# only a comment\n", ""]
)
def test_other_texts_are_no_trajectories(write_files, read_session, text):
    reading = read_session(write_files({"notes/x.txt": text}))
    assert not reading.plans and [left.file.path for left in reading.leftovers] == [
        "notes/x.txt"
    ]


def test_real_trajectories(test_data, read_session):
    reading = read_session(test_data("sensors/trajectories_tum"))
    assert not reading.problems and not reading.leftovers
    sizes = {p.root: 0 for p in reading.plans}
    for signal in reading.of(SignalObservation):
        sizes[signal.source.path] += 1
    assert sizes == {  # lines of the files less their comments
        "freiburg1_xyz-groundtruth.txt": 3000,
        "freiburg1_xyz-rgbdslam.txt": 788,
        "freiburg1_xyz-ORB_kf_mono.txt": 32,
        "freiburg1_xyz-rgbdslam_drift.txt": 788,
        "freiburg1_xyz-rgbdslam_drift_short.txt": 40,
    }
    first = reading.of(SignalObservation)[32]
    assert (
        first.source.path == "freiburg1_xyz-groundtruth.txt"
        and first.t_ns == 1305031098665900000
    )


def test_real_depth_of_which_nobody_says_the_unit_has_none(test_data, read_session):
    reading = read_session(test_data("rgbd/open3d_rgbd"))
    depths = [f for f in reading.frames if f.kind == "depth"]
    assert len(depths) == 7 and all(f.depth_m_per_unit is None for f in depths)
    assert {"SUN_depth.png", "TUM_depth.png"} <= {
        f.source.path.rpartition("/")[2] for f in depths
    }
    left = {item.file.path.rpartition("/")[2]: item for item in reading.leftovers}
    assert (
        "16-bit values" in left["NYU_depth.pgm"].reason
        and "disparities" in left["NYU_depth.pgm"].remedy
    )
    assert left["NYU_color.ppm"].remedy == "convert it to JPEG or PNG"


def test_a_row_with_a_missing_field_is_refused_alone(
    write_files, read_session, sequence, make_image
):
    """Also where it is the first, and where another field too many would hide it."""
    sequence["desk/rgb.txt"] = (
        "\ufeff1305031102.0\n1305031102.175304 rgb/a.png\n\n1305031102.211214 rgb/b.png"
    )
    sequence["desk/accelerometer.txt"] = "1.5,,8.5,-4,1\n2.5,1,2,3\n"
    reading = read_session(write_files(sequence))
    assert [(f.t_ns, f.source.path) for f in reading.frames if f.sensor == "rgb"] == [
        (1305031102175304000, "desk/rgb/a.png"),
        (1305031102211214000, "desk/rgb/b.png"),
    ]
    assert [
        s.values for s in reading.of(SignalObservation) if s.kind == "acceleration"
    ] == [(1, 2, 3)]
    assert [p.reason for p in reading.problems] == [
        "line 1: '1305031102.0' is not a time and a file",
        "line 1: 4 values where 3 are needed",
    ]


def test_stamps_of_zero_are_no_times(write_files, read_session, sequence):
    sequence["desk/rgb.txt"] = "0.000000 rgb/a.png\n0.000000 rgb/b.png\n"
    sequence["desk/groundtruth.txt"] = "0 1 2 3 0 0 0 1\n" + TRUTH
    reading = read_session(write_files(sequence))
    assert [(f.t_ns, f.sequence) for f in reading.frames if f.sensor == "rgb"] == [
        (None, 0),
        (None, 1),
    ]
    assert [s.t_ns for s in reading.of(SignalObservation) if s.kind == "pose"] == [
        0,
        1_500_000_000,
    ]
    assert reading.plans[0].notes == {"rgb: stamps of zero": "2 samples have no time"}


def test_a_trajectory_is_known_by_any_of_its_first_rows(write_files, read_session):
    text = "\ufeffstamp tx ty tz qx qy qz qw\n1.4 1 2 3\n1.5 1 2 3 0 0 0 1\n"
    reading = read_session(write_files({"runs/slam.txt": text}))
    assert [s.t_ns for s in reading.of(SignalObservation)] == [1_500_000_000]
    assert [p.reason.split(":")[0] for p in reading.problems] == ["line 1", "line 2"]
