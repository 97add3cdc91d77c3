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
    session whose frames have none has no buckets."""
    lost = _place_lost(catalog, sessions)
    drift = _read_drift(catalog, sessions)
    found = []
    for session in sessions:
        mine = index.rows.filter(pc.equal(index.rows["session"], session))
        times = _list_times(mine["t_ns"])
        start, end = (int(times[0]), int(times[-1])) if len(times) else (None, None)
        found.append(
            {
                "session": session,
                "num_frames": len(mine),
                "num_without_time": len(mine) - len(times),
                "start_ns": start,
                "end_ns": end,
                "buckets": _count(times),
                "gaps": _find_gaps(mine),
                "quarantined": lost.get(session, []),
                "drift": [{"time_ns": start, **one} for one in drift.get(session, ())],
            }
        )
    return found


def _list_times(column: pa.ChunkedArray) -> Times:
    return np.sort(np.asarray(column.drop_null(), np.int64))


def _count(times: Times) -> list[int]:
    """Frames in each of `NUM_BUCKETS` equal parts of the time from the first to the last."""
    if not len(times):
        return []
    # float64 would lose ns of a time since 1970
    since = (times - times[0]).astype(np.float64)
    edges = np.linspace(0, max(float(since[-1]), 1.0), NUM_BUCKETS + 1)
    counts: list[int] = np.histogram(since, edges)[0].tolist()
    return counts


def _find_gaps(rows: pa.Table) -> list[list[int]]:
    """From and to, in ns, the longest `MOST_GAPS`, in order of time."""
    sensors = rows["sensor"].cast(pa.string())
    gaps = []
    for sensor in sensors.unique().to_pylist():
        times = _list_times(rows.filter(pc.equal(sensors, sensor))["t_ns"])
        gaps += find_skips(times)
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
