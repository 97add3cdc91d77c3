"""What the ledger and Dagster know of synthetic sessions: a landed file each, a run of intake each, assets and checks.

Of one session Dagster is told by the product's own call; its rows in Dagster's SQLite files are then copied for the
others, each under its own partition.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import dagster as dg

from assets.capture.recovery import stamp_intake
from assets.landing import Listing, Watch
from assets.ledger import COMMAND_LINE, FileOutcome, Intaken
from assets.storage import SessionFile
from orchestration.profiles import Settings
from orchestration.resources import build_catalog, build_landing_zone
from orchestration.sensors.made import tell_made

_INDEX = "history/runs/index.db"
_RUNS = "history/runs.db"
_EVENTS = (
    "run_id",
    "event",
    "dagster_event_type",
    "timestamp",
    "asset_key",
    "partition",
)
_CHECKS = (
    "asset_key",
    "check_name",
    "partition",
    "run_id",
    "execution_status",
    "evaluation_event",
    "evaluation_event_timestamp",
    "evaluation_event_storage_id",
    "materialization_event_storage_id",
)
Rows = list[tuple[object, ...]]


def land(settings: Settings, sessions: Sequence[str]) -> None:
    """Put a file into a folder a session, and let the ledger know it as taken in."""
    zone = build_landing_zone(settings)
    code = stamp_intake(build_catalog(settings))
    for session in sessions:
        folder = Path(settings.landing_uri) / session
        folder.mkdir(parents=True)
        (folder / "recording.txt").write_text(session)
        files = list(zone.folder.below(session).files())
        listing = Listing(session)
        listing.add(files)
        zone.ledger.record(_read_as_done(session, file) for file in files)
        known = Intaken(session, listing.fingerprint, code, COMMAND_LINE)
        zone.ledger.note_intake(known)
    zone.note(zone.look_around())


def watch(settings: Settings, sessions: Sequence[str]) -> Watch:
    """What a sensor knows that has seen all of them land."""
    ledger = build_landing_zone(settings).ledger
    known = [ledger.intake_of(session) for session in sessions]
    seen = {k.session: [k.fingerprint, k.fingerprint] for k in known if k is not None}
    return Watch(seen=seen, code=stamp_intake(build_catalog(settings)))


def run(
    settings: Settings, instance: dg.DagsterInstance, sessions: Sequence[str]
) -> None:
    """Let Dagster know the sessions, their assets and checks, and of each a run of intake that ended well."""
    instance.add_dynamic_partitions("sessions", list(sessions))
    zone = build_landing_zone(settings)
    first = sessions[0]
    told, _ = tell_made(instance, build_catalog(settings), zone.ledger, [first])
    for event in told:
        instance.report_runless_asset_event(event)
    index = settings.dagster_home / _INDEX
    with closing(sqlite3.connect(index)) as connection, connection:
        events = _read(connection, "event_logs", _EVENTS, first)
        checks = _read(connection, "asset_check_executions", _CHECKS, first)
        for session in sessions[1:]:
            _copy(connection, events, checks, (first, session))
    ended = dg.DagsterRun(
        job_name="ingest_session",
        run_id=str(uuid.uuid4()),
        status=dg.DagsterRunStatus.SUCCESS,
        tags={"dagster/partition": first},
    )
    instance.add_run(ended)
    with (
        closing(sqlite3.connect(settings.dagster_home / _RUNS)) as connection,
        connection,
    ):
        for session in sessions[1:]:
            _copy_run(connection, ended.run_id, (first, session))


def _read_as_done(session: str, file: SessionFile) -> FileOutcome:
    return FileOutcome(
        session,
        file.path,
        file.version,
        file.size_bytes,
        "ingested",
        "0" * 32,
        "image_folder",
        "0" * 64,
    )


def _copy(
    connection: sqlite3.Connection, events: Rows, checks: Rows, names: tuple[str, str]
) -> None:
    """Rows of one partition for another whose name is as long."""
    one, other = names
    assert len(one) == len(other), "their lengths stand in the events"
    ids: dict[object, object] = {}
    for number, *row in events:
        ids[number] = _add(connection, "event_logs", _EVENTS, _rename(row, one, other))
    for _, *row in checks:
        *facts, of_check, of_asset = _rename(row, one, other)
        moved = [ids.get(of_check, of_check), ids.get(of_asset, of_asset)]
        _add(connection, "asset_check_executions", _CHECKS, [*facts, *moved])


def _copy_run(
    connection: sqlite3.Connection, run_id: str, names: tuple[str, str]
) -> None:
    """The run of one partition as one of another."""
    new_id = str(uuid.uuid4())
    for table in ("runs", "run_tags"):
        found = connection.execute(f"SELECT * FROM {table} WHERE run_id = ?", (run_id,))
        columns = [column for column, *_ in found.description]
        for row in found.fetchall():
            facts = dict(zip(columns, _rename(row, *names), strict=True))
            del facts["id"]
            new = _rename(list(facts.values()), run_id, new_id)
            _add(connection, table, list(facts), new)


def _read(
    connection: sqlite3.Connection, table: str, columns: Sequence[str], partition: str
) -> Rows:
    named = ", ".join(columns)
    return connection.execute(
        f"SELECT id, {named} FROM {table} WHERE partition = ? ORDER BY id", (partition,)
    ).fetchall()


def _add(
    connection: sqlite3.Connection,
    table: str,
    columns: Sequence[str],
    row: Sequence[object],
) -> int:
    marks = ", ".join("?" * len(row))
    done = connection.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", row
    )
    assert done.lastrowid is not None
    return done.lastrowid


def _rename(row: Sequence[object], one: str, other: str) -> list[object]:
    return [v.replace(one, other) if isinstance(v, str) else v for v in row]
