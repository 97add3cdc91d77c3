"""Search as assets: the documents that `daguerre search` finds, and what frames show, as text and as vectors."""

from collections import Counter
from collections.abc import Callable, Iterator

import dagster as dg

from assets.batches import Event, make_each
from assets.inference.sentences import find_encoder
from assets.materialize import progress_to, result
from assets.partitions import sessions
from assets.search.documents import refresh_documents
from assets.search.frame_texts import read_texts
from assets.search.picture_vectors import embed_pictures
from assets.search.records import HomeRecords
from assets.tables.catalog import Catalog
from assets.tables.incremental import Refreshed
from assets.workspace import Workspace

_KEY = ["search", "documents"]


@dg.asset(
    key=_KEY,
    group_name="search",
    kinds={"lance"},
    deps=[
        ["capture", "recordings"],
        ["capture", "imported_labels"],
        ["annotation", "labels"],
        ["monitoring", "drift"],
    ],
)
def documents(
    context: dg.AssetExecutionContext,
    catalog: dg.ResourceParam[Catalog],
    workspace: dg.ResourceParam[Workspace],
    records: dg.ResourceParam[HomeRecords],
) -> dg.MaterializeResult:
    """Pages, sessions, classes, releases, models, decisions, failed claims, refused files, alarms and failed runs in
    words, each with what to follow; made again is what changed.
    """
    encoder = find_encoder(workspace.cache)
    progress = progress_to(context.log, "documents")
    done = refresh_documents(catalog, records, encoder, progress)
    kinds = Counter(catalog.read_latest("documents", ["kind"])["kind"].to_pylist())
    facts = {
        "refreshed": done.summary,
        "compared by": "words" if encoder is None else "words and meaning",
        **{f"of kind {kind}": count for kind, count in sorted(kinds.items())},
    }
    return result(catalog, "documents", _KEY, None, facts)


@dg.asset(
    key=["search", "frame_texts"],
    partitions_def=sessions,
    group_name="search",
    deps=[["capture", "frames"]],
    kinds={"lance", "onnx"},
)
def frame_texts(
    context: dg.AssetExecutionContext,
    catalog: dg.ResourceParam[Catalog],
    workspace: dg.ResourceParam[Workspace],
) -> Iterator[Event]:
    """Text that the colour frames of the session show, with scores and boxes; made where somebody asks for it."""
    yield from _make_each(context, catalog, workspace, "frame_texts", read_texts)


@dg.asset(
    key=["search", "picture_vectors"],
    partitions_def=sessions,
    group_name="search",
    deps=[["capture", "frames"]],
    kinds={"lance", "onnx"},
)
def picture_vectors(
    context: dg.AssetExecutionContext,
    catalog: dg.ResourceParam[Catalog],
    workspace: dg.ResourceParam[Workspace],
) -> Iterator[Event]:
    """Vectors of the session's colour frames that texts are compared with, by the CLIP-like net of the settings."""
    yield from _make_each(
        context, catalog, workspace, "picture_vectors", embed_pictures
    )


def _make_each(
    context: dg.AssetExecutionContext,
    catalog: Catalog,
    workspace: Workspace,
    table: str,
    refresh: Callable[..., Refreshed],
) -> Iterator[Event]:
    def make(session: str) -> Iterator[dg.MaterializeResult]:
        progress = progress_to(context.log, f"{table} of {session}")
        done = refresh(session, catalog, workspace, progress)
        key, facts = ["search", table], {"rows": done.summary}
        yield result(catalog, table, key, session, facts)

    yield from make_each(context, make)


defs = dg.Definitions(assets=[documents, frame_texts, picture_vectors])
