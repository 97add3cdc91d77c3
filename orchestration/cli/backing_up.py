"""The verbs that put a home aside and bring it back."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.wording import many
from orchestration.cli.output import Json, format_bytes, join_lines, say
from orchestration.cli.progress import show_progress
from orchestration.log_lines import tell
from orchestration.profiles import Settings, find_home, load_settings

if TYPE_CHECKING:
    from assets.backup.outside import Outside
    from assets.privacy.keys import SealKeys
    from assets.privacy.needed import NeededKey
    from assets.tables.catalog import Catalog

_DATABASES = ("DAGUERRE_LEDGER", "DAGUERRE_DAGSTER", "DAGUERRE_MLFLOW")
_NAME_DATABASE = "name the Postgres behind a server as postgresql://user@host/database for this command"


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
    """Back the home up, and a team's stores, while others write: to FOLDER/<time>, whole, which shares what has not
    changed with the last.

    Exits 1 when something in the home is damaged.
    """
    from assets.backup.make import make_backup, plan_backup
    from assets.backup.outside import PLACES, Outside

    settings = load_settings()
    outside = Outside() if home_only else find_outside(settings)
    left_out = list_left_out(settings, outside)
    needed = [f"{name}={where}" for name, where in left_out.items() if name in PLACES]
    if needed and not home_only:
        raise ValueError(
            f"{', '.join(needed)} cannot be backed up by this: {_NAME_DATABASE}, or copy it by its own tools after "
            "this, and give --home-only"
        )
    if dry_run:
        made = plan_backup(settings.home, folder, outside)
    else:
        with show_progress("backing up", "files") as tick:
            made = make_backup(settings.home, folder, left_out, tick, outside)
        _note_departure(settings, folder)
    keys, told_keys = _find_keys(settings)
    new = format_bytes(made.new_bytes)
    sizes = f"{many(made.num_files, 'file')}, {format_bytes(made.size_bytes)}, {new} of them new"
    lines = [f"{made.folder}: {sizes}"]
    lines += [f"left out: {name}={where}" for name, where in left_out.items()]
    lines += told_keys
    lines += [f"damaged in the home: {path}" for path in made.damaged]
    lines += ["run `daguerre verify`: it says what helps"] * bool(made.damaged)
    lines += ["nothing was written: this was a dry run"] * dry_run
    facts = {**vars(made), "left_out": left_out, "seal_keys": keys}
    say(as_json, facts, join_lines(lines))
    raise typer.Exit(1 if made.damaged else 0)


def _find_keys(settings: Settings) -> tuple[list[dict[str, Any]], list[str]]:
    """The keys that what is sealed opens by, which are in no backup, and a line each; of a damaged home one line."""
    from assets.privacy.needed import list_needed_keys, tell_left_out

    try:
        found = list_needed_keys(*_open_sealed(settings))
    except (OSError, ValueError, RuntimeError) as error:
        return [], [f"which seal keys it needs beside it cannot be said: {error}"]
    return [vars(key) for key in found], [tell_left_out(key) for key in found]


def _open_sealed(settings: Settings) -> "tuple[Catalog, SealKeys]":
    from assets.privacy.keys import SealKeys
    from orchestration.resources import build_catalog

    return build_catalog(settings), SealKeys(settings.home, settings.seal_key)


def _note_departure(settings: Settings, folder: Path) -> None:
    """Afterwards, unlike what is handed on: a home whose tables cannot be written to is backed up all the same."""
    from assets.departures import BACKUP, Departure, leaving
    from orchestration.resources import build_catalog

    try:
        departure = Departure(BACKUP, "the home", str(folder.resolve()))
        with leaving(build_catalog(settings), departure):
            pass
    except (OSError, ValueError, RuntimeError) as error:
        tell(f"this backup is not among the departures: {error}")


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
    """Restore a home, wherever it lay, and a team's stores to where the settings say, which has to be empty.

    Every hash is checked. Nothing is restored where one is wrong.
    """
    from assets.backup.restore import restore_backup
    from assets.privacy.needed import tell_missing

    place = home or find_home(os.environ, Path.cwd())
    outside = find_outside(_settle_at(place))
    with show_progress("restoring", "files") as tick:
        done = restore_backup(source, place, tick, outside)
    lines = [
        f"{place}: {many(done.num_files, 'file')}, {format_bytes(done.size_bytes)}, of {done.backup} ({done.made_at})"
    ]
    lines += _follow(place)
    lines += [f"not in it: {name}={where}" for name, where in done.left_out.items()]
    missing = _list_missing_keys(place)
    lines += [tell_missing(key) for key in missing]
    facts = {**vars(done), "home": place, "missing_keys": [vars(k) for k in missing]}
    say(as_json, facts, join_lines(lines))


def _list_missing_keys(home: Path) -> "list[NeededKey]":
    from assets.privacy.needed import list_needed_keys

    settings = load_settings({**os.environ, "DAGUERRE_HOME": str(home)})
    return [k for k in list_needed_keys(*_open_sealed(settings)) if k.fault]


def find_outside(settings: Settings) -> "Outside":
    """The folders, buckets and databases of servers that hold what a home would."""
    from assets.backup.outside import PLACES, Outside
    from assets.storage import Folder

    folders = {}
    databases = {}
    for setting, address in list_elsewhere(settings).items():
        place = PLACES.get(setting)
        url = _find_url(settings, setting)
        if place is None:
            continue
        if url.startswith("postgresql"):
            databases[place] = url
        elif not url:
            folders[place] = Folder(address, settings.file_options)
    return Outside(folders, databases, settings.table_options)


def list_left_out(settings: Settings, outside: "Outside") -> dict[str, str]:
    """Setting -> address, without a password, of each store that is not in a backup of the home and these."""
    from assets.backup.outside import PLACES

    held = {*outside.folders, *outside.databases}
    return {
        name: address
        for name, address in list_elsewhere(settings).items()
        if PLACES.get(name) not in held
    }


def list_elsewhere(settings: Settings) -> dict[str, str]:
    """Setting -> address, without a password, of each store that does not lie in the home."""
    from sqlalchemy import make_url

    addresses = {
        "DAGUERRE_LANDING": settings.landing_uri,
        "DAGUERRE_TABLES": settings.tables_uri,
        "DAGUERRE_BLOBS": settings.blobs_uri,
        "DAGUERRE_MLFLOW_ARTIFACTS": settings.mlflow_artifacts,
    }
    for name in _DATABASES:
        url = _find_url(settings, name)
        if url.startswith(("http://", "https://")):
            addresses[name] = url
            continue
        parsed = make_url(url)
        is_file = url.startswith("sqlite") and parsed.database
        addresses[name] = str(parsed.database) if is_file else str(parsed)
    return {
        name: address
        for name, address in addresses.items()
        if not _is_below(address, settings.home)
    }


def _find_url(settings: Settings, name: str) -> str:
    """Of a database, or the server of one; "" of a folder."""
    urls = {
        "DAGUERRE_LEDGER": settings.ledger_url,
        "DAGUERRE_DAGSTER": settings.dagster_url
        or f"sqlite:///{settings.dagster_home}",
        "DAGUERRE_MLFLOW": settings.mlflow_url,
    }
    return urls.get(name, "")


def _settle_at(home: Path) -> Settings:
    """The settings of a home that is not there yet; that they make its folder is undone."""
    is_there = home.exists()
    settings = load_settings({**os.environ, "DAGUERRE_HOME": str(home)})
    if not is_there:
        home.rmdir()
    return settings


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
