"""Take out of the tables what came of files that are not there any more, and mark the files as gone.

A file is gone when its session was listed without it, when its path has other bytes by now, or when a person has told
to forget it. What the newest versions of the tables hold of it is deleted, in the order that a killed worker's
successor can go on in: the marks first, the frames behind what is said of them, the ledger last. Older versions keep
their rows, and so do the releases that pin them.

The bytes of a container that lies elsewhere too are there: what came of them stays.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial

from assets.capture.derived import Derived
from assets.capture.folders import recount_folders
from assets.capture.obsolete import OF_FRAMES
from assets.capture.outcomes import find_gone
from assets.erased_files import find_erased_files
from assets.exclusions import WHOLE, Exclusion, index_coverings
from assets.formats.observations import outer_path
from assets.landing import Listing
from assets.ledger import Claim, FileOutcome, Ledger
from assets.storage import Folder, SessionFile
from assets.tables.catalog import Catalog, is_in, repr_sql, session_is
from assets.tables.commits import pin
from assets.tables.fencing import FencedWriter
from assets.tables.schemas import TABLES, content_id, to_table

SAID_OF_FRAMES = ("labels", "annotated_frames")
_MEASURED = ("signals", "scans", "calibrations")
_FILE = ("source_path", "sha256")
_KEYS_AT_ONCE = 10_000  # in one statement
# capture id -> its claim, as long as the context lasts
Claiming = Callable[[str], AbstractContextManager[Claim]]


@dataclass(frozen=True)
class Sight:
    """What there is to take in of a session: its files, without those that are left out.

    Not `is_sure` is a place that lists nothing at all: a disk that is not mounted looks like that.
    """

    files: Sequence[SessionFile]
    is_sure: bool
    exclusions: Sequence[Exclusion] = ()
    fingerprint: str = ""  # of all files, as listed
    erased: frozenset[str] = frozenset()  # paths of files that were erased before

    def find_gone(self, known: Collection[FileOutcome]) -> list[FileOutcome]:
        """Of what was taken in, the versions that are not there; and whatever is known of what is left out."""
        if not self.is_sure:
            return []
        if not self.exclusions:
            return find_gone(self.files, known)
        covering = index_coverings(self.exclusions)
        told = [o for o in known if covering(o.path)]
        others = [o for o in known if covering(o.path) is None]
        return [*told, *find_gone(self.files, others)]

    def leave_out(self, exclusions: Sequence[Exclusion]) -> Sight:
        """The same with other exclusions; what is left out no more was not seen yet."""
        covering = index_coverings(exclusions)
        there = [f for f in self.files if covering(f.path) is None]
        return replace(self, files=there, exclusions=exclusions)


def look(
    source: Folder, exclusions: Sequence[Exclusion], ledger: Ledger | None
) -> Sight:
    """See what a session's place holds, without what is left out, or was erased as the ledger says (None: nothing was).

    Raises what `Folder.files` raises.
    """
    found = source.files()
    covering = index_coverings(exclusions)
    there = [f for f in found if covering(f.path) is None]
    erased = find_erased_files(ledger, source, there) if ledger else frozenset()
    there = [f for f in there if f.path not in erased]
    is_told = any(e.path == WHOLE for e in exclusions)
    listing = Listing("")
    listing.add(found)
    is_sure = bool(found) or source.is_gone or is_told
    return Sight(there, is_sure, exclusions, listing.fingerprint, erased)


@dataclass
class Retraction:
    """What was taken out."""

    num_files: int = 0
    num_frames: int = 0
    num_labels: int = 0
    # paths of loose files that are no pictures and have other bytes by now: what they say was read anew
    replaced: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Retractor:
    """Takes files of one session out. `see` looks at the session anew, while nobody else has what it looks at."""

    catalog: Catalog
    ledger: Ledger
    session: str
    see: Callable[[], Sight]
    claiming: Claiming

    def take_out(self, gone: Sequence[FileOutcome]) -> Retraction:
        """Take out what came of these versions of files, where they are still gone."""
        done = Retraction()
        if not gone:
            return done
        ids = sorted({o.capture_id or "" for o in gone})
        containers = self._list_containers(ids)
        for capture_id in ids:
            mine = [o for o in gone if (o.capture_id or "") == capture_id]
            if not capture_id:
                self._settle_bare(mine, done)
                continue
            with self.claiming(capture_id) as claim:
                writer = FencedWriter(self.catalog, partial(self.ledger.renew, claim))
                if capture_id in containers:
                    self._settle_container(capture_id, mine, writer, done)
                else:
                    self._settle_folder(mine, writer, done)
        return done

    def drop_derived(self) -> None:
        """Delete what was made of pictures and recordings that are gone, here or by whoever was ended before that."""
        Derived(self.catalog, self.session).drop()

    def _list_containers(self, capture_ids: Sequence[str]) -> set[str]:
        """Those of the captures that are one file with a hash."""
        where = f"{is_in('capture_id', capture_ids)} AND sha256 IS NOT NULL"
        rows = self.catalog.read_latest("captures", ["capture_id"], where)
        return set(rows["capture_id"].to_pylist())

    # ---- files that belong to no capture: documents, and what could not be opened -----------------------------------

    def _settle_bare(self, outcomes: Sequence[FileOutcome], done: Retraction) -> None:
        sight = self.see()
        gone = sight.find_gone(outcomes)
        paths = {o.path for o in gone} - {f.path for f in sight.files}
        self._delete_problems(FencedWriter(self.catalog, lambda: None), paths)
        self._settle(gone, (), done)

    # ---- a container: its rows stand and fall with its bytes --------------------------------------------------------

    def _settle_container(
        self,
        capture_id: str,
        outcomes: Sequence[FileOutcome],
        writer: FencedWriter,
        done: Retraction,
    ) -> None:
        sight = self.see()
        gone = sight.find_gone(outcomes)
        if not gone:
            return
        mine = {_key(o) for o in gone}
        there = [
            o
            for o in self.ledger.outcomes_of(capture_id)
            if o.outcome != "gone" and _key(o) not in mine
        ]
        elsewhere = [o for o in there if o.session != self.session]
        covering = index_coverings(sight.exclusions)
        is_told = all(covering(o.path) for o in gone)
        if there and not (is_told and len(elsewhere) == len(there)):
            self._settle(gone, (), done)
            return
        where = f"capture_id = {repr_sql(capture_id)}"
        owners = self.catalog.read_latest("captures", ["session"], where)["session"]
        if elsewhere and self.session not in (owners.to_pylist() or [self.session]):
            self._settle(gone, (), done)
            return
        frames = self.catalog.read_latest("frames", ["frame_id"], where)
        labels = self.catalog.read_latest("labels", ["label_id"], where)
        counts = {gone[0].path: (len(frames), len(labels))}
        self._mark(gone, counts, sight)
        for name in OF_FRAMES:
            _delete(writer, name, "frame_id", frames["frame_id"].to_pylist())
        of_capture = ("quarantine", "frames", "sealed_recordings", "captures")
        for name in (*SAID_OF_FRAMES, *_MEASURED, *of_capture):
            if self.catalog.exists(name):
                writer.delete(name, where)
        done.num_frames += len(frames)
        done.num_labels += len(labels)
        self._settle(gone, elsewhere, done, [capture_id])

    # ---- loose files ------------------------------------------------------------------------------------------------

    def _settle_folder(
        self, outcomes: Sequence[FileOutcome], writer: FencedWriter, done: Retraction
    ) -> None:
        """Of loose files: frames whose path is gone or has other bytes, what is said of them, and what the files said.

        A version whose successor is not known yet waits for whoever takes that one in.
        """
        sight = self.see()
        gone = sight.find_gone(outcomes)
        hashes = self._hash_successors(sight, {o.path for o in gone})
        settled = [o for o in gone if o.path not in hashes or hashes[o.path]]
        same = [o for o in settled if _is_same(o, hashes)]
        left = [o for o in settled if not _is_same(o, hashes)]
        paths = {o.path for o in left}
        absent = paths - hashes.keys()
        frames = [
            row
            for row in self._read("frames", ["frame_id", "capture_id", *_FILE])
            if row["source_path"] in paths
            and row["sha256"] != hashes.get(row["source_path"])
        ]
        doomed = {row["frame_id"] for row in frames}
        said = {
            name: [
                row
                for row in self._read(
                    name,
                    [TABLES[name].key, "frame_id", "capture_id", "source_path"],
                )
                if row["frame_id"] in doomed or outer_path(row["source_path"]) in absent
            ]
            for name in SAID_OF_FRAMES
        }
        num_frames = Counter(row["source_path"] for row in frames)
        num_labels = _count_by_file(said["labels"], frames)
        self._mark(left, {p: (num_frames[p], num_labels[p]) for p in paths}, sight)
        for name, rows in said.items():
            key = TABLES[name].key
            _delete(writer, name, key, [row[key] for row in rows])
        for name in _MEASURED:
            self._delete_of_files(writer, name, absent)
        self._delete_problems(writer, absent)
        for name in (*OF_FRAMES, "frames"):
            _delete(writer, name, "frame_id", sorted(doomed))
        done.num_frames += len(frames)
        done.num_labels += len(said["labels"])
        done.replaced |= paths - absent - num_frames.keys()
        touched = {o.capture_id or "" for o in left}
        touched |= {r["capture_id"] for rows in (frames, *said.values()) for r in rows}
        self._settle(left, same, done, self._recount(touched))

    def _hash_successors(self, sight: Sight, paths: set[str]) -> dict[str, str | None]:
        """Path -> the sha256 of what lies there now, None where that is not known yet; of those with a file."""
        versions = {f.path: f.version for f in sight.files if f.path in paths}
        now = self.ledger.outcomes(self.session) if versions else {}
        current = {path: now.get((path, version)) for path, version in versions.items()}
        return {path: o.sha256 if o else None for path, o in current.items()}

    def _recount(self, capture_ids: set[str]) -> set[str]:
        """Bring the rows of captures up to date; those of which none is left."""
        recount_folders(self.catalog, self.session, capture_ids.__contains__)
        left = self.catalog.read_latest(
            "captures", ["capture_id"], session_is(self.session)
        )
        return capture_ids - set(left["capture_id"].to_pylist())

    def _read(self, name: str, columns: list[str]) -> list[dict[str, str]]:
        rows = self.catalog.read_latest(name, columns, session_is(self.session))
        found: list[dict[str, str]] = rows.to_pylist()
        return found

    def _delete_of_files(
        self, writer: FencedWriter, name: str, paths: set[str]
    ) -> None:
        if paths:
            key = TABLES[name].key
            rows = self._read(name, [key, "source_path"])
            keys = [r[key] for r in rows if outer_path(r["source_path"]) in paths]
            _delete(writer, name, key, keys)

    def _delete_problems(self, writer: FencedWriter, paths: set[str]) -> None:
        self._delete_of_files(writer, "quarantine", paths)

    # ---- what is written of it --------------------------------------------------------------------------------------

    def _mark(
        self,
        gone: Sequence[FileOutcome],
        counts: dict[str, tuple[int, int]],
        sight: Sight,
    ) -> None:
        """A row of `gone` for each version; one that is there stays as it is: its rows went then."""
        there = {f.path for f in sight.files}
        versions = {
            f"{name}_version": self._keep_version(name)
            for name in ("frames", "captures")
        }
        now_ns = time.time_ns()
        covering = index_coverings(sight.exclusions)
        rows = []
        for o in gone:
            num_frames, num_labels = counts.get(o.path, (0, 0))
            cause = "replaced" if o.path in there else "deleted"
            if covering(o.path):
                cause = "forgotten"
            row = {
                "gone_id": content_id("gone", o.session, o.path, o.version),
                "session": o.session,
                "path": o.path,
                "version": o.version,
                "capture_id": o.capture_id,
                "sha256": o.sha256,
                "cause": cause,
                "num_frames": num_frames,
                "num_labels": num_labels,
                "gone_ns": now_ns,
            }
            rows.append({**row, **versions})
        if rows:
            self.catalog.merge("gone", to_table(TABLES["gone"], rows))

    def _keep_version(self, name: str) -> int | None:
        """The newest version, which stays from now on: lineage reads there what is gone. None of no table."""
        if not self.catalog.exists(name):
            return None
        dataset = self.catalog.dataset(name)
        version = int(dataset.version)
        pin(dataset, f"gone-{version}", version)
        return version

    def _settle(
        self,
        gone: Sequence[FileOutcome],
        superfluous: Sequence[FileOutcome],
        done: Retraction,
        emptied: Iterable[str] = (),
    ) -> None:
        ids = sorted(emptied)
        if ids and self.catalog.exists("clock_reports"):
            self.catalog.delete("clock_reports", is_in("capture_id", ids))
        self.drop_derived()
        self.ledger.settle_gone(
            [replace(o, outcome="gone") for o in gone], superfluous, ids
        )
        done.num_files += len(gone)


def _is_same(outcome: FileOutcome, hashes: Mapping[str, str | None]) -> bool:
    """Whether the file that lies at its path now has its bytes: it was only touched."""
    return bool(outcome.sha256) and hashes.get(outcome.path) == outcome.sha256


def _key(outcome: FileOutcome) -> tuple[str, str, str]:
    return outcome.session, outcome.path, outcome.version


def _count_by_file(
    labels: Sequence[dict[str, str]], frames: Sequence[dict[str, str]]
) -> Counter[str]:
    """How many labels go with each file: with the picture, or else with what said them."""
    path_of = {row["frame_id"]: row["source_path"] for row in frames}
    return Counter(
        path_of.get(row["frame_id"], outer_path(row["source_path"])) for row in labels
    )


def _delete(writer: FencedWriter, name: str, key: str, keys: Sequence[str]) -> None:
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        writer.delete(name, is_in(key, keys[start : start + _KEYS_AT_ONCE]))
