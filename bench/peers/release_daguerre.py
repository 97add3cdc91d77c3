"""Daguerre: one part of the way from clusters to the first batch of a training. Former builds run it too."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb  # noqa: F401
import lance  # noqa: F401

from assets.curation.clusters import update_splits
from assets.curation.release import draft_release, write_release
from assets.retrieval.lineage import trace
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
    return json.dumps(trace(catalog, "release", release_id))


PARTS: dict[str, Callable[[Catalog], str]] = {
    part.__name__: part
    for part in (split, gate_splits, release, gate_release, first_batch, lineage)
}


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
        rows = catalog.read_latest("splits").sort_by("frame_id")
        said = json.dumps(rows.to_pydict())
    print(json.dumps({**found, "made": hashlib.sha256(said.encode()).hexdigest()}))


if __name__ == "__main__":
    main()
