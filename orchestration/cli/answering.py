"""The verbs that put a queue before people, and take back what they answered."""

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.chosen import read_names
from orchestration.cli.labelling import By, judge
from orchestration.cli.output import Json, join_lines, say
from orchestration.cli.progress import show_progress

if TYPE_CHECKING:
    from orchestration.label_pull import Taken

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
    from dataclasses import replace

    from assets.annotation.guidelines import take_guideline
    from assets.annotation.queue.stored import read_queue
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
    facts: dict[str, Any] = {
        "queue_id": asked.queue_id,
        "task": asked.task,
        "frames": len(asked.frames),
        "changed": list(asked.changed),
        "is_dry_run": dry_run,
    }
    told = [
        f"{len(asked.changed)} frames are gone or have changed, and are not pushed: "
        f"`daguerre queue skip {asked.changed[0][:12]}` takes one out"
        for _ in asked.changed[:1]
    ]
    if dry_run:
        line = f"{len(asked.frames)} frames of queue {asked.queue_id[:12]} would go to {to}"
        return say(as_json, facts, join_lines([line, *told]))
    if guideline:
        kept = take_guideline(catalog, guideline, who)
        asked = replace(asked, guideline_id=kept)
    names = read_names(classes)
    with show_progress(f"pushing to {to}", "frames") as tick:
        if server:
            place, proposed = label_push.push_to_server(
                catalog, asked, server, names, tick
            )
        else:
            place = str(Path(to).resolve())
            proposed = label_push.push_to_folder(
                catalog, asked, Path(to), form, names, tick
            )
    push_id = label_push.note_push(catalog, asked, place, who)
    facts |= {"push_id": push_id, "place": place, "proposed": proposed}
    facts |= {"guideline_id": asked.guideline_id}
    line = f"{len(asked.frames)} frames of queue {asked.queue_id[:12]} are at {place}, with {proposed} proposals"
    origin = LABEL_STUDIO if server else "FILE"
    back = f"take the answers back: daguerre queue pull {asked.queue_id[:12]} {origin}"
    say(as_json, facts, join_lines([line, *told, back]))


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
    from assets.annotation.agreement import list_agreements, update_agreements
    from assets.annotation.labels import Order
    from assets.annotation.queue.stored import close_answered, read_queue
    from orchestration.label_pull import (
        Questions,
        fetch_answers,
        read_files,
        sha256_of,
        take,
    )
    from orchestration.label_push import read_pushes
    from orchestration.label_studio import open_label_studio
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    catalog = build_catalog(load_settings())
    rows = read_queue(catalog, queue).to_pylist()
    queue_id, task = rows[0]["queue_id"], rows[0]["task"]
    pushes = read_pushes(catalog, queue_id)
    asked = Questions(
        task,
        sha256_of(rows, pushes),
        Order(
            queue_id, pushes[0]["guideline_id"] if pushes else rows[0]["guideline_id"]
        ),
    )
    if source == LABEL_STUDIO:
        found = fetch_answers(catalog, open_label_studio(), pushes, asked)
    else:
        found = read_files(catalog, Path(source), by or getpass.getuser(), asked)
    taken = {
        name: take(catalog, read, name, asked, dry_run) for name, read in found.items()
    }
    failed: list[str] = []
    closed = 0
    if not dry_run:
        failed = judge(catalog)
        closed = close_answered(catalog, task)
        update_agreements(catalog)
    facts = {
        "queue_id": queue_id,
        "task": task,
        "guideline_id": asked.order.guideline_id,
        "people": [{"by": name, **of.facts} for name, of in taken.items()],
        "answered": closed,
        "agreement": list_agreements(catalog, task),
        "is_dry_run": dry_run,
        "failed_checks": failed,
    }
    lines = [line for name, of in taken.items() for line in _tell(name, of, dry_run)]
    lines = lines or ["nobody has answered yet"]
    say(as_json, facts, join_lines([*lines, *failed]))
    if failed or not all(of.is_whole for of in taken.values()):
        raise typer.Exit(1)


def _tell(name: str, taken: "Taken", is_dry_run: bool) -> list[str]:
    would = "would be " if is_dry_run else ""
    lines = [
        f"{name}: {taken.num_new} answers {would}taken with {taken.num_labels} labels, {taken.num_known} known already"
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
