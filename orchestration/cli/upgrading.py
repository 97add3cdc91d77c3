"""The verb that brings a home to the schemas of this code, and to the place where it lies."""

from typing import Annotated

import typer

from orchestration.cli.output import Json, join_lines, say


def upgrade(
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be done, and change nothing."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring the tables of this home to the schemas of this Daguerre, and let MLflow follow the tables and the home.

    Exits 1 when a table is refused.
    """
    from assets.registry.promotion import follow_home
    from assets.tables.migrate import upgrade_tables
    from orchestration.cli.progress import show_progress
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog, build_tracker

    settings = load_settings()
    catalog = build_catalog(settings)
    num_tables = len(catalog.names())
    done = []
    with show_progress("upgrading" if not dry_run else "looking", "tables") as tick:
        for number, found in enumerate(upgrade_tables(catalog, dry_run)):
            done.append(found)
            tick(number + 1, num_tables, found.table)
    lines = []
    for table in done:
        versions = f"{table.table}: version {table.stored_version} -> {table.version}"
        lines += [f"{versions}: {'; '.join(table.steps)}"] * bool(table.steps)
        lines += [f"{table.table}: refused: {table.refusal}"] * bool(table.refusal)
    followed = follow_home(catalog, build_tracker(settings), dry_run)
    lines += followed
    lines += [f"{len(done)} tables are as this Daguerre has them"] * (not lines)
    lines += ["nothing was changed: this was a dry run"] * dry_run
    facts = {
        "tables": [vars(table) for table in done],
        "registry": followed,
        "dry_run": dry_run,
    }
    say(as_json, facts, join_lines(lines))
    raise typer.Exit(1 if any(table.refusal for table in done) else 0)
