"""Sessions that somebody took in without Dagster: what it is told of them, in place of a run that would change nothing.

Belongs here: whether a session is as it was taken in, and its materialisations and checks. Does not: taking in.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import dagster as dg
from dagster import DagsterRunStatus

from assets.capture.defs import SessionPages
from assets.capture.stage import STAGE as CAPTURE
from assets.copies import adopt_copies
from assets.landing import Listing
from assets.ledger import COMMAND_LINE, Ledger
from assets.materialize import result
from assets.stages import AssetKey
from assets.storage import Folder
from assets.tables.catalog import Catalog
from checks.as_check import as_evaluation
from checks.gates import INTAKE_TABLES, SESSION_ASSETS, judge_session
from orchestration.jobs import ingest_session
from orchestration.sensors.standing import find_standing
from orchestration.session import session_keys

Told = dg.AssetMaterialization | dg.AssetCheckEvaluation
_DATA_VERSION = "dagster/data_version"
# tables without which a session has nothing of an asset, by the asset's first table
_MADE_OF = {name: name for name in INTAKE_TABLES} | {
    "anonymised_frames": "privacy_policies"
}
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
    instance: dg.DagsterInstance,
    catalog: Catalog,
    ledger: Ledger,
    sessions: Sequence[str],
) -> tuple[list[Told], list[str]]:
    """What Dagster does not know of these sessions, and the sessions that there was no time for in one tick.

    A session that the time ends in is among both: what is told of it is known the next time.
    """
    told: list[Told] = []
    end = time.monotonic() + _MOST_S
    for number, session in enumerate(sessions):
        pages = SessionPages(catalog, ledger, session)
        for key in session_keys():
            if told and time.monotonic() > end:
                return told, list(sessions[number:])
            told += _tell(instance, catalog, pages, session, key)
    return told, []


def _tell(
    instance: dg.DagsterInstance,
    catalog: Catalog,
    pages: SessionPages,
    session: str,
    key: AssetKey,
) -> Iterator[Told]:
    """The asset and its checks, where it was judged and is not in Dagster with the rows of today.

    Metadata is what a run would have given; the gates judge the rows as they are and decide nothing.
    """
    table = SESSION_ASSETS[key][0]
    is_judged = catalog.is_judged(table, session)
    # nobody has landed what it is made of yet, and there is nothing to publish
    made_of = _MADE_OF.get(table)
    is_blank = made_of is not None and not catalog.exists(made_of)
    if not is_judged and not is_blank:
        return
    made = result(catalog, table, list(key), session)
    assert made.data_version is not None, "every result has one"
    version = made.data_version.value
    if _read_version(instance, key, session) == version:
        return
    stage, noun = key
    is_capture = stage == CAPTURE.name
    shown = pages.describe(noun) if is_capture else {}
    asset_key = dg.AssetKey(list(key))
    yield dg.AssetMaterialization(
        asset_key,
        description="Made by `daguerre ingest`, without a run.",
        metadata={**(made.metadata or {}), **shown},
        partition=session,
        tags={_DATA_VERSION: version},
    )
    for judged in SESSION_ASSETS[key]:
        for verdict in judge_session(catalog, judged, session):
            yield as_evaluation(asset_key, verdict, session)


def _read_version(
    instance: dg.DagsterInstance, key: tuple[str, str], session: str
) -> str | None:
    wanted = dg.AssetRecordsFilter(dg.AssetKey(list(key)), asset_partitions=[session])
    records = instance.fetch_materializations(wanted, limit=1).records
    known = records[0].asset_materialization if records else None
    return (known.tags or {}).get(_DATA_VERSION) if known else None
