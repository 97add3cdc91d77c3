"""Alarms over sessions, from drift rows; and from the real dusk of CamVid."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from assets.images import decode_working_luma
from assets.monitoring.control import read_evidence
from assets.monitoring.drift import Champion, assess_session, stamp
from assets.monitoring.figures import FrameFigures
from models.image_quality import measure_quality
from models.metrics.sequential import THRESHOLD

CHAMPION = Champion("daguerre-segmentation", 1, "a" * 32)
DUSK = "0001TP"


def verdict(session, value, judged_ns, sensor="left", statistic="brightness", **more):
    whole = {"session": session, "sensor": sensor, "statistic": statistic}
    whole |= {"value": value, "raw_p_value": 0.5, "num_reference": 8}
    return {**whole, "judged_ns": judged_ns, **more}


def test_sessions_are_read_in_the_order_in_which_they_were_judged():
    rows = [verdict("b", 0.0, 1), verdict("a", 7.0, 2), verdict("c", 7.0, 3)]
    found = read_evidence(rows)
    assert [r.session for r in found] == ["b", "a", "c"]
    assert [r.is_alarm for r in found] == [False, False, True]
    assert found[0].evidence < found[1].evidence < THRESHOLD < found[2].evidence


def test_a_reading_names_the_figure_that_speaks_most_for_it():
    rows = [
        verdict("a", 0.1, 1),
        verdict("a", -9.0, 1, "right", "crispness"),
        verdict("a", None, 1, "right", "embedding", raw_p_value=0.2),
    ]
    (found,) = read_evidence(rows)
    assert (found.sensor, found.statistic, found.distance) == ("right", "crispness", -9)


def test_rows_without_a_test_are_no_evidence():
    rows = [
        verdict("a", None, 1, raw_p_value=None),
        verdict("b", 9.0, 2, num_reference=3),
        verdict("c", 9.0, 3, "all", "session"),
    ]
    assert read_evidence(rows) == []


def test_an_embedding_without_a_sign_counts_by_its_p_value():
    rows = [
        verdict(f"s{n}", 1.0, n, "left", "embedding", raw_p_value=1e-9) for n in (1, 2)
    ]
    assert read_evidence(rows)[1].is_alarm


def test_the_time_of_a_first_verdict_stays():
    known = {"drift_id": "1" * 32, "reason": ""}
    rows = stamp([known, {"drift_id": "2" * 32}], 7, {"1" * 32: 3})
    assert [row["judged_ns"] for row in rows] == [3, 7]


# ---- a real sequence ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def camvid(test_data) -> dict[str, list[dict]]:
    """Quality figures of the pictures of "day" and "dusk", in the order of their sequences."""
    folder = test_data("segmentation/camvid")
    found: dict[str, list[dict]] = {"day": [], "dusk": []}
    for file in sorted(folder.glob("*/*.png"), key=lambda file: file.name):
        if file.parent.name in ("train", "val", "test"):
            light = "dusk" if file.name.startswith(DUSK) else "day"
            luma = decode_working_luma(file.read_bytes())
            found[light].append(measure_quality(luma))
    return found


def store(quality: list[dict], session: str) -> FrameFigures:
    """Pictures of a folder, with these figures; their embeddings are all alike, and tell nothing."""
    num = len(quality)
    ids = [f"{session}-{k}" for k in range(num)]
    frames = {
        "frame_id": ids,
        "capture_id": [session] * num,
        "session": [session] * num,
        "sensor": ["camera"] * num,
        "t_ns": pa.array([None] * num, pa.int64()),
        "sequence": list(range(num)),
    }
    same = pa.array(np.tile(np.float32([1, 0]), num))
    embeddings = {
        "frame_id": ids,
        "vector": pa.FixedSizeListArray.from_arrays(same, 2),
        "session": [session] * num,
        "code_version": ["1"] * num,
    }
    rows = [{"frame_id": i, **q} for i, q in zip(ids, quality, strict=True)]
    return FrameFigures(
        pa.table(frames), pa.Table.from_pylist(rows), pa.table(embeddings)
    )


def judge_days(reference: FrameFigures, pictures: list[dict], num_days: int):
    """Readings of simulated days, each with six of the pictures."""
    rng = np.random.default_rng(0)
    rows = []
    for day in range(num_days):
        chosen = sorted(rng.choice(len(pictures), 6, replace=False))
        session = f"day-{day:02}"
        new = store([pictures[k] for k in chosen], session)
        found = assess_session(reference, new, session, CHAMPION)
        rows += stamp(found.rows, day + 1, {})
    return read_evidence(rows)


def test_days_of_the_real_dusk_of_camvid_alarm_and_real_days_do_not(camvid):
    reference = store(camvid["day"], "reference")
    assert len(camvid["day"]) >= 40 and len(camvid["dusk"]) == 19
    days = judge_days(reference, camvid["day"], 12)
    assert max(reading.evidence for reading in days) < 10
    dusk = judge_days(reference, camvid["dusk"], 12)
    assert any(reading.is_alarm for reading in dusk)
    assert dusk[0].distance < 0
