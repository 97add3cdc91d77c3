"""The verbs around models: train one, and compare those that there are."""

from typing import Annotated, Any

import typer

from assets.foreign_text import for_line
from assets.tables.missed_classes import tell_missed
from models.task_names import DATASET_NAMES
from orchestration.cli.chosen import (
    AcceptThinTest,
    Classes,
    DryRun,
    Everything,
    Sessions,
    Where,
    read_options,
    show_dataset,
)
from orchestration.cli.output import Json, say, say_error
from orchestration.cli.progress import show_activity
from orchestration.cli.tables import (
    Csv,
    Wide,
    print_csv,
    print_table,
    require_one_form,
)
from orchestration.cli.training_text import describe_training
from orchestration.stopping import GOES_ON, INTERRUPTED, choose_exit_code


def train(
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
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="In place of the recipe's."),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Same seed, same weights on one machine.")
    ] = 0,
    sessions: Sessions = None,
    where: Where = "",
    classes: Classes = None,
    everything: Everything = False,
    accept_thin_test: AcceptThinTest = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Train a model, score it, register it, and let it meet the gate. Exits 1 when a step fails."""
    from orchestration.cluster import require_cluster
    from orchestration.profiles import load_settings

    with show_activity("loading Dagster and the recipes"):
        from orchestration.train import choose_recipe, train_here

    choice = read_options(sessions, where, classes, everything)
    changes = read_pairs("--set", settings)
    home = load_settings()
    if dry_run:
        choose_recipe(task, recipe, changes)
        with show_activity("looking at what would be learnt"):
            found = show_dataset(home, task, release, choice)
        return say(as_json, *found)
    require_cluster(home)
    try:
        facts = train_here(
            home, task, recipe, release, changes, seed, choice, accept_thin_test
        )
    except KeyboardInterrupt:
        if as_json:
            say_error(GOES_ON, choose_exit_code(INTERRUPTED))
        raise
    say(as_json, facts, describe_training(facts))
    raise typer.Exit(0 if facts["success"] else 1)


def results(
    task: Annotated[str | None, typer.Option(help="Only models of this task.")] = None,
    sessions: Sessions = None,
    where: Where = "",
    classes: Classes = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="Only models of all published data.")
    ] = False,
    wide: Wide = False,
    as_csv: Csv = False,
    as_json: Json = False,
) -> None:
    """List every trained model with its scores on the test split of its own release, best first.

    With a choice, only models of releases of which all that it names was chosen.
    """
    from assets.retrieval.results import read_results
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    require_one_form(wide, as_csv, as_json)
    choice = read_options(sessions, where, classes, everything)
    rows = read_results(build_catalog(load_settings()), task, choice)
    if as_json:
        return say(True, rows, "")
    if as_csv:
        return print_csv(_list_whole(rows))
    for name in dict.fromkeys(row["task"] for row in rows):
        mine = [row for row in rows if row["task"] == name]
        metrics = dict.fromkeys(metric for row in mine for metric in row["scores"])
        print_table(
            [_shorten(row, list(metrics), wide) for row in mine],
            name,
            wide,
            "daguerre results --wide",
        )
        for line in _list_warnings(mine):
            print(for_line(line))
    if not rows:
        print("no model has been trained: `daguerre train TASK` trains one")


def read_pairs(
    option: str, texts: list[str] | None, example: str = "epochs=5"
) -> dict[str, str]:
    """The settings and values behind an option that is given as KEY=VALUE, several times."""
    for text in texts or []:
        if "=" not in text:
            raise ValueError(
                f"{option} {text}: give a setting and its value, such as {example}"
            )
    return {
        key.strip(): value
        for key, _, value in (text.partition("=") for text in texts or [])
    }


def _list_warnings(rows: list[dict[str, Any]]) -> list[str]:
    """A line for each weakness of a release, once, for each model that never finds a class, and who was taken back."""
    told = {
        f"WARNING: release {row['release_id'][:16]}: {text}": None
        for row in rows
        for text in row["warnings"]
    }
    missed = [
        f"WARNING: model {row['model_sha256'][:16]}: {tell_missed(row['missed_classes'])}"
        for row in rows
        if row["missed_classes"]
    ]
    taken_back = [
        f"model {row['model_sha256'][:16]}: {row['titles'][0]}"
        for row in rows
        if row["is_taken_back"]
    ]
    return [*told, *missed, *taken_back]


def _list_whole(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With a column for each metric of any task, empty where it was not measured."""
    metrics = dict.fromkeys(metric for row in rows for metric in row["scores"])
    return [
        {k: v for k, v in row.items() if not isinstance(v, dict | list)}
        | {metric: row["scores"].get(metric) for metric in metrics}
        for row in rows
    ]


def _tell_title(row: dict[str, Any]) -> str:
    if row["is_champion"]:
        return "champion"
    return "taken back" if row["is_taken_back"] else ""


def _shorten(row: dict[str, Any], metrics: list[str], is_wide: bool) -> dict[str, Any]:
    scores = {
        m: "-" if (value := row["scores"].get(m)) is None else f"{value:.3f}"
        for m in metrics
    }
    length = None if is_wide else 16
    return {
        "model": row["model_sha256"][:length],
        "": _tell_title(row),
        "recipe": row["recipe"],
        **scores,
        "release": row["release_id"][:length],
        "chosen": row["chosen"],
        "seed": row["seed"],
    }
