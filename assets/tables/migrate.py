"""Bring stored tables to the schemas of this code.

What is additive is applied by whoever opens a table to write (`assets.tables.schema_versions`). Migrations, which
`daguerre upgrade` runs, are one commit that replaces all rows, then the publication of what readers saw before. Killed
anywhere, it goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from assets.tables.catalog import Catalog
from assets.tables.commits import commit_on
from assets.tables.schema_versions import (
    Migration,
    SchemaMoved,
    fill_absent,
    find_steps,
    follow_schema,
    require_not_newer,
    version_of,
    widen,
)
from assets.tables.schemas import TABLES, Table
from assets.tables.seals import seal_tables

if TYPE_CHECKING:
    import lance

_MAX_CONFLICTS = 100
_BATCH_ROWS = 1024


@dataclass(frozen=True)
class Upgrade:
    """What an upgrade does, or would do, to one stored table."""

    table: str
    stored_version: int
    version: int
    # in words, in order; none for a table that is as this code has it
    steps: tuple[str, ...]
    refusal: str = ""  # why it cannot be done, and what to do; steps are none then


def upgrade_tables(catalog: Catalog, is_dry_run: bool = False) -> Iterator[Upgrade]:
    """Bring every stored table up to date, one after the other; only tell what would be done in a dry run.

    What was published is published again as it was. A table is refused, and left as it is, where rows that no check has
    passed yet would be published along, or where no migration fits.
    """
    # publications are read first
    for name, table in sorted(
        TABLES.items(), key=lambda item: item[1].stage != "tables"
    ):
        if not catalog.exists(name):
            continue
        plan = _plan_upgrade(catalog, table)
        if plan.steps and not is_dry_run:
            _migrate(catalog, table)
            seal_tables(catalog, [name, "publications"])
        yield plan


def _plan_upgrade(catalog: Catalog, table: Table) -> Upgrade:
    stored = catalog.open_stored(table.name)
    found = version_of(stored.schema)
    try:
        require_not_newer(stored.schema, table)
        steps = find_steps(stored.schema, table)
        published = _find_older_published(catalog, table)
        if published is not None and not _shows_the_same(
            catalog, table, stored, published
        ):
            return Upgrade(
                table.name,
                found,
                table.version,
                (),
                (
                    f"'{table.name}' holds rows that no check has passed since version {published.version} was "
                    f"published: publish or drop them with the version that wrote them, then upgrade"
                ),
            )
    except SchemaMoved as error:
        return Upgrade(table.name, found, table.version, (), str(error))
    words = [step.what for step in steps]
    if not steps:
        words += [
            f"add the column '{n}'"
            for n in table.schema.names
            if n not in stored.schema.names
        ]
        words += [f"stamp version {table.version}"] * (found != table.version)
    if published is not None:
        words.append(f"publish version {published.version} again")
    return Upgrade(table.name, found, table.version, tuple(words))


def _migrate(catalog: Catalog, table: Table) -> None:
    """Convert the newest version unless that is done, then publish what an older one shows."""
    for _ in range(_MAX_CONFLICTS):
        stored = catalog.open_stored(table.name)
        steps = find_steps(stored.schema, table)
        if not steps:
            follow_schema(stored, table, catalog.storage_options)
            break
        if _replace_all(catalog, table, stored, steps):
            break
    else:
        raise TimeoutError(
            f"table '{table.name}': {_MAX_CONFLICTS} commits in a row were overtaken; upgrade again"
        )
    if _find_older_published(catalog, table) is None:
        return
    version = catalog.latest_version(table.name)
    for decision in catalog.publications(table.name):
        if not decision["is_held"]:
            catalog.publish(table.name, decision["session"], version)


def _replace_all(
    catalog: Catalog, table: Table, stored: lance.LanceDataset, steps: list[Migration]
) -> bool:
    """One commit in which all rows are converted ones; False when another writer has made a version since."""
    import lance
    from lance.fragment import write_fragments
    from lance.schema import LanceSchema

    schema = widen(pa.schema([]), table)
    batches = (
        batch
        for rows in stored.to_batches(batch_size=_BATCH_ROWS)
        for batch in _convert(
            catalog, table, pa.Table.from_batches([rows]), steps, schema.names
        ).to_batches()
    )
    reader = pa.RecordBatchReader.from_batches(schema, batches)
    fragments = write_fragments(
        reader,
        stored.uri,
        schema,
        mode="overwrite",
        storage_options=catalog.storage_options,
    )
    overwrite = lance.LanceOperation.Overwrite(
        LanceSchema.from_pyarrow(schema), fragments
    )
    return commit_on(stored, overwrite, catalog.storage_options) is not None


def _convert(
    catalog: Catalog,
    table: Table,
    rows: pa.Table,
    steps: Iterable[Migration],
    names: Iterable[str],
) -> pa.Table:
    for step in steps:
        rows = step.convert(catalog.read_latest, rows)
    return fill_absent(rows, table, names)


def _find_older_published(catalog: Catalog, table: Table) -> lance.LanceDataset | None:
    """The version that readers follow, where its rows have to be migrated to be read."""
    version = catalog.published_version(table.name)
    if version is None:
        return None
    published = catalog.open_stored(table.name, version)
    return published if find_steps(published.schema, table) else None


def _shows_the_same(
    catalog: Catalog,
    table: Table,
    newest: lance.LanceDataset,
    published: lance.LanceDataset,
) -> bool:
    """Whether readers would see the same rows in both, bytes aside: those have their sha256 beside them."""
    names = [
        field.name for field in table.schema if not pa.types.is_large_binary(field.type)
    ]
    admitted = catalog.admitted(table.name) if table.has_session else None
    seen = []
    for dataset in (newest, published):
        columns = [
            field.name
            for field in dataset.schema
            if not pa.types.is_large_binary(field.type)
        ]
        rows = dataset.to_table(columns=columns, filter=admitted)
        rows = _convert(catalog, table, rows, find_steps(dataset.schema, table), names)
        seen.append(rows.sort_by(table.key).combine_chunks())
    return bool(seen[0].equals(seen[1]))
