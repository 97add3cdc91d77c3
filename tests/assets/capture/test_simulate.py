"""Simulated captures on disk: same seed same bytes, standard messages, and each shift and fault with its effect."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as PilImage

from assets.capture.simulate import FAULTS, SHIFTS, SimulationSpec, simulate
from assets.images import decode_depth, decode_rgb
from models.masks import decode_mask

SIZE = {"width_px": 96, "height_px": 72}
CAMERA_LAG_MIN_NS = 20_000_000


def make(
    folder: Path, captures: int = 1, seconds: float = 1.2, seed: int = 7, **changes
) -> list[Path]:
    return simulate(
        folder,
        SimulationSpec(
            captures=captures, seconds=seconds, seed=seed, **{**SIZE, **changes}
        ),
    )


def read(path: Path, log_order: bool = True) -> list[tuple[str, int, int, object]]:
    """(topic, log ns, publish ns, decoded message) of all messages, read by MCAP's own reader and decoders."""
    from mcap.reader import make_reader
    from mcap_protobuf.decoder import DecoderFactory as ProtobufFactory
    from mcap_ros2.decoder import DecoderFactory as Ros2Factory

    factories = {"protobuf": ProtobufFactory(), "ros2msg": Ros2Factory()}
    rows = []
    with path.open("rb") as stream:
        reader = make_reader(stream, validate_crcs=True)
        for schema, channel, message in reader.iter_messages(log_time_order=log_order):
            if schema.encoding == "jsonschema":
                decoded = json.loads(message.data)
            else:
                decoded = factories[schema.encoding].decoder_for(
                    channel.message_encoding, schema
                )(message.data)
            rows.append(
                (channel.topic, message.log_time, message.publish_time, decoded)
            )
    return rows


def stamp_ns(message) -> int:
    return message.timestamp.seconds * 10**9 + message.timestamp.nanos


def pick(path: Path, topic: str) -> list:
    return [decoded for name, _, _, decoded in read(path) if name == topic]


def pick_bytes(path: Path, topic: str) -> list[bytes]:
    """The messages of a topic, still encoded."""
    from mcap.reader import make_reader

    with path.open("rb") as stream:
        return [
            message.data
            for _, _, message in make_reader(stream).iter_messages(topics=[topic])
        ]


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    return make(tmp_path_factory.mktemp("plain"))[0]


def test_same_seed_writes_the_same_bytes(plain, tmp_path):
    assert make(tmp_path)[0].read_bytes() == plain.read_bytes()


def test_same_seed_writes_the_same_bytes_in_another_process(plain, tmp_path):
    code = (
        "import sys; from pathlib import Path; from assets.capture.simulate import *;"
        f"simulate(Path(sys.argv[1]), SimulationSpec(1, 1.2, 7, **{SIZE!r}))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "4711", "OMP_NUM_THREADS": "1"}
    root = Path(__file__).parents[3]
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        check=True,
        env=environment,
        cwd=root,
        timeout=120,
    )
    assert (tmp_path / plain.name).read_bytes() == plain.read_bytes()


def test_another_seed_and_another_capture_differ(plain, tmp_path):
    first, second = make(tmp_path, captures=2, seed=8)
    assert len({plain.read_bytes(), first.read_bytes(), second.read_bytes()}) == 3


def test_message_counts_follow_from_rates(plain):
    # 1.2 s: 12 frames, 60 poses and 3 static transforms, 200 * 1.2 + 1 IMU samples.
    counts = Counter(topic for topic, *_ in read(plain))
    expected = {f"/camera/{s}/image": 12 for s in ("left", "right", "depth")}
    expected |= {f"/camera/{s}/calibration": 1 for s in ("left", "right", "depth")}
    expected |= {
        "/camera/left/annotations": 12,
        "/ground_truth/left": 12,
        "/tf": 63,
        "/imu": 241,
    }
    assert counts == expected


def test_schemas_are_the_well_known_ones(plain):
    from mcap.reader import make_reader

    with plain.open("rb") as stream:
        summary = make_reader(stream).get_summary()
    names = {
        c.topic: (summary.schemas[c.schema_id].name, c.message_encoding)
        for c in summary.channels.values()
    }
    assert names["/camera/left/image"] == ("foxglove.CompressedImage", "protobuf")
    assert names["/camera/depth/calibration"] == (
        "foxglove.CameraCalibration",
        "protobuf",
    )
    assert names["/tf"] == ("foxglove.FrameTransform", "protobuf")
    assert names["/camera/left/annotations"] == (
        "foxglove.ImageAnnotations",
        "protobuf",
    )
    assert names["/imu"] == ("sensor_msgs/msg/Imu", "cdr")
    assert names["/ground_truth/left"] == ("daguerre.GroundTruth", "json")
    assert all(index.compression == "" for index in summary.chunk_indexes)


def test_pictures_decode_in_two_libraries(plain):
    for message in pick(plain, "/camera/left/image"):
        assert decode_rgb(message.data).shape == (72, 96, 3)
        assert PilImage.open(io.BytesIO(message.data)).size == (96, 72)
    depth = decode_depth(pick(plain, "/camera/depth/image")[0].data)
    assert depth.shape == (72, 96)
    assert 150 < np.median(depth[depth > 0]) < 1500  # a tabletop at arm's length


def test_truth_belongs_to_a_frame_and_fits_it(plain):
    from pycocotools import mask as coco

    stamps = {stamp_ns(m) for m in pick(plain, "/camera/left/image")}
    records = pick(plain, "/ground_truth/left")
    assert {r["t_ns"] for r in records} == stamps
    for record in records:
        assert record["sensor"] == "left"
        assert record["recognition"] == record["objects"][0]["class_name"]
        for item in record["objects"]:
            assert item["mask_size"] == [72, 96]
            x, y, width, height = coco.toBbox(
                {"size": item["mask_size"], "counts": item["mask_rle"].encode()}
            )
            assert item["box_xyxy"] == [x, y, x + width, y + height]
        masks = [decode_mask(m["mask_rle"], 72, 96) for m in record["class_masks"]]
        assert (np.sum(masks, axis=0) == 1).all(), "every pixel has one class"


def test_imu_decodes_and_weighs_about_g_on_average(plain):
    samples = pick(plain, "/imu")
    force = np.array(
        [
            [s.linear_acceleration.x, s.linear_acceleration.y, s.linear_acceleration.z]
            for s in samples
        ]
    )
    assert 8 < np.linalg.norm(force, axis=1).mean() < 13
    assert samples[0].header.frame_id == "rig"
    stamps = np.array(
        [s.header.stamp.sec * 10**9 + s.header.stamp.nanosec for s in samples]
    )
    assert set(np.diff(stamps)) == {5_000_000}
    assert samples[0].orientation_covariance[0] == -1  # unknown orientation, REP 145


def test_calibration_publishes_focal_and_baseline(plain):
    left, right = (
        pick(plain, f"/camera/{s}/calibration")[0] for s in ("left", "right")
    )
    focal = 0.74 * 96
    assert list(left.K) == pytest.approx([focal, 0, 47.5, 0, focal, 35.5, 0, 0, 1])
    assert left.P[3] == 0 and right.P[3] == pytest.approx(-focal * 0.06)
    static = {
        m.child_frame_id: m for m in pick(plain, "/tf") if m.parent_frame_id == "rig"
    }
    assert static["camera_left"].translation.y - static[
        "camera_right"
    ].translation.y == pytest.approx(0.06)
    assert {left.frame_id, right.frame_id} < set(static)


def test_log_times_never_run_back(plain):
    logs = [log for _, log, _, _ in read(plain, log_order=False)]
    assert logs == sorted(logs)


def test_progress_counts_every_frame(tmp_path):
    calls: list[tuple[int, int]] = []
    simulate(
        tmp_path,
        SimulationSpec(2, 0.4, 1, **SIZE),
        lambda done, total: calls.append((done, total)),
    )
    assert calls == [(k, 8) for k in range(1, 9)]
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shift": "fog"}, "unknown shift 'fog'.*dusk, sensor_noise"),
        ({"fault": "fire"}, "unknown fault 'fire'.*dropped_frames"),
        ({"captures": 0}, "captures is 0"),
        ({"seconds": -1.0}, "seconds is -1.0"),
        ({"seconds": 0.01}, "0 frames"),
        ({"seconds": 0.2, "fault": "dropped_frames"}, "at least 4 frames"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_what_cannot_be_simulated_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        SimulationSpec(**{"captures": 1, "seconds": 1.0, "seed": 0, **changes})


def test_names_of_shifts_and_faults_are_the_promised_ones():
    assert set(SHIFTS) == {
        "dusk",
        "sensor_noise",
        "motion_blur",
        "miscalibrated",
        "late_clock",
        "unseen_object",
    }
    assert set(FAULTS) == {
        "dropped_frames",
        "corrupt_frame",
        "truncated_file",
        "duplicate",
        "wrong_timestamps",
    }


def left_images(path: Path) -> np.ndarray:
    return np.stack(
        [decode_rgb(m.data) for m in pick(path, "/camera/left/image")]
    ).astype(float)


def test_dusk_halves_the_brightness(plain, tmp_path):
    dusk = make(tmp_path, shift="dusk")[0]
    assert left_images(dusk).mean() < 0.6 * left_images(plain).mean()
    assert pick(dusk, "/ground_truth/left") == pick(plain, "/ground_truth/left")


def test_noise_roughens_and_blur_smooths(plain, tmp_path):
    def roughness(path: Path) -> float:
        return float(
            np.mean(
                [cv2.Laplacian(image, cv2.CV_64F).var() for image in left_images(path)]
            )
        )

    assert roughness(make(tmp_path, shift="sensor_noise")[0]) > 1.3 * roughness(plain)
    assert roughness(make(tmp_path, shift="motion_blur")[0]) < 0.5 * roughness(plain)


def test_miscalibrated_changes_the_right_picture_but_not_its_calibration(
    plain, tmp_path
):
    tilted = make(tmp_path, shift="miscalibrated")[0]
    for topic in (
        "/camera/right/calibration",
        "/tf",
        "/imu",
        "/camera/left/image",
        "/camera/depth/image",
    ):
        assert pick_bytes(tilted, topic) == pick_bytes(plain, topic), topic
    # 1.2 degrees about the horizontal axis move the picture by at least 0.74 * 96 * tan(1.1 deg) = 1.4 px up or down.
    first = [
        decode_rgb(pick(path, "/camera/right/image")[0].data)
        for path in (plain, tilted)
    ]
    before, after = (image_rgb[..., 1].astype(np.float64) for image_rgb in first)
    (_, dy), _ = cv2.phaseCorrelate(
        before, after, cv2.createHanningWindow((96, 72), cv2.CV_64F)
    )
    assert 1.0 < abs(dy) < 4.0


def test_late_clock_delays_cameras_against_imu_and_poses(plain, tmp_path):
    late = make(tmp_path, shift="late_clock")[0]
    lags = {
        a - b
        for a, b in zip(
            *(map(stamp_ns, pick(p, "/camera/left/image")) for p in (late, plain)),
            strict=True,
        )
    }
    assert len(lags) == 1
    assert min(lags) >= CAMERA_LAG_MIN_NS
    for topic in ("/imu", "/tf"):
        assert pick_bytes(late, topic) == pick_bytes(plain, topic), topic
    assert [m.data for m in pick(late, "/camera/left/image")] == [
        m.data for m in pick(plain, "/camera/left/image")
    ]


def test_unseen_object_shows_a_cone(tmp_path):
    path = make(tmp_path, seconds=3.0, shift="unseen_object")[0]
    classes = {
        item["class_name"]
        for record in pick(path, "/ground_truth/left")
        for item in record["objects"]
    }
    assert "cone" in classes


def test_dropped_frames_leave_a_gap_on_all_cameras(plain, tmp_path):
    first, second = make(tmp_path, captures=2, fault="dropped_frames")
    stamps = [stamp_ns(m) for m in pick(first, "/camera/left/image")]
    assert len(stamps) < 12
    assert max(np.diff(stamps)) >= 300_000_000
    for topic in ("/camera/right/image", "/camera/depth/image", "/ground_truth/left"):
        assert len(pick(first, topic)) == len(stamps)
    assert len(pick(first, "/imu")) == 241
    assert len(pick(second, "/camera/left/image")) == 12


def test_corrupt_frame_breaks_exactly_one_picture(plain, tmp_path):
    broken = []
    path = make(tmp_path, fault="corrupt_frame")[0]
    for message, sound in zip(
        pick(path, "/camera/left/image"), pick(plain, "/camera/left/image"), strict=True
    ):
        if message.data != sound.data:
            broken.append(message.data)
    assert len(broken) == 1
    with pytest.raises(ValueError, match="do not decode"):
        decode_rgb(broken[0])
    with pytest.raises(OSError, match="cannot identify"):
        PilImage.open(io.BytesIO(broken[0]))


def test_truncated_file_ends_early_and_its_start_is_sound(tmp_path):
    from mcap.exceptions import McapError
    from mcap.reader import NonSeekingReader

    cut, second = make(
        tmp_path,
        captures=2,
        seconds=2.0,
        fault="truncated_file",
        width_px=320,
        height_px=240,
    )
    found = []
    with cut.open("rb") as stream, pytest.raises(McapError):
        for _, _, message in NonSeekingReader(stream).iter_messages(
            ["/camera/left/image"], log_time_order=False
        ):
            found.append(message.data)
    assert 4 <= len(found) < 20
    (whole,) = make(tmp_path / "whole", seconds=2.0, width_px=320, height_px=240)
    assert 0.6 < cut.stat().st_size / whole.stat().st_size < 0.64
    assert found == pick_bytes(whole, "/camera/left/image")[: len(found)]
    assert len(pick(second, "/camera/left/image")) == 20


def test_duplicate_is_the_same_bytes_under_another_name(tmp_path):
    first, copy, second = make(tmp_path, captures=2, fault="duplicate")
    assert first.read_bytes() == copy.read_bytes() != second.read_bytes()
    assert first.name != copy.name


def test_wrong_timestamps_run_back_while_arrival_does_not(tmp_path):
    path = make(tmp_path, fault="wrong_timestamps")[0]
    rows = [
        (log, stamp_ns(m))
        for topic, log, _, m in read(path)
        if topic == "/camera/left/image"
    ]
    assert len(rows) == 12
    assert np.diff([stamp for _, stamp in rows]).min() < 0
    assert np.diff([log for log, _ in rows]).min() > 0
    assert len({stamp for _, stamp in rows}) == 12
    assert {r["t_ns"] for r in pick(path, "/ground_truth/left")} == {
        stamp for _, stamp in rows
    }


def test_a_shift_and_a_fault_go_together(tmp_path):
    path = make(tmp_path, shift="dusk", fault="corrupt_frame")[0]
    assert path.name == "sim_s7_dusk_corrupt_frame_000.mcap"
