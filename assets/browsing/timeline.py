"""When frames were taken, session by session: how many, where none came, where something could not be read, drift."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.browsing.frame_index import FrameIndex
from assets.capture.streams import find_skips
from assets.tables.catalog import Catalog, is_in
from assets.tables.schemas.monitoring import WHOLE_SESSION

NUM_BUCKETS = 60
MOST_GAPS = 100  # of a session, the longest
_HALTS = ["session", "source_path", "source_offset", "reason"]
_DRIFT = ["session", "model_name", "model_version", "is_drifted", "reason"]

Times = NDArray[np.int64]


def tell_timeline(
    catalog: Catalog, index: FrameIndex, sessions: Sequence[str]
) -> list[dict[str, Any]]:
    """Of each of these sessions: `buckets` of equal time with their number of frames, `gaps` in the stream of a sensor,
    `quarantined` records near their time, and what is said of `drift`. Times are of the sensors' clocks, in ns; a
    session whose frames have none has no buckets. A bucket is `bucket_ns` long, the first begins at `start_ns`."""
    lost = _place_lost(catalog, sessions)
    drift = _read_drift(catalog, sessions)
    found = []
    for session in sessions:
        mine = index.rows.filter(pc.equal(index.rows["session"], session))
        sensors = _split_sensors(mine)
        times = np.sort(np.concatenate([np.zeros(0, np.int64), *sensors]))
        start, end = (int(times[0]), int(times[-1])) if len(times) else (None, None)
        buckets, bucket_ns = _count(times, _find_step(sensors))
        found.append(
            {
                "session": session,
                "num_frames": len(mine),
                "num_without_time": len(mine) - len(times),
                "start_ns": start,
                "end_ns": end,
                "buckets": buckets,
                "bucket_ns": bucket_ns,
                "gaps": _find_gaps(sensors),
                "quarantined": lost.get(session, []),
                "drift": [{"time_ns": start, **one} for one in drift.get(session, ())],
            }
        )
    return found


def _split_sensors(rows: pa.Table) -> list[Times]:
    """Of each sensor, its times in order."""
    sensors = rows["sensor"].cast(pa.string())
    return [
        np.sort(
            np.asarray(
                rows.filter(pc.equal(sensors, sensor))["t_ns"].drop_null(), np.int64
            )
        )
        for sensor in sensors.unique().to_pylist()
    ]


def _find_step(sensors: Sequence[Times]) -> int:
    """From one frame to the next, of the sensor that has most of them in a time; 1 where none has two."""
    steps = [np.diff(times) for times in sensors]
    forward = [mine[mine > 0] for mine in steps]
    return min((int(np.median(mine)) for mine in forward if len(mine)), default=1)


def _count(times: Times, step_ns: int) -> tuple[list[int], int]:
    """Frames in each of `NUM_BUCKETS` equal parts of the time at most, and how long a part is: a step at least, so that
    one without frames is one in which a sensor that goes on would have had some."""
    if not len(times):
        return [], 0
    span_ns = int(times[-1] - times[0]) + step_ns
    part_ns = max(step_ns, -(-span_ns // NUM_BUCKETS))
    counts: list[int] = np.bincount((times - times[0]) // part_ns).tolist()
    return counts, part_ns


def _find_gaps(sensors: Sequence[Times]) -> list[list[int]]:
    """From and to, in ns, the longest `MOST_GAPS`, in order of time."""
    gaps = [gap for times in sensors for gap in find_skips(times)]
    longest = sorted(gaps, key=lambda gap: gap[0] - gap[1])[:MOST_GAPS]
    return sorted([int(start), int(end)] for start, end in longest)


def _place_lost(
    catalog: Catalog, sessions: Sequence[str]
) -> Mapping[str, list[dict[str, Any]]]:
    """What lies in quarantine, at the time of the frame that its file has before it; None where nobody knows one."""
    rows = catalog.read_latest("quarantine", _HALTS, is_in("session", sessions))
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    if not len(rows):
        return found
    frames = _read_neighbours(catalog, rows)
    for row in rows.to_pylist():
        offsets, times = frames.get((row["session"], row["source_path"]), ([], []))
        at = int(np.searchsorted(offsets, row["source_offset"])) - 1
        time_ns = times[max(at, 0)] if len(times) else None
        found[row["session"]].append({"time_ns": time_ns, "reason": row["reason"]})
    return found


def _read_neighbours(
    catalog: Catalog, lost: pa.Table
) -> Mapping[tuple[str, str], tuple[list[int], list[int]]]:
    """Offsets, ascending, and times of the frames of files of which something is lost."""
    where = (
        f"{is_in('session', lost['session'].unique().to_pylist())} AND t_ns IS NOT NULL "
        f"AND {is_in('source_path', lost['source_path'].unique().to_pylist())}"
    )
    columns = ["session", "source_path", "source_offset", "t_ns"]
    rows = catalog.read_latest("frames", columns, where).sort_by("source_offset")
    found: dict[tuple[str, str], tuple[list[int], list[int]]] = {}
    for row in rows.to_pylist():
        key = row["session"], row["source_path"]
        offsets, times = found.setdefault(key, ([], []))
        offsets.append(row["source_offset"])
        times.append(row["t_ns"])
    return found


def _read_drift(
    catalog: Catalog, sessions: Sequence[str]
) -> Mapping[str, list[dict[str, Any]]]:
    where = f"statistic = '{WHOLE_SESSION}' AND {is_in('session', sessions)}"
    rows = catalog.read_latest("drift", _DRIFT, where).to_pylist()
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["session"]].append(dict(_tell_drift(row)))
    return found


def _tell_drift(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    verdicts = {True: "drifted", False: "as before", None: "no verdict"}
    yield "verdict", verdicts[row["is_drifted"]]
    yield "model", f"{row['model_name']}/{row['model_version']}"
    yield "reason", row["reason"]
