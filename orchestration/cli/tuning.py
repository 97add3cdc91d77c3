"""The verb that searches for settings."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from models.task_names import DATASET_NAMES
from orchestration.cli.chosen import (
    Classes,
    DryRun,
    Everything,
    Sessions,
    Where,
    read_options,
    show_dataset,
)
from orchestration.cli.output import Json, join_lines, say
from orchestration.cli.progress import show_activity
from orchestration.cli.training import read_pairs
from orchestration.stopping import INTERRUPTED


def tune(
    task: Annotated[
        str,
        typer.Argument(
            help=f"One of {', '.join(DATASET_NAMES)}, or of your own tasks."
        ),
    ],
    recipe: Annotated[str | None, typer.Option(help="By default base_<task>.")] = None,
    release: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="A dataset, by a unique beginning of its id; by default published data make one.",
        ),
    ] = None,
    trials: Annotated[
        int, typer.Option(help="How many; the first has the recipe's own settings.")
    ] = 8,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="The same in every trial."),
    ] = None,
    space: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUES",
            help="Search this too: a range lr=1e-4..1e-2, or values batch_size=4/8.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same trials.")] = 0,
    sessions: Sessions = None,
    where: Where = "",
    classes: Classes = None,
    everything: Everything = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Search for better settings of a recipe with Ray Tune. Exits 1 when no trial ends with a score."""
    from orchestration.cluster import require_cluster
    from orchestration.profiles import load_settings

    with show_activity("loading Dagster and the recipes"):
        from orchestration.train import choose_recipe
        from orchestration.tune import draw_trials, tune_here

    choice = read_options(sessions, where, classes, everything)
    changes = read_pairs("--set", settings)
    searched = read_pairs("--space", space, "lr=1e-4..1e-2")
    home = load_settings()
    if dry_run:
        config = choose_recipe(task, recipe, changes)
        draw_trials(config, trials, changes, searched, seed)
        with show_activity("looking at what would be learnt"):
            found = show_dataset(home, task, release, choice)
        return say(as_json, *found)
    require_cluster(home)
    facts = tune_here(
        home, task, recipe, release, trials, changes, searched, seed, choice
    )
    say(
        as_json,
        facts,
        join_lines(
            [*_list_trials(facts["trials"], facts["metric"]), *_conclude(facts)]
        ),
    )
    raise typer.Exit(
        INTERRUPTED if facts["is_interrupted"] else 0 if facts["best"] else 1
    )


def _list_trials(trials: Sequence[Mapping[str, Any]], metric: str) -> list[str]:
    """A line a trial; the settings come last, as long as they are."""
    lines = [f"trial  {metric}  epochs  seconds  status       settings"]
    for trial in trials:
        score = "-" if trial["metric"] is None else f"{trial['metric']:.3f}"
        place = f"{trial['trial']:5}  {score:>{len(metric)}}  {trial['epochs']:6}  {trial['seconds']:7.0f}"
        settings = " ".join(
            f"{name}={value}" for name, value in trial["settings"].items()
        )
        lines.append(f"{place}  {trial['status']:11}  {settings}")
        lines += [f"       {trial['error']}"] * bool(trial["error"])
    return lines


def _conclude(facts: Mapping[str, Any]) -> list[str]:
    if facts["best"] is None:
        return [
            "no trial ended with a score: give narrower ranges, such as --space lr=1e-4..1e-3"
        ]
    return ["train with the best settings:", facts["command"]]
