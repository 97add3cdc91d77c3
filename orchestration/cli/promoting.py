"""The verbs by which a person decides: which model is champion, and what of that which a program proposed is done."""

import datetime
import getpass
import re
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from models.known_tasks import all_task_names
from orchestration.agent.proposal_ids import PREFIX
from orchestration.cli.deciding import Because, DryRun
from orchestration.cli.output import Json, join_lines, say

if TYPE_CHECKING:
    from assets.registry.by_hand import Change
    from orchestration.profiles import Settings


def approve(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="TASK|TASK/VERSION|PROPOSAL",
            help="The version of a task that waits, one of its versions, such as detection/3, or a proposal by its id.",
        ),
    ],
    because: Annotated[
        str,
        typer.Option(
            "--because",
            metavar="TEXT",
            help="Why, for whoever asks later; a proposal has its own.",
            show_default=False,
        ),
    ] = "",
    until: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="The last day that it holds (UTC), such as 2027-01-31: `daguerre status` tells when that is over.",
        ),
    ] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Make a model champion that the gate let pass and that waits for a person; of a champion, renew its approval.

    Promotions wait where DAGUERRE_APPROVE names the task, and of a version that was taken back.

    Of a proposal (`daguerre proposals` lists them) it runs the command that was proposed, once, and ends as that does;
    where the plan rests on what is another by now, it is refused.
    """
    if name.startswith(PREFIX):
        from orchestration.cli.proposing import approve_proposal

        if until is not None:
            raise ValueError(f"--until {until}: only of a model, not of {name}")
        return approve_proposal(context.obj, name, because, dry_run, as_json)
    from assets.registry.by_hand import Order
    from assets.registry.by_hand import approve as do
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog, build_tracker

    task, version = _read_name(name)
    until_ns = _read_day(until) if until else None
    order = Order(task, getpass.getuser(), because, until_ns, dry_run)
    settings = load_settings()
    noting = partial(_note, settings)
    stores = build_catalog(settings), build_tracker(settings)
    change = do(*stores, order, version, noting)
    say(as_json, change.to_dict(), join_lines([change.line]))


def rollback(
    task: Annotated[str, typer.Argument(help="Whose champion is taken back.")],
    because: Because,
    to: Annotated[
        int | None,
        typer.Option(
            metavar="VERSION",
            min=1,
            help="The version that is champion then; by default the one before.",
        ),
    ] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Make a former champion champion again. The gate does not promote the one that was taken back by itself."""
    from assets.registry.by_hand import Order, roll_back
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog, build_tracker

    order = Order(_require_task(task), getpass.getuser(), because, None, dry_run)
    settings = load_settings()
    noting = partial(_note, settings)
    stores = build_catalog(settings), build_tracker(settings)
    change = roll_back(*stores, order, to, noting)
    say(as_json, change.to_dict(), join_lines([change.line]))


def _note(settings: "Settings", change: "Change") -> None:
    """Leave it in the record of acts."""
    from assets.audit import Act, note

    of = f"{change.order.task}/{change.after[0]}"
    note(settings.home, Act(change.act, change.order.who, of, change.order.why))


def _read_name(name: str) -> tuple[str, int | None]:
    task, _, version = name.partition("/")
    if version and not re.fullmatch("[1-9][0-9]*", version):
        raise ValueError(
            f"{name}: {version!r} is no version: give a number of 1 or more"
        )
    return _require_task(task), int(version) if version else None


def _require_task(task: str) -> str:
    if task not in (known := all_task_names()):
        raise ValueError(f"there is no task '{task}': choose one of {', '.join(known)}")
    return task


def _read_day(text: str) -> int:
    """The end of a day, UTC."""
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            f"--until {text}: give a day as YEAR-MONTH-DAY, such as 2027-01-31"
        ) from error
    last = datetime.datetime.combine(day, datetime.time.max, datetime.UTC)
    return int(last.timestamp() * 1e9)
