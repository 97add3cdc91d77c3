"""What `forget --erase` does: the plan of an erasure, its steps, and what becomes of one that was cut short."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Any

import typer

from assets.wording import many
from orchestration.cli.intake import take_in
from orchestration.cli.output import join_lines, say
from orchestration.cli.progress import show_activity
from orchestration.profiles import Settings

if TYPE_CHECKING:
    from assets.capture.forgetting import Target
    from assets.erasure.plan import Held, Home, Plan
    from assets.erasure.subject import Subject
    from assets.home_lock import Require
    from assets.storage import Folder

_ID = re.compile("[0-9a-f]{32}")
_SHOWN = 40  # stores, for people
_STEPS = {
    "hide": "hiding it from intake",
    "rows": "taking its rows out",
    "files": "removing files",
    "texts": "redacting logs and databases",
    "bytes": "writing tables anew without it",
    "blobs": "removing blobs",
    "successors": "making releases without it",
    "certificate": "writing the certificate",
}


def build_home(settings: Settings, is_said_alone: bool = False) -> "Home":
    """All stores of the settings; whether a person has ended all other processes of theirs."""
    from assets.erasure.plan import Home
    from orchestration.resources import build_intake, build_landing_zone
    from orchestration.session import judge_again

    intake = build_intake(settings)
    return Home(
        intake.catalog,
        intake.ledger,
        intake.blobs,
        build_landing_zone(settings),
        settings.workspace,
        settings.mlflow_url,
        settings.mlflow_artifacts,
        settings.dagster_url,
        lambda session: judge_again(settings, session),
        is_said_alone,
    )


@dataclass(frozen=True)
class Reason:
    """Why something goes, or comes back, who says so, and when."""

    because: str
    by: str
    at: str


@dataclass(frozen=True)
class Order:
    """What a person wants erased; of one picture perhaps only a region, "x,y,w,h"."""

    targets: "Sequence[Target]"
    region: str
    reason: Reason
    is_asked: bool
    is_said_alone: bool


def name_ids(settings: Settings, named: Sequence[str]) -> list[str]:
    """Names with the ids of captures and frames among them as `SESSION/PATH`. Raises ValueError for a frame that lies
    in a file with others."""
    from assets.erasure.subject import find_frame
    from orchestration.resources import build_catalog

    catalog = build_catalog(settings)
    found = []
    for name in named:
        target = find_frame(catalog, name) if _ID.fullmatch(name) else None
        found.append(f"{target.session}/{target.path}".rstrip("/") if target else name)
    return found


def erase(settings: Settings, order: Order, is_dry_run: bool, as_json: bool) -> None:
    """Plan, ask, and erase. Raises ValueError, and changes nothing, where no reason is given, where an erasure is open,
    and while another process erases or makes a backup."""
    from assets.home_lock import erasing

    if not order.reason.because and not is_dry_run:
        raise ValueError("--erase wants a reason: --because TEXT")
    if is_dry_run:
        return _erase(settings, order, as_json, None)
    with erasing(settings.home, _open_tables(settings)) as require_still:
        _erase(settings, order, as_json, require_still)


def _open_tables(settings: Settings) -> "Folder":
    from assets.storage import Folder

    return Folder(settings.tables_uri, settings.file_options)


def _erase(
    settings: Settings, order: Order, as_json: bool, require_still: "Require | None"
) -> None:
    """A plan alone where nothing is required."""
    from assets.audit import Act, note
    from assets.erasure.erase import begin
    from assets.erasure.plan import make_plan
    from assets.erasure.subject import find_subject

    home = build_home(settings, order.is_said_alone)
    reason = order.reason
    if home.ledger.erasures():
        raise ValueError(
            "an erasure is not done yet: `daguerre forget --resume` ends it"
        )
    subject = find_subject(
        home.catalog,
        home.ledger,
        order.targets,
        uuid.uuid4().hex,
        *astuple(reason),
    )
    filled = _fill(home, order) if order.region else None
    plan = make_plan(home, subject)
    facts = {**plan.to_dict(), "dry_run": not require_still, "certificate": None}
    if not require_still:
        return say(as_json, facts, join_lines(_describe(plan, True)))
    if order.is_asked:
        typer.echo(join_lines(_describe(plan, True)), err=True)
        typer.confirm("erase this, for good?", abort=True, err=True)
    note(settings.home, Act("erase", reason.by, _name(subject), reason.because))
    begin(home, subject, plan, filled)
    facts |= _finish(settings, home, subject.erasure_id, require_still)
    say(as_json, facts, join_lines([*_describe(plan, False), *_tell_end(facts)]))


def resume(
    settings: Settings, is_dry_run: bool, is_said_alone: bool, as_json: bool
) -> None:
    """Finish what was cut short. Nothing to do is no fault. Raises ValueError as `erase` does."""
    from assets.home_lock import erasing

    home = build_home(settings, is_said_alone)
    if is_dry_run:
        open_ones, ended = sorted(home.ledger.erasures()), []
        lines = [f"erasure {one[:8]} would be ended" for one in open_ones]
    else:
        with erasing(settings.home, _open_tables(settings)) as require_still:
            open_ones = sorted(home.ledger.erasures())
            ended = _finish_all(settings, home, open_ones, require_still)
        lines = [line for one in ended for line in _tell_end(one)]
    facts = {"erasures": open_ones, "ended": ended, "dry_run": is_dry_run}
    say(as_json, facts, join_lines(lines or ["no erasure is under way"]))


def _finish_all(
    settings: Settings,
    home: "Home",
    erasure_ids: Sequence[str],
    require_still: "Require",
) -> list[dict[str, Any]]:
    from assets.erasure.subject import drop_leftovers

    drop_leftovers(home.folder, erasure_ids)
    return [_finish(settings, home, one, require_still) for one in erasure_ids]


def lift(settings: Settings, named: Sequence[str], reason: Reason) -> list[str]:
    """Let files that lie there now be taken in again, where they were erased before; those of the names that were."""
    from pathlib import Path

    from assets.audit import Act, note
    from assets.disk import hash_file
    from assets.ledger.erased import digest_of
    from orchestration.resources import build_ledger

    ledger = build_ledger(settings)
    lifted = []
    for name in named:
        digest = digest_of(hash_file(Path(name))) if Path(name).is_file() else ""
        if digest in ledger.find_erased([digest]):
            note(
                settings.home,
                Act("undo erase", reason.by, f"file {digest}", reason.because),
            )
            ledger.lift(digest, _tell(reason))
            lifted.append(name)
    return lifted


def _tell(reason: Reason) -> str:
    return f"by {reason.by} at {reason.at}: {reason.because}"


def _name(subject: "Subject") -> str:
    """What the record of acts calls it: nothing there is ever taken out."""
    return f"erasure {subject.erasure_id}"


def _finish(
    settings: Settings, home: "Home", erasure_id: str, require_still: "Require"
) -> dict[str, Any]:
    from assets.erasure.erase import go_on
    from assets.erasure.subject import recall_filled

    filled = recall_filled(home.folder, erasure_id)
    with show_activity("erasing") as tell:

        def begin_step(step: str) -> None:
            require_still()
            tell(_STEPS[step])

        path = go_on(home, erasure_id, begin_step)
    intakes = []
    if filled:
        session = filled[0]
        taken, _ = take_in(settings, home.zone.locate(session), session)
        intakes.append(taken)
    return {"erasure_id": erasure_id, "certificate": str(path), "intakes": intakes}


def _fill(home: "Home", order: Order) -> tuple[str, str, bytes]:
    """Session, path and bytes of the picture that takes the place of the one that is erased."""
    from assets.erasure.files import locate_landed
    from assets.erasure.region import fill, read_region

    if len(order.targets) != 1:
        raise ValueError("--region is of one picture: name one")
    (target,) = order.targets
    place = locate_landed(home.zone, target.session, target.path)
    return target.session, target.path, fill(place, read_region(order.region))


def _join_databases(held: "list[Held]") -> "list[Held]":
    """Each run of Dagster has its own: they are one line, at the place of the first."""
    from assets.erasure.plan import RETOLD

    mine = [one for one in held if one.what == RETOLD]
    if len(mine) < 2:
        return held
    joined = replace(
        mine[0],
        store=many(len(mine), "database"),
        count=sum(one.count for one in mine),
        size_bytes=sum(one.size_bytes for one in mine),
    )
    place = held.index(mine[0])
    rest = [one for one in held[place:] if one not in mine]
    return [*held[:place], joined, *rest]


def _describe(plan: "Plan", is_plan: bool) -> list[str]:
    """What goes, or went, of every store."""
    said = "would be" if is_plan else "were"
    lines = [
        f"{many(plan.sessions, 'session')}, {many(plan.captures, 'capture')}, "
        f"{many(plan.frames, 'frame')}, {many(plan.files, 'file')} {said} erased"
    ]
    held = _join_databases([one for one in plan.held if one.count])
    for one in held[:_SHOWN]:
        size = f", {one.size_bytes:,} bytes" if one.size_bytes else ""
        lines.append(f"  {one.store}: {one.count:,} {one.what}{size}: {one.becomes}")
    if len(held) > _SHOWN:
        lines.append(f"  ... and {len(held) - _SHOWN} more stores: --json lists them")
    for noun, ids in (("releases", plan.releases), ("models", plan.models)):
        if ids:
            named = ", ".join(one[:8] for one in ids)
            lines.append(f"  {noun} that have it: {named}")
    if plan.near_duplicates:
        lines.append(
            f"  {plan.near_duplicates} frames look like one of these, and stay: look at them"
        )
    return [*lines, *(f"to do by hand: {text}" for text in plan.advice)]


def _tell_end(facts: dict[str, Any]) -> list[str]:
    return [f"erased; the certificate is {facts['certificate']}"]
