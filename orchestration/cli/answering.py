"""The verbs that put a queue before people, and take back what they answered."""

import getpass
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.wording import many
from orchestration.cli.chosen import read_names
from orchestration.cli.labelling import By
from orchestration.cli.output import Json, join_lines, say
from orchestration.cli.progress import show_progress

if TYPE_CHECKING:
    from assets.tables.catalog import Catalog
    from orchestration.label_answers import Read
    from orchestration.label_pull import Fetched, Questions, Taken
    from orchestration.label_push import Asked
    from orchestration.profiles import Settings

LABEL_STUDIO = "label-studio"
_MOST_TOLD = 10  # of each kind of trouble
Queue = Annotated[
    str, typer.Argument(metavar="ID", help="The queue, or a beginning of its id.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")]


def push(
    queue: Queue,
    to: Annotated[
        str,
        typer.Argument(
            metavar="PLACE", help="label-studio (a server), or a new folder."
        ),
    ],
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="Of a folder: label-studio, coco, cvat, yolo, masks or images.",
        ),
    ] = LABEL_STUDIO,
    classes: Annotated[
        list[str] | None,
        typer.Option("--classes", metavar="NAMES", help="Classes beside the known."),
    ] = None,
    guideline: Annotated[
        str | None,
        typer.Option(help="A file, or an id, in place of the queue's own."),
    ] = None,
    by: By = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Put what a queue asks before people. What a model says goes along as its proposal, and is nobody's answer.

    The server and its token: LABEL_STUDIO_URL and LABEL_STUDIO_API_KEY.
    """
    from assets.annotation.queue.stored import read_queue
    from assets.departures import PUSH, Departure, leaving
    from assets.retrieval.label_files import require_form
    from assets.whole_output import require_empty
    from orchestration import label_push
    from orchestration.label_studio import open_label_studio
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    form = LABEL_STUDIO if to == LABEL_STUDIO else form
    require_form(form)
    catalog = build_catalog(load_settings())
    server = open_label_studio() if to == LABEL_STUDIO else None
    if server is None:
        require_empty(Path(to))
    who = by or getpass.getuser()
    asked = label_push.read_asked(catalog, read_queue(catalog, queue).to_pylist())
    require_form(form, asked.task)
    asked = _take_guideline(catalog, asked, guideline, who, dry_run)
    if dry_run:
        line = f"{many(len(asked.frames), 'frame')} of queue {asked.queue_id[:12]} would go to {to}"
        lines = [line, *_tell_changed(asked)]
        return say(as_json, _describe_asked(asked, True), join_lines(lines))
    names = read_names(classes)
    place = server.url if server else str(Path(to).resolve())
    sessions = sorted({frame["session"] for frame in asked.frames})
    what = f"queue {asked.queue_id[:12]} as {form}"
    departure = Departure(PUSH, what, place, sessions, num_frames=len(asked.frames))
    with (
        leaving(catalog, departure),
        show_progress(f"pushing to {to}", "frames") as tick,
    ):
        sent = (
            label_push.push_to_server(catalog, asked, server, names, tick)
            if server
            else label_push.push_to_folder(catalog, asked, Path(to), form, names, tick)
        )
    push_id = label_push.note_push(catalog, asked, sent.place, who)
    facts = _describe_asked(asked, False)
    facts |= {"push_id": push_id, "place": sent.place, "proposed": sent.num_proposed}
    facts |= {"guideline_id": asked.guideline_id}
    line = f"{many(len(asked.frames), 'frame')} of queue {asked.queue_id[:12]}, now at {sent.place}"
    origin = LABEL_STUDIO if server else "FILE"
    back = f"take the answers back: daguerre queue pull {asked.queue_id[:12]} {origin}"
    told = [f"{line}, with {sent.num_proposed} proposals", *_tell_changed(asked), back]
    say(as_json, facts, join_lines(told))


def _take_guideline(
    catalog: "Catalog", asked: "Asked", named: str | None, by: str, is_dry_run: bool
) -> "Asked":
    """Under another guideline than the queue's own, where one is named. In a dry run it is not kept."""
    from dataclasses import replace

    from assets.annotation.guidelines import take_guideline

    if not named:
        return asked
    kept = take_guideline(catalog, named, by, is_dry_run)
    return replace(asked, guideline_id=kept)


def _describe_asked(asked: "Asked", is_dry_run: bool) -> dict[str, Any]:
    return {
        "queue_id": asked.queue_id,
        "task": asked.task,
        "frames": len(asked.frames),
        "changed": list(asked.changed),
        "is_dry_run": is_dry_run,
    }


def _tell_changed(asked: "Asked") -> list[str]:
    return [
        f"{len(asked.changed)} frames are gone or have changed, and are not pushed: "
        f"`daguerre queue skip {asked.changed[0][:12]}` takes one out"
        for _ in asked.changed[:1]
    ]


def pull(
    queue: Queue,
    source: Annotated[
        str,
        typer.Argument(
            metavar="PLACE",
            help="label-studio (where it was pushed), a label file, or a folder of some.",
        ),
    ],
    by: By = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Take back what people answered: labels of theirs, from this queue and under its guideline.

    Label Studio says who answered; of a file --by does. Answers on frames that are gone, have changed since the push,
    or were never asked are refused one by one. Exits 1 where something was refused, or could not be read.
    """
    from assets.annotation.agreement import list_agreements
    from assets.annotation.queue.stored import read_queue
    from orchestration.label_pull import Questions, tell_deleted
    from orchestration.label_push import read_pushes
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    settings = load_settings()
    catalog = build_catalog(settings)
    rows = read_queue(catalog, queue).to_pylist()
    pushes = read_pushes(catalog, rows[0]["queue_id"])
    asked = Questions.of(rows, pushes)
    found = _fetch(catalog, source, by or getpass.getuser(), asked, pushes)
    taken = _take_all(catalog, found.by_person, asked, dry_run)
    settled = Settled() if dry_run else _settle(settings, catalog, asked.task, taken)
    facts = {
        "queue_id": asked.order.queue_id,
        "task": asked.task,
        "guideline_id": asked.order.guideline_id,
        "people": [{"by": name, **of.facts} for name, of in taken.items()],
        "deleted": list(found.deleted),
        "answered": settled.num_closed,
        "agreement": list_agreements(catalog, asked.task),
        "is_dry_run": dry_run,
        "failed_checks": list(settled.failed),
    }
    lines = [line for name, of in taken.items() for line in _tell(name, of, dry_run)]
    lines = lines or ["nobody has answered yet"]
    lines += [tell_deleted(found.deleted)] if found.deleted else []
    say(as_json, facts, join_lines([*lines, *settled.failed]))
    if settled.failed or not all(of.is_whole for of in taken.values()):
        raise typer.Exit(1)


@dataclass(frozen=True)
class Settled:
    """What followed from new answers: rows of queues that are open no more, and checks that failed."""

    num_closed: int = 0
    failed: tuple[str, ...] = ()


def _fetch(
    catalog: "Catalog",
    source: str,
    by: str,
    asked: "Questions",
    pushes: "Sequence[Mapping[str, Any]]",
) -> "Fetched":
    from orchestration.label_pull import Fetched, fetch_answers, read_files
    from orchestration.label_studio import open_label_studio

    if source == LABEL_STUDIO:
        return fetch_answers(catalog, open_label_studio(), pushes, asked)
    return Fetched(read_files(catalog, Path(source), by, asked))


def _take_all(
    catalog: "Catalog",
    found: "Mapping[str, Read]",
    asked: "Questions",
    is_dry_run: bool,
) -> "dict[str, Taken]":
    from orchestration.label_pull import take

    return {
        name: take(catalog, read, name, asked, is_dry_run)
        for name, read in found.items()
    }


def _settle(
    settings: "Settings", catalog: "Catalog", task: str, taken: "Mapping[str, Taken]"
) -> Settled:
    """Let new answers count: their gate, the queue, the agreement of people, and what Dagster knows."""
    from assets.annotation.agreement import update_agreements
    from assets.annotation.queue.stored import close_answered
    from orchestration.observed import judge_labels, tell_labels

    failed = judge_labels(catalog)
    closed = close_answered(catalog, task)
    update_agreements(catalog)
    num_new = sum(of.num_new for of in taken.values())
    if num_new:
        facts = {"answers taken": num_new, "frames answered": closed}
        tell_labels(settings, catalog, "by `daguerre queue pull`", facts)
    return Settled(closed, tuple(failed))


def _tell(name: str, taken: "Taken", is_dry_run: bool) -> list[str]:
    would = "would be " if is_dry_run else ""
    lines = [
        f"{name}: {many(taken.num_new, 'answer')} {would}taken with "
        f"{many(taken.num_labels, 'label')}, {taken.num_known} known already"
    ]
    troubles = {
        "refused": taken.refused,
        "not read": taken.unread,
        "left": taken.left,
    }
    for what, found in troubles.items():
        lines += [f"  {what}: {one}" for one in found[:_MOST_TOLD]]
        more = len(found) - _MOST_TOLD
        lines += [f"  {what}: {more} more, --json lists all"] * (more > 0)
    return lines
