"""Recompute every hash that something rests on, and name what no longer matches."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from assets.audit import check_record
from assets.erasure.certificates import (
    audit_certificates,
    list_certificates,
    list_leftovers,
)
from assets.inference.checkpoint import find_checkpoints, read_checkpoint
from assets.inference.model_store import list_stored
from assets.inference.package import open_package
from assets.ledger import Ledger
from assets.ledger.erased import digest_of
from assets.registry.audit import audit_registry
from assets.registry.reading import StoreReader
from assets.retrieval.dagster_events import audit_events
from assets.retrieval.whole_tables import WholeTables
from assets.sandbox.video_places import VideoPlace
from assets.storage import BlobStore
from assets.tables.catalog import PUBLISHED, Catalog, is_in
from assets.tables.recovery import list_losses
from assets.tables.releases import open_release
from assets.tables.rows import ModelRow
from assets.tables.schemas import TABLES
from assets.tables.seals import find_broken, find_unsealed

# Lance reads 2 GiB ahead by itself
_SCAN: dict[str, Any] = {
    "batch_size": 256,
    "batch_readahead": 2,
    "io_buffer_size": 64 << 20,
}
_UNREADABLE = (OSError, ValueError, LookupError, RuntimeError)
_BACKUP = "restore the table from a backup"
_COUNTS = {
    table.name: table.counted_by for table in TABLES.values() if table.counted_by
}


@dataclass(frozen=True)
class Finding:
    """One thing that does not verify."""

    kind: str  # as in `_CHECKS`; "file": of a table
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
    registry: StoreReader | None = None


def verify(
    stores: Stores, on_step: Callable[[str, int], None] | None = None
) -> list[Finding]:
    """Check all that a home holds, from the ledger to Dagster's materialisations, as listed in `_CHECKS`.

    `on_step` gets (kind, how many were checked).
    """
    findings: list[Finding] = []
    for kind, check in _CHECKS.items():
        # what is not as it was sealed is not parsed: Lance may panic, or take all memory
        if kind == "table":
            stores = replace(
                stores, catalog=WholeTables.of(stores.catalog, [f.id for f in findings])
            )
        count = 0
        for finding in _go_on(kind, check(stores)):
            count += 1
            if finding is not None:
                findings.append(finding)
        if on_step:
            on_step(kind, count)
    return findings


def _go_on(kind: str, found: Iterator[Finding | None]) -> Iterator[Finding | None]:
    """A store that cannot be read is one more finding, and the other checks go on."""
    try:
        yield from found
    except BaseException as error:
        if (
            not isinstance(error, _UNREADABLE)
            and type(error).__name__ != "PanicException"
        ):  # Lance's, of no base class
            raise
        yield Finding(
            kind,
            "all",
            f"cannot be checked: {_say(error)}",
            "restore the store that is named from a backup",
        )


def _verify_files(stores: Stores) -> Iterator[Finding | None]:
    """Every file of every sealed table version, and the seals."""
    for broken in find_broken(stores.catalog):
        yield (
            Finding("file", broken.path, broken.reason, broken.remedy)
            if broken
            else None
        )


def _verify_tables(stores: Stores) -> Iterator[Finding | None]:
    """Every byte of every table is read, its keys are unique, and no version is gone that something refers to."""
    versions = _versions_referred_to(stores.catalog)
    for name, table in TABLES.items():
        try:
            if not stores.catalog.exists(name):
                if name in versions:
                    yield Finding(
                        "table",
                        name,
                        f"is gone, version {versions[name]} was published",
                        _BACKUP,
                    )
                continue
            yield _verify_table(stores.catalog, name, table.key, versions.get(name, 0))
        except _UNREADABLE as error:
            yield Finding("table", name, f"cannot be read: {_say(error)}", _BACKUP)


def _verify_table(
    catalog: Catalog, name: str, key: str, referred_to: int
) -> Finding | None:
    dataset = catalog.open_stored(name)
    tags = {tag: int(facts["version"]) for tag, facts in dataset.tags.list().items()}
    newest = max([referred_to, *tags.values()])
    if dataset.version < newest:
        reason = f"ends at version {dataset.version}, version {newest} was published or pinned"
        return Finding("table", name, reason, _BACKUP)
    if tags.get(PUBLISHED, 0) > referred_to:
        reason = f"its tag '{PUBLISHED}' names version {tags[PUBLISHED]}, version {referred_to} was published last"
        return Finding(
            "table",
            name,
            reason,
            "publish it again: materialise the asset that writes it",
        )
    for _ in dataset.scanner(**_SCAN).to_batches():
        pass  # what cannot be read raises
    keys = dataset.to_table(columns=[key])[key]
    twice = len(keys) - pc.count_distinct(keys, mode="all").as_py()
    return (
        Finding(
            "table",
            name,
            f"{twice} keys stand twice",
            "report this: keys must be unique",
        )
        if twice
        else None
    )


def _versions_referred_to(catalog: Catalog) -> dict[str, int]:
    versions: dict[str, int] = {}
    try:
        for row in catalog.read_latest(
            "publications", ["table_name", "version"]
        ).to_pylist():
            versions[row["table_name"]] = max(
                row["version"], versions.get(row["table_name"], 0)
            )
    except _UNREADABLE:
        return {}  # the table's own check names it
    return versions


def _verify_frames(stores: Stores) -> Iterator[Finding | None]:
    if not stores.catalog.exists("frames"):
        return
    columns = ["frame_id", "payload", "sha256"]
    scanner = stores.catalog.open_stored("frames").scanner(columns=columns, **_SCAN)
    remedy = (
        "restore the frames table, or delete the frame and ingest its capture again"
    )
    for batch in scanner.to_batches():
        for row in batch.to_pylist():
            changed = hashlib.sha256(row["payload"]).hexdigest() != row["sha256"]
            reason = "its bytes no longer match their sha256"
            yield Finding("frame", row["frame_id"], reason, remedy) if changed else None


def _verify_blobs(stores: Stores) -> Iterator[Finding | None]:
    captures = stores.catalog.read_latest("captures", ["sha256"])["sha256"].to_pylist()
    documents = [
        r["sha256"]
        for r in stores.ledger.file_table().to_pylist()
        if r["capture_id"] is None
    ]
    scans = stores.catalog.read_latest("scans", ["blob_sha256"])["blob_sha256"]
    models = stores.catalog.read_latest("sparse_models", ["model_sha256"])
    meshes = stores.catalog.read_latest("meshes", ["blob_sha256"])["blob_sha256"]
    splats = stores.catalog.read_latest("splats", ["blob_sha256"])["blob_sha256"]
    wanted = {sha256 for sha256 in captures + documents if sha256}
    wanted |= {sha256 for sha256 in models["model_sha256"].to_pylist() if sha256}
    wanted |= set(scans.to_pylist())
    made = (
        ("a mesh is", "`daguerre fuse SESSION`", set(meshes.drop_null().to_pylist())),
        (
            "splats are",
            "`daguerre splats SESSION`",
            set(splats.drop_null().to_pylist()),
        ),
    )
    members = _list_videos_of_archives(stores.catalog)
    sealed = stores.catalog.read_latest(
        "sealed_recordings", ["original_sha256", "sealed_sha256"]
    )
    wanted -= set(sealed["original_sha256"].to_pylist())
    wanted |= set(sealed["sealed_sha256"].to_pylist())
    present = set(stores.blobs.names())
    for sha256 in sorted(wanted - present):
        yield Finding(
            "blob",
            sha256,
            "a file is gone from the blob store",
            "touch it in its session and ingest again",
        )
    for sha256 in sorted(members - wanted - present):
        yield Finding(
            "blob",
            sha256,
            "a video out of an archive is gone from the blob store",
            "restore it from a backup, or ingest the video unpacked: it is kept by its bytes",
        )
    for what, command, hashes in made:
        for sha256 in sorted(hashes - wanted - present):
            yield Finding(
                "blob",
                sha256,
                f"{what} gone from the blob store",
                f"restore it from a backup, or make it again: {command}",
            )
    remedy = "restore the blob from its source or from a backup"
    for sha256 in sorted(present):
        try:
            is_same = stores.blobs.matches(sha256)
            yield (
                None
                if is_same
                else Finding(
                    "blob", sha256, "its bytes no longer match their sha256", remedy
                )
            )
        except OSError as error:
            yield Finding("blob", sha256, f"cannot be read: {_say(error)}", remedy)


def _list_videos_of_archives(catalog: Catalog) -> set[str]:
    """sha256 of the videos that archives held: no capture has it, their frames point to them."""
    archives = catalog.read_latest("captures", ["capture_id"], "reader = 'archive'")
    ids = sorted(archives["capture_id"].to_pylist())
    if not ids or not catalog.exists("frames"):
        return set()
    where = f"encoding = 'video' AND {is_in('capture_id', ids)}"
    found = set[str]()
    for payload in catalog.read_latest("frames", ["payload"], where)["payload"]:
        with suppress(ValueError):  # bytes that changed: the frame is a finding
            found.add(VideoPlace.unpack(payload.as_py()).blob)
    return found


def _verify_ledger(stores: Stores) -> Iterator[Finding | None]:
    """Every row of the ledger is as it was written."""
    remedy = "restore the ledger from a backup, or move it away: ingesting the sessions again fills a new one"
    for fault in stores.ledger.find_faults():
        yield (
            Finding("ledger row", fault.where, fault.reason, remedy) if fault else None
        )


def _verify_captures(stores: Stores) -> Iterator[Finding | None]:
    """What the ledger says is ingested is in the tables, with as many rows as were counted then."""
    rows = {
        r["capture_id"]: r for r in stores.catalog.read_latest("captures").to_pylist()
    }
    found = {name: _count_by_capture(stores.catalog, name) for name in _COUNTS}
    remedy = "a table lost a version: restore it, or delete the home and ingest again"
    for capture_id in stores.ledger.committed():
        row = rows.get(capture_id)
        if row is None:
            reason = "the ledger says it is ingested, the captures table does not"
            yield Finding("capture", capture_id, reason, remedy)
            continue
        wrong = [
            f"{found[name][capture_id]} rows in {name}, {row[column]} were ingested"
            for name, column in _COUNTS.items()
            if found[name][capture_id] != (row[column] or 0)
        ]
        yield (
            Finding("capture", capture_id, "has " + "; ".join(wrong), remedy)
            if wrong
            else None
        )


def _count_by_capture(catalog: Catalog, name: str) -> Counter[str]:
    """The rows that a table has of each capture."""
    ids = catalog.read_latest(name, ["capture_id"])["capture_id"]
    return Counter({c["values"]: c["counts"] for c in ids.value_counts().to_pylist()})


def _verify_releases(stores: Stores) -> Iterator[Finding | None]:
    catalog = stores.catalog
    stored = catalog.read_latest(
        "releases", ["release_id", "frames_version"]
    ).to_pylist()
    remedy = "restore the frames table"
    for row in stored:
        try:
            wrong = _find_changed(catalog, row["release_id"], row["frames_version"])
            reason = (
                f"{len(wrong)} of its frames are gone or changed, first {wrong[0]}"
                if wrong
                else ""
            )
            if not wrong and find_unsealed(
                catalog, [("frames", row["frames_version"])]
            ):
                reason = f"no seal vouches for version {row['frames_version']} of frames, which it pins"
            yield (
                Finding("release", row["release_id"], reason, remedy)
                if reason
                else None
            )
        except _UNREADABLE as error:
            yield Finding(
                "release",
                row["release_id"],
                _say(error),
                "restore the release tables from a backup",
            )
    known = {row["release_id"] for row in stored}
    for pointer in catalog.read_latest("pointers").to_pylist():
        if (
            pointer["pointer"].split("/")[0] in ("draft", "release")
            and pointer["target"] not in known
        ):
            reason = (
                f"{pointer['pointer']} names it, the releases table does not have it"
            )
            yield Finding("release", pointer["target"], reason, _BACKUP)


def _find_changed(catalog: Catalog, release_id: str, frames_version: int) -> list[str]:
    """The frames of a release that are not in its version of the frames table as they were released."""
    columns = ["frame_id", "sha256", "capture_id", "session", "sensor"]
    stored = catalog.read("frames", columns, version=frames_version)
    released = open_release(catalog, release_id, columns).frames.select(columns)
    place = pc.index_in(released["frame_id"], value_set=stored["frame_id"])
    is_same = pc.is_valid(place)
    for column in columns:
        is_equal = pc.equal(released[column], stored[column].take(place))
        is_same = pc.and_(is_same, pc.fill_null(is_equal, False))
    return list(released["frame_id"].filter(pc.invert(is_same)).to_pylist())


def _verify_models(stores: Stores) -> Iterator[Finding | None]:
    remedy = "train it again from its release: the same seed gives the same weights"
    for row in stores.catalog.read_latest("models").to_pylist():
        model_sha256 = row["model_sha256"]
        lacks = _list_lacking(stores.blobs, row)
        if lacks:
            yield Finding("model", model_sha256, "; ".join(lacks), _BACKUP)
        folder = stores.home / row["folder"]
        if row["facts_sha256"] is not None and not folder.exists():
            yield None  # no copy on this machine
            continue
        try:
            package = open_package(folder)
        except _UNREADABLE as error:
            yield Finding("model", model_sha256, _say(error), remedy)
            continue
        facts = {**vars(package.facts), "model_sha256": package.model_sha256}
        stated = (
            "model_sha256",
            "task",
            "recipe",
            "release_id",
            "code_version",
            "seed",
        )
        wrong = [
            f"{n} is {row[n]} in the table, {facts[n]} in the package"
            for n in stated
            if row[n] != facts[n]
        ]
        yield (
            Finding("model", model_sha256, "; ".join(wrong), _BACKUP) if wrong else None
        )


def _list_lacking(blobs: BlobStore, model: ModelRow) -> list[str]:
    """What the store lacks of the model's package; what it has is proven with the other blobs."""
    if model["facts_sha256"] is None:
        return []
    try:
        hashes = list_stored(blobs, model["facts_sha256"])
    except _UNREADABLE as error:
        return [_say(error)]
    return [
        f"{name} (blob {sha256[:16]}) is gone from the blob store"
        for name, sha256 in sorted(hashes.items())
        if not blobs.exists(sha256)
    ]


def _verify_checkpoints(stores: Stores) -> Iterator[Finding | None]:
    """What trainings that were interrupted have left."""
    for folder in find_checkpoints(stores.home / "models"):
        try:
            read_checkpoint(folder)
            yield None
        except _UNREADABLE as error:
            if not folder.exists():  # its training has ended by now
                continue
            where = folder.relative_to(stores.home).as_posix()
            yield Finding(
                "checkpoint",
                where,
                _say(error),
                "remove the folder above it and train again",
            )


def _verify_registry(stores: Stores) -> Iterator[Finding | None]:
    """Registered versions are as they were sealed, and the champions are those of the table."""
    faults = audit_registry(stores.catalog, stores.registry) if stores.registry else ()
    for fault in faults:
        yield (
            Finding("registered model", fault.where, fault.reason, fault.remedy)
            if fault
            else None
        )


def _verify_events(stores: Stores) -> Iterator[Finding | None]:
    """What Dagster says was materialised."""
    remedy = "restore Dagster's storage from a backup, or materialise the asset again"
    for fault in audit_events(stores.home / "dagster"):
        yield (
            Finding("materialisation", fault.where, fault.reason, remedy)
            if fault
            else None
        )


def _verify_losses(stores: Stores) -> Iterator[Finding | None]:
    """What a power cut took, until somebody has seen to it."""
    for loss in list_losses(stores.catalog.uri):
        remedy = (
            "`daguerre ingest` again the sessions that lie in the landing zone (its sensor does), "
            f"then move {loss.folder} out of the home"
        )
        yield Finding("loss", loss.table, loss.summary, remedy)


def _verify_erasures(stores: Stores) -> Iterator[Finding | None]:
    """Certificates follow from each other, every erasure has come to its end, and nothing erased is stored again."""
    remedy = (
        "restore the folder `erasures` from a backup: a certificate proves what went"
    )
    known = set()
    for one, (name, reason) in zip(
        list_certificates(stores.home), audit_certificates(stores.home), strict=True
    ):
        known.add(one.facts.get("erasure_id"))
        yield Finding("erasure", name, reason, remedy) if reason else None
    under_way = stores.ledger.erasures()
    for erasure_id in stores.ledger.list_erasures():
        if erasure_id not in known and erasure_id not in under_way:
            yield Finding("erasure", erasure_id, "its certificate is gone", remedy)
    for erasure_id in sorted({*under_way, *list_leftovers(stores.home)}):
        reason = "it has not come to its end"
        end = "`daguerre forget --resume` ends it"
        yield Finding("erasure", erasure_id, reason, end)
    if stores.ledger.count_erased():
        yield from _find_stored_again(stores)


def _find_stored_again(stores: Stores) -> Iterator[Finding | None]:
    for rows in _read_hashes(stores.catalog):
        digests = {digest_of(sha256): i for i, sha256 in rows}
        for digest in stores.ledger.find_erased(sorted(digests)):
            yield Finding(
                "erasure",
                f"frame {digests[digest]}",
                "it has the bytes of one that was erased",
                "erase it, or let it in: `daguerre forget PATH --undo`",
            )
        yield None


def _read_hashes(catalog: Catalog) -> Iterator[list[tuple[str, str]]]:
    """Frame ids with the hashes of what they show, and of what sealed ones came as."""
    for table, column in (("frames", "sha256"), ("sealed_frames", "original_sha256")):
        if catalog.exists(table):
            columns = ["frame_id", column]
            scanner = catalog.open_stored(table).scanner(columns=columns)
            for batch in scanner.to_batches():
                pairs = (batch.column(name).to_pylist() for name in columns)
                yield list(zip(*pairs, strict=True))


def _verify_acts(stores: Stores) -> Iterator[Finding | None]:
    """The record of acts follows from its first entry to its last."""
    remedy = "restore audit/ from a backup, and ask who had write access to the home"
    for broken in check_record(stores.home):
        yield (
            Finding("recorded act", str(broken.number), broken.reason, remedy)
            if broken
            else None
        )


def _say(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


_CHECKS: dict[str, Callable[[Stores], Iterator[Finding | None]]] = {
    "loss": _verify_losses,
    "ledger row": _verify_ledger,
    "file": _verify_files,
    "table": _verify_tables,
    "frame": _verify_frames,
    "blob": _verify_blobs,
    "capture": _verify_captures,
    "release": _verify_releases,
    "model": _verify_models,
    "checkpoint": _verify_checkpoints,
    "registered model": _verify_registry,
    "materialisation": _verify_events,
    "erasure": _verify_erasures,
    "recorded act": _verify_acts,
}
