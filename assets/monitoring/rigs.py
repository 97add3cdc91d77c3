"""Rigs that are not any more as they were calibrated: what ordinary captures say against the calibration in force.

A rig is told of once, whichever of its cameras moved, and until it is calibrated again. A capture of before the
calibration says nothing: the rig was another one then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from assets.calibration_order import order_calibrations
from assets.dated import FIRST_DATE_NS
from assets.monitoring.event import Event
from assets.moved_rigs import find_angle_deg, has_moved
from assets.tables.catalog import Catalog, is_in

_WHO = ("session", "sensor", "reference_sensor", "board", "input_sha256", "made_ns")
# of a fit: where it was seen, and where its calibration comes from
_SESSIONS = ("session", "calibrated_in")
Row = dict[str, Any]


def find_moved(catalog: Catalog) -> list[Event]:
    """An event a capture in which a camera was found to have moved since the newest calibration that it has."""
    fits = catalog.read_latest("rig_fits", where="tilt_deg IS NOT NULL").to_pylist()
    moved = [row for row in fits if has_moved(row)]
    if not moved:
        return []
    in_force = _read_in_force(catalog)
    standing = [row for row in moved if _is_of(row, in_force.get(row["sensor"]))]
    dates = _read_dates(catalog, standing)
    recent = [row for row in standing if not _is_before(row, dates)]
    recent.sort(key=lambda row: (row["session"], row["capture_id"], row["sensor"]))
    return [
        _tell(list(rows), in_force)
        for _, rows in groupby(recent, key=lambda row: row["capture_id"])
    ]


def _read_in_force(catalog: Catalog) -> dict[str, Row]:
    """The published calibration of each camera that counts."""
    rows = catalog.read("rig_calibrations", list(_WHO), "reason IS NULL").to_pylist()
    return {row["sensor"]: row for row in order_calibrations(catalog, rows)}


def _is_of(fit: Row, calibration: Row | None) -> bool:
    """Whether a capture was held against this very calibration."""
    return calibration is not None and (
        fit["calibrated_in"] == calibration["session"]
        and fit["calibration_sha256"] == calibration["input_sha256"]
    )


def _read_dates(catalog: Catalog, fits: Iterable[Row]) -> dict[str, list[int]]:
    """When recordings ended, by session: of the fits and of their calibrations, where clocks tell dates."""
    sessions = sorted({row[name] for row in fits for name in _SESSIONS})
    rows = catalog.read_latest(
        "clock_reports", ["session", "end_ns"], is_in("session", sessions)
    )
    dates: dict[str, list[int]] = {}
    for row in rows.to_pylist():
        if row["end_ns"] is not None and row["end_ns"] >= FIRST_DATE_NS:
            dates.setdefault(row["session"], []).append(row["end_ns"])
    return dates


def _is_before(fit: Row, dates: dict[str, list[int]]) -> bool:
    """Whether all of a session was recorded before its calibration; False where a clock tells no date."""
    mine, calibrated = (dates.get(fit[name]) for name in _SESSIONS)
    return bool(mine and calibrated) and max(mine or ()) < min(calibrated or ())


def _tell(rows: list[Row], in_force: dict[str, Row]) -> Event:
    first = rows[0]
    rig = first["calibrated_in"]
    cameras = ", ".join(_tell_cameras(rows))
    board = in_force[first["sensor"]]["board"]
    return Event(
        "rig",
        f"rig/{rig}",
        f"{first['calibration_sha256']}/{first['capture_id']}",
        f"The rig that was calibrated in session {rig} has moved, by what session {first['session']} shows: {cameras}",
        f"Record the board before all its cameras, ingest that, and `daguerre calibrate SESSION --board {board}`; "
        f"`daguerre calibrate {first['session']} --check` has the figures",
    )


def _tell_cameras(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        yield (
            f"{row['sensor']} is off by {find_angle_deg(row):.2f} deg (+- {row['tilt_sigma_deg']:.2f}) "
            f"from where {row['reference_sensor']} has it"
        )
