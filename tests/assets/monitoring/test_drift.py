"""Session verdicts on simulated figures: clean sessions pass at the stated rate, shifts are seen, little is refused."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy import stats

from assets.monitoring.drift import Champion, assess_session, mark
from assets.monitoring.figures import FrameFigures
from assets.monitoring.retraining import needs_retraining
from assets.tables.schemas import TABLES, to_table
from assets.tables.schemas.monitoring import WHOLE_SESSION

CHAMPION = Champion("daguerre-recognition", 3, "a" * 32)
DIM = 16


def record(
    rng,
    session,
    recordings=8,
    frames=20,
    cameras=("left", "right"),
    gain=1.0,
    noise=1.0,
    has_clock=True,
    crisp=1.0,
):
    """Figures of recordings: a scene effect each, neighbouring frames alike, both cameras the same but for a little."""
    rows = []
    quality = []
    vectors = []
    for r in range(recordings):
        scene = rng.normal(size=4) * 0.1
        place = rng.normal(size=DIM) * 0.1
        drift = np.cumsum(rng.normal(size=(frames, 4)), axis=0) * 0.02
        for camera in cameras:
            for k in range(frames):
                if not has_clock:
                    scene = rng.normal(size=4) * 0.1
                    place = rng.normal(size=DIM) * 0.1
                walk = drift[k] if has_clock else 0.0
                brightness, contrast, sharpness, grain = np.exp(
                    scene + walk + rng.normal(size=4) * 0.01
                )
                frame_id = f"{session}-{r}-{camera}-{k}"
                rows.append(
                    {
                        "frame_id": frame_id,
                        "capture_id": f"{session}-{r}",
                        "session": session,
                        "sensor": camera,
                        "t_ns": k if has_clock else None,
                        "sequence": k,
                    }
                )
                quality.append(
                    {
                        "frame_id": frame_id,
                        "brightness": 0.4 * brightness * gain,
                        "contrast": 0.2 * contrast * gain,
                        "sharpness": 0.02 * sharpness * gain**2,
                        "crispness": 1.8 * sharpness**0.3 * crisp,
                        "noise": 0.004 * grain * noise,
                        "clipped_dark": 0.01,
                        "clipped_bright": 0.0,
                    }
                )
                vector = np.eye(DIM)[0] + place + rng.normal(size=DIM) * 0.02
                vectors.append(vector / np.linalg.norm(vector))
    ids = pa.array([r["frame_id"] for r in rows])
    flat = pa.array(np.concatenate(vectors).astype(np.float32))
    t_ns = pa.array([r["t_ns"] for r in rows], pa.int64())
    table = pa.Table.from_pylist(rows)
    table = table.set_column(table.column_names.index("t_ns"), "t_ns", t_ns)
    return FrameFigures(
        table, pa.Table.from_pylist(quality), tell_vectors(ids, session, flat)
    )


def tell_vectors(ids, session, flat, encoder="1"):
    vectors = pa.FixedSizeListArray.from_arrays(flat, DIM)
    facts = {"session": [session] * len(ids), "code_version": [encoder] * len(ids)}
    return pa.table({"frame_id": ids, "vector": vectors, **facts})


def judge(reference, new, **more):
    return assess_session(reference, new, "new", CHAMPION, **more)


@pytest.fixture
def reference():
    return record(np.random.default_rng(1), "old")


def test_clean_sessions_alarm_no_more_often_than_stated():
    rng = np.random.default_rng(0)
    worlds = [
        (record(rng, "old", 6, 10, ("left",)), record(rng, "new", 1, 10, ("left",)))
        for _ in range(300)
    ]
    alarms = sum(bool(judge(old, new, alpha=0.05).is_drifted) for old, new in worlds)
    assert alarms <= stats.binom.ppf(0.999, 300, 0.05)


def test_clean_session_has_a_verdict_and_a_row_per_camera_and_figure(reference):
    found = judge(reference, record(np.random.default_rng(2), "new", 1))
    assert found.is_drifted is False and found.p_value > 0.01
    assert len(found.rows) == 1 + 2 * 8
    assert to_table(TABLES["drift"], found.rows).num_rows == 17
    assert {r["threshold"] for r in found.rows} == {0.01}
    assert {r["num_reference"] for r in found.rows} == {8} and {
        r["unit"] for r in found.rows
    } == {"recording"}


@pytest.mark.parametrize(
    ("shift", "figure"),
    [
        ({"gain": 0.4}, "brightness"),
        ({"noise": 8.0}, "noise"),
        ({"crisp": 0.42}, "crispness"),
    ],
)
def test_dusk_sensor_noise_and_motion_blur_are_seen_in_both_cameras(
    reference, shift, figure
):
    found = judge(reference, record(np.random.default_rng(3), "new", 1, **shift))
    assert found.is_drifted is True
    assert {
        r["sensor"] for r in found.rows if r["statistic"] == figure and r["is_drifted"]
    } == {"left", "right"}
    assert "false-alarm rate 0.01 a session" in found.reason


def test_a_mark_stands_behind_the_verdict_on_the_session_and_changes_none(reference):
    found = judge(reference, record(np.random.default_rng(3), "new", 1, gain=0.4))
    marked = mark(found, "outside")
    assert marked.reason == found.reason + "; outside"
    assert marked.is_drifted is True and marked.p_value == found.p_value
    assert [r["reason"].endswith("; outside") for r in marked.rows] == [
        r["statistic"] == WHOLE_SESSION for r in found.rows
    ]


def test_pictures_of_no_named_sensor_are_not_said_to_be_of_a_camera(reference):
    new = record(np.random.default_rng(2), "new", 1, cameras=("camera",))
    found = judge(reference, new)
    told = " ".join([found.reason, *(row["reason"] for row in found.rows)])
    assert "camera" not in told and "pictures of no named sensor" in told


def test_dimming_has_a_negative_distance(reference):
    found = judge(reference, record(np.random.default_rng(3), "new", 1, gain=0.4))
    assert all(r["value"] < 0 for r in found.rows if r["statistic"] == "brightness")


def test_new_place_moves_the_embedding_alone(reference):
    new = record(np.random.default_rng(4), "new", 1)
    flat = np.tile(np.eye(DIM, dtype=np.float32)[5], len(new.frames))
    moved = replace(
        new, embeddings=tell_vectors(new.frames["frame_id"], "new", pa.array(flat))
    )
    found = judge(reference, moved)
    assert {r["statistic"] for r in found.rows if r["is_drifted"]} == {
        "session",
        "embedding",
    }


def test_three_recordings_give_no_verdict_and_no_number():
    found = judge(
        record(np.random.default_rng(5), "old", 3),
        record(np.random.default_rng(6), "new", 1, gain=0.1),
    )
    assert (found.is_drifted, found.p_value) == (None, None)
    assert (
        "not enough reference: 3 recordings" in found.reason
        and "4 recordings needed" in found.reason
    )
    assert (
        {r["is_drifted"] for r in found.rows}
        == {r["p_value"] for r in found.rows}
        == {None}
    )
    assert to_table(TABLES["drift"], found.rows).num_rows == 17


def test_no_reference_at_all_gives_no_verdict(reference):
    empty = replace(reference, frames=reference.frames.slice(0, 0))
    assert judge(empty, record(np.random.default_rng(6), "new", 1)).is_drifted is None


def test_session_s_own_frames_are_no_reference():
    same = record(np.random.default_rng(7), "new", 8)
    assert judge(same, same).is_drifted is None


def test_copies_of_the_reference_do_not_drift(reference):
    columns = ["frame_id", "capture_id", "sensor", "t_ns", "sequence"]
    copy = reference.frames.select(columns).append_column(
        "session", pa.array(["new"] * len(reference.frames))
    )
    found = judge(reference, replace(reference, frames=copy))
    assert found.p_value == 1.0
    assert max(abs(r["value"]) for r in found.rows) < 1e-6


def test_folder_of_separate_pictures_is_judged_by_blocks():
    rng = np.random.default_rng(8)
    pictures = record(rng, "old", 1, 200, ("camera",), has_clock=False)
    clean = judge(pictures, record(rng, "new", 1, 60, ("camera",), has_clock=False))
    dark = judge(
        pictures, record(rng, "new", 1, 60, ("camera",), has_clock=False, gain=0.4)
    )
    assert (clean.is_drifted, dark.is_drifted) == (False, True)
    assert {r["unit"] for r in dark.rows} == {"block of pictures"} and dark.rows[0][
        "num_reference"
    ] == 20


def test_one_video_is_no_reference_however_long():
    found = judge(
        record(np.random.default_rng(9), "old", 1, 400),
        record(np.random.default_rng(10), "new", 1),
    )
    assert found.is_drifted is None


def test_unknown_camera_is_compared_with_all_and_says_so(reference):
    found = judge(
        reference, record(np.random.default_rng(11), "new", 1, cameras=("rear",))
    )
    assert found.is_drifted is False
    assert all(
        "not in the reference" in r["reason"]
        for r in found.rows
        if r["sensor"] == "rear"
    )


def test_short_recording_of_a_faulty_capture_does_not_alarm(reference):
    assert (
        judge(
            reference, record(np.random.default_rng(12), "new", 1, frames=2)
        ).is_drifted
        is False
    )


def test_depth_frames_are_left_out(reference):
    new = record(np.random.default_rng(13), "new", 1, cameras=("left", "depth"))
    kinds = pa.array(
        ["depth" if s == "depth" else "color" for s in new.frames["sensor"].to_pylist()]
    )
    found = judge(
        reference, replace(new, frames=new.frames.append_column("kind", kinds))
    )
    assert {r["sensor"] for r in found.rows} == {"all", "left"}


@pytest.mark.parametrize("value", [None, float("nan")])
def test_figure_that_is_not_a_number_is_refused(reference, value):
    new = record(np.random.default_rng(14), "new", 1)
    column = pa.array([value, *new.quality["noise"].to_pylist()[1:]], pa.float64())
    quality = new.quality.set_column(
        new.quality.column_names.index("noise"), "noise", column
    )
    with pytest.raises(
        ValueError, match="'noise' of new is null or not finite in 1 frames"
    ):
        judge(reference, replace(new, quality=quality))


@pytest.mark.parametrize("is_old", [True, False])
def test_a_figure_that_some_frames_lack_is_not_tested_and_the_others_are(
    reference, is_old
):
    new = record(np.random.default_rng(14), "new", 1, gain=0.4)
    lacking = reference if is_old else new
    place = lacking.quality.column_names.index("crispness")
    nulls = pa.array([None, *lacking.quality["crispness"].to_pylist()[1:]])
    quality = lacking.quality.set_column(place, "crispness", nulls)
    lacking = replace(lacking, quality=quality)
    found = judge(*((lacking, new) if is_old else (reference, lacking)))
    assert found.is_drifted is True
    assert "crispness" not in {r["statistic"] for r in found.rows}


def test_frame_without_figures_is_refused(reference):
    new = record(np.random.default_rng(15), "new", 1)
    with pytest.raises(
        ValueError, match="1 of 40 frames of new have no row in frame_embeddings"
    ):
        judge(reference, replace(new, embeddings=new.embeddings.slice(1)))


def test_a_session_of_another_encoder_is_refused_and_no_alarm(reference):
    new = record(np.random.default_rng(18), "new", 1)
    column = new.embeddings.column_names.index("code_version")
    encoded = new.embeddings.set_column(
        column, "code_version", pa.array(["1:abc"] * len(new.frames))
    )
    with pytest.raises(
        ValueError,
        match=r"'1' made those of old; '1:abc' made those of new\. Materialise frame_embed",
    ):
        judge(reference, replace(new, embeddings=encoded))


def test_session_without_frames_is_refused(reference):
    new = record(np.random.default_rng(16), "new", 1)
    with pytest.raises(ValueError, match="has no frames to judge"):
        judge(
            reference,
            replace(
                new, frames=new.frames.filter(pc.equal(new.frames["session"], "none"))
            ),
        )


def test_same_input_writes_the_same_rows(reference):
    new = record(np.random.default_rng(17), "new", 1)
    assert judge(reference, new).rows == judge(reference, new).rows


def verdict(session="s9", is_drifted=True, version=3):
    return {
        "statistic": "session",
        "is_drifted": is_drifted,
        "session": session,
        "model_version": version,
        "reason": "drifted",
    }


def test_drifted_session_asks_for_retraining():
    row = needs_retraining(
        [verdict(is_drifted=False, session="s1"), verdict()],
        "recognition",
        None,
        5,
        60.0,
    )
    assert (
        row["session"],
        row["model_version"],
        row["requested_ns"],
        row["reason"],
    ) == ("s9", 3, 5, "drifted")
    assert to_table(TABLES["retraining_requests"], [row]).num_rows == 1


@pytest.mark.parametrize("is_drifted", [False, None])
def test_neither_a_clean_session_nor_one_without_verdict_asks(is_drifted):
    assert (
        needs_retraining([verdict(is_drifted=is_drifted)], "recognition", None, 5, 60.0)
        is None
    )


@pytest.mark.parametrize(("now_s", "asks"), [(159.9, False), (160.0, True)])
def test_cool_down_of_60_s_after_a_request_at_100_s(now_s, asks):
    row = needs_retraining(
        [verdict()], "recognition", 100_000_000_000, int(now_s * 1e9), 60.0
    )
    assert (row is not None) is asks


def test_what_is_filed_is_not_asked_twice_and_older_models_do_not_count():
    row = needs_retraining([verdict()], "recognition", None, 5, 60.0)
    assert (
        needs_retraining([verdict()], "recognition", None, 5, 60.0, {row["request_id"]})
        is None
    )
    assert (
        needs_retraining(
            [verdict(version=2)], "recognition", None, 5, 60.0, model_version=3
        )
        is None
    )
