"""The verbs around models: train one, and compare those that there are."""

from typing import Annotated, Any

import typer

from models.task_names import DATASET_NAMES
from orchestration.cli.output import Json, join_lines, say
from orchestration.cli.tables import print_table


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
            help="Id of a dataset; by default all published sessions make one."
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="In place of the recipe's."),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Same seed, same weights on one machine.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Train a model, score it, register it, and let it meet the gate. Exits 1 when a step fails."""
    from orchestration.profiles import load_settings
    from orchestration.train import train_here

    facts = train_here(
        load_settings(), task, recipe, release, read_pairs("--set", settings), seed
    )
    say(
        as_json,
        facts,
        join_lines(
            f"{key}: {value}" for key, value in facts.items() if value not in ("", [])
        ),
    )
    raise typer.Exit(0 if facts["success"] else 1)


def results(
    task: Annotated[str | None, typer.Option(help="Only models of this task.")] = None,
    as_json: Json = False,
) -> None:
    """List every trained model with its scores on the test split of its own release, best first."""
    from assets.retrieval.results import read_results
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    rows = read_results(build_catalog(load_settings()), task)
    if as_json:
        return say(True, rows, "")
    for name in dict.fromkeys(row["task"] for row in rows):
        mine = [row for row in rows if row["task"] == name]
        metrics = dict.fromkeys(metric for row in mine for metric in row["scores"])
        print_table(
            [_shorten(row, list(metrics)) for row in mine],
            name,
            more="daguerre results --json",
        )
    if not rows:
        print(
            "no model has been trained: daguerre train detection, or materialise a training asset"
        )


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


def _shorten(row: dict[str, Any], metrics: list[str]) -> dict[str, Any]:
    scores = {
        m: "-" if (value := row["scores"].get(m)) is None else f"{value:.3f}"
        for m in metrics
    }
    return {
        "model": row["model_sha256"][:16],
        "": "champion" if row["is_champion"] else "",
        "recipe": row["recipe"],
        **scores,
        "release": row["release_id"][:16],
        "seed": row["seed"],
    }
