"""Search as an asset: the documents that `daguerre search` finds."""

from collections import Counter

import dagster as dg

from assets.inference.sentences import find_encoder
from assets.materialize import progress_to, result
from assets.search.documents import refresh_documents
from assets.search.run_records import RunRecords
from assets.tables.catalog import Catalog
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
    run_records: dg.ResourceParam[RunRecords],
) -> dg.MaterializeResult:
    """Pages, sessions, classes, releases, models, decisions, failed claims, quarantine, alarms and failed runs in
    words, each with what to follow; made again is what changed.
    """
    encoder = find_encoder(workspace.cache)
    progress = progress_to(context.log, "documents")
    done = refresh_documents(catalog, run_records, encoder, progress)
    kinds = Counter(catalog.read_latest("documents", ["kind"])["kind"].to_pylist())
    facts = {
        "refreshed": done.summary,
        "compared by": "words" if encoder is None else "words and meaning",
        **{f"of kind {kind}": count for kind, count in sorted(kinds.items())},
    }
    return result(catalog, "documents", _KEY, None, facts)


defs = dg.Definitions(assets=[documents])
