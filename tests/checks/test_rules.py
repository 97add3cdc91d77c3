"""What holds for every rule alike: it passes on good rows, fails on none, and fails when a column is missing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from assets.label_versions import hash_version
from assets.privacy.policy import PrivacyPolicy, Probe
from assets.tables.releases import hash_content
from assets.tables.schemas import TABLES, content_id, to_table
from checks.agent_exam import HELD_OUT
from checks.gates import GATES
from checks.stored_rows import PUBLISHED, SEEN
from models.masks import encode_mask

RULES = {rule.name: rule for gate in GATES.values() for rule in gate.rules}
_OTHERS = {
    "package": pa.schema(
        [
            (c, TABLES["models"].schema.field(c).type)
            for c in (
                "model_sha256",
                "task",
                "recipe",
                "release_id",
                "code_version",
                "seed",
            )
        ]
    ),
    "package history": pa.schema([("epoch", pa.int64()), ("train_loss", pa.float64())]),
    "package weights": pa.schema(
        [
            ("tensor", pa.string()),
            ("num_values", pa.int64()),
            ("num_not_finite", pa.int64()),
        ]
    ),
}


# of kinds of labels that are not there, of depth images, of regions, and of scans that nobody holds
MAY_FIND_NOTHING = {
    "classes_are_known",
    "depth_is_covered_where_colour_is",
    "regions_are_of_sensors_that_are_there",
    "scans_are_held_where_the_policy_says",
}


@pytest.fixture
def good(rows_of, image_rows) -> dict[str, pa.Table]:
    """Rows of every table that meet every rule."""
    frames = image_rows(3)
    capture, recording = content_id("capture"), "a" * 64
    ids = frames["frame_id"].to_pylist()
    full_mask = encode_mask(
        np.ones((frames["height_px"][0].as_py(), frames["width_px"][0].as_py()), bool)
    )
    models = rows_of("models", 1)
    groups = [content_id("group", i) for i in range(3)]
    splits = ["train", "val", "test"]
    answers = [content_id("answer", i) for i in range(2)]
    release_frames = rows_of(
        "release_frames",
        3,
        frame_id=ids,
        split=splits,
        class_id=0,
        release_id=content_id("release"),
    )
    content = hash_content("recognition", ["ball"], release_frames)
    release_frames = rows_of(
        "release_frames",
        3,
        frame_id=ids,
        split=splits,
        class_id=0,
        release_id=content[:32],
    )
    version = rows_of(
        "label_versions",
        1,
        frame_id=ids[0],
        frame_sha256=frames["sha256"][0].as_py(),
    ).to_pylist()[0]
    version["content_sha256"] = hash_version(version)
    versions = to_table(TABLES["label_versions"], [version])
    return {
        "label_versions": versions,
        "privacy_policies": rows_of(
            "privacy_policies",
            1,
            policy=PrivacyPolicy(probe=Probe("faces", 0.9), position="drop").text,
            num_probed=200,
            found=0.97,
            covered=0.95,
            covered_low=0.92,
        ),
        "signals": rows_of("signals", 1, kind="gnss", values=[[float("nan")] * 3]),
        "sealed_frames": rows_of("sealed_frames", 3, frame_id=ids),
        "sealed_recordings": rows_of(
            "sealed_recordings", 1, capture_id=capture, original_sha256=recording
        ),
        "anonymised_frames": rows_of(
            "anonymised_frames",
            3,
            frame_id=ids,
            sha256=frames["sha256"].to_pylist(),
        ),
        "agent_exams": rows_of(
            "agent_exams",
            1,
            exam_id=content_id("exam"),
            rung="rules",
            question_set=HELD_OUT,
            num_questions=400,
            num_kinds=20,
            num_numbers=10,
            num_invented=0,
            num_traced=10,
            num_lost=0,
        ),
        "agent_marks": rows_of(
            "agent_marks",
            1,
            exam_id=content_id("exam"),
            kind="all",
            value=0.95,
            num_asked=100,
            num_right=95,
        ),
        "label_agreements": rows_of("label_agreements", 1),
        "label_queue": rows_of(
            "label_queue",
            1,
            frame_id=ids[0],
            frame_sha256=frames["sha256"][0].as_py(),
        ),
        "release_terms": rows_of(
            "release_terms", 1, release_id=content[:32], num_frames=3, is_refused=False
        ),
        "release_labels": rows_of(
            "release_labels", 1, version_id=version["version_id"]
        ),
        "captures": rows_of(
            "captures",
            1,
            capture_id=capture,
            num_frames=3,
            reader="mcap",
            sha256=recording,
        ),
        "frames": frames,
        "calibrations": rows_of("calibrations", 1, capture_id=capture),
        "scans": rows_of(
            "scans",
            3,
            capture_id=capture,
            sensor="lidar",
            sequence=[0, 1, 2],
            t_ns=[1, 2, 3],
            num_points=10,
            num_finite=9,
            **{f"{axis}_min_m": -1.0 for axis in "xyz"},
            **{f"{axis}_max_m": 1.0 for axis in "xyz"},
        ),
        "clock_reports": rows_of(
            "clock_reports",
            1,
            capture_id=capture,
            imu_offset_ms=0.5,
            imu_offset_sigma_ms=0.1,
            camera_offset_ms=0.5,
            camera_offset_sigma_ms=0.1,
            epipolar_px=0.2,
            focal_px=240.0,
            tilt_deg=0.1,
            tilt_sigma_deg=0.05,
        ),
        "quarantine": rows_of("quarantine", 1, source_path="notes.bin", sensor=None),
        "labels": rows_of(
            "labels",
            1,
            frame_id=ids[0],
            task="detection",
            x_min=1,
            y_min=2,
            x_max=9,
            y_max=8,
            mask_rle=full_mask,
        ),
        "annotated_frames": rows_of(
            "annotated_frames", 1, frame_id=ids[0], task="detection", num_missing=0
        ),
        PUBLISHED + "labels": rows_of("labels", 1, task="detection"),
        SEEN + "labels": rows_of("labels", 1, task="detection"),
        PUBLISHED + "annotated_frames": rows_of(
            "annotated_frames", 1, task="detection"
        ),
        PUBLISHED + "frames": rows_of("frames", 1),
        "frame_quality": rows_of(
            "frame_quality",
            3,
            frame_id=ids,
            brightness=0.5,
            sharpness=0.01,
            clipped_dark=0.0,
            clipped_bright=0.0,
        ),
        "frame_embeddings": rows_of("frame_embeddings", 3, frame_id=ids),
        "unique_frames": rows_of("unique_frames", 3, frame_id=ids, duplicate_of=None),
        "splits": rows_of("splits", 3, frame_id=ids, group_id=groups, split=splits),
        "release_frames": release_frames,
        "releases": rows_of(
            "releases",
            1,
            release_id=content[:32],
            content_sha256=content,
            class_names=[["ball"]],
            num_frames=3,
            num_labels=3,
        ),
        "models": models,
        "package": models.select(_OTHERS["package"].names).cast(_OTHERS["package"]),
        "package history": pa.table({"epoch": [0, 1], "train_loss": [2.0, 1.0]}),
        "package weights": pa.table(
            {"tensor": ["stem"], "num_values": [9], "num_not_finite": [0]}
        ),
        "predictions": rows_of(
            "predictions",
            2,
            prediction_id=answers,
            frame_id=ids[:2],
            class_names=[["ball"], ["ball"]],
            scores=[[0.9], [0.9]],
        ),
        "drift": rows_of("drift", 1, sensor="all", is_drifted=False),
        "request_windows": rows_of(
            "request_windows",
            2,
            start_ns=[0, 1],
            end_ns=[1, 2],
            images_drifted=False,
            answers_drifted=False,
        ),
        "rig_calibrations": rows_of(
            "rig_calibrations",
            1,
            coverage=0.9,
            rms_px=0.2,
            rms_alone_px=0.2,
            pattern_px=0.05,
            noise_px=0.2,
            fx_px=500.0,
            parameter_sigmas=[[0.5, 0.5, 0.3, 0.3]],
        ),
        "board_views": rows_of("board_views", 3, rms_px=0.2),
        "rig_fits": rows_of(
            "rig_fits",
            1,
            tilt_deg=0.1,
            tilt_sigma_deg=0.05,
            epipolar_px=0.2,
            focal_px=240.0,
        ),
        "depth_maps": rows_of(
            "depth_maps",
            3,
            coverage=0.8,
            agreement=0.9,
            sensor_off_px=0.2,
            sensor_bias_px=0.1,
            median_depth_m=1.0,
            focal_px=240.0,
            baseline_m=0.1,
        ),
        "sparse_models": rows_of(
            "sparse_models",
            1,
            gyro_off_deg=0.3,
            leap=0.0,
            num_images=3,
            num_registered=3,
            share_registered=1.0,
            num_pieces=1,
            num_estimated_cameras=1,
            share_flat_pairs=0.1,
            track_length=3.0,
            reprojection_px=0.4,
            angle_deg=10.0,
            flatness=0.5,
            length_unit="m",
            scale_sigma=0.01,
        ),
        "sparse_images": rows_of(
            "sparse_images", 3, num_points=40, world_from_camera=[[0.0] * 6 + [1.0]] * 3
        ),
        "sparse_rungs": rows_of(
            "sparse_rungs", 2, num_registered=3, is_kept=[True, False]
        ),
        "splats": rows_of(
            "splats",
            1,
            num_held_out=2,
            psnr_db=27.0,
            learned_psnr_db=29.0,
            nearest_psnr_db=14.0,
            mean_colour_psnr_db=12.0,
        ),
        "splat_views": rows_of("splat_views", 3, psnr_db=[27.0, 26.0, None]),
        "odometry": rows_of(
            "odometry",
            3,
            part=0,
            loop_drift_m=0.005,
            loop_drift_deg=0.1,
            loop_path_m=2.0,
            given_off_m=0.01,
            given_off_deg=0.1,
        ),
        "meshes": rows_of("meshes", 1, part=0, voxel_m=0.005, median_off_m=0.001),
        "object_boxes": rows_of(
            "object_boxes",
            2,
            length_m=0.1,
            length_sigma_m=0.01,
            width_m=0.1,
            width_sigma_m=0.01,
            height_m=0.1,
            height_sigma_m=0.01,
            num_views=3,
        ),
        "object_views": rows_of(
            "object_views", 2, is_whole=True, iou=0.9, off_sigmas=1.0
        ),
        "tracked_recordings": rows_of(
            "tracked_recordings",
            2,
            hota=0.8,
            mota=0.9,
            idf1=0.7,
            switches=1,
            truth_sha256="a" * 64,
        ),
        "documents": rows_of(
            "documents",
            2,
            kind="session",
            source="monday",
            session="monday",
            code_version="1",
        ),
        "gone": rows_of("gone", 1, session="friday", cause="forgotten"),
        "frame_texts": rows_of(
            "frame_texts",
            3,
            frame_id=ids,
            texts=[["EXIT"], [], []],
            scores=[[0.9], [], []],
            boxes_xyxy=[[0.0, 0.0, 16.0, 12.0], [], []],
        ),
        "picture_vectors": rows_of(
            "picture_vectors", 3, frame_id=ids, vector=[[0.6, 0.8]] * 3
        ),
        "imu_mounts": rows_of(
            "imu_mounts", 2, sigma_deg=0.2, stated_off_deg=0.3, reason=None
        ),
        "gravities": rows_of(
            "gravities", 1, size_m_s2=9.81, size_sigma_m_s2=0.01, reason=None
        ),
        "tracks": rows_of(
            "tracks",
            2,
            track_id=content_id("track"),
            frame_id=ids[:2],
            capture_id=capture,
            class_name="ball",
            is_filled=False,
            prediction_id=answers,
            box_number=0,
            x_min=1.0,
            y_min=1.0,
            x_max=9.0,
            y_max=9.0,
        ),
    }


def empty_of(name: str) -> pa.Table:
    stored = name.removeprefix(PUBLISHED).removeprefix(SEEN)
    schema = _OTHERS.get(name) or TABLES[stored].schema
    return schema.empty_table()


@pytest.mark.parametrize("name", sorted(RULES.keys() - {"no_record_was_refused"}))
def test_good_rows_pass(name, good):
    verdict = RULES[name](good)
    assert verdict.passed, verdict.summary
    assert verdict.num_checked > 0 or name in MAY_FIND_NOTHING
    assert verdict.name == name


@pytest.mark.parametrize("name", sorted(RULES))
def test_no_rule_passes_on_empty_tables(name):
    rule = RULES[name]
    verdict = rule({table: empty_of(table) for table in rule.reads})
    assert not verdict.passed
    assert verdict.is_blocking and verdict.num_checked == 0
    assert "error" not in verdict.figures, verdict.summary


@pytest.mark.parametrize(
    ("name", "table", "column"),
    [
        (r.name, table, column)
        for r in RULES.values()
        for table, columns in r.reads.items()
        for column in columns
    ],
)
def test_a_missing_column_fails(name, table, column, good):
    verdict = RULES[name]({**good, table: good[table].drop_columns([column])})
    assert not verdict.passed and verdict.is_blocking
    assert (
        verdict.summary
        == f"could not be evaluated: LookupError: table {table} lacks the columns {column}"
    )


@pytest.mark.parametrize("name", sorted(RULES))
def test_rules_are_named_by_the_claim_that_is_true_when_they_pass(name):
    verbs = {
        "are",
        "is",
        "know",
        "has",
        "have",
        "match",
        "matches",
        "lie",
        "may",
        "share",
        "hold",
        "point",
        "decode",
        "was",
        "skip",
        "keep",
        "sit",
        "decreased",
        "contradict",
        "agree",
        "agrees",
        "asks",
        "ask",
        "cover",
        "covers",
        "rest",
        "stands",
    }
    assert set(name.split("_")) & verbs, name
    assert not name.startswith(("check_", "test_", "validate_"))
    assert RULES[name].claim


@pytest.mark.parametrize("name", sorted(GATES))
def test_a_gate_says_what_each_verdict_claims(name):
    gate = GATES[name]
    assert list(gate.claims) == list(gate.names) and all(gate.claims.values())
    assert len(set(gate.names)) == len(gate.names)


def test_rules_read_columns_that_exist():
    for rule in RULES.values():
        for table, columns in rule.reads.items():
            assert set(columns) <= set(empty_of(table).column_names), (rule.name, table)
