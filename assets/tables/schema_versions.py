"""Which version of its schema a stored table has, and what brings it to that of this code.

A table carries the version of its schema. What is additive (a nullable column, a column that may be null by now, a
wider enumeration, a new table) is applied by whoever opens the table first to write: a commit that changes the schema
and its version and no row. Anything else has a `Migration`, which `daguerre upgrade` runs (`assets.tables.migrate`).

Versions that something pins stay as they are: a reader of one sees null in columns that came later. So a migration may
not rename what pinned versions are read for: `frame_id`, `payload` and `sha256` of `frames`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from assets.tables.commits import allow_nulls, commit_on
from assets.tables.schemas import Table

if TYPE_CHECKING:
    import lance

# name of a table and columns -> its newest rows
ReadLatest = Callable[[str, Sequence[str]], pa.Table]
_MAX_CONFLICTS = 100
VERSION = "daguerre.schema_version"  # in the stored schema's metadata; absent in tables from before it was counted
_UPGRADE = "run `daguerre upgrade`"


class SchemaMoved(ValueError):
    """Table and code do not have one schema: no verdict on the rows follows from it."""


@dataclass(frozen=True)
class Migration:
    """What makes the rows of a table fit its schema of `to_version`.

    `convert` gets what reads other tables, and batches of stored rows, and gives each batch with the columns of that
    schema.
    """

    table: str
    to_version: int
    what: str
    convert: Callable[[ReadLatest, pa.Table], pa.Table]


def version_of(schema: pa.Schema) -> int:
    """The version of a stored schema; 0 for one from before versions were counted."""
    return int((schema.metadata or {}).get(VERSION.encode(), b"0"))


def follow_schema(
    dataset: lance.LanceDataset, table: Table, options: Mapping[str, str] | None
) -> lance.LanceDataset:
    """The table with the schema of this code: additive changes are committed, once however many workers race.

    Raises SchemaMoved for a table that newer code has written, or that has to be migrated.
    """
    for _ in range(_MAX_CONFLICTS):
        require_readable(dataset.schema, table)
        if version_of(dataset.schema) == table.version:
            return dataset
        strict = _list_strict(dataset.schema, table)
        if strict:
            _loosen(dataset, strict)
        elif changed := _commit_schema(dataset, widen(dataset.schema, table), options):
            return changed
        dataset = dataset.checkout_version(dataset.latest_version)
    raise TimeoutError(
        f"table '{table.name}': {_MAX_CONFLICTS} commits in a row were overtaken; try again"
    )


def require_not_newer(schema: pa.Schema, table: Table) -> None:
    """Raises SchemaMoved for a table that newer code has written."""
    if version_of(schema) > table.version:
        raise SchemaMoved(
            f"table '{table.name}' has schema version {version_of(schema)}, this Daguerre knows {table.version}: "
            f"a newer one wrote it, update Daguerre here"
        )


def require_readable(schema: pa.Schema, table: Table) -> None:
    """Raises SchemaMoved for a table that newer code has written, or whose rows have to be migrated."""
    require_not_newer(schema, table)
    if version_of(schema) != table.version and find_steps(schema, table):
        raise SchemaMoved(
            f"table '{table.name}' has schema version {version_of(schema)}, this Daguerre has {table.version}: "
            f"{_UPGRADE}"
        )


def find_steps(schema: pa.Schema, table: Table) -> list[Migration]:
    """The migrations that stored rows need, in order; none where all that changed is additive.

    Raises SchemaMoved where rows do not fit and nobody has written how to make them.
    """
    stored = version_of(schema)
    steps = [
        m
        for m in MIGRATIONS
        if m.table == table.name and stored < m.to_version <= table.version
    ]
    misfits = list_misfits(schema, table)
    if not misfits and stored == 0:
        return []  # tables from before versions: their columns tell
    if misfits and not steps:
        raise SchemaMoved(
            f"table '{table.name}' has schema version {stored} and {misfits[0]}, which this Daguerre ({table.version}) "
            f"cannot bring up to date: open it with the version that wrote it"
        )
    return steps


def list_misfits(schema: pa.Schema, table: Table) -> list[str]:
    """What keeps stored rows from fitting without being touched."""
    known = {c.name: c for c in table.columns}
    found = [
        f"a column '{field.name}' that is unknown"
        for field in schema
        if field.name not in known
    ]
    for name, column in known.items():
        if name not in schema.names:
            if not column.nullable:
                found.append(f"no column '{name}'")
            continue
        field = schema.field(name)
        if not field.type.equals(column.type):
            found.append(f"{field.type} in column '{name}'")
        elif field.nullable and not table.schema.field(name).nullable:
            found.append(f"nulls in column '{name}'")
    return found


def widen(schema: pa.Schema, table: Table) -> pa.Schema:
    """The stored schema with the columns that it lacks at its end, and the version of `table`."""
    mine = table.schema
    fields = [mine.field(name) for name in schema.names]
    fields += [mine.field(c.name) for c in table.columns if c.name not in schema.names]
    return pa.schema(fields, {VERSION: str(table.version)})


def _list_strict(schema: pa.Schema, table: Table) -> list[str]:
    """The stored columns that may be null by now."""
    return [
        f.name
        for f in table.schema
        if f.nullable and f.name in schema.names and not schema.field(f.name).nullable
    ]


def _loosen(dataset: lance.LanceDataset, names: Iterable[str]) -> None:
    try:
        allow_nulls(dataset, names)
    # another writer was first: the newest version tells what is left to do
    except OSError as error:
        if "conflict" not in str(error).lower():
            raise


def _commit_schema(
    dataset: lance.LanceDataset, schema: pa.Schema, options: Mapping[str, str] | None
) -> lance.LanceDataset | None:
    """A version with this schema and the same data files; None when another writer has made one since."""
    import lance
    from lance.schema import LanceSchema

    fragments = [fragment.metadata for fragment in dataset.get_fragments()]
    same = lance.LanceOperation.Merge(fragments, LanceSchema.from_pyarrow(schema))
    return commit_on(dataset, same, options)


def fill_absent(rows: pa.Table, table: Table, names: Iterable[str]) -> pa.Table:
    """The rows with these columns, null in those that came later.

    Raises SchemaMoved for a column that may not be null.
    """
    columns = {}
    for name in names:
        field = table.schema.field(name)
        if name not in rows.schema.names and not field.nullable:
            raise SchemaMoved(
                f"table '{table.name}' has no column '{name}' in a version that is pinned: {_UPGRADE}"
            )
        columns[name] = (
            rows[name] if name in rows.schema.names else pa.nulls(len(rows), field.type)
        )
    return pa.table(
        columns, schema=pa.schema([table.schema.field(name) for name in columns])
    )


def null_absent(where: str | None, absent: Iterable[str]) -> str | None:
    """A filter for a version that lacks columns: they are null in it."""
    if where is None or not (names := list(absent)):
        return where
    parts = re.split(r"('(?:[^']|'')*')", where)  # every second is a text
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b")
    return "".join(
        part if n % 2 else pattern.sub("NULL", part) for n, part in enumerate(parts)
    )


def _name_inputs(read: ReadLatest, rows: pa.Table) -> pa.Table:
    """Rows of `unique_frames` with the bytes that they rest on, as made by code that is none of today's."""
    frames = read("frames", ["frame_id", "sha256"])
    hashes = dict(
        zip(frames["frame_id"].to_pylist(), frames["sha256"].to_pylist(), strict=True)
    )
    ids = rows["frame_id"].to_pylist()
    rows = rows.filter(pa.array([frame_id in hashes for frame_id in ids], pa.bool_()))
    inputs = pa.array(
        [hashes[frame_id] for frame_id in ids if frame_id in hashes], pa.string()
    )
    rows = rows.append_column("input_sha256", inputs)
    return rows.append_column("code_version", pa.array(["0"] * len(rows), pa.string()))


MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        "unique_frames",
        1,
        "name the bytes that each row rests on; rows are computed again",
        _name_inputs,
    ),
)
