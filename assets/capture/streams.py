"""The sensors of a session as streams of stamps: read from its rows, named, described; where samples are missing."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from assets.clocks.offsets import SKIPPED_STEPS, Stream, SyncReport, Times
from assets.tables.catalog import Catalog, session_is


def read_streams(catalog: Catalog, session: str) -> dict[str, list[Stream]]:
    """Capture path -> its streams, by sensor. One sample alone, such as a fixed transform, has no course in time."""
    where = session_is(session)
    captures = catalog.read_latest(
        "captures", ["capture_id", "path"], where
    ).to_pylist()
    paths = {r["capture_id"]: r["path"] or session for r in captures}
    times: defaultdict[tuple[str, str, str], list[int | None]] = defaultdict(list)
    for table in ("frames", "signals"):
        for row in catalog.read_latest(
            table, ["capture_id", "sensor", "kind", "t_ns"], where
        ).to_pylist():
            times[
                paths.get(row["capture_id"], row["capture_id"]),
                row["sensor"],
                row["kind"],
            ].append(row["t_ns"])
    streams: defaultdict[str, list[Stream]] = defaultdict(list)
    for (capture, sensor, kind), found in sorted(times.items()):
        if len(found) > 1:
            t_ns = np.sort(np.array([t for t in found if t is not None], np.int64))
            # the parts of a rig share their stamps
            t_ns = np.unique(t_ns) if kind == "transform" else t_ns
            streams[capture].append(Stream(sensor, kind, t_ns, len(found)))
    return dict(streams)


def find_skips(t_ns: Times) -> list[tuple[int, int]]:
    """(from, to) in ns of each step in which at least one sample is missing; `t_ns` (N,) increases."""
    steps = np.diff(t_ns)
    forward = steps[steps > 0]
    if len(forward) < 2:
        return []
    wide = np.flatnonzero(steps > SKIPPED_STEPS * np.median(forward))
    return [(int(t_ns[i]), int(t_ns[i + 1])) for i in wide]


def name_stream(stream: Stream | SyncReport) -> str:
    """'left', 'imu', 'camera (compressed)': the kind where it does not go without saying."""
    return (
        stream.sensor
        if stream.kind in ("color", "depth", stream.sensor)
        else f"{stream.sensor} ({stream.kind})"
    )


def describe_stream(report: SyncReport) -> str:
    """'80 samples, 20.0 Hz, 2 dropped, longest step 0.25 s'."""
    parts = [f"{report.num_samples} samples"]
    parts += [f"{report.num_samples - report.num_stamped} without a clock"] * (
        report.num_stamped < report.num_samples
    )
    if report.rate_hz is not None:
        parts.append(f"{report.rate_hz:.1f} Hz")
    if report.num_dropped:
        parts.append(
            f"{report.num_dropped} dropped, longest step {(report.longest_gap_ms or 0) / 1e3:.2f} s"
        )
    return ", ".join(parts)
