"""Keep a home in order: what whoever writes leaves behind, within a stated retention, beside writers and when killed.

Tables first, then what no row names any more. Each step can be left off anywhere and is done again by the next call;
what a release, a seal, a publication or a row needs stays. A step that cannot be done is told, and the others go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from assets.abandoned import drop_abandoned, find_abandoned
from assets.ledger import Ledger
from assets.maintenance.blobs import find_unnamed
from assets.maintenance.leftovers import Leftover, drop_leftover, find_leftovers
from assets.maintenance.tables import TableCare, care_for_table
from assets.tables.catalog import Catalog

OnTable = Callable[[int, int], None]  # done, of how many
_DAY_S = 86_400.0
_REFUSED = (OSError, ValueError)
BLOB = "a blob that no row names"
TRAINING = "a training that died and that nobody resumed"


@dataclass(frozen=True)
class Stores:
    """What is kept in order, and for how many days what nothing names stays."""

    catalog: Catalog
    ledger: Ledger
    home: Path
    keep_days: float


@dataclass
class Care:
    """What was done, or would be."""

    is_dry_run: bool
    keep_days: float
    tables: list[TableCare] = field(default_factory=list)
    removed: list[Leftover] = field(default_factory=list)
    ledger_bytes: int = 0  # given back by its file
    kept: list[str] = field(default_factory=list)  # what was not looked at, and why
    failed: list[str] = field(default_factory=list)

    @property
    def figures(self) -> dict[str, int]:
        """Sums, for one line."""
        before = [care.before for care in self.tables]
        after = [care.after for care in self.tables]
        num_files = sum(left.num_files for left in self.removed)
        num_bytes = sum(left.size_bytes for left in self.removed) + self.ledger_bytes
        return {
            "fragments": sum(size.num_fragments for size in before),
            "fragments_after": sum(size.num_fragments for size in after),
            "versions": sum(size.num_versions for size in before),
            "versions_after": sum(size.num_versions for size in after),
            "table_files": sum(size.num_files for size in before),
            "table_files_after": sum(size.num_files for size in after),
            "table_bytes": sum(size.size_bytes for size in before),
            "table_bytes_after": sum(size.size_bytes for size in after),
            "other_files_removed": num_files,
            "other_bytes_removed": num_bytes,
            "failed": len(self.failed),
        }


def maintain(
    stores: Stores, is_dry_run: bool = False, on_table: OnTable | None = None
) -> Care:
    """Do all of it, or say what would be done. Never raises for what a store refuses: `failed` has it."""
    care = Care(is_dry_run, stores.keep_days)
    names = stores.catalog.names()
    for done, name in enumerate(names, start=1):
        try:
            care.tables.append(care_for_table(stores.catalog, name, is_dry_run))
        except _REFUSED as error:
            care.failed.append(f"table '{name}': {error}")
        if on_table:
            on_table(done, len(names))
    for noun, step in _STEPS.items():
        try:
            step(stores, care)
        except _REFUSED as error:
            care.failed.append(f"{noun}: {error}")
    return care


def _clear_leftovers(stores: Stores, care: Care) -> None:
    for leftover in find_leftovers(stores.home, _before_s(stores)):
        if not care.is_dry_run:
            drop_leftover(stores.home, leftover)
        care.removed.append(leftover)


def _clear_trainings(stores: Stores, care: Care) -> None:
    runs = stores.home / "models" / ".runs"
    found = find_abandoned(runs, stores.keep_days)
    for folder in found:
        files = [path for path in folder.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        below = folder.relative_to(stores.home).as_posix()
        care.removed.append(Leftover(below, TRAINING, len(files), size))
    if found and not care.is_dry_run:
        drop_abandoned(runs, stores.keep_days)


def _clear_blobs(stores: Stores, care: Care) -> None:
    blobs = stores.catalog.blobs
    before_s = _before_s(stores)
    unnamed, why_not = find_unnamed(stores.catalog, stores.ledger, stores.home)
    care.kept += [why_not] if why_not else []
    for sha256 in unnamed:
        size = (
            blobs.measure_unused(sha256, before_s)
            if care.is_dry_run
            else blobs.drop_unused(sha256, before_s)
        )
        if size is not None:
            path = f"blobs/{sha256[:2]}/{sha256}"
            care.removed.append(Leftover(path, BLOB, 1, size))


def _compact_ledger(stores: Stores, care: Care) -> None:
    care.ledger_bytes = stores.ledger.compact(care.is_dry_run)


def _before_s(stores: Stores) -> float:
    return time.time() - stores.keep_days * _DAY_S


_STEPS = {
    "what killed processes left": _clear_leftovers,
    "trainings that died": _clear_trainings,
    "blobs": _clear_blobs,
    "the ledger": _compact_ledger,
}
