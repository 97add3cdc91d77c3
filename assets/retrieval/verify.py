"""Recompute every hash that something rests on, and name what no longer matches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from assets.curation.release import open_release
from assets.ledger import Ledger
from assets.storage import BlobStore
from assets.tables.catalog import Catalog, repr_sql
from assets.tables.schemas import TABLES

_FRAME_BATCH = 256


@dataclass(frozen=True)
class Finding:
    """One thing that does not verify."""

    kind: str  # "frame", "blob", "capture", "release", "model", "table"
    id: str
    reason: str
    remedy: str


@dataclass(frozen=True)
class Stores:
    """What is verified."""

    catalog: Catalog
    ledger: Ledger
    blobs: BlobStore
    home: Path


def verify(stores: Stores, on_step: Callable[[str, int], None] | None = None) -> list[Finding]:
    """Check tables, frames, blobs, captures, releases and models. `on_step` gets (kind, how many were checked)."""
    findings: list[Finding] = []
    for kind, check in _CHECKS.items():
        count = 0
        for finding in check(stores):
            count += 1
            if finding is not None:
                findings.append(finding)
        if on_step:
            on_step(kind, count)
    return findings


def _verify_tables(stores: Stores) -> Iterator[Finding | None]:
    for name in stores.catalog.names():
        key = TABLES[name].key
        try:
            keys = stores.catalog.read_latest(name)[key].to_pylist()
        except (OSError, ValueError, RuntimeError) as error:
            yield Finding("table", name, f"cannot be read: {str(error)[:200]}", "restore the table from a backup")
            continue
        twice = len(keys) - len(set(keys))
        yield Finding("table", name, f"{twice} keys stand twice", "report this: keys must be unique") if twice else None


def _verify_frames(stores: Stores) -> Iterator[Finding | None]:
    if not stores.catalog.exists("frames"):
        return
    scanner = stores.catalog.dataset("frames").scanner(columns=["frame_id", "payload", "sha256"], batch_size=_FRAME_BATCH)
    for batch in scanner.to_batches():
        for row in batch.to_pylist():
            changed = hashlib.sha256(row["payload"]).hexdigest() != row["sha256"]
            remedy = "restore the frames table, or delete the frame and ingest its capture again"
            yield Finding("frame", row["frame_id"], "its bytes no longer match their sha256", remedy) if changed else None


def _verify_blobs(stores: Stores) -> Iterator[Finding | None]:
    wanted = {
        r["sha256"] for r in stores.catalog.read_latest("captures", ["sha256"]).to_pylist() if r["sha256"]
    }  # fmt: skip
    present = set(stores.blobs.names())
    for sha256 in sorted(wanted - present):
        yield Finding("blob", sha256, "a capture's file is gone from the blob store", "land the capture's file again")
    for sha256 in sorted(present):
        try:
            stores.blobs.get(sha256)
            yield None
        except (ValueError, OSError) as error:
            yield Finding("blob", sha256, str(error), "restore the blob from its source or from a backup")


def _verify_captures(stores: Stores) -> Iterator[Finding | None]:
    rows = {r["capture_id"]: r for r in stores.catalog.read_latest("captures").to_pylist()}
    for capture_id in stores.ledger.committed():
        row = rows.get(capture_id)
        remedy = "a table lost a version: restore it, or delete the home and ingest again"
        if row is None:
            yield Finding("capture", capture_id, "the ledger says it is ingested, the captures table does not", remedy)
            continue
        where = f"capture_id = {repr_sql(capture_id)}"
        exists = stores.catalog.exists("frames")
        found = stores.catalog.dataset("frames").count_rows(where) if exists else 0
        reason = f"has {found} frames, {row['num_frames']} were ingested"
        yield None if found == row["num_frames"] else Finding("capture", capture_id, reason, remedy)


def _verify_releases(stores: Stores) -> Iterator[Finding | None]:
    for row in stores.catalog.read_latest("releases", ["release_id", "frames_version"]).to_pylist():
        try:
            release = open_release(stores.catalog, row["release_id"])
            stored = stores.catalog.read("frames", ["frame_id", "sha256"], version=row["frames_version"]).to_pylist()
            hashes = {r["frame_id"]: r["sha256"] for r in stored}
            bad = [r["frame_id"] for r in release.frames.to_pylist() if hashes.get(r["frame_id"]) != r["sha256"]]
            reason = f"{len(bad)} of its frames are gone or changed, first {bad[0]}" if bad else ""
            yield Finding("release", row["release_id"], reason, "restore the frames table") if bad else None
        except (ValueError, LookupError, OSError) as error:
            yield Finding("release", row["release_id"], str(error), "restore the release tables from a backup")


def _verify_models(stores: Stores) -> Iterator[Finding | None]:
    for row in stores.catalog.read_latest("models", ["model_sha256", "folder"]).to_pylist():
        yield _verify_model(row["model_sha256"], stores.home / row["folder"])


def _verify_model(model_sha256: str, folder: Path) -> Finding | None:
    remedy = "train it again from its release: the same seed gives the same weights"
    try:
        files = json.loads((folder / "model.json").read_text())["files"]
        for name, sha256 in files.items():
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != sha256:
                return Finding("model", model_sha256, f"{name} has changed", remedy)
    except (OSError, ValueError, KeyError) as error:
        return Finding("model", model_sha256, f"package {folder.name} cannot be read: {error}", remedy)
    if files.get("model.safetensors") != model_sha256:
        return Finding("model", model_sha256, "its weights have another sha256", remedy)
    return None


_CHECKS: dict[str, Callable[[Stores], Iterator[Finding | None]]] = {
    "table": _verify_tables, "frame": _verify_frames, "blob": _verify_blobs, "capture": _verify_captures,
    "release": _verify_releases, "model": _verify_models,
}  # fmt: skip
