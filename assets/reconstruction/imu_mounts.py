"""The asset's work: how the IMU of each capture sits to its cameras, and where down is, made again only where frames,
signals or calibrations changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from assets.calibration_order import order_calibrations
from assets.clocks.reports import (
    load_luma,
    read_cameras,
    read_gyro,
    read_inputs,
)
from assets.clocks.streams import CameraStream
from assets.code_versions import version_of
from assets.reconstruction.imu_rows import (
    Row,
    make_gravity,
    make_mounts,
    read_body,
)
from assets.reconstruction.rig_fits import to_calibration
from assets.tables.catalog import Catalog, is_in, repr_sql, session_is
from assets.tables.schemas import TABLES, content_id, to_table

OnProgress = Callable[[int, int], None]
_KEYS = {"imu_mounts": "imu_mount_id", "gravities": "gravity_id"}
_FRAMES = [
    "frame_id",
    "sensor",
    "kind",
    "t_ns",
    "sequence",
    "width_px",
    "height_px",
]


@dataclass(frozen=True)
class Mounted:
    """The session's rows, and how many captures were looked at now."""

    mounts: list[Row]
    gravities: list[Row]
    num_made: int


def mount_session(
    catalog: Catalog, session: str, on_progress: OnProgress | None = None
) -> Mounted:
    """Bring the session's rows of `imu_mounts` and `gravities` up to date; what is done is kept when it ends midway.

    Raises ValueError for a session without a published frame or signal.
    """
    inputs = _read_inputs(catalog, session)
    todo = sorted(inputs.keys() - _find_current(catalog, session, inputs))
    _drop_gone(catalog, session, set(inputs))
    for done, capture_id in enumerate(todo, start=1):
        made = _make_capture(catalog, session, capture_id, inputs[capture_id])
        _replace(catalog, "imu_mounts", capture_id, made.mounts)
        # last: with this the capture is done
        _replace(catalog, "gravities", capture_id, made.gravities)
        if on_progress:
            on_progress(done, len(todo))
    stored = read_mounts(catalog, session)
    return replace(stored, num_made=len(todo))


def try_mounts(catalog: Catalog, session: str) -> Mounted:
    """What `mount_session` would make; nothing is kept. Raises ValueError as it does."""
    made = [
        _make_capture(catalog, session, capture_id, sha256)
        for capture_id, sha256 in sorted(_read_inputs(catalog, session).items())
    ]
    mounts = [row for one in made for row in one.mounts]
    return Mounted(mounts, [row for one in made for row in one.gravities], len(made))


def read_mounts(catalog: Catalog, session: str) -> Mounted:
    """The newest rows, by capture and camera."""
    mounts, gravities = (
        catalog.read_latest(name, where=session_is(session)).to_pylist()
        for name in _KEYS
    )
    mounts.sort(key=lambda r: (r["capture_id"], r["sensor"]))
    gravities.sort(key=lambda r: r["capture_id"])
    return Mounted(mounts, gravities, 0)


def _read_inputs(catalog: Catalog, session: str) -> dict[str, str]:
    """capture -> sha256 over what its rows rest on."""
    found = read_inputs(catalog, session_is(session))
    if not found:
        raise ValueError(
            f"{session} has no published frame or signal: `daguerre status` says which sessions have any"
        )
    boards = repr(sorted(r["input_sha256"] for r in _read_boards(catalog).values()))
    return {
        capture_id: hashlib.sha256((one.sha256 + boards).encode()).hexdigest()
        for capture_id, one in found.items()
    }


def _find_current(catalog: Catalog, session: str, inputs: dict[str, str]) -> set[str]:
    """Captures whose rows are as they would be made now."""
    columns = ["capture_id", "input_sha256", "code_version"]
    current: set[str] = set()
    stale: set[str] = set()
    for table in _KEYS:
        made_by = version_of(table)
        for r in catalog.read_latest(table, columns, session_is(session)).to_pylist():
            name = r["capture_id"]
            is_same = r["input_sha256"] == inputs.get(name)
            is_current = is_same and r["code_version"] == made_by
            (current if is_current else stale).add(name)
    return current - stale


def _make_capture(
    catalog: Catalog, session: str, capture_id: str, input_sha256: str
) -> Mounted:
    where = f"{session_is(session)} AND capture_id = {repr_sql(capture_id)}"
    frames: list[Any] = catalog.read(
        "frames", _FRAMES, f"{where} AND kind = 'color'"
    ).to_pylist()
    frames.sort(key=lambda f: (f["sensor"], f["kind"], f["sequence"]))
    recorded: list[Any] = catalog.read("calibrations", where=where).to_pylist()
    stated = {
        s.sensor: s.rig_from_camera
        for s in read_cameras(frames, recorded)
        if s.rig_from_camera is not None
    }
    gyro = read_gyro(catalog, capture_id)
    facts = {
        "capture_id": capture_id,
        "session": session,
        "input_sha256": input_sha256,
    }
    streams = _read_streams(catalog, frames, recorded)
    mounts = [
        facts
        | {
            "imu_mount_id": content_id("imu mount", capture_id, row["sensor"]),
            "code_version": version_of("imu_mounts"),
        }
        | row
        for row in make_mounts(streams, stated, gyro, partial(load_luma, catalog))
    ]
    gravity = facts | {
        "gravity_id": content_id("gravity", capture_id),
        "code_version": version_of("gravities"),
    }
    body = read_body(catalog, capture_id)
    return Mounted(mounts, [gravity | make_gravity(body, gyro)], 1)


def _read_streams(
    catalog: Catalog, frames: Sequence[Any], recorded: Sequence[Any]
) -> list[CameraStream]:
    """The cameras with their lens: of the newest calibration from a board, else as recorded."""
    boards = _read_boards(catalog)
    known: list[Any] = [to_calibration(row) for row in boards.values()]
    known += [c for c in recorded if c["sensor"] not in boards]
    return read_cameras(list(frames), known)


def _read_boards(catalog: Catalog) -> dict[str, Row]:
    """sensor -> the published calibration from a board that counts."""
    rows = catalog.read("rig_calibrations", where="reason IS NULL").to_pylist()
    return {r["sensor"]: r for r in order_calibrations(catalog, rows)}


def _replace(
    catalog: Catalog, table: str, capture_id: str, rows: Sequence[Row]
) -> None:
    """The capture's rows are these alone."""
    key = _KEYS[table]
    where = f"capture_id = {repr_sql(capture_id)}"
    have = catalog.read_latest(table, [key], where)[key].to_pylist()
    _delete(catalog, table, set(have) - {row[key] for row in rows})
    catalog.upsert(table, to_table(TABLES[table], list(rows)))


def _drop_gone(catalog: Catalog, session: str, captures: set[str]) -> None:
    for table, key in _KEYS.items():
        columns = [key, "capture_id"]
        have = catalog.read_latest(table, columns, session_is(session)).to_pylist()
        _delete(
            catalog, table, {r[key] for r in have if r["capture_id"] not in captures}
        )


def _delete(catalog: Catalog, table: str, ids: set[str]) -> None:
    if ids:
        catalog.delete(table, is_in(_KEYS[table], sorted(ids)))
