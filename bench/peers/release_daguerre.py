"""Daguerre: one part of the way from clusters to the first batch of a training and back. Former builds run it too."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb  # noqa: F401
import lance  # noqa: F401
import pyarrow as pa

from assets.curation.clusters import update_splits
from assets.curation.release import draft_release, write_release
from assets.ledger import Ledger
from assets.retrieval.lineage import trace
from assets.retrieval.verify import Stores
from assets.retrieval.verify import verify as verify_home
from assets.samples import ReleaseImages, read_release
from assets.tables.catalog import Catalog
from assets.tables.run_pointers import point_in_run
from bench.peers.curation_daguerre import read_peak_mib
from checks.gates import gate_session, gate_task
from checks.verdicts import stops_flow

_TASK = "detection"
_DATASET = ("curation", "{task}_dataset")
_BATCH = 64


def split(catalog: Catalog) -> str:
    """The table of splits; a hash of it."""
    update_splits(catalog)
    return ""


def gate_splits(catalog: Catalog) -> str:
    """The gates of clusters and splits, which publish them."""
    found = [gate_session(catalog, name, None) for name in ("unique_frames", "splits")]
    if any(map(stops_flow, found)):
        raise RuntimeError(f"a gate stops: {found}")
    return " ".join(v.summary for verdicts in found for v in verdicts)


def release(catalog: Catalog) -> str:
    """A release of detection, drafted and written; what is told of it."""
    draft = draft_release(catalog, _TASK)
    lines = draft.list_lines()
    point_in_run(catalog, f"draft/{_TASK}", write_release(catalog, draft), "")
    return " ".join(lines)


def gate_release(catalog: Catalog) -> str:
    """The gates of a release."""
    verdicts = gate_task(catalog, _DATASET, _TASK, Path(catalog.uri).parent)
    if stops_flow(verdicts):
        raise RuntimeError(f"a gate stops: {verdicts}")
    return " ".join(v.summary for v in verdicts)


def first_batch(catalog: Catalog) -> str:
    """Release to first batch: proven by its hash, and read."""
    release_id = catalog.pointed(f"release/{_TASK}")
    assert release_id, "gate_release comes first"
    found = read_release(catalog, release_id, _TASK)
    images = ReleaseImages(catalog, found, "train", 320)
    order = range(0, len(images), max(1, len(images) // _BATCH))
    samples = images.__getitems__(list(order)[:_BATCH])
    return release_id + " ".join(s.frame_id for s in samples)


def lineage(catalog: Catalog) -> str:
    """What a release was made of, and what it led to."""
    release_id = catalog.pointed(f"release/{_TASK}")
    assert release_id, "gate_release comes first"
    found = trace(catalog, "release", release_id)
    digest = hashlib.sha256()
    for side in ("upstream", "downstream"):
        for name, what in found[side].items():
            digest.update(name.encode())
            for row in [what] if isinstance(what, dict) else what:
                digest.update(json.dumps(row).encode())
    return digest.hexdigest()


def verify(catalog: Catalog) -> str:
    """Every hash again. Raises RuntimeError where something does not verify."""
    home = Path(catalog.uri).parent
    ledger = Ledger(f"sqlite:///{home}/ledger.db")
    counts: dict[str, int] = {}
    found = verify_home(
        Stores(catalog, ledger, catalog.blobs, home), counts.__setitem__
    )
    if found:
        raise RuntimeError(f"{len(found)} do not verify: {found[0]}")
    # how many files a table is of is a matter of threads
    return json.dumps(counts | {"file": None})


PARTS: dict[str, Callable[[Catalog], str]] = {
    part.__name__: part
    for part in (
        split,
        gate_splits,
        release,
        gate_release,
        first_batch,
        lineage,
        verify,
    )
}
# these read all labels, the others those of the release
_OF_ALL = ("split", "gate_splits", "release", "verify")


def main() -> None:
    """Print seconds and processor seconds without imports, the most memory held, and a hash of what came out."""
    catalog = Catalog(f"{sys.argv[1]}/tables")
    part = PARTS[sys.argv[2]]
    before = read_peak_mib()
    start = time.perf_counter(), time.process_time()
    said = part(catalog)
    found = {
        "seconds": time.perf_counter() - start[0],
        "cpu_s": time.process_time() - start[1],
        "peak_mib": read_peak_mib(),
        "imports_mib": before,
    }
    if sys.argv[2] == "split":
        said = _sign(catalog.read_latest("splits").sort_by("frame_id"))
    found["num_labels"] = _count_labels(catalog, sys.argv[2])
    print(json.dumps({**found, "made": hashlib.sha256(said.encode()).hexdigest()}))


def _count_labels(catalog: Catalog, part: str) -> int:
    if part in _OF_ALL:
        return int(catalog.dataset("labels").count_rows())
    rows = catalog.read_latest("releases", ["num_labels"])
    return int(rows["num_labels"][0].as_py())


def _sign(rows: pa.Table) -> str:
    digest = hashlib.sha256()
    for batch in rows.combine_chunks().to_batches(4_096):
        digest.update(json.dumps(batch.to_pydict()).encode())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
