"""The `daguerre` command: one verb for each thing that a person or a CI job does.

Belongs here: arguments, progress on stderr, results on stdout, exit codes; a file a family of verbs. Not: the work.
"""

import inspect
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from copy import copy
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.exceptions import TyperException
from typer.main import get_command_name

from assets.addresses import hide
from assets.tracing import require_exporter
from orchestration.cli.answering import pull, push
from orchestration.cli.asking import ask, mcp
from orchestration.cli.backfilling import backfill
from orchestration.cli.backing_up import backup, restore
from orchestration.cli.browsing import browse
from orchestration.cli.calibrating import calibrate
from orchestration.cli.carding import card
from orchestration.cli.comparing import compare, diff
from orchestration.cli.consenting import consent, departures, terms
from orchestration.cli.drifting import drift
from orchestration.cli.examining import exam
from orchestration.cli.export import export_app
from orchestration.cli.forgetting import forget
from orchestration.cli.fusing import fuse
from orchestration.cli.granting import role_app
from orchestration.cli.indexing import index
from orchestration.cli.intake import ingest, simulate
from orchestration.cli.labelling import labels_app
from orchestration.cli.learning_plates import learn_plates
from orchestration.cli.localising import localise
from orchestration.cli.looking import lineage, query, report, status, verify
from orchestration.cli.loop import demo, ui
from orchestration.cli.maintaining import maintain
from orchestration.cli.measuring_depth import depth
from orchestration.cli.mistakes import (
    explain_system,
    explain_words,
    show_help,
)
from orchestration.cli.output import join_lines, say_error
from orchestration.cli.placing_objects import boxes
from orchestration.cli.planning import plan
from orchestration.cli.predicting import predict
from orchestration.cli.promoting import approve, rollback
from orchestration.cli.proposing import proposals, reject
from orchestration.cli.quarantine import quarantine_app
from orchestration.cli.queueing import queue_app
from orchestration.cli.reconstructing import reconstruct
from orchestration.cli.searching import search, similar
from orchestration.cli.serving import serve
from orchestration.cli.slicing import slices
from orchestration.cli.splatting import splats
from orchestration.cli.tracking import track
from orchestration.cli.training import results, train
from orchestration.cli.triaging import triage
from orchestration.cli.tuning import tune
from orchestration.cli.unsealing import unseal
from orchestration.cli.upgrading import upgrade
from orchestration.cli.waking import morning
from orchestration.cli.watching import metrics
from orchestration.collector import spare_collector
from orchestration.log_lines import choose_log, tell, tell_failure
from orchestration.profiles import (
    CHECKOUT,
    choose_spill,
    find_foreign_checkout,
    keep_private,
)
from orchestration.stopping import choose_exit_code, hear_signals

if TYPE_CHECKING:
    from orchestration.agent.world import Done

_DATABASES = ("sqlalchemy", "psycopg", "psycopg2", "dagster_postgres")
_OURS = ("builtins", "assets", "checks", "models", "orchestration")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=(
        "Raw sensor captures in, trusted vision models out. All state lies under "
        "$DAGUERRE_HOME (see `daguerre status`)."
    ),
)
# in the order of a newcomer's way
_VERBS: dict[str, tuple[Callable[..., Any], ...]] = {
    "The graph": (demo, ui, browse, status, morning, plan, backfill),
    "Data": (
        *(simulate, ingest, forget, lineage, query, search, similar),
        *(consent, terms, departures),
        *(index, verify, unseal, learn_plates),
    ),
    "Geometry and motion": (
        *(calibrate, depth, reconstruct, localise, splats),
        *(fuse, track, boxes),
    ),
    "Models": (
        *(train, tune, results, compare, slices, diff, report, card),
        *(approve, rollback, predict, serve, drift),
    ),
    "Questions": (ask, triage, mcp, exam, proposals, reject),
    "The home": (metrics, maintain, backup, restore, upgrade),
}
queue_app.command()(push)
queue_app.command()(pull)
_GROUPS = {
    "Data": (("quarantine", quarantine_app), ("export", export_app)),
    "Models": (("queue", queue_app), ("labels", labels_app)),
    "The home": (("role", role_app),),
}


def _read_help(verb: object) -> str:
    """The docstring with a line a paragraph, for a terminal of any width; what stands in brackets is no markup."""
    paragraphs = (inspect.getdoc(verb) or "").split("\n\n")
    return "\n\n".join(" ".join(p.split()) for p in paragraphs).replace("[", "\\[")


for panel, verbs in _VERBS.items():
    for verb in verbs:
        app.command(rich_help_panel=panel, help=_read_help(verb))(verb)
    for name, group in _GROUPS.get(panel, ()):
        for command in group.registered_commands:
            command.help = command.help or _read_help(command.callback)
        app.add_typer(group, name=name, rich_help_panel=panel)


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        print(f"daguerre {metadata.version('daguerre')}")
        raise typer.Exit


def run_verb(words: Sequence[str]) -> "Done":
    """The verb of these words, as a person's command with --json. Progress goes to stderr. Raises what it raises."""
    from orchestration.agent.world import Done

    said = io.StringIO()
    with redirect_stdout(said):
        exit_code = app([*words, "--json"], standalone_mode=False, prog_name="daguerre")
    text = said.getvalue()
    return Done(exit_code or 0, json.loads(text) if text.strip() else None)


@app.callback()
def _daguerre(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Say which Daguerre this is.",
            callback=_tell_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Options that belong to no verb; and for verbs that run others, what runs one."""
    context.obj = run_verb


def main() -> None:
    """Run the command; a mistake, and what a library complains about, becomes one line on stderr and exit code 2.

    With --json an error is one JSON object on stdout too.
    """
    # Ray stays on loopback
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    as_json = "--json" in sys.argv
    try:
        spare_collector()
        keep_private()
        choose_spill()
        choose_log()
        require_exporter()
        _tell_other_code()
        # what Typer tells people of a wrong word takes several lines
        with hear_signals():
            asked = _narrow(sys.argv[1:2])
            exit_code = asked(standalone_mode=False, prog_name="daguerre")
            exit_code = choose_exit_code(exit_code)
    except Exception as error:
        if show_help(error):
            raise SystemExit(2) from error
        told = hide(_tell(error))
        exit_code = _choose_exit_code(error)
        if as_json:
            say_error(told, exit_code)
        is_shown = _is_ours(error) or os.environ.get("DAGUERRE_TRACEBACK")
        tell_failure(join_lines(told.splitlines()), error if is_shown else None)
        raise SystemExit(exit_code) from error
    raise SystemExit(exit_code)


def _narrow(words: Sequence[str]) -> typer.Typer:
    """The verb or group that the first word names, alone: to put all of them together takes a twentieth of a second.

    All of them where it names none, so that help lists them and a mistake is told from what there is.
    """
    asked = copy(app)
    asked.registered_commands = [
        c
        for c in app.registered_commands
        if c.callback and get_command_name(c.callback.__name__) in words
    ]
    asked.registered_groups = [g for g in app.registered_groups if g.name in words]
    return asked if asked.registered_commands or asked.registered_groups else app


def _tell_other_code() -> None:
    """Say so where somebody stands in a checkout, and runs the code of another."""
    here = find_foreign_checkout(Path.cwd())
    if here is not None:
        tell(
            f"daguerre: this is the code in {CHECKOUT}, not that in {here}: `python -m daguerre` runs the latter"
        )


def _is_ours(error: Exception) -> bool:
    """Whether it is ours to mend, and keeps its traceback: neither a mistake of who asked nor a library's own word."""
    is_mistake = isinstance(error, (ValueError, OSError, TyperException))
    return not is_mistake and type(error).__module__.split(".")[0] in _OURS


def _choose_exit_code(error: Exception) -> int:
    is_shown = _is_ours(error) or os.environ.get("DAGUERRE_TRACEBACK")
    return 1 if is_shown or isinstance(error, typer.Abort) else 2


def _tell(error: Exception) -> str:
    if isinstance(error, typer.Abort):
        return "the question was not answered with yes, so nothing was done: --yes does it unasked"
    if isinstance(error, OSError):
        return explain_system(error)
    if isinstance(error, ValueError):
        return str(error)
    if isinstance(error, TyperException):
        return explain_words(error)
    reason = str(error).strip().split("\n")[0] or type(error).__name__
    library = type(error).__module__.split(".")[0]
    if library in _OURS:
        return f"{type(error).__name__}: {reason}"
    if library in _DATABASES:
        return f"{library}: {reason}; `daguerre status --health` tries each address and says what helps"
    return f"{library}: {reason}; DAGUERRE_TRACEBACK=1 shows where"
