"""Watch the landing zone: a new or changed session becomes a partition and a run.

Belongs here: when to ask for intake. Does not: intake itself, which is exactly-once whatever is asked twice.
"""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

import dagster as dg

from assets.capture.partial import find_partial
from assets.capture.recovery import make_good, stamp_intake
from assets.capture.source_settings import stamp_video
from assets.foreign_text import for_line
from assets.landing import LandingZone, Look, Surroundings, Watch, explain
from assets.ledger import Ledger, Pause
from assets.partitions import sessions
from assets.storage import Folder
from assets.tables.catalog import Catalog
from orchestration.jobs import ingest_session
from orchestration.sensors.made import is_made, tell_made
from orchestration.sensors.standing import find_standings, list_failed_partitions

LISTING = "listing"
INTAKE = "intake"
ZONE = ""  # the session of a pause that is the landing zone's own


@dg.sensor(
    job=ingest_session,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Takes in each session whose files, or readers, differ from those of the last intake.",
)
def landing_zone_sensor(
    context: dg.SensorEvaluationContext,
    landing_zone: dg.ResourceParam[LandingZone],
    catalog: dg.ResourceParam[Catalog],
) -> dg.SensorResult:
    """Asks for a run when a session's listing differs from the one last asked for and has stopped changing.

    Two looks in a row have to see the same files, so a folder that is still being copied waits; the end of a
    container that lacks it is waited for besides (`DAGUERRE_PARTIAL_WAIT_S`). When a reader's code has another version,
    all sessions are asked for once more: intake reads again what an older one read. So they are after a power cut that
    took rows of the tables. The cursor is the `Watch`: a tick takes about a second, also over a hundred thousand files.

    A session whose folder is no more is asked for like one that changed, while others that were seen there are; one
    that lies there under a new name stays what it was. A session that cannot be listed, or whose run failed by itself,
    is told in the log and in the ledger, tried again after a pause that grows, and keeps no other waiting.

    What the ledger knows as taken in and unchanged, by the command line or before the cursor was lost, is run no more:
    Dagster is told of its assets and their checks as they lie in the tables.
    """
    ledger = landing_zone.ledger
    watch = Watch(**json.loads(context.cursor)) if context.cursor else Watch()
    make_good(catalog, ledger)
    stamp = stamp_intake(catalog)
    with suppress(OSError):  # a zone that is away is told below
        watch.follow_code(stamp + stamp_video(landing_zone.folder))
    seen = _look(landing_zone, watch)
    again = _find_due(context.instance, ledger, watch, set(seen.places))
    made = _find_made(context.instance, ledger, watch, seen, again, stamp)
    told, untold = tell_made(context.instance, catalog, ledger, made)
    for session in untold:
        watch.put_off(session, time.time())
    ready = [session for session in seen.ready if session not in made]
    again = {s: run_id for s, run_id in again.items() if s not in made}
    requests = _ask(watch, ready, again)
    _log_seen(context.log, seen, ready)
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else _explain_skip(watch, made, seen.failed),
        dynamic_partitions_requests=[
            sessions.build_add_request(sorted({*ready, *again, *made}))
        ],
        asset_events=told,
        cursor=json.dumps(asdict(watch)),
    )


@dataclass(frozen=True)
class _Seen:
    """What one look into the landing zone found."""

    around: Surroundings
    places: Mapping[str, Folder]  # session -> its folder, of those that are not paused
    ready: Sequence[str]  # sessions that differ from what was last asked for
    renamed: Mapping[str, str]  # new session -> the one that it is
    failed: Mapping[str, str]  # session, or ZONE -> why it could not be listed


def _look(landing_zone: LandingZone, watch: Watch) -> _Seen:
    """Look at the zone and at each session of it, and keep the pauses of those that cannot be listed."""
    around = landing_zone.look_around()
    landing_zone.note(around)
    paused = {p.session: p for p in landing_zone.ledger.pauses() if p.what == LISTING}
    places = {
        session: folder
        for session, folder in (*around.sessions.items(), *around.departed.items())
        if session not in paused or paused[session].left_s <= 0
    }
    look = watch.look(places)
    renamed = _recognise(landing_zone, watch, look.ready, places)
    ready = _pick_whole(landing_zone, watch, look, renamed, places)
    failed = {**look.failed, **({ZONE: around.fault} if around.fault else {})}
    gone = set() if around.fault else set(paused) - set(around.sessions)
    _keep_pauses(landing_zone.ledger, paused, failed, {*look.listed, *gone, ZONE})
    return _Seen(around, places, ready, renamed, failed)


def _pick_whole(
    landing_zone: LandingZone,
    watch: Watch,
    look: Look,
    renamed: Mapping[str, str],
    places: Mapping[str, Folder],
) -> list[str]:
    """The sessions to ask for: with files, none of them in parts. What cannot be listed is added to `look.failed`."""
    ready = []
    for session in look.ready:
        if session in {*renamed, *renamed.values()}:
            continue
        if watch.is_bare(session) and not landing_zone.ledger.holds_files(session):
            continue  # nothing to take in, until something lies there
        try:
            if _is_whole(landing_zone, watch, session, places[session]):
                ready.append(session)
        except OSError as error:
            watch.put_off(session, time.time())
            look.failed[session] = explain(places[session], error)
    return ready


def _find_made(
    instance: dg.DagsterInstance,
    ledger: Ledger,
    watch: Watch,
    seen: _Seen,
    again: Mapping[str, str],
    stamp: str,
) -> list[str]:
    """Of the sessions to ask for those that lie in the tables as they are, taken in by this code."""
    return [
        session
        for session in [*seen.ready, *again]
        if is_made(
            instance,
            ledger,
            seen.places[session],
            session,
            watch.seen[session][0],
            stamp + _stamp_above(seen.places[session]),
        )
    ]


def _ask(
    watch: Watch, ready: Sequence[str], again: Mapping[str, str]
) -> list[dg.RunRequest]:
    """A run for each session, counted in `watch`; of those in `again` under the name of the run that failed."""
    for session in ready:
        watch.asks[session] = watch.asks.get(session, 0) + 1
    requests = [
        dg.RunRequest(run_key=_name_run(watch, s), partition_key=s) for s in ready
    ]
    requests += [
        dg.RunRequest(run_key=f"{_name_run(watch, s)}:{run_id}", partition_key=s)
        for s, run_id in again.items()
        if s not in ready
    ]
    return requests


def _log_seen(log: logging.Logger, seen: _Seen, ready: Sequence[str]) -> None:
    """Say what a person should know of the zone."""
    for session, former in seen.renamed.items():
        log.info(f"{session} is the session {former}, whose folder has a new name")
    for session in sorted(set(ready) & set(seen.around.departed)):
        log.warning(
            f"{session} is not in the landing zone any more: its rows go from the next release"
        )
    for session, reason in seen.failed.items():
        log.warning(f"{session or 'landing zone'}: {for_line(reason)}")
    if seen.around.unusable:
        log.warning(
            f"folders that cannot be sessions (rename them): {seen.around.unusable}"
        )


def _explain_skip(watch: Watch, made: Sequence[str], failed: Mapping[str, str]) -> str:
    """Why nothing is asked for."""
    waiting = watch.unsettled()
    reason = (
        f"waiting for {waiting} to settle"
        if waiting
        else "nothing new in the landing zone"
    )
    known = f"taken in before, and unchanged: {', '.join(made)}" if made else ""
    return "; ".join([known or reason, *(text for _, text in sorted(failed.items()))])


def _name_run(watch: Watch, session: str) -> str:
    """The same for a tick whose cursor was lost; another one when files went and came back."""
    count = watch.asks.get(session, 0)
    return f"{session}:{watch.seen[session][0]}:{watch.code}" + f":{count}" * (
        count > 1
    )


def _recognise(
    landing_zone: LandingZone,
    watch: Watch,
    ready: Sequence[str],
    places: Mapping[str, Folder],
) -> dict[str, str]:
    """New session -> the one that it is, of those whose folder has a new name: asked for is that one, in its turn."""
    renamed = {}
    for session in ready:
        try:
            former = landing_zone.recognise(session, places[session])
        except OSError:
            former = None  # intake will tell what is wrong
        if former is not None:
            renamed[session] = former
            watch.ask_again(former)
    return renamed


def _keep_pauses(
    ledger: Ledger,
    paused: Mapping[str, Pause],
    failed: Mapping[str, str],
    sound: set[str],
) -> None:
    """Begin pauses of what failed, longer ones where it did before, and end those of what is sound or gone."""
    for session, reason in failed.items():
        before = paused[session].num_failures if session in paused else 0
        ledger.put_off(LISTING, session, before + 1, reason)
    for session in sound & set(paused) - set(failed):
        ledger.end_pause(LISTING, session)


def _find_due(
    instance: dg.DagsterInstance, ledger: Ledger, watch: Watch, there: set[str]
) -> dict[str, str]:
    """session -> its run that failed, of those whose pause is over: the next is asked for under that run's name.

    Whatever is lost of this, the runs that failed are there at the next tick.
    """
    paused = {p.session: p for p in ledger.pauses() if p.what == INTAKE}
    failed, until_s = list_failed_partitions(
        instance, ingest_session.name, watch.failed_s
    )
    due = {}
    asked = sorted(failed | set(paused))
    for session, now in find_standings(instance, ingest_session.name, asked):
        pause = paused.get(session)
        if not now.failed_run:
            if pause:
                ledger.end_pause(INTAKE, session)
        elif pause is None or pause.cause != now.failed_run:
            ledger.put_off(
                INTAKE, session, now.num_failures, now.reason, now.failed_run
            )
        elif pause.left_s <= 0 and session in there and watch.is_asked(session):
            due[session] = now.failed_run
    watch.failed_s = until_s
    return due


def _stamp_above(folder: Folder) -> str:
    above = folder.above()
    return stamp_video(above) if above else ""


def _is_whole(
    landing_zone: LandingZone, watch: Watch, session: str, folder: Folder
) -> bool:
    """Whether no file of the session is in parts, or its end has been waited for long enough."""
    outcomes = landing_zone.ledger.outcomes(session)
    known = {key for key, o in outcomes.items() if o.outcome != "gone"}
    fresh = [f for f in folder.files() if (f.path, f.version) not in known]
    partial = find_partial(fresh, folder.open)
    if partial and watch.put_off(session, time.time()) < landing_zone.partial_wait_s:
        return False
    watch.go_on(session)
    return True
