"""Sessions that somebody took in without Dagster: what it is told of them, in place of a run that would change nothing.

Belongs here: whether a session is as it was taken in, and its materialisations. Does not: taking in.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import dagster as dg
from dagster import DagsterRunStatus

from assets.copies import adopt_copies
from assets.landing import Listing
from assets.ledger import COMMAND_LINE, Ledger
from assets.materialize import picture, result
from assets.storage import Folder
from assets.tables.catalog import Catalog, session_is
from checks.gates import SESSION_ASSETS
from orchestration.jobs import ingest_session
from orchestration.sensors.standing import find_standing
from orchestration.session import session_keys

_DATA_VERSION = "dagster/data_version"
_SHOWN_ON = (("capture", "recordings"), ("capture", "frames"))
_MOST_S = 10.0  # of one tick
_MOST_BYTES = 1 << 30  # of one session, that are compared in a tick


def is_made(
    instance: dg.DagsterInstance,
    ledger: Ledger,
    folder: Folder,
    session: str,
    fingerprint: str,
    code: str,
) -> bool:
    """Whether these very files were taken in by this code, and all else that the session needs was made and judged.

    A run that is under way counts: who watches runs asks again where it fails. Files that were copied with their home
    are the same, once all were compared; where they are too large for a tick, a run compares them.
    """
    known = ledger.intake_of(session)
    if known is None or known.code != code:
        return False
    if known.fingerprint != fingerprint:
        files = folder.files()
        listing = Listing(session)
        listing.add(files)
        if listing.fingerprint != fingerprint:
            return False
        outcomes = ledger.outcomes(session).values()
        if not adopt_copies(ledger, folder, files, outcomes, _MOST_BYTES).is_whole:
            return False
        ledger.note_intake(replace(known, fingerprint=fingerprint))
    return known.made_by == COMMAND_LINE or _makes_all(instance, known.made_by, session)


def _makes_all(instance: dg.DagsterInstance, run_id: str, session: str) -> bool:
    run = instance.get_run_by_id(run_id) if run_id else None
    if run is None or run.job_name != ingest_session.name:
        return False
    if run.status != DagsterRunStatus.FAILURE:
        return run.status != DagsterRunStatus.CANCELED
    tags = {"dagster/partition": session}
    return not find_standing(instance, ingest_session.name, tags).failed_run


def tell_made(
    instance: dg.DagsterInstance, catalog: Catalog, sessions: Sequence[str]
) -> tuple[list[dg.AssetMaterialization], list[str]]:
    """What Dagster does not know of these sessions, and the sessions that there was no time for in one tick."""
    told: list[dg.AssetMaterialization] = []
    end = time.monotonic() + _MOST_S
    for number, session in enumerate(sessions):
        if number and time.monotonic() > end:
            return told, list(sessions[number:])
        told += _list_unknown(instance, catalog, session)
    return told, []


def _list_unknown(
    instance: dg.DagsterInstance, catalog: Catalog, session: str
) -> Iterator[dg.AssetMaterialization]:
    """The assets of the session that were judged, and are not in Dagster with the rows of today."""
    for key in session_keys():
        table = SESSION_ASSETS[key][0]
        if not any(d["session"] == session for d in catalog.publications(table)):
            continue
        made = result(catalog, table, list(key), session)
        assert made.data_version is not None, "every result has one"
        version = made.data_version.value
        if _read_version(instance, key, session) == version:
            continue
        shown = _draw(catalog, session) if key in _SHOWN_ON else {}
        yield dg.AssetMaterialization(
            dg.AssetKey(list(key)),
            description="Made by `daguerre ingest`, without a run.",
            metadata={**(made.metadata or {}), **shown},
            partition=session,
            tags={_DATA_VERSION: version},
        )


def _read_version(
    instance: dg.DagsterInstance, key: tuple[str, str], session: str
) -> str | None:
    wanted = dg.AssetRecordsFilter(dg.AssetKey(list(key)), asset_partitions=[session])
    records = instance.fetch_materializations(wanted, limit=1).records
    known = records[0].asset_materialization if records else None
    return (known.tags or {}).get(_DATA_VERSION) if known else None


def _draw(catalog: Catalog, session: str) -> dict[str, Any]:
    from assets.previews.stored_frames import contact_sheet_png

    png = contact_sheet_png(catalog, session_is(session), 12)
    return {"contact sheet": picture(png)} if png else {}
