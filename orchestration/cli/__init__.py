"""The `daguerre` command: one verb for each thing that a person or a CI job does.

Belongs here: arguments, progress on stderr, results on stdout, exit codes; a file a family of verbs. Not: the work.
"""

import os
import sys
import traceback

import typer

from assets.addresses import hide
from orchestration.cli.backing_up import backup, restore
from orchestration.cli.export import export_app
from orchestration.cli.forgetting import forget
from orchestration.cli.intake import ingest, simulate
from orchestration.cli.looking import lineage, query, report, status, verify
from orchestration.cli.loop import demo, ui
from orchestration.cli.output import join_lines
from orchestration.cli.quarantine import quarantine_app
from orchestration.cli.training import results, train
from orchestration.cli.tuning import tune
from orchestration.cli.upgrading import upgrade
from orchestration.profiles import choose_spill, keep_private

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
for verb in (
    simulate,
    ingest,
    forget,
    status,
    query,
    verify,
    lineage,
    train,
    tune,
    results,
    report,
    upgrade,
    backup,
    restore,
    demo,
    ui,
):
    app.command()(verb)
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(export_app, name="export")


def main() -> None:
    """Run the command; a mistake, and what a library complains about, becomes one line on stderr and exit code 2."""
    # Ray stays on loopback
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        keep_private()
        choose_spill()
        app(standalone_mode=True)
    except Exception as error:
        is_told = isinstance(error, (ValueError, OSError))
        if os.environ.get("DAGUERRE_TRACEBACK") or not (is_told or _is_foreign(error)):
            print(hide(traceback.format_exc()), end="", file=sys.stderr)
            raise SystemExit(1) from error
        told = str(error) if is_told else _tell(error)
        print(f"daguerre: {join_lines(hide(told).splitlines())}", file=sys.stderr)
        raise SystemExit(2) from error


def _is_foreign(error: Exception) -> bool:
    """Whether a library has its own word for it; Python's are ours to mend, and keep their traceback."""
    return type(error).__module__.split(".")[0] not in _OURS


def _tell(error: Exception) -> str:
    library = type(error).__module__.split(".")[0]
    reason = str(error).strip().split("\n")[0] or type(error).__name__
    return f"{library}: {reason}; DAGUERRE_TRACEBACK=1 shows where"
