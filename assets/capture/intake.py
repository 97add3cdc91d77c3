"""Take the files of one session into the tables, each exactly once, and say what became of every file.

Order of writes for one capture: blob, frames, other rows, capture row, and last the ledger's commit. All ids come from
content and position, all merges insert only what is absent: a worker killed anywhere is made good by running again.
What the ledger says is on disk before it says so, whoever wrote it: a power cut takes back nothing of it.

A container (MCAP, archive) is stored first and read from the store, so that its rows come from the bytes of its hash. A
folder of loose files is read again as a whole when files arrive; what it holds already is recognised by path and hash.
"""

from __future__ import annotations

import gc
import io
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

from assets.capture.contents import count_said
from assets.capture.lending import (
    Lent,
    explain_absent,
    lend_pictures,
    plan_lending,
    recall_pictures,
)
from assets.capture.members import Members, is_archive_adrift
from assets.capture.outcomes import (
    IntakeReport,
    Known,
    copy_outcome,
    count_outcomes,
    find_fresh,
    find_mended,
    judge_files,
)
from assets.capture.partial import REMEDY, find_missing_end
from assets.capture.recovery import make_good, stamp_intake
from assets.capture.retraction import Retractor, Sight, look
from assets.capture.rows import (
    WRITTEN,
    CaptureRows,
    name_folder,
    outer_path,
    recount_folders,
)
from assets.capture.source_settings import inherit_video, stamp_video
from assets.capture.stand_ins import StandIns, drop_adrift, is_adrift
from assets.capture.untouched import find_exported
from assets.capture.versions import name_capture
from assets.copies import adopt_copies
from assets.formats import Leftover, Opener, read_capture
from assets.formats.archives.archive import ArchiveReader
from assets.formats.images.video import VIDEO_SUFFIXES
from assets.formats.layout import suffix_of
from assets.formats.leftovers import FRAME_LABELLERS
from assets.formats.observations import (
    AnnotationObservation,
    CalibrationObservation,
    CapturePlan,
    FrameObservation,
    LabelObservation,
    Observation,
    Problem,
    ScanObservation,
    SignalObservation,
    Source,
)
from assets.ledger import Claim, FileOutcome, Intaken, LeaseLost, Ledger
from assets.read_ahead import ReadAhead
from assets.sandbox.guard import (
    JOBS_AT_ONCE,
    MAX_JOB_BYTES,
    ImageGuard,
    Job,
    Refusal,
    Verdict,
)
from assets.sandbox.video_process import child_ahead
from assets.storage import BlobStore, Folder, NotAsListed, SessionFile, hash_stream
from assets.tables.catalog import Catalog, is_in, session_is
from assets.tables.fencing import FencedWriter
from assets.tables.schemas import content_id

# decoded at once, of MAX_JOB_BYTES; four such jobs last longer than a write
_JOB_FRAMES = 512
# written at once, while as much again is gathered
_WRITE_ROWS = 8192
_WRITE_BYTES = 32 << 20
_MAX_CHILDREN = 8
_POLL_S = 0.2
_UNREADABLE = (FileNotFoundError, PermissionError, IsADirectoryError)
_UNREADABLE_REMEDY = "put it back and let this user read it, then `daguerre quarantine retry` its session"

Progress = Callable[[int, int, str], None]  # files done, files in all, current path


@dataclass(frozen=True)
class Intake:
    """The places that intake writes to."""

    catalog: Catalog
    ledger: Ledger
    blobs: BlobStore
    owner: str

    def ingest(
        self, source: Folder, session: str, on_progress: Progress | None = None
    ) -> IntakeReport:
        """Take in every file below `source` as `session`. Raises FileNotFoundError when there is no such place.

        Raises ValueError where the settings that its sessions inherit are none.
        """
        if not source.exists():
            raise FileNotFoundError(
                f"{source.uri} does not exist: check the path or the bucket"
            )
        make_good(self.catalog, self.ledger)
        video = inherit_video(source)
        above = source.above()
        code = stamp_intake(self.catalog) + (stamp_video(above) if above else "")
        copies: set[str] = set()
        done = 0
        with (
            ImageGuard(min(_MAX_CHILDREN, len(os.sched_getaffinity(0)))) as guard,
            _sparing_collector(),
            ExitStack() as stack,
        ):
            known = self._read_known(session)
            sight = look(source, self.ledger.exclusions(session))
            files = sight.files
            if adopt_copies(self.ledger, source, files, known.values()).num_files:
                known = self._read_known(session)
            new = [f for f in files if (f.path, f.version) not in known]
            is_video = [suffix_of(f.path) in VIDEO_SUFFIXES for f in new]
            stack.enter_context(child_ahead(any(is_video)))
            if not all(is_video):
                guard.start(len(files))  # they load while files are shared out
            lent = self._lend(source, session, sight, known, code)
            plans, leftovers = plan_lending(files, source.open, lent, video=video)
            fresh = find_fresh(files, plans, leftovers, known)
            work = _Work(
                source,
                session,
                fresh,
                known,
                self._read_versions(session),
                guard,
                lent,
                files,
            )
            for plan in plans:
                there = lent.leave_out(plan).files
                num_files = len(there)
                if work.was_read_otherwise(plan):
                    # what is lent lies in no folder: nothing becomes of it
                    fresh.update(f.path for f in there)
                if self._is_adrift(plan, work):
                    work.adrift.add(plan.root)
                is_due = plan.root in work.adrift or any(
                    f.path in fresh for f in plan.files
                )
                tell = partial(_tell, on_progress, done, len(files), plan)
                if is_due and not self._take(plan, work, tell):
                    copies.update(f.path for f in plan.files)
                done += num_files
                if on_progress:
                    on_progress(done, len(files), plan.root)
        self._settle_leftovers(
            source, session, [left for left in leftovers if left.file.path in fresh]
        )
        unread = {left.file.path for left in leftovers if not left.is_document}
        if unread:
            writer = FencedWriter(self.catalog, lambda: None)
            drop_adrift(writer, self.catalog, session, unread)
        self._forget_folders(session, find_mended(files, known))
        planned = {name_folder(p, session) for p in plans if not p.is_container}
        retraction = self.retractor(
            session, lambda: look(source, self.ledger.exclusions(session))
        ).take_out(self._find_gone(sight, session, known))
        due = self._set_dropped_aside(session, files, known)
        emptied = recount_folders(
            self.catalog,
            session,
            lambda capture_id: capture_id in due or capture_id not in planned,
        )
        if emptied:
            self.ledger.settle_gone((), (), emptied)
        self.ledger.note_intake(Intaken(session, sight.fingerprint, code))
        if on_progress:
            on_progress(len(files), len(files), "")
        captures = self.catalog.read_latest(
            "captures", ["capture_id", "session", "num_frames", "num_problems"]
        )
        report = self.ledger.summarise(
            session,
            lambda outcomes: count_outcomes(
                session, files, outcomes, fresh - copies, known, captures
            ),
        )
        return replace(
            report,
            gone=retraction.num_files,
            gone_frames=retraction.num_frames,
            gone_labels=retraction.num_labels,
            replaced=count_said(self.catalog, session, retraction.replaced),
        )

    def _lend(
        self, source: Folder, session: str, sight: Sight, known: Known, code: str
    ) -> Lent:
        """The stored frames that label files name; they are opened for it where something of the session is new."""
        last = self.ledger.intake_of(session)
        now = Intaken(session, sight.fingerprint, code, last.made_by if last else "")
        lent = (
            recall_pictures(self.catalog, session, sight.files, known)
            if last == now
            else None
        )
        if lent is None:
            lent = lend_pictures(self.catalog, sight.files, source.open)
        return lent

    def _is_adrift(self, plan: CapturePlan, work: _Work) -> bool:
        """Whether frames that a label file speaks of came or went, and it is to be read again."""
        session, lent = work.session, work.lent
        if plan.reader == ArchiveReader.name:
            file = plan.files[0]
            before = work.known.get((file.path, file.version))
            return (
                before is not None
                and before.capture_id is not None
                and is_archive_adrift(self.catalog, session, before.capture_id)
            )
        if plan.is_container or plan.reader not in FRAME_LABELLERS:
            return False
        mine = [lent.frame_ids[f.path] for f in plan.files if f.path in lent.frame_ids]
        return is_adrift(self.catalog, session, name_folder(plan, session), mine)

    def retractor(self, session: str, see: Callable[[], Sight]) -> Retractor:
        """What takes files of a session out; `see` looks at what there is of it."""
        return Retractor(self.catalog, self.ledger, session, see, self._claiming)

    def _read_known(self, session: str) -> dict[tuple[str, str], FileOutcome]:
        """(path, version) -> what became of it. What is gone is not known: should it come back, it is new."""
        outcomes = self.ledger.outcomes(session)
        return {key: o for key, o in outcomes.items() if o.outcome != "gone"}

    def _find_gone(self, sight: Sight, session: str, known: Known) -> list[FileOutcome]:
        """What is to be taken out. What a person told to forget meanwhile was perhaps taken in meanwhile."""
        exclusions = self.ledger.exclusions(session)
        if exclusions != sight.exclusions:
            known = self._read_known(session)
            sight = sight.leave_out(exclusions)
        return sight.find_gone(known.values())

    def _read_versions(self, session: str) -> dict[str, str]:
        """capture id -> the code version that made its rows, of the session's captures."""
        rows = self.catalog.read_latest(
            "captures", ["capture_id", "code_version"], session_is(session)
        ).to_pylist()
        return {r["capture_id"]: r["code_version"] for r in rows}

    # ---- one capture -------------------------------------------------------------------------------------------------

    def _take(
        self, plan: CapturePlan, work: _Work, tell: Callable[[int], None]
    ) -> bool:
        """Take in one capture. False when its bytes are in the tables already, under this name or another."""
        source = work.source
        session = work.session
        try:
            missing = _find_missing_end(plan, source)
            if missing:
                self._refuse(plan, session, missing, REMEDY)
                return True
            capture_id, sha256, opener = self._identify(plan, source, session)
            plan = replace(plan, sha256=sha256)
            if plan.reader == ArchiveReader.name:
                plan = replace(plan, home=Members(self.catalog, plan))
        except _UNREADABLE as error:
            self._refuse(plan, session, *_explain(error))
            return True
        is_reread = work.is_reread(capture_id, plan)
        is_reread |= plan.is_container and plan.root in work.adrift
        claim = self._claim_or_wait(capture_id, plan, is_reread)
        if claim is None:
            verdict = next(
                (o for o in self.ledger.outcomes_of(capture_id) if o.outcome != "gone"),
                None,
            )
            self.ledger.record(copy_outcome(plan, session, capture_id, sha256, verdict))
            return False
        fence = partial(self.ledger.renew, claim)
        with (
            self._giving_back(claim),
            ReadAhead(
                source, () if plan.is_container else work.lent.leave_out(plan).files
            ) as ahead,
            CaptureRows(
                self.catalog,
                session,
                capture_id,
                plan,
                sha256,
                fence,
                is_reread,
                work.list_replaced(plan),
                work.find_stand_ins(self.catalog, plan),
            ) as rows,
        ):
            open_file = work.lent.open_beside(opener or ahead.open)
            renewed = time.monotonic()
            num_frames = 0
            for batch in self._inspect(
                _batches(read_capture(plan, open_file)), rows, work.guard
            ):
                self._add(batch, rows)
                if (
                    rows.num_pending >= _WRITE_ROWS
                    or rows.num_pending_bytes >= _WRITE_BYTES
                ):
                    rows.write_behind()
                if time.monotonic() - renewed > self.ledger.lease_s / 4:
                    fence()
                    renewed = time.monotonic()
                num_frames += len(batch.frames)
                tell(num_frames)
            rows.flush()
            rows.finish()
            hashes = {
                f.path: _hash(f, sha256, rows, source)
                for f in plan.files
                if f.path in work.fresh
            }
            self.ledger.renew(claim)
            rows.write_capture(source.uri)
            self.catalog.sync(WRITTEN)
            self.ledger.commit(
                claim,
                judge_files(
                    plan, session, capture_id, hashes, rows.failed_files(), work.known
                ),
            )
        return True

    def _identify(
        self, plan: CapturePlan, source: Folder, session: str
    ) -> tuple[str, str | None, Opener | None]:
        """The capture's id; of a container also the hash of its bytes, and what opens the stored ones."""
        if not plan.is_container:
            return name_folder(plan, session), None, None
        with source.open(plan.files[0]) as stream:
            sha256 = self.blobs.put(stream)
        return (
            content_id("container", sha256),
            sha256,
            lambda _file: self.blobs.open(sha256),
        )

    def _claim_or_wait(
        self, capture_id: str, plan: CapturePlan, is_reread: bool
    ) -> Claim | None:
        """The claim, or None when the capture is a container that is committed already, by a reader of today."""
        while True:
            claim = self.ledger.claim(capture_id, self.owner)
            if claim:
                if (
                    is_reread
                    or not plan.is_container
                    or not self.ledger.is_committed(capture_id)
                ):
                    return claim
                self.ledger.release(claim)
                return None
            # another worker holds the lease: it commits, or the lease ends
            time.sleep(_POLL_S)

    @contextmanager
    def _claiming(self, capture_id: str) -> Iterator[Claim]:
        """The claim of a folder, for as long as the context lasts."""
        while (claim := self.ledger.claim(capture_id, self.owner)) is None:
            time.sleep(_POLL_S)
        with self._giving_back(claim):
            yield claim
        self.ledger.release(claim)

    @contextmanager
    def _giving_back(self, claim: Claim) -> Iterator[None]:
        """After a failure the capture is free for the next worker at once."""
        try:
            yield
        except BaseException:
            with suppress(LeaseLost):
                self.ledger.release(claim)
            raise

    def _inspect(
        self, batches: Iterator[list[Observation]], rows: CaptureRows, guard: ImageGuard
    ) -> Iterator[_Inspected]:
        """The batches in order with verdicts on their new frames. The next are read while one is decoded."""
        under_way: deque[
            tuple[list[Observation], list[tuple[FrameObservation, str]], Job]
        ] = deque()
        for batch in batches:
            frames = [o for o in batch if isinstance(o, FrameObservation)]
            new = [
                (frame, sha256)
                for frame in frames
                if (sha256 := rows.recall_frame(frame))
            ]
            # a video's frames were decoded to be read
            foreign = [frame.payload for frame, _ in new if frame.facts is None]
            under_way.append((batch, new, guard.submit(foreign)))
            if len(under_way) == JOBS_AT_ONCE:
                yield _settle(*under_way.popleft(), guard)
        while under_way:
            yield _settle(*under_way.popleft(), guard)

    def _add(self, inspected: _Inspected, rows: CaptureRows) -> None:
        for frame, sha256, facts in inspected.frames:
            if isinstance(facts, Refusal):
                rows.add_problem(
                    Problem(
                        frame.source,
                        rows.plan.reader,
                        facts.reason,
                        facts.remedy,
                        frame.sensor,
                    )
                )
            elif frame.kind == "depth" and not facts.is_depth_candidate:
                reason = "is read as depth, and is no 16-bit PNG of one channel"
                rows.add_problem(
                    Problem(
                        frame.source,
                        rows.plan.reader,
                        reason,
                        "export depth as 16-bit PNG",
                        frame.sensor,
                    )
                )
            else:
                rows.add_frame(frame, sha256, facts)
        for observation in inspected.others:
            match observation:
                case SignalObservation():
                    rows.add_signal(observation)
                case ScanObservation():
                    rows.add_scan(observation, self._store_scan(observation, rows))
                case CalibrationObservation():
                    rows.add_calibration(observation)
                case LabelObservation():
                    rows.add_label(observation)
                case AnnotationObservation():
                    rows.add_annotation(observation)
                case Problem():
                    rows.add_problem(explain_absent(observation))

    def _store_scan(self, scan: ScanObservation, rows: CaptureRows) -> str:
        """The blob that holds a scan: that of its recording, or one of its own."""
        if scan.payload is None:
            assert rows.sha256 is not None
            return rows.sha256
        return self.blobs.put(io.BytesIO(scan.payload))

    # ---- outcomes ----------------------------------------------------------------------------------------------------

    def _refuse(
        self,
        plan: CapturePlan,
        session: str,
        reason: str,
        remedy: str,
    ) -> None:
        """Quarantine a container that cannot be opened or is not whole: it has no hash, so it is no capture."""
        leftovers = [
            Leftover(f, reason, remedy, is_document=False, reader=plan.reader)
            for f in plan.files
        ]
        self._record_leftovers(session, leftovers, {})

    def _settle_leftovers(
        self, source: Folder, session: str, leftovers: Sequence[Leftover]
    ) -> None:
        settled = []
        hashes = {}
        for left in leftovers:
            try:
                if left.is_document:
                    with source.open(left.file) as stream:
                        hashes[left.file.path] = self.blobs.put(stream)
            except _UNREADABLE as error:
                reason, remedy = _explain(error)
                left = replace(left, reason=reason, remedy=remedy, is_document=False)
            settled.append(left)
        self._record_leftovers(session, settled, hashes)

    def _forget_folders(self, session: str, mended: Sequence[FileOutcome]) -> None:
        """A folder that can be listed now is no entry any more: its files are."""
        if mended:
            rows = CaptureRows(self.catalog, session, None, None, None)
            rows.drop_obsolete_problems({o.path for o in mended})
            self.ledger.forget(mended)

    def _set_dropped_aside(
        self, session: str, files: Sequence[SessionFile], known: Known
    ) -> set[str]:
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
        where = f"{session_is(session)} AND sha256 IS NULL AND num_frames > 0"
        folders = self.catalog.read_latest("captures", ["capture_id"], where)
        counting = {None, *folders["capture_id"].to_pylist()}
        columns = ["problem_id", "capture_id", "source_path"]
        rows = self.catalog.read_latest(
            "quarantine", columns, session_is(session)
        ).to_pylist()
        mine = [
            r
            for r in rows
            if r["capture_id"] in counting and outer_path(r["source_path"]) in dropped
        ]
        if mine:
            self.catalog.delete(
                "quarantine", is_in("problem_id", [r["problem_id"] for r in mine])
            )
        return {r["capture_id"] for r in mine if r["capture_id"]}

    def _record_leftovers(
        self, session: str, leftovers: Sequence[Leftover], hashes: Mapping[str, str]
    ) -> None:
        rows = CaptureRows(self.catalog, session, None, None, None)
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
                session,
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


def _explain(error: OSError) -> tuple[str, str]:
    """Reason and remedy for a file that cannot be opened."""
    if isinstance(error, NotAsListed):
        return error.reason, error.remedy
    return f"cannot be opened: {type(error).__name__}", _UNREADABLE_REMEDY


def _tell(
    on_progress: Progress | None,
    done: int,
    total: int,
    plan: CapturePlan,
    num_frames: int,
) -> None:
    """While a folder is read a frame counts as a file; a container counts when it is done."""
    if on_progress:
        on_progress(
            done + (0 if plan.is_container else min(num_frames, len(plan.files))),
            total,
            plan.root,
        )


@dataclass(frozen=True)
class _Work:
    """One intake of one session under way."""

    source: Folder
    session: str
    fresh: set[str]  # paths of files to take in
    known: Known
    versions: Mapping[str, str]  # capture id -> the code version that made its rows
    guard: ImageGuard
    lent: Lent
    files: Sequence[SessionFile]  # of the session
    # roots of plans whose labels speak of frames that came or went
    adrift: set[str] = field(default_factory=set)

    def find_stand_ins(self, catalog: Catalog, plan: CapturePlan) -> StandIns | Members:
        """What of a plan's pictures and label files came out of this home."""
        if isinstance(plan.home, Members):
            return plan.home
        exported = find_exported(self.files, plan, self.source.open)
        return StandIns(catalog, plan, self.lent.frame_ids, exported)

    @cached_property
    def paths(self) -> set[str]:
        """Of the files that are known, whatever their version."""
        return {path for path, _ in self.known}

    def was_read_otherwise(self, plan: CapturePlan) -> bool:
        """Whether an older reader, or another plan of the same files, made the rows that the tables have of it."""
        if not plan.is_container:
            return self.versions.get(name_folder(plan, self.session)) != name_capture(
                plan
            )
        before = self.known.get((plan.files[0].path, plan.files[0].version))
        return (
            before is not None
            and before.capture_id is not None
            and self.is_reread(before.capture_id, plan)
        )

    def list_replaced(self, plan: CapturePlan) -> set[str]:
        """The plan's loose files that were taken in before with other versions."""
        if plan.is_container:
            return set()
        fresh = {f.path for f in plan.files if f.path in self.fresh}
        return fresh & self.paths

    def is_reread(self, capture_id: str, plan: CapturePlan) -> bool:
        """Whether rows of an older reader, or of another plan of the same files, are to be replaced."""
        version = self.versions.get(capture_id)
        if version is not None or plan.is_container:
            return version is not None and version != name_capture(plan)
        outcomes = (self.known.get((f.path, f.version)) for f in plan.files)
        return any(o is not None and o.capture_id is not None for o in outcomes)


@dataclass(frozen=True)
class _Inspected:
    """One batch after the guard."""

    # new ones, with the sha256 of their bytes
    frames: list[tuple[FrameObservation, str, Verdict]]
    others: list[Observation]


def _settle(
    batch: Sequence[Observation],
    new: Sequence[tuple[FrameObservation, str]],
    job: Job,
    guard: ImageGuard,
) -> _Inspected:
    verdicts = iter(guard.collect(job))
    frames: list[tuple[FrameObservation, str, Verdict]] = [
        (frame, sha256, frame.facts or next(verdicts)) for frame, sha256 in new
    ]
    return _Inspected(frames, [o for o in batch if not isinstance(o, FrameObservation)])


def _find_missing_end(plan: CapturePlan, source: Folder) -> str | None:
    """Why a container cannot be whole yet; None for one that is, and for folders."""
    if not plan.is_container:
        return None
    with source.open(plan.files[0]) as stream:
        return find_missing_end(plan.files[0].path, stream)


def _hash(
    file: SessionFile, sha256: str | None, rows: CaptureRows, source: Folder
) -> str | None:
    """The file's sha256; None when it is gone by now."""
    if sha256 or (sha256 := rows.hash_of(file.path)):
        return sha256
    try:
        with source.open(file) as stream:
            return hash_stream(stream)
    except _UNREADABLE:
        return None


@contextmanager
def _sparing_collector() -> Iterator[None]:
    """What lives now is not looked through for cycles each time that some hundred rows were made: 5 % of the time."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _batches(observations: Iterator[Observation]) -> Iterator[list[Observation]]:
    batch: list[Observation] = []
    num_frames = num_bytes = 0
    for observation in observations:
        batch.append(observation)
        if isinstance(observation, FrameObservation):
            num_frames += 1
            num_bytes += len(observation.payload)
        elif isinstance(observation, ScanObservation):
            num_bytes += len(observation.payload or b"")
        if (
            num_frames >= _JOB_FRAMES
            or num_bytes >= MAX_JOB_BYTES
            or len(batch) >= _WRITE_ROWS
        ):
            yield batch
            batch = []
            num_frames = num_bytes = 0
    if batch:
        yield batch
