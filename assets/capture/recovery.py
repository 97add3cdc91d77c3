"""After a power cut: the ledger forgets what the tables have lost, so that the next intake takes it again."""

from __future__ import annotations

from collections import Counter, defaultdict

from assets.capture.rows import WRITTEN
from assets.capture.versions import stamp_readers
from assets.formats.observations import outer_path
from assets.ledger import FileOutcome, Ledger
from assets.tables.catalog import Catalog
from assets.tables.durable import is_local
from assets.tables.recovery import list_losses, mark_made_good
from assets.tables.schemas import TABLES

_COUNTS = {
    name: column for name in WRITTEN if (column := TABLES[name].counted_by) is not None
}
# whose rows nobody counts: of a loss there, all captures are read again
_UNCOUNTED = {"calibrations", "annotated_frames"}
_DONE = ("ingested", "quarantined")
# that have a row for a file that was read
_TRACES = ("frames", "signals", "scans", "calibrations", "labels", "annotated_frames")


def stamp_intake(catalog: Catalog) -> str:
    """Changes when any reader makes something else of its files, and when a power cut took rows of the tables."""
    num_losses = len(list_losses(catalog.uri))
    return stamp_readers() + f"-{num_losses}" * bool(num_losses)


def make_good(catalog: Catalog, ledger: Ledger) -> int:
    """Reopen the files of which rows were lost; how many. Costs a look at a folder where nothing was.

    Another worker may commit meanwhile: the ledger is read before the tables, so what it had said is there by then. A
    file that is reopened without need is read again, and adds nothing.
    """
    if not is_local(catalog.uri):
        return 0
    catalog.recover((*WRITTEN, "publications"))
    losses = list_losses(catalog.uri, only_open=True)
    if not losses:
        return 0
    outcomes = [FileOutcome(**row) for row in ledger.file_table().to_pylist()]
    lost = _find_lost(catalog, outcomes, {loss.table for loss in losses})
    ledger.reopen(lost)
    for loss in losses:
        mark_made_good(loss)
    return len(lost)


def _find_lost(
    catalog: Catalog, outcomes: list[FileOutcome], tables: set[str]
) -> list[FileOutcome]:
    """The files that were done, and of which the tables do not have all that was counted then, or no trace."""
    captures = {
        row["capture_id"]: row for row in catalog.read_latest("captures").to_pylist()
    }
    counts = {name: _count(catalog, name) for name in _COUNTS}
    whole = {
        capture_id
        for capture_id, row in captures.items()
        if not tables & _UNCOUNTED
        and all(
            counts[n][capture_id] == (row[column] or 0) for n, column in _COUNTS.items()
        )
    }
    judged = {d["session"] for d in catalog.publications("captures")}
    refused = _list_paths(catalog, "quarantine")
    traces = _read_traces(catalog)

    def is_there(o: FileOutcome) -> bool:
        if o.outcome == "quarantined" and (o.session, o.path) not in refused:
            return False
        if o.capture_id is None or o.outcome != "ingested":
            return True
        if o.capture_id not in whole:
            return False
        if "publications" in tables and o.session not in judged:
            return False
        hashes = traces[o.capture_id].get(o.path, set())
        is_container = captures[o.capture_id]["sha256"] is not None
        return is_container or (
            bool(hashes) and (None in hashes or o.sha256 in {None, *hashes})
        )

    return [o for o in outcomes if o.outcome in _DONE and not is_there(o)]


def _count(catalog: Catalog, name: str) -> Counter[str]:
    return Counter(catalog.read_latest(name, ["capture_id"])["capture_id"].to_pylist())


def _list_paths(catalog: Catalog, name: str) -> set[tuple[str, str]]:
    rows = catalog.read_latest(name, ["session", "source_path"]).to_pylist()
    return {(row["session"], outer_path(row["source_path"])) for row in rows}


def _read_traces(catalog: Catalog) -> dict[str, dict[str, set[str | None]]]:
    """capture id -> path -> the hashes of what was read there; None of a file that is no frame."""
    found: dict[str, dict[str, set[str | None]]] = defaultdict(dict)
    for name in _TRACES:
        columns = ["capture_id", "source_path", *["sha256"] * (name == "frames")]
        for row in catalog.read_latest(name, columns).to_pylist():
            path = outer_path(row["source_path"])
            found[row["capture_id"]].setdefault(path, set()).add(row.get("sha256"))
    return found
