"""What an erasure would take: along its lineage, what each store of the home holds of a subject. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.audit import RECORD
from assets.erasure.artifacts import find_in_buckets
from assets.erasure.blobs import find_candidates
from assets.erasure.databases import redact_files
from assets.erasure.files import (
    Held,
    find_blobs,
    find_landed,
    find_long_texts,
    find_pages,
    find_pictures,
    find_remade,
    find_texts,
    measure,
    redact_texts,
    tell_places,
)
from assets.erasure.redaction import Redactor, list_kept_keys, list_own_words
from assets.erasure.rows import Going, find_going, find_telling
from assets.erasure.subject import Subject
from assets.ledger import Ledger
from assets.registry.places import locate_store
from assets.storage import BlobStore, SessionFile
from assets.tables.catalog import PUBLISHED, Catalog, is_in
from assets.tables.recovery import list_losses
from assets.tables.table_place import to_file_options
from assets.workspace import Workspace

if TYPE_CHECKING:
    from assets.landing import LandingZone

MARK = "erased"
_BACKUPS = "backups: each made before holds it: remove them, or restore, erase and back up again"
_COPIES = (
    "what `daguerre export`, `unseal`, `predict` and reports wrote elsewhere lies where you put it: remove that "
    "(`daguerre departures` names exports)"
)
_SERVERS = "running `daguerre browse`, `serve` and `ui` hold it in memory until they end: start them anew"


@dataclass(frozen=True)
class Home:
    """All stores of a home. `judge` lets the gates judge what is left of a session."""

    catalog: Catalog
    ledger: Ledger
    blobs: BlobStore
    zone: LandingZone
    workspace: Workspace
    mlflow_url: str
    mlflow_artifacts: str
    dagster_url: str | None
    judge: Callable[[str], object]
    # a person has ended all others who had the tables open: it counts where that does not show
    is_said_alone: bool = False

    @property
    def folder(self) -> Path:
        """Of the home."""
        return self.workspace.home

    @property
    def mlflow_file(self) -> Path:
        """The store of MLflow, where it is a file; else one that is not there."""
        return locate_store(self.mlflow_url) or self.folder / "mlflow" / "none"

    @property
    def file_options(self) -> dict[str, Any]:
        """What opens a bucket of this home."""
        return to_file_options(self.catalog.storage_options)

    def redactor(self, subject: Subject) -> Redactor:
        """What takes the subject out of texts."""
        names = subject.list_names(self.catalog) - list_own_words()
        kept = list_kept_keys(subject.sessions)
        mark = f"{MARK}-{subject.erasure_id[:8]}"
        return Redactor(subject.list_ids(), names, mark, kept)


@dataclass(frozen=True)
class Plan:
    """What would go. `advice` is what nobody but a person can do; `blobs` may go, if nothing else names them."""

    erasure_id: str
    sessions: int
    captures: int
    frames: int
    files: int
    held: list[Held]
    releases: list[str]
    models: list[str]
    near_duplicates: int  # pictures of others that look like one of these, and stay
    advice: list[str]
    blobs: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def make_plan(home: Home, subject: Subject) -> Plan:
    """Look into every store."""
    catalog = home.catalog
    candidates = find_candidates(catalog, subject)
    models = list_models(catalog, subject)
    return Plan(
        subject.erasure_id,
        len(subject.sessions),
        len(subject.captures),
        len(subject.frames),
        len(subject.files),
        list(_list_held(home, subject, candidates, models)),
        list(subject.releases),
        models,
        _count_alike(catalog, subject),
        list(_advise(home, subject)),
        candidates,
    )


def list_models(catalog: Catalog, subject: Subject) -> list[str]:
    """Models that have learnt from a release that held some of it, or were examined on one."""
    mine = is_in("release_id", subject.releases)
    found: set[str] = set()
    for table in ("models", "scores"):
        rows = catalog.read_latest(table, ["model_sha256"], mine)
        found |= set(rows["model_sha256"].to_pylist())
    return sorted(found)


def _list_held(
    home: Home, subject: Subject, blobs: list[str], models: list[str]
) -> Iterator[Held]:
    redactor = home.redactor(subject)
    for going in find_going(home.catalog, subject):
        yield _tell_rows(going)
    for name in home.catalog.names():
        telling = find_telling(home.catalog, name, redactor)
        if telling:
            what = "rows of others that tell of it"
            yield Held(f"table {name}", what, len(telling), 0, "rewritten")
    yield from _list_versions(home.catalog)
    there = find_blobs(home.blobs, blobs)
    size = sum(home.blobs.folder.fs.size(home.blobs._path(b)) or 0 for b in there)
    yield Held("blobs", "that nothing else names", len(there), size)
    landed = find_landed(home.zone, subject)
    yield _count_listed("landing zone", "files", landed)
    shown = find_pictures(
        home.workspace, home.mlflow_file, set(models), set(subject.releases)
    )
    yield Held("MLflow and plots", "pictures of frames", len(shown), measure(shown))
    kept = find_in_buckets(home.mlflow_file, subject.releases, home.file_options)
    yield _count_listed("MLflow's bucket", "pictures of frames", kept)
    remade = find_remade(home.workspace)
    yield Held(
        "reports and caches",
        "files that can be made again",
        len(remade),
        measure(remade),
    )
    pages = find_pages(home.workspace, models)
    yield _count_listed("store of pages", "files that can be made again", pages)
    told = list(redact_texts(find_texts(home.folder), redactor, is_dry_run=True))
    yield Held(
        "logs and facts", "texts that tell of it", len(told), measure(told), "rewritten"
    )
    for name, count in redact_files(home.folder, redactor, is_dry_run=True):
        size = (home.folder / name).stat().st_size
        yield Held(
            name,
            "values that tell of it, or pictures that may show it",
            count,
            size,
            "rewritten",
        )
    files = home.ledger.file_table().num_rows
    yield Held("ledger", "rows of files", min(len(subject.files), files), 0)


def _count_listed(store: str, what: str, found: list[SessionFile]) -> Held:
    return Held(store, what, len(found), sum(file.size_bytes for file in found))


def _tell_rows(going: Going) -> Held:
    others = [
        f"{n} rows of others {what}"
        for n, what in (
            (going.regrouped, "get another group"),
            (going.shortened, "lose an entry"),
        )
        if n
    ]
    becomes = "; ".join(["removed", *others])
    return Held(f"table {going.table}", "rows", going.num_rows, 0, becomes)


def _list_versions(catalog: Catalog) -> Iterator[Held]:
    versions = tags = 0
    for name in catalog.names():
        dataset = catalog.open_stored(name)
        versions += len(dataset.versions()) - 1
        tags += len(dataset.tags.list().keys() - {PUBLISHED})
    yield Held(
        "tables", "older versions, with transactions and deleted rows", versions, 0
    )
    yield Held("tables", "tags that pin them", tags, 0, "moved to what is left")


def _count_alike(catalog: Catalog, subject: Subject) -> int:
    """Frames of others in a cluster with one of these."""
    import pyarrow.compute as pc

    rows = catalog.read_latest("unique_frames", ["frame_id", "cluster_id"])
    is_mine = pc.is_in(rows["frame_id"], value_set=subject.frame_ids)
    clusters = rows["cluster_id"].filter(is_mine).unique()
    is_alike = pc.is_in(rows["cluster_id"], value_set=clusters)
    return int(pc.sum(pc.and_(is_alike, pc.invert(is_mine))).as_py() or 0)


def _advise(home: Home, subject: Subject) -> Iterator[str]:
    yield from (_BACKUPS, _COPIES, _SERVERS)
    for word in sorted(list_own_words().intersection(subject.sessions)):
        yield f"session '{word}' is named by a word of Daguerre: logs, Dagster and MLflow keep the word"
    for word in sorted(list_kept_keys(subject.sessions)):
        yield f"session '{word}' is named by a word of Dagster or MLflow: it stays where it is a key of JSON"
    for path in find_long_texts(home.folder):
        told = path.relative_to(home.folder).as_posix()
        yield f"{told} is too long to be looked into: remove it, or what it tells"
    for place in tell_places(subject, home.zone):
        yield f"{place} is no folder of this home: remove its files there"
    for what, url in (
        ("Dagster's storage", home.dagster_url),
        ("MLflow", home.mlflow_url),
    ):
        if url and not url.startswith("sqlite"):
            yield f"{what} on a server keeps what it was told: ask who runs it"
    if (home.folder / RECORD).exists():
        yield f"{RECORD} keeps the names that people typed in acts before: nothing is taken out of it"
    if home.ledger.engine.dialect.name != "sqlite":
        yield "the ledger on a server keeps deleted rows until it is vacuumed"
    if "://" in home.mlflow_artifacts:
        yield (
            f"MLflow's artifacts below {home.mlflow_artifacts} lose pictures of its models' runs, where this machine "
            "has MLflow's store; texts there are not looked into: remove those that name it"
        )
    for loss in list_losses(home.catalog.uri):
        yield f"{loss.folder} keeps what a power cut broke: remove it"
