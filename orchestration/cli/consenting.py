"""The verbs around the terms of data: state them, ask what rests on what, and what has left the home."""

import datetime
import getpass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.wording import many
from orchestration.cli.chosen import read_names
from orchestration.cli.deciding import Because, DryRun
from orchestration.cli.labelling import By
from orchestration.cli.output import Json, join_lines, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assets.terms.statements import Statement
    from assets.terms.terms import Terms

_SHOWN = 20
_NAME = "SESSION|SESSION/CAPTURE"


def consent(
    name: Annotated[
        str,
        typer.Argument(
            metavar=_NAME,
            help="A session, or a capture or folder of captures in it by its path.",
        ),
    ],
    because: Because,
    licence: Annotated[
        str | None,
        typer.Option(
            metavar="SPDX",
            help="Such as CC-BY-4.0; of a contract of your own LicenseRef-NAME.",
        ),
    ] = None,
    purposes: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WORDS", help="What it may be used for, parted by commas: research."
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="The last day that it holds (UTC)."),
    ] = None,
    holder: Annotated[
        str, typer.Option(metavar="NAME", help="Who gives the consent.")
    ] = "",
    end: Annotated[
        bool, typer.Option("--end", help="The consent has ended, from now on.")
    ] = False,
    by: By = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """State under which terms a session may be used, or that the consent has ended.

    Nothing that was stated is changed: the newest counts, and a release is refused where it stands against it. With
    --end it says what rests on the session: frames, releases and models, which stay until somebody acts.
    """
    from assets.retrieval.losses import find_loss
    from assets.retrieval.rests_on import find_subject
    from assets.terms.statements import Statement, state
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    settings = load_settings()
    catalog = build_catalog(settings)
    subject = find_subject(catalog, name)
    if subject is None:
        raise ValueError(
            f"no session is called '{name.partition('/')[0]}': `daguerre status` lists them"
        )
    if not because.strip():
        raise ValueError("--because is empty: say why, for whoever asks later")
    terms = None if end else _read_terms(licence, purposes, until, holder)
    if end and (licence or purposes or until or holder):
        raise ValueError("--end takes no terms: leave out --licence, --purposes, ...")
    statement = Statement(subject, terms, by or getpass.getuser(), because)
    loss = find_loss(catalog, subject)
    if not dry_run:
        _note(settings.home, statement)
        state(catalog, statement)
    facts = {
        "session": subject.session,
        "path": subject.path,
        "ended": end,
        "terms": terms.summary if terms else None,
        "by": statement.by,
        "because": because,
        "dry_run": dry_run,
        **({"loss": loss.to_dict()} if end else {"num_frames": loss.num_frames}),
    }
    word = "would be" if dry_run else "is"
    said = terms.summary if terms else "ended"
    head = f"{subject}: the consent {word} {said}; {many(loss.num_frames, 'frame')}"
    lines = [head, *(_tell_loss(loss.to_dict()) if end else ())]
    say(as_json, facts, join_lines(lines))


def terms(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="SESSION|RELEASE|MODEL",
            help="A session or SESSION/CAPTURE, an id or a beginning of it, TASK/VERSION, or TASK, which is its "
            "champion; by default all sessions.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say under which terms something is: of a release or model what it rests on and may be used for; of a session what
    was stated, which models saw it, and what would be lost without it."""
    from assets.retrieval.rests_on import describe_rests, list_sessions
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog, build_tracker

    settings = load_settings()
    catalog, policy = build_catalog(settings), settings.workspace.policy
    if name is None:
        rows = list_sessions(catalog, policy)
        lines = [row["summary"] for row in rows] or ["there is no session yet"]
        return say(as_json, {"kind": "all", "parts": rows}, join_lines(lines))
    tracker = build_tracker(settings)
    facts = describe_rests(
        catalog, name, policy, lambda task, n: tracker.version(task, n).model_sha256
    )
    say(as_json, facts, join_lines(tell_rests(facts)))


def departures(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="SESSION|RELEASE|MODEL",
            help="What left of it; by default everything.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List what left the home, the newest first: exports, pushes to labelling tools, backups, pages for others."""
    from assets.retrieval.rests_on import find_departures
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog, build_tracker

    settings = load_settings()
    catalog, tracker = build_catalog(settings), build_tracker(settings)
    rows = find_departures(
        catalog, name, lambda task, n: tracker.version(task, n).model_sha256
    )
    lines = [_tell_departure(row) for row in rows] or ["nothing has left"]
    say(as_json, {"departures": rows}, join_lines(lines))


def tell_rests(facts: "Mapping[str, Any]") -> list[str]:
    """What `describe_rests` found, for people."""
    if facts["kind"] == "session":
        said = facts["statements"]
        named = facts["subject"]
        head = "/".join(filter(None, (named["session"], named["path"])))
        lines = [f"{head}: nothing was stated: `daguerre consent` does"] * (not said)
        for row in said:
            at = datetime.datetime.fromtimestamp(row["at_ns"] / 1e9, datetime.UTC)
            lines.append(
                f"{head}: {row['summary']}, stated at {at:%Y-%m-%d %H:%M} by {row['stated_by']} ({row['why']})"
            )
        return [*lines, *_tell_loss(facts)]
    purposes = ", ".join(facts["purposes"]) or "nothing that all of it allows"
    name = facts.get("model_sha256", facts["release_id"])[:16]
    licences = ", ".join(facts["licences"]) or "none that is stated"
    head = f"{facts['kind']} {name}: for {purposes}; licences: {licences}"
    parts = [f"  {part['summary']}" for part in facts["parts"]]
    starts = [f"  starts from {one['origin']}" for one in facts.get("starts_from", ())]
    return [head, *starts, *parts]


def _tell_loss(loss: "Mapping[str, Any]") -> list[str]:
    lines = [f"rests on it: {many(loss['num_frames'], 'frame')}"]
    for one in loss["releases"]:
        parts = ", ".join(f"{n} of {part}" for part, n in one["by_part"].items())
        counts = f"{one['num_lost']} of {one['num_frames']} frames ({parts})"
        lines.append(f"  release {one['release_id'][:16]} ({one['task']}): {counts}")
        if one["classes"]:
            lines.append(f"    no example left: {', '.join(one['classes'][:_SHOWN])}")
    for one in loss["models"]:
        champion = ", champion" * one["is_champion"]
        champion += ", by the weights that it started from" * one["is_heir"]
        slices = "".join(f", slice {name}" for name in one["slices"])
        named = f"{one['model_sha256'][:16]} ({one['task']}{champion}{slices})"
        lines.append(f"  model {named}, of release {one['release_id'][:16]}")
    return lines


def _tell_departure(row: "Mapping[str, Any]") -> str:
    at = datetime.datetime.fromtimestamp(row["at_ns"] / 1e9, datetime.UTC)
    frames = (
        f", {many(row['num_frames'], 'frame')}" if row["num_frames"] is not None else ""
    )
    of = ", ".join(row["sessions"][:_SHOWN]) or row["release_id"] or "all"
    cut = "" if row["is_whole"] else "; it did not end"
    told = f"{row['kind']} of {row['what']} ({of}{frames}) to {row['place']}"
    return f"{at:%Y-%m-%d %H:%M} {told} by {row['sent_by']}{cut}"


def _read_terms(
    licence: str | None, purposes: list[str] | None, until: str | None, holder: str
) -> "Terms":
    from assets.terms.terms import parse_terms

    if licence is None or not purposes:
        raise ValueError(
            "say --licence and --purposes, or --end; `daguerre terms SESSION` says what was stated"
        )
    given = {"licence": licence, "purposes": list(read_names(purposes))}
    found = parse_terms({**given, "until": until, "holder": holder})
    if found.until and found.until < datetime.datetime.now(datetime.UTC).date():
        raise ValueError(f"--until {until} is over: name a day that is to come")
    return found


def _note(home: Any, statement: "Statement") -> None:
    from assets.audit import Act, note

    said = statement.terms.summary if statement.terms else "ended"
    of = f"{statement.subject}: {said}"
    note(home, Act("consent", statement.by, of, statement.why))
