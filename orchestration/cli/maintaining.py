"""The verb that keeps a home in order."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.wording import many
from orchestration.cli.output import Json, format_bytes, join_lines, say
from orchestration.cli.progress import show_progress
from orchestration.profiles import load_settings

if TYPE_CHECKING:
    from assets.maintenance.home import Care
    from assets.maintenance.tables import TableCare

_SHOWN = 20  # of what is removed, for people


def maintain(
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be done; change nothing."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Keep the home in order, while others write: merge files, drop old versions, remove what killed processes left.

    What a release, a seal, a publication or a row needs stays. What nothing names stays for DAGUERRE_KEEP_DAYS (7).
    Exits 1 when something could not be done.
    """
    from assets.maintenance.home import maintain
    from orchestration.resources import build_cared

    with show_progress("tidying", "tables") as tick:
        care = maintain(
            build_cared(load_settings(), is_read_only=dry_run), dry_run, tick
        )
    say(as_json, _to_facts(care), join_lines(_describe(care)))
    raise typer.Exit(1 if care.failed else 0)


def _to_facts(care: "Care") -> dict[str, Any]:
    return {**asdict(care), "figures": care.figures}


def _describe(care: "Care") -> list[str]:
    sums = care.figures
    changed = [table for table in care.tables if table.is_changed]
    lines = [line for table in changed for line in _describe_table(table)]
    gone = "would go" if care.is_dry_run else "removed"
    lines += [
        f"{gone}: {left.path} ({format_bytes(left.size_bytes)}): {left.why}"
        for left in care.removed[:_SHOWN]
    ]
    more = len(care.removed) - _SHOWN
    lines += [f"{gone}: {more} more: --json prints all"] * (more > 0)
    if care.ledger_bytes:
        lines.append(f"ledger: {format_bytes(care.ledger_bytes)} of deleted rows")
    lines += [
        f"left as it is: table '{t.table}', {t.left}" for t in care.tables if t.left
    ]
    lines += [f"left as it is: {reason}" for reason in care.kept]
    lines += [f"could not be done: {reason}" for reason in care.failed]
    lines.append(
        f"{many(len(care.tables), 'table')}: {sums['table_files']} -> {many(sums['table_files_after'], 'file')}, "
        f"{format_bytes(sums['table_bytes'])} -> {format_bytes(sums['table_bytes_after'])}; "
        f"{many(sums['other_files_removed'], 'other file')}, {format_bytes(sums['other_bytes_removed'])}; "
        f"what nothing names stays for {care.keep_days:g} days"
    )
    return lines + ["nothing was changed: this was a dry run"] * care.is_dry_run


def _describe_table(care: "TableCare") -> list[str]:
    now, then = care.before, care.after
    kept = ", ".join(f"{count} {reason}" for reason, count in care.kept.items())
    return [
        f"{care.table}: {now.num_fragments} -> {then.num_fragments} fragments, "
        f"{now.num_versions} -> {many(then.num_versions, 'version')}, "
        f"{now.num_files} -> {many(then.num_files, 'file')}, "
        f"{format_bytes(now.size_bytes)} -> {format_bytes(then.size_bytes)}",
        f"  versions kept: {kept}",
    ]
