"""The verbs that put a home aside and bring it back."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestration.cli.output import Json, format_bytes, join_lines, say
from orchestration.cli.progress import show_progress
from orchestration.profiles import Settings, find_home, load_settings

# raw data in the landing zone is the producers' own
_NEEDED = (
    "DAGUERRE_TABLES",
    "DAGUERRE_BLOBS",
    "DAGUERRE_LEDGER",
    "DAGUERRE_DAGSTER",
    "DAGUERRE_MLFLOW",
    "DAGUERRE_MLFLOW_ARTIFACTS",
)


def backup(
    folder: Annotated[
        Path, typer.Argument(help="That of all backups, on another disk at best.")
    ],
    home_only: Annotated[
        bool,
        typer.Option(
            "--home-only", help="Leave out tables, blobs, ... that lie elsewhere."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how much it is; write nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Back the home up, while others write: to FOLDER/<time>, whole, which shares what has not changed with the last.

    Exits 1 when something in the home is damaged.
    """
    from assets.backup.make import make_backup, plan_backup

    settings = load_settings()
    left_out = list_elsewhere(settings)
    needed = [f"{name}={left_out[name]}" for name in _NEEDED if name in left_out]
    if needed and not home_only:
        raise ValueError(
            f"{', '.join(needed)} is not in the home and would not be backed up: copy it by its own tools after "
            "this, and give --home-only"
        )
    if dry_run:
        made = plan_backup(settings.home, folder)
    else:
        with show_progress("backing up", "files") as tick:
            made = make_backup(settings.home, folder, left_out, tick)
    sizes = f"{made.num_files} files, {format_bytes(made.size_bytes)}, {format_bytes(made.new_bytes)} of them new"
    lines = [f"{made.folder}: {sizes}"]
    lines += [f"left out: {name}={where}" for name, where in left_out.items()]
    lines += [f"damaged in the home: {path}" for path in made.damaged]
    lines += ["run `daguerre verify`: it says what helps"] * bool(made.damaged)
    lines += ["nothing was written: this was a dry run"] * dry_run
    facts = {**vars(made), "left_out": left_out}
    say(as_json, facts, join_lines(lines))
    raise typer.Exit(1 if made.damaged else 0)


def restore(
    source: Annotated[
        Path, typer.Argument(metavar="FROM", help="A backup, or a folder of them.")
    ],
    home: Annotated[
        Path | None,
        typer.Argument(help="An empty folder; by default where the home lies."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Restore a home, wherever it lay, with every hash checked. Nothing is restored where one is wrong."""
    from assets.backup.restore import restore_backup

    place = home or find_home(os.environ, Path.cwd())
    with show_progress("restoring", "files") as tick:
        done = restore_backup(source, place, tick)
    lines = [
        f"{place}: {done.num_files} files, {format_bytes(done.size_bytes)}, of {done.backup} ({done.made_at})"
    ]
    lines += _follow(place)
    lines += [f"not in it: {name}={where}" for name, where in done.left_out.items()]
    say(as_json, {**vars(done), "home": place}, join_lines(lines))


def list_elsewhere(settings: Settings) -> dict[str, str]:
    """Setting -> address, without a password, of each store that does not lie in the home."""
    from sqlalchemy import make_url

    addresses = {
        "DAGUERRE_LANDING": settings.landing_uri,
        "DAGUERRE_TABLES": settings.tables_uri,
        "DAGUERRE_BLOBS": settings.blobs_uri,
        "DAGUERRE_MLFLOW_ARTIFACTS": settings.mlflow_artifacts,
    }
    for name, url in (
        ("DAGUERRE_LEDGER", settings.ledger_url),
        (
            "DAGUERRE_DAGSTER",
            settings.dagster_url or f"sqlite:///{settings.dagster_home}",
        ),
        ("DAGUERRE_MLFLOW", settings.mlflow_url),
    ):
        parsed = make_url(url)
        is_file = url.startswith("sqlite") and parsed.database
        addresses[name] = str(parsed.database) if is_file else str(parsed)
    return {
        name: address
        for name, address in addresses.items()
        if not _is_below(address, settings.home)
    }


def _is_below(address: str, home: Path) -> bool:
    if "://" in address:
        return False
    return Path(address).resolve().is_relative_to(home.resolve())


def _follow(home: Path) -> list[str]:
    """Let the registry be where the home lies by now."""
    from assets.registry.promotion import follow_home
    from orchestration.resources import build_catalog, build_tracker

    environ: dict[str, Any] = {**os.environ, "DAGUERRE_HOME": str(home)}
    settings = load_settings(environ)
    return follow_home(build_catalog(settings), build_tracker(settings))
