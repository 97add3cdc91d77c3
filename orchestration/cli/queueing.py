"""The verb that asks for labels: what to label next, why, and at what budget."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.foreign_text import for_line
from assets.wording import many
from models.task_names import TASK_NAMES
from orchestration.cli.output import Json, join_lines, say, shorten
from orchestration.cli.progress import show_activity

if TYPE_CHECKING:
    import pyarrow as pa

    from assets.tables.catalog import Catalog

_STRATEGIES = (
    "mixture, uncertainty, disagreement, coverage, drift, label_errors or random"
)
_MOST_SHOWN = 20

queue_app = typer.Typer(
    invoke_without_command=True, help="What to label next, why, and at what budget."
)


@queue_app.callback()
def queue(
    context: typer.Context,
    task: Annotated[
        str | None,
        typer.Option(
            help=f"Of {', '.join(TASK_NAMES)}; by default the one with a champion."
        ),
    ] = None,
    strategy: Annotated[
        str, typer.Option(help=f"How frames are chosen: {_STRATEGIES}.")
    ] = "mixture",
    budget: Annotated[
        int, typer.Option(help="Frames that may be open at once for the task.")
    ] = 100,
    seed: Annotated[int, typer.Option(help="Of what goes by chance.")] = 0,
    guideline: Annotated[
        str | None, typer.Option(help="Id of the guideline to label by.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be asked. Writes nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Ask for labels: choose the frames that are worth most, and keep them as a queue.

    What is open already counts for the budget. Frames are asked once for a task, and of near-duplicates one.
    """
    if context.invoked_subcommand is not None:
        return
    from assets.annotation.queue.build import (
        Question,
        describe,
        draft_queue,
        write_queue,
    )
    from assets.annotation.queue.stored import close_answered
    from checks.gates import gate_session
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    catalog = build_catalog(load_settings())
    question = Question(
        task or _choose_task(catalog), strategy, budget, seed, guideline
    )
    with show_activity("comparing frames") as enter:
        clusters = _find_clusters(catalog, dry_run)
        closed = 0 if dry_run else close_answered(catalog, question.task)
        enter("choosing frames")
        draft = draft_queue(catalog, question, clusters)
    failed: list[str] = []
    if not dry_run and len(draft):
        write_queue(catalog, draft)
        verdicts = gate_session(catalog, "label_queue", None)
        failed = [f"{v.name}: {v.summary}" for v in verdicts if v.stops]
    facts = {
        **describe(draft),
        "answered_since": closed,
        "is_dry_run": dry_run,
        "failed_checks": failed,
        "frames": _list_rows(draft.rows),
    }
    say(as_json, facts, join_lines([*_tell(facts), *failed]))
    if failed:
        raise typer.Exit(1)


@queue_app.command()
def show(
    queue_id: Annotated[
        str | None,
        typer.Argument(
            metavar="ID",
            help="A queue, or a unique beginning of its id; by default all that is open.",
        ),
    ] = None,
    task: Annotated[
        str | None, typer.Option(help=f"Only this of {', '.join(TASK_NAMES)}.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what a queue asks, in its order, why, and what has become of it."""
    from collections import Counter

    from assets.annotation.queue.stored import read_queue
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    rows = read_queue(build_catalog(load_settings()), queue_id, task)
    states = Counter(rows["state"].to_pylist())
    queues = rows["queue_id"].unique().to_pylist()
    listed = _list_rows(rows)
    facts = {"queues": queues, "states": dict(states), "frames": listed}
    counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    head = f"{len(queues)} queues, {counts}" if listed else "no frame is open"
    say(as_json, facts, join_lines([head, *_tell_rows(listed)]))


@queue_app.command()
def skip(
    frames: Annotated[
        list[str], typer.Argument(metavar="FRAME", help="Ids, or unique beginnings.")
    ],
    task: Annotated[
        str | None, typer.Option(help=f"Only this of {', '.join(TASK_NAMES)}.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take frames out of the queues that ask them: nobody can label them. They are not asked again."""
    from assets.annotation.queue.stored import SKIPPED, change_state, read_queue
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    catalog = build_catalog(load_settings())
    open_rows = read_queue(catalog, task=task).select(["queue_id", "frame_id"])
    skipped = 0
    for start in frames:
        found = [r for r in open_rows.to_pylist() if r["frame_id"].startswith(start)]
        if len({row["frame_id"] for row in found}) != 1:
            what = "several open frames begin" if found else "no open frame begins"
            raise ValueError(
                f"{what} with {start!r}: `daguerre queue show` lists what is open"
            )
        for row in found:
            skipped += change_state(
                catalog, row["queue_id"], [row["frame_id"]], SKIPPED
            )
    say(as_json, {"skipped": skipped}, f"{skipped} frames are skipped")


def _choose_task(catalog: "Catalog") -> str:
    rows = catalog.read_latest("champions", ["task"])
    tasks = sorted({*rows["task"].to_pylist()} & {*TASK_NAMES})
    if len(tasks) != 1:
        there = (
            f"there are champions of {', '.join(tasks)}"
            if tasks
            else "there is no champion"
        )
        raise ValueError(
            f"{there}: name what to label for with --task, one of {', '.join(TASK_NAMES)}"
        )
    return tasks[0]


def _find_clusters(catalog: "Catalog", is_dry_run: bool) -> "pa.Table | None":
    """Near-duplicates among all frames of today: what a queue must not ask twice."""
    from assets.curation.clusters import plan_sides, update_clusters
    from checks.gates import gate_session

    if not len(catalog.read("frames", ["frame_id"], "kind = 'color'")):
        return None  # who makes the queue says so, with the remedy
    if is_dry_run:
        return plan_sides(catalog).clusters
    update_clusters(catalog)
    gate_session(catalog, "unique_frames", None)
    return catalog.read_latest("unique_frames", ["frame_id", "cluster_id"])


def _list_rows(rows: "pa.Table") -> list[dict[str, Any]]:
    names = (
        *("rank", "frame_id", "session", "sensor", "task", "reasons", "values", "told"),
        *("label_ids", "guideline_id", "state", "queue_id"),
    )
    found: list[dict[str, Any]] = rows.select(list(names)).to_pylist()
    return found


def _tell(facts: Mapping[str, Any]) -> list[str]:
    asked = ", ".join(f"{count} by {name}" for name, count in facts["by"].items())
    frames = f"{many(facts['asked'], 'frame')} to label for {facts['task']}"
    if not facts["asked"]:
        return [
            f"nothing new for {facts['task']}: {facts['open_before']} frames are open, and the budget is "
            f"{facts['budget']}; `daguerre queue show` lists them, --budget gives more"
        ]
    would = "would be asked, nothing is written" if facts["is_dry_run"] else "are asked"
    lines = [f"{frames} {would}: {asked}; {facts['open_before']} were open before"]
    lines += _tell_rows(facts["frames"])
    lines += [f"left out: {note}" for note in facts["notes"]]
    return lines


def _tell_rows(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        f"{row['rank']:>4}  {row['frame_id'][:12]}  {row['session']}/{row['sensor']}  {shorten(row['told'], 90)}"
        for row in rows[:_MOST_SHOWN]
    ]
    more = len(rows) - _MOST_SHOWN
    return [
        *map(for_line, lines),
        *([f"and {more} more: --json lists all"] * (more > 0)),
    ]
