"""What became of each file of a session: the outcomes that the ledger keeps, and the report that counts them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from assets.formats.observations import Problem
from assets.formats.protocol import CapturePlan, Leftover
from assets.ledger import FileOutcome
from assets.storage import SessionFile

Known = Mapping[tuple[str, str], FileOutcome]  # (path, version) -> what became of it


@dataclass
class IntakeReport:
    """Counts of one intake of one session. files = new + already_ingested + quarantined + dropped."""

    session: str
    files: int = 0
    captures: int = 0
    frames: int = 0  # rows of the session's captures in the frames table, new or not
    new: int = 0  # files
    already_ingested: int = 0  # files whose bytes were taken in before
    quarantined: int = 0  # files that could not be read at all, now or before
    dropped: int = 0  # of such files those that a person has acknowledged
    # records inside files that could not be read; their neighbours were
    problems: int = 0
    # versions of files that are gone, and what was taken out with them
    gone: int = 0
    gone_frames: int = 0
    gone_labels: int = 0
    # path of label files of which a new version lies there, and the pictures and labels that this one speaks of
    replaced: list[dict[str, str | int]] = field(default_factory=list)
    # path, reader, reason, remedy of what was quarantined
    reasons: list[dict[str, str]] = field(default_factory=list)
    # path, session of recordings whose bytes another session has: its rows count
    copies: list[dict[str, str]] = field(default_factory=list)
    # paths of files that were erased before, and are left out
    erased: list[str] = field(default_factory=list)


def find_fresh(
    files: Sequence[SessionFile],
    plans: Sequence[CapturePlan],
    leftovers: Sequence[Leftover],
    known: Known,
) -> set[str]:
    """Paths to take in: versions not seen before, what was quarantined until a reader was found for it, and what nobody
    reads for another reason than before.
    """
    fresh = {f.path for f in files if (f.path, f.version) not in known}
    for plan in plans:
        for file in plan.files:
            before = known.get((file.path, file.version))
            if (
                before
                and before.outcome == "quarantined"
                and before.reader != plan.reader
            ):
                fresh.add(file.path)
    for left in leftovers:
        before = known.get((left.file.path, left.file.version))
        if (
            before
            and before.outcome != "dropped"
            and (before.reader, before.reason) != (left.reader, left.reason)
        ):
            fresh.add(left.file.path)
    return fresh


def find_gone(
    files: Sequence[SessionFile], known: Iterable[FileOutcome]
) -> list[FileOutcome]:
    """What became of versions of files that are not there now, as far as folders can be listed: what was taken in, and
    what could not be read and was deleted, which counts against its session no more."""
    here = {(f.path, f.version) for f in files}
    paths = {f.path for f in files}
    unseen = _list_unseen(files)
    return [
        o
        for o in known
        if (o.path, o.version) not in here
        and (
            o.outcome == "ingested"
            or (o.outcome in ("quarantined", "dropped") and o.path not in paths)
        )
        # of a folder that could not be listed: see `find_mended`
        and not o.path.endswith("/")
        and not o.path.startswith(unseen)
    ]


def find_mended(files: Sequence[SessionFile], known: Known) -> list[FileOutcome]:
    """What was said of folders that could not be listed, and can be now or are gone."""
    unseen = _list_unseen(files)
    return [
        o
        for o in known.values()
        if o.path.endswith("/") and not o.path.startswith(unseen)
    ]


def _list_unseen(files: Sequence[SessionFile]) -> tuple[str, ...]:
    return tuple(f.path for f in files if f.path.endswith("/"))


def judge_files(
    plan: CapturePlan,
    session: str,
    capture_id: str,
    hashes: Mapping[str, str | None],
    failed: Mapping[str, Problem],
    known: Known,
) -> list[FileOutcome]:
    """The outcome of each file with a hash, and of those quarantined before that can be read by now."""
    outcomes = []
    for file in plan.files:
        before = known.get((file.path, file.version))
        problem = failed.get(file.path)
        is_repaired = (
            before is not None
            and before.outcome in ("quarantined", "dropped")
            and problem is None
        )
        if file.path in hashes or is_repaired:
            outcomes.append(
                FileOutcome(
                    session,
                    file.path,
                    file.version,
                    file.size_bytes,
                    "quarantined" if problem else "ingested",
                    capture_id,
                    plan.reader,
                    hashes.get(file.path),
                    *((problem.reason, problem.remedy) if problem else ("", "")),
                )
            )
    return outcomes


def copy_outcome(
    plan: CapturePlan,
    session: str,
    capture_id: str,
    sha256: str | None,
    verdict: FileOutcome | None,
) -> list[FileOutcome]:
    """The outcome of a container whose bytes were taken in before: the `verdict` that they got then."""
    outcome, reason, remedy = (
        (verdict.outcome, verdict.reason, verdict.remedy)
        if verdict
        else ("ingested", "", "")
    )
    return [
        FileOutcome(
            session,
            f.path,
            f.version,
            f.size_bytes,
            outcome,
            capture_id,
            plan.reader,
            sha256,
            reason,
            remedy,
        )
        for f in plan.files
    ]


def count_outcomes(
    session: str,
    files: Sequence[SessionFile],
    outcomes: Iterable[FileOutcome],
    new_paths: set[str],
    known: Known,
    captures: pa.Table,
) -> IntakeReport:
    """Count what became of `files`, among the session's `outcomes`, which are passed through once.

    `captures` has the columns capture_id, session, num_frames and num_problems, of all sessions. Raises KeyError for a
    file without an outcome.
    """
    versions = {f.path: f.version for f in files}
    hashes = {
        (o.path, o.sha256)
        for o in known.values()
        if o.sha256 and o.outcome == "ingested"
    }
    report = IntakeReport(session, files=len(files))
    owners = dict(
        zip(
            captures["capture_id"].to_pylist(),
            captures["session"].to_pylist(),
            strict=True,
        )
    )
    ids = set[str]()
    for o in outcomes:
        if versions.get(o.path) != o.version:
            continue  # of a file that is gone, or was another
        del versions[o.path]
        if o.capture_id:
            ids.add(o.capture_id)
            owner = owners.get(o.capture_id, session)
            report.copies += [{"path": o.path, "session": owner}] * (owner != session)
        if o.outcome == "quarantined":
            report.quarantined += 1
            report.reasons.append(
                {
                    "path": o.path,
                    "reader": o.reader,
                    "reason": o.reason,
                    "remedy": o.remedy,
                }
            )
        elif o.outcome == "dropped":
            report.dropped += 1
        elif o.path in new_paths and (o.path, o.sha256) not in hashes:
            report.new += 1
        else:
            report.already_ingested += 1
    if versions:
        raise KeyError(
            f"{len(versions)} files have no outcome, such as {min(versions)}"
        )
    report.captures = len(ids)
    for row in captures.to_pylist():
        if row["capture_id"] in ids or row["session"] == session:
            report.frames += row["num_frames"]
            report.problems += row["num_problems"]
    return report
