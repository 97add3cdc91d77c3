"""Judge one new session against a release: which camera and which figure has moved, if any.

Figures are image statistics and embeddings, or what a model answers. Each is tested per camera on means over
recordings, at a false-alarm rate of `alpha` for the whole session: a session like the reference raises an alarm at most
that often where recordings scatter normally about a mean, and up to three times as often where they are heavy-tailed
or skewed (bench/drift.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assets.captions import name_sensor, name_source
from assets.monitoring.figures import (
    FrameFigures,
    GatheredFrames,
    gather,
    leave_out,
)
from assets.tables.encoders import require_one_encoder
from assets.tables.rows import DriftRow
from assets.tables.schemas import content_id
from assets.tables.schemas.monitoring import WHOLE_SESSION
from models.metrics.drift import (
    MIN_UNITS,
    Shift,
    adjust_p_values,
    average_units,
    combine_p_values,
    compare_mean,
    compare_vector,
    split_consecutive,
)

ALPHA = 0.01  # false alarms a clean session, over all cameras and figures together
ALL_SENSORS = "all"  # in the row that holds the session's verdict
EMBEDDING = "embedding"  # the one figure whose distance has no sign
MIN_BLOCKS = 8
MAX_BLOCKS = 20
MIN_BLOCK_FRAMES = 5
_EMBEDDING_TOLERANCE = 0.05  # of unit-length vectors


@dataclass(frozen=True)
class Champion:
    """Which model the session is judged for, and the release it was trained on."""

    model_name: str
    model_version: int
    release_id: str


@dataclass(frozen=True)
class Assessment:
    """Rows for the `drift` table and the session's verdict: None where the reference is too small for one."""

    rows: list[DriftRow]
    is_drifted: bool | None
    p_value: float | None
    reason: str


def assess_session(
    reference: FrameFigures,
    new: FrameFigures,
    session: str,
    champion: Champion,
    alpha: float = ALPHA,
) -> Assessment:
    """Test every camera and figure of the session's frames against the reference frames.

    The session's own frames are left out of the reference. A camera the reference has not seen is compared with all
    cameras, and its rows say so. A camera without enough reference gets rows without a verdict, never a pass. A figure
    that some frames lack, from before it was measured, is not tested.
    Raises ValueError for a session without frames, a frame without figures, a figure that is not finite, or embeddings
    of two encoders.
    """
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha = {alpha}: a false-alarm rate lies between 0 and 1")
    require_one_encoder(reference.embeddings, new.embeddings)
    arrived = gather(new, session)
    known = gather(leave_out(reference, session), "the reference")
    return assess_frames(known, arrived, session, champion, alpha)


def assess_frames(
    known: GatheredFrames,
    arrived: GatheredFrames,
    session: str,
    champion: Champion,
    alpha: float = ALPHA,
) -> Assessment:
    """The same of gathered figures, whatever these are of. Raises ValueError for a session without frames."""
    if not len(arrived.sensors):
        raise ValueError(
            f"session '{session}' has no frames to judge: ingest it, or see `daguerre query` on quarantine"
        )
    tests = [
        test
        for sensor in sorted(set(arrived.sensors))
        for test in _compare_camera(known, arrived, sensor)
    ]
    return _judge(tests, session, champion, alpha, len(arrived.sensors))


def mark(assessment: Assessment, note: str) -> Assessment:
    """The same verdict, with a note behind its reason."""
    reason = f"{assessment.reason}; {note}"
    rows: list[DriftRow] = [
        {**row, "reason": reason} if row["statistic"] == WHOLE_SESSION else row
        for row in assessment.rows
    ]
    return replace(assessment, rows=rows, reason=reason)


def stamp(
    rows: list[DriftRow], judged_ns: int, known: Mapping[str, int]
) -> list[DriftRow]:
    """The rows with the time (UTC) at which they were judged: that in `known`, by drift_id, where they were before."""
    return [{**r, "judged_ns": known.get(r["drift_id"], judged_ns)} for r in rows]


class _Test(NamedTuple):
    sensor: str
    statistic: str
    shift: Shift | None
    num_frames: int
    num_units: int
    unit: str
    reason: str


def _compare_camera(
    known: GatheredFrames, arrived: GatheredFrames, sensor: str
) -> list[_Test]:
    """All tests of one camera; without a shift, and with the reason, where the reference does not carry them."""
    here = arrived.keep(arrived.sensors == sensor)
    is_known = bool((known.sensors == sensor).any())
    there = known.keep(known.sensors == sensor) if is_known else known
    units, unit, why_not = _choose_units(there)
    is_tested = known.is_measured & arrived.is_measured
    tested = [
        f for f, is_there in zip(known.figures, is_tested, strict=True) if is_there
    ]
    has_vectors = bool(there.vectors.shape[1] or here.vectors.shape[1])
    names = [*(f.name for f in tested), *[EMBEDDING] * has_vectors]
    count = int(units.max()) + 1 if len(units) else 0
    if why_not:
        return [
            _Test(sensor, name, None, len(here.sensors), count, unit, why_not)
            for name in names
        ]
    statistics, frames_per_unit = average_units(there.statistics[:, is_tested], units)
    means = here.statistics[:, is_tested].mean(axis=0)
    ratio = max(float(np.median(frames_per_unit)) / len(here.sensors), 1.0)
    shifts = [
        compare_mean(column, float(mean), figure.tolerance, ratio)
        for figure, column, mean in zip(tested, statistics.T, means, strict=True)
    ]
    if has_vectors:
        vectors, _ = average_units(there.vectors, units)
        mean = here.vectors.mean(axis=0)
        shifts.append(compare_vector(vectors, mean, _EMBEDDING_TOLERANCE, ratio))
    reason = (
        ""
        if is_known
        else f"{name_source(sensor)}: not in the reference, compared with all that is there"
    )
    return [
        _Test(sensor, n, s, len(here.sensors), count, unit, reason)
        for n, s in zip(names, shifts, strict=True)
    ]


def _choose_units(there: GatheredFrames) -> tuple[NDArray[np.int64], str, str]:
    """Unit id (N,) of each reference frame, what a unit is, and why there can be no test ("" where there can)."""
    _, recordings = np.unique(there.captures, return_inverse=True)
    count = int(recordings.max()) + 1 if len(recordings) else 0
    if count >= MIN_UNITS:
        _, units = np.unique(
            np.char.add(np.char.add(there.captures, "/"), there.sensors),
            return_inverse=True,
        )
        return units.astype(np.int64), "recording", ""
    blocks = min(MAX_BLOCKS, len(recordings) // MIN_BLOCK_FRAMES)
    if not there.has_clock and blocks >= MIN_BLOCKS:
        return split_consecutive(len(recordings), blocks), "block of pictures", ""
    needed = f"{MIN_UNITS} recordings" + (
        "" if there.has_clock else f" or {MIN_BLOCKS * MIN_BLOCK_FRAMES} pictures"
    )
    why = f"not enough reference: {count} recordings with {len(recordings)} frames of it, {needed} needed"
    return recordings.astype(np.int64), "recording" if count else "none", why


def _judge(
    tests: list[_Test], session: str, champion: Champion, alpha: float, num_frames: int
) -> Assessment:
    judged = [t for t in tests if t.shift is not None]
    raw = [t.shift.p_value for t in judged if t.shift is not None]
    adjusted = dict(
        zip(
            [(t.sensor, t.statistic) for t in judged],
            adjust_p_values(raw) if raw else (),
            strict=True,
        )
    )
    total = combine_p_values(raw) if raw else None
    is_drifted = (
        None
        if total is None or (len(judged) < len(tests) and total > alpha)
        else total <= alpha
    )
    summary = _summarise(tests, judged, total, is_drifted, alpha)
    farthest = max(
        judged, key=lambda t: -t.shift.p_value if t.shift else 0.0, default=None
    )
    shift = (
        None
        if farthest is None or farthest.shift is None or total is None
        else Shift(farthest.shift.distance, total)
    )
    units = min((t.num_units for t in judged), default=0)
    whole = _Test(
        ALL_SENSORS,
        WHOLE_SESSION,
        shift,
        num_frames,
        units,
        farthest.unit if farthest else "none",
        summary,
    )
    rows = [_row(whole, total, is_drifted, session, champion, alpha)]
    for test in tests:
        p_value = adjusted.get((test.sensor, test.statistic))
        p_value = None if p_value is None else float(p_value)
        rows.append(
            _row(
                test,
                p_value,
                None if p_value is None else p_value <= alpha,
                session,
                champion,
                alpha,
            )
        )
    return Assessment(rows, is_drifted, total, summary)


def _summarise(
    tests: list[_Test],
    judged: list[_Test],
    total: float | None,
    is_drifted: bool | None,
    alpha: float,
) -> str:
    missing = next((t for t in tests if t.shift is None), None)
    if is_drifted is None and missing is not None:
        return f"no verdict: {name_source(missing.sensor)}: {missing.reason}"
    strongest = sorted(judged, key=lambda t: t.shift.p_value if t.shift else 1.0)[:3]
    parts = [
        f"{name_sensor(t.sensor)} {t.statistic} {t.shift.distance:+.1f} sd".lstrip()
        for t in strongest
        if t.shift
    ]
    verb = "drifted" if is_drifted else "like the reference"
    return f"{verb} (p = {total:.2g}, false-alarm rate {alpha:g} a session): {', '.join(parts)}"


def _row(
    test: _Test,
    p_value: float | None,
    is_drifted: bool | None,
    session: str,
    champion: Champion,
    alpha: float,
) -> DriftRow:
    name = champion.model_name
    version = champion.model_version
    release_id = champion.release_id
    drift_id = content_id(
        "drift", session, test.sensor, test.statistic, name, version, release_id
    )
    distance = (
        None
        if test.shift is None or not np.isfinite(test.shift.distance)
        else test.shift.distance
    )
    return {
        "drift_id": drift_id,
        "session": session,
        "sensor": test.sensor,
        "model_name": name,
        "model_version": version,
        "release_id": release_id,
        "statistic": test.statistic,
        "value": distance,
        "p_value": p_value,
        "raw_p_value": None if test.shift is None else test.shift.p_value,
        "threshold": alpha,
        "is_drifted": is_drifted,
        "num_frames": test.num_frames,
        "num_reference": test.num_units,
        "unit": test.unit,
        "reason": test.reason,
        "judged_ns": None,
    }
