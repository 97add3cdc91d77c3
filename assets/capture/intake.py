"""Take the files of one session into the tables, each exactly once, and say what became of every file.

Order of writes for one capture: blob, frames, other rows, capture row, and last the ledger's commit. All ids come from
content and position, all merges insert only what is absent: a worker killed anywhere is made good by running again.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from assets.capture.guard import ImageGuard, Refusal
from assets.capture.observations import (
    CalibrationObservation,
    CapturePlan,
    FrameObservation,
    LabelObservation,
    Observation,
    Problem,
    SessionFile,
    SignalObservation,
    Source,
)
from assets.capture.readers import plan_session, read_capture
from assets.capture.rows import CaptureRows
from assets.ledger import Claim, FileOutcome, Ledger
from assets.storage import BlobStore, Folder
from assets.tables.catalog import Catalog

_BATCH_FRAMES = 256
_BATCH_BYTES = 64 << 20
_POLL_S = 0.2

Progress = Callable[[int, int, str], None]  # files done, files in all, current path


@dataclass
class IntakeReport:
    """Counts of one intake of one session. files = new + already_ingested + quarantined."""

    session: str
    files: int = 0
    captures: int = 0
    frames: int = 0  # rows of the session's captures in the frames table, new or not
    new: int = 0  # files
    already_ingested: int = 0  # files whose bytes were taken in before
    quarantined: int = 0  # files that could not be read at all, now or before
    problems: int = 0  # records inside files that could not be read; their neighbours were
    reasons: list[dict[str, str]] = field(default_factory=list)  # path, reader, reason, remedy of what was quarantined


@dataclass(frozen=True)
class Intake:
    """The places that intake writes to."""

    catalog: Catalog
    ledger: Ledger
    blobs: BlobStore
    owner: str

    def ingest(self, source: Folder, session: str, on_progress: Progress | None = None) -> IntakeReport:
        """Take in every file below `source` as `session`. Raises FileNotFoundError when there is no such place."""
        if not source.exists():
            raise FileNotFoundError(f"{source.uri} does not exist: check the path or the bucket")
        files = source.files()
        known = self.ledger.outcomes(session)
        report = IntakeReport(session, files=len(files))
        plans, leftovers = plan_session(files, source.open)
        fresh = {f.path for f in files if (f.path, f.version) not in known}
        done = 0
        with ImageGuard() as guard:
            for plan in plans:
                if any(f.path in fresh for f in plan.files):
                    self._take(plan, source, session, fresh, guard, report)
                done += len(plan.files)
                if on_progress:
                    on_progress(done, len(files), plan.root)
        self._settle_leftovers(source, session, [left for left in leftovers if left.file.path in fresh])
        self._count(report, files, session, fresh)
        if on_progress:
            on_progress(len(files), len(files), "")
        return report

    # ---- one capture -------------------------------------------------------------------------------------------------

    def _take(
        self, plan: CapturePlan, source: Folder, session: str, fresh: set[str], guard: ImageGuard, report: IntakeReport
    ) -> None:
        capture_id, sha256 = self._identify(plan, source, session)
        claim = self._claim_or_wait(capture_id, plan)
        if claim is None:  # these bytes are in the tables, under this name or another
            self.ledger.record(self._outcomes(plan, session, capture_id, sha256, {}))
            report.already_ingested += sum(f.path in fresh for f in plan.files)
            return
        rows = CaptureRows(self.catalog, session, capture_id, plan, sha256)
        for batch in _batches(read_capture(plan, source.open)):
            self._write_batch(batch, rows, fresh, guard)
            self.ledger.renew(claim)
        rows.finish(source.uri)
        self.ledger.commit(claim, self._outcomes(plan, session, capture_id, sha256, rows.failed_files()))

    def _identify(self, plan: CapturePlan, source: Folder, session: str) -> tuple[str, str | None]:
        from assets.tables.schemas import content_id

        if not plan.is_container:
            return content_id("folder", session, plan.root, plan.reader), None
        with source.open(plan.files[0]) as stream:
            sha256 = self.blobs.put(stream)
        return content_id("container", sha256), sha256

    def _claim_or_wait(self, capture_id: str, plan: CapturePlan) -> Claim | None:
        """The claim, or None when the capture is a container that is committed already."""
        while True:
            if plan.is_container and self.ledger.is_committed(capture_id):
                return None
            if claim := self.ledger.claim(capture_id, self.owner):
                return claim
            time.sleep(_POLL_S)  # another worker holds the lease: it commits, or the lease ends

    def _write_batch(
        self, batch: Sequence[Observation], rows: CaptureRows, fresh: set[str], guard: ImageGuard
    ) -> None:
        frames = [o for o in batch if isinstance(o, FrameObservation)]
        if not rows.plan.is_container:
            frames = [f for f in frames if outer_path(f.source) in fresh]
        verdicts = guard.inspect([f.payload for f in frames])
        for frame, facts in zip(frames, verdicts, strict=True):
            if isinstance(facts, Refusal):
                rows.add_problem(Problem(frame.source, rows.plan.reader, facts.reason, facts.remedy, frame.sensor))
            else:
                rows.add_frame(frame, facts)
        for observation in batch:
            match observation:
                case SignalObservation():
                    rows.add_signal(observation)
                case CalibrationObservation():
                    rows.add_calibration(observation)
                case LabelObservation():
                    rows.add_label(observation)
                case Problem():
                    rows.add_problem(observation)
        rows.flush()

    # ---- outcomes ----------------------------------------------------------------------------------------------------

    def _outcomes(
        self, plan: CapturePlan, session: str, capture_id: str, sha256: str | None, failed: dict[str, Problem]
    ) -> list[FileOutcome]:
        outcomes = []
        for file in plan.files:
            problem = failed.get(file.path)
            outcomes.append(FileOutcome(
                session, file.path, file.version, file.size_bytes, "quarantined" if problem else "ingested", capture_id,
                plan.reader, sha256, problem.reason if problem else "", problem.remedy if problem else "",
            ))  # fmt: skip
        return outcomes

    def _settle_leftovers(self, source: Folder, session: str, leftovers: Sequence) -> None:
        rows, outcomes = CaptureRows(self.catalog, session, None, None, None), []
        for left in leftovers:
            file = left.file
            with source.open(file) as stream:
                sha256 = self.blobs.put(stream) if left.is_document else hashlib.sha256(stream.read(1 << 20)).hexdigest()
            if not left.is_document:
                rows.add_problem(Problem(Source(file.path), left.reader, left.reason, left.remedy))
            outcomes.append(FileOutcome(
                session, file.path, file.version, file.size_bytes, "ingested" if left.is_document else "quarantined",
                None, left.reader, sha256 if left.is_document else None, left.reason, left.remedy,
            ))  # fmt: skip
        rows.flush()
        self.ledger.record(outcomes)

    def _count(self, report: IntakeReport, files: Sequence[SessionFile], session: str, fresh: set[str]) -> None:
        outcomes = self.ledger.outcomes(session)
        mine = [outcomes[(f.path, f.version)] for f in files]
        report.quarantined = sum(o.outcome == "quarantined" for o in mine)
        known_before = sum(o.outcome == "ingested" and o.path not in fresh for o in mine)
        report.already_ingested += known_before
        report.new = report.files - report.quarantined - report.already_ingested
        captures = {o.capture_id for o in mine if o.capture_id}
        report.captures = len(captures)
        ids = self.catalog.read_latest("captures", columns=["capture_id", "num_frames", "num_problems"]).to_pylist()
        report.frames = sum(row["num_frames"] for row in ids if row["capture_id"] in captures)
        report.problems = sum(row["num_problems"] for row in ids if row["capture_id"] in captures)
        report.reasons = [
            {"path": o.path, "reader": o.reader, "reason": o.reason, "remedy": o.remedy}
            for o in mine if o.outcome == "quarantined"
        ]  # fmt: skip


def outer_path(source: Source) -> str:
    """The session file that holds the source: 'a.zip' for 'a.zip!/b/c.jpg'."""
    return source.path.split("!/", 1)[0]


def _batches(observations: Iterator[Observation]) -> Iterator[list[Observation]]:
    batch: list[Observation] = []
    held = Counter[str]()
    for observation in observations:
        batch.append(observation)
        if isinstance(observation, FrameObservation):
            held.update(frames=1, bytes=len(observation.payload))
        if held["frames"] >= _BATCH_FRAMES or held["bytes"] >= _BATCH_BYTES or len(batch) >= 64 * _BATCH_FRAMES:
            yield batch
            batch, held = [], Counter()
    if batch:
        yield batch
