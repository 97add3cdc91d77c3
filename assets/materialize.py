"""What an asset tells Dagster about the rows it wrote: counts, pictures, where to look, a version from the content."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
import pyarrow as pa

from assets.browsing.links import link_made
from assets.tables.catalog import Catalog, session_is
from assets.tables.schemas import TABLES


def result(
    catalog: Catalog,
    table: str,
    key: list[str],
    session: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    where: str | None = None,
) -> dg.MaterializeResult:
    """The result of an asset that wrote `table`. Equal rows give an equal data version, whoever wrote them when."""
    where = session_is(session) if session else where
    facts: dict[str, Any] = {"dagster/row_count": 0, "table": table}
    version = hashlib.sha256()
    if catalog.exists(table):
        columns = _content_columns(table)
        rows = catalog.read_latest(table, columns, where).sort_by(TABLES[table].key)
        for column in columns:
            version.update(repr(rows[column].to_pylist()).encode())
        facts["dagster/row_count"] = len(rows)
        facts["lance_version"] = catalog.latest_version(table)
    shown = link_made(table, session)
    if shown:
        facts["in the browser"] = dg.MetadataValue.url(shown)
    return dg.MaterializeResult(
        asset_key=key,
        metadata={**facts, **(metadata or {})},
        data_version=dg.DataVersion(version.hexdigest()[:16]),
    )


def run_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> str:
    """The id of the run, for one that goes on where another ended the id of the first."""
    run = context.run
    return run.root_run_id or run.run_id


def picture(content: bytes) -> dg.MarkdownMetadataValue:
    """PNG or JPEG bytes as metadata that the Dagster UI shows."""
    from assets.previews.drawing import as_data_uri

    return dg.MetadataValue.md(f"![picture]({as_data_uri(content)})")


def progress_to(log: Any, what: str, every: int = 10) -> Callable[..., None]:
    """A callback (done, total) that logs about every tenth."""
    last = -1

    def report(done: int, total: int, *_: object) -> None:
        nonlocal last
        step = done * every // max(total, 1)
        if step != last:
            last = step
            log.info(f"{what}: {done} of {total}")

    return report


def _content_columns(table: str) -> list[str]:
    """The columns that stand for a row's content: all but bytes and vectors, for which their input's hash stands."""
    return [
        c.name
        for c in TABLES[table].columns
        if not pa.types.is_nested(c.type)
        and not pa.types.is_binary(c.type)
        and not pa.types.is_large_binary(c.type)
    ]
