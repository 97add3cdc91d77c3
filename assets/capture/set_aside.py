"""What of a session goes into no capture: documents, files that nobody reads, and those that cannot be opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from assets.capture.outcomes import Known
from assets.capture.rows import WRITTEN, CaptureRows
from assets.formats import Leftover
from assets.formats.layout import is_hidden
from assets.formats.observations import Problem, Source, outer_path
from assets.formats.protocol import CapturePlan
from assets.ledger import FileOutcome, Ledger
from assets.storage import BlobStore, Folder, NotAsListed, SessionFile
from assets.tables.catalog import Catalog, is_in, session_is

UNREADABLE = (FileNotFoundError, PermissionError, IsADirectoryError)
_REMEDY = "put it back and let this user read it, then `daguerre quarantine retry` its session"


def explain_unreadable(error: OSError) -> tuple[str, str]:
    """Reason and remedy for a file that cannot be opened."""
    if isinstance(error, NotAsListed):
        return error.reason, error.remedy
    return f"cannot be opened: {type(error).__name__}", _REMEDY


def withhold(left: Leftover) -> Leftover:
    """The same under a privacy policy: hidden files, in which desktops keep small pictures, are not stored."""
    if not (left.is_document and is_hidden(left.file.path)):
        return left
    reason = f"{left.reason}, not stored under a privacy policy"
    return replace(left, reason=reason, is_kept=False)


@dataclass(frozen=True)
class SetAside:
    """Writes what becomes of such files of one session: rows of the quarantine, and the ledger's word."""

    catalog: Catalog
    ledger: Ledger
    blobs: BlobStore
    session: str

    def refuse(self, plan: CapturePlan, reason: str, remedy: str) -> None:
        """Quarantine a container that cannot be opened or is not whole: it has no hash, so it is no capture."""
        leftovers = [
            Leftover(f, reason, remedy, is_document=False, reader=plan.reader)
            for f in plan.files
        ]
        self._record(leftovers, {})

    def settle(self, source: Folder, leftovers: Sequence[Leftover]) -> None:
        """Store the documents, and quarantine the others."""
        settled = []
        hashes = {}
        for left in leftovers:
            try:
                if left.is_document and left.is_kept:
                    with source.open(left.file) as stream:
                        hashes[left.file.path] = self.blobs.put(stream)
            except UNREADABLE as error:
                reason, remedy = explain_unreadable(error)
                left = replace(left, reason=reason, remedy=remedy, is_document=False)
            settled.append(left)
        self._record(settled, hashes)

    def forget_folders(self, mended: Sequence[FileOutcome]) -> None:
        """A folder that can be listed now is no entry any more: its files are."""
        if mended:
            self.drop_problems({o.path for o in mended})
            self.ledger.forget(mended)

    def drop_problems(self, paths: set[str]) -> None:
        """Take back what the quarantine says of files that nobody read then; what a reading said of them stays."""
        unread = f"{session_is(self.session)} AND capture_id IS NULL"
        columns = ["problem_id", "source_path"]
        rows = self.catalog.read_latest("quarantine", columns, unread).to_pylist()
        past = [r["problem_id"] for r in rows if outer_path(r["source_path"]) in paths]
        if past:
            self.catalog.delete("quarantine", is_in("problem_id", past))

    def clear_dropped(self, files: Sequence[SessionFile], known: Known) -> set[str]:
        """What a person has acknowledged counts in no check: its rows leave the quarantine, the ledger has the reason.

        Returns the ids of the folders to recount. A container, and a folder without any frame, keep their rows: those
        say why there is nothing.
        """
        here = {(f.path, f.version) for f in files}
        dropped = {
            path
            for (path, version), o in known.items()
            if o.outcome == "dropped" and (path, version) in here
        }
        if not dropped:
            return set()
        mine = session_is(self.session)
        where = f"{mine} AND sha256 IS NULL AND num_frames > 0"
        folders = self.catalog.read_latest("captures", ["capture_id"], where)
        counting = {None, *folders["capture_id"].to_pylist()}
        columns = ["problem_id", "capture_id", "source_path"]
        rows = [
            r
            for r in self.catalog.read_latest("quarantine", columns, mine).to_pylist()
            if r["capture_id"] in counting and outer_path(r["source_path"]) in dropped
        ]
        if rows:
            self.catalog.delete(
                "quarantine", is_in("problem_id", [r["problem_id"] for r in rows])
            )
        return {r["capture_id"] for r in rows if r["capture_id"]}

    def _record(self, leftovers: Sequence[Leftover], hashes: Mapping[str, str]) -> None:
        rows = CaptureRows(self.catalog, self.session, None, None, None)
        for left in leftovers:
            if not left.is_document:
                rows.add_problem(
                    Problem(
                        Source(left.file.path), left.reader, left.reason, left.remedy
                    )
                )
        rows.flush()
        rows.drop_obsolete_problems({left.file.path for left in leftovers})
        self.catalog.sync(WRITTEN)
        self.ledger.record(
            FileOutcome(
                self.session,
                left.file.path,
                left.file.version,
                left.file.size_bytes,
                "ingested" if left.is_document else "quarantined",
                None,
                left.reader,
                hashes.get(left.file.path),
                left.reason,
                left.remedy,
            )
            for left in leftovers
        )
