"""Take the files of one session into the tables, each exactly once, and say what became of every file.

Order of writes for one capture: blob, frames, other rows, capture row, and last the ledger's commit. All ids come from
content and position, all merges insert only what is absent: a worker killed anywhere is made good by running again.
What the ledger says is on disk before it says so, whoever wrote it: a power cut takes back nothing of it.

A container (MCAP, archive) is stored first and read from the store, so that its rows come from the bytes of its hash. A
folder of loose files is read again as a whole when files arrive; what it holds already is recognised by path and hash.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial

from assets.capture.contents import count_said
from assets.capture.folders import name_folder, recount_folders
from assets.capture.inspection import WRITE_ROWS, Inspected, inspect, share_out
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
from assets.capture.policies import find_policy, note_policy
from assets.capture.recovery import make_good, stamp_intake
from assets.capture.retraction import Retraction, Retractor, Sight, look
from assets.capture.rows import WRITTEN, CaptureRows
from assets.capture.scan_bytes import ScanBytes
from assets.capture.set_aside import (
    UNREADABLE,
    SetAside,
    explain_unreadable,
    withhold,
)
from assets.capture.shared_recordings import SharedRecordings
from assets.capture.source_settings import inherit_video, stamp_video
from assets.capture.stand_ins import drop_adrift, is_adrift
from assets.capture.work import Work
from assets.copies import adopt_copies
from assets.formats import Leftover, Opener, read_capture
from assets.formats.archives.archive import ArchiveReader
from assets.formats.images.video import VIDEO_SUFFIXES
from assets.formats.layout import suffix_of
from assets.formats.leftovers import FRAME_LABELLERS
from assets.formats.observations import (
    AnnotationObservation,
    CalibrationObservation,
    LabelObservation,
    Observation,
    Problem,
    ScanObservation,
    SignalObservation,
)
from assets.formats.protocol import CapturePlan
from assets.formats.session_settings import SETTINGS_NAME, read_settings
from assets.ledger import Claim, FileOutcome, Intaken, LeaseLost, Ledger
from assets.privacy.keys import SETTING, SealKeys
from assets.privacy.policy import PrivacyPolicy
from assets.privacy.recordings import (
    OpenedRecordings,
    SealedRecordings,
    name_container,
)
from assets.privacy.sealing import Sealer, require_no_loss
from assets.read_ahead import ReadAhead
from assets.sandbox.guard import (
    ImageGuard,
    Refusal,
)
from assets.sandbox.video_process import child_ahead
from assets.storage import BlobStore, Folder, SessionFile, hash_stream
from assets.tables.catalog import Catalog, session_is
from assets.tables.fencing import FencedWriter
from assets.terms.statements import state_from_file

# of payloads, beside WRITE_ROWS: written at once, while as much again is gathered
_WRITE_BYTES = 32 << 20
_MAX_CHILDREN = 8
_POLL_S = 0.2

Progress = Callable[[int, int, str], None]  # files done, files in all, current path


@dataclass(frozen=True)
class Intake:
    """The places that intake writes to. `keys` seal frames and recordings of sessions under a privacy policy."""

    catalog: Catalog
    ledger: Ledger
    blobs: BlobStore
    owner: str
    keys: SealKeys | None = None

    def ingest(
        self, source: Folder, session: str, on_progress: Progress | None = None
    ) -> IntakeReport:
        """Take in every file below `source` as `session`. Raises FileNotFoundError when there is no such place.

        Raises ValueError where the settings that its sessions inherit are none, and where it is under a privacy policy
        and nothing can be sealed.
        """
        if not source.exists():
            raise FileNotFoundError(
                f"{source.uri} does not exist: check the path or the bucket"
            )
        make_good(self.catalog, self.ledger)
        video = inherit_video(source)
        known = self._read_known(session)
        sight = self._look(source, session)
        policy = self._take_policy(session, source, sight)
        above = source.above()
        code = stamp_intake(self.catalog) + (stamp_video(above) if above else "")
        with (
            ImageGuard(min(_MAX_CHILDREN, len(os.sched_getaffinity(0)))) as guard,
            _sparing_collector(),
            ExitStack() as stack,
        ):
            if adopt_copies(self.ledger, source, sight.files, known.values()).num_files:
                known = self._read_known(session)
            _start_decoders(sight.files, known, guard, stack)
            lent = self._lend(source, session, sight, known, code)
            plans, leftovers = plan_lending(sight.files, source.open, lent, video=video)
            if policy:
                plans = [_put_under(plan, policy) for plan in plans]
                leftovers = [withhold(left) for left in leftovers]
            work = Work(
                source,
                session,
                find_fresh(sight.files, plans, leftovers, known),
                known,
                self._read_versions(session),
                guard,
                lent,
                sight.files,
                SharedRecordings.of(self.catalog, self.ledger, session),
            )
            copies = self._take_all(plans, work, on_progress)
        self._settle(work, leftovers)
        self._state_terms(work)
        retraction = self.retractor(
            session, lambda: self._look(source, session)
        ).take_out(self._find_gone(sight, session, known))
        self._recount(work, plans)
        self.ledger.note_intake(Intaken(session, sight.fingerprint, code))
        if on_progress:
            on_progress(len(sight.files), len(sight.files), "")
        report = self._report(work, copies, retraction)
        return replace(report, erased=sorted(sight.erased))

    def claiming(self, capture_id: str) -> AbstractContextManager[Claim]:
        """The claim of a capture, for as long as the context lasts: nobody else writes or deletes rows of it."""
        return self._claiming(capture_id)

    def _take_policy(
        self, session: str, source: Folder, sight: Sight
    ) -> PrivacyPolicy | None:
        """The session's privacy policy, written down before anything of it is. Raises ValueError."""
        policy = find_policy(self.catalog, session, source, sight.files)
        if policy:
            require_no_loss(self.catalog, self._require_keys())
            Sealer(self._require_keys())
            note_policy(self.catalog, session, policy)
        return policy

    def _require_keys(self) -> SealKeys:
        """Raises ValueError where there is no key."""
        if self.keys is None:
            raise ValueError(f"a privacy policy takes a key to seal by: set {SETTING}")
        return self.keys

    def _take_all(
        self, plans: Sequence[CapturePlan], work: Work, on_progress: Progress | None
    ) -> set[str]:
        """Take in what of the plans is due; the paths of recordings whose bytes are in the tables already."""
        copies: set[str] = set()
        done = 0
        for plan in plans:
            there = work.lent.leave_out(plan).files
            num_files = len(there)
            if work.was_read_otherwise(plan):
                # what is lent lies in no folder: nothing becomes of it
                work.fresh.update(f.path for f in there)
            if self._is_adrift(plan, work):
                work.adrift.add(plan.root)
            is_due = plan.root in work.adrift or any(
                f.path in work.fresh for f in plan.files
            )
            tell = partial(_tell, on_progress, done, len(work.files), plan)
            if is_due and not self._take(plan, work, tell):
                copies.update(f.path for f in plan.files)
            done += num_files
            if on_progress:
                on_progress(done, len(work.files), plan.root)
        return copies

    def _settle(self, work: Work, leftovers: Sequence[Leftover]) -> None:
        """Record what is in no plan, and take back what such files said when they were."""
        aside = self._aside(work.session)
        aside.settle(
            work.source, [left for left in leftovers if left.file.path in work.fresh]
        )
        unread = {left.file.path for left in leftovers if not left.is_document}
        if unread:
            writer = FencedWriter(self.catalog, lambda: None)
            drop_adrift(writer, self.catalog, work.session, unread)
        aside.forget_folders(find_mended(work.files, work.known))

    def _state_terms(self, work: Work) -> None:
        """Keep under which terms the session's own settings let it be used, where they say so."""
        settings, _ = read_settings(work.files, work.source.open)
        if settings.terms is not None:
            state_from_file(self.catalog, work.session, settings.terms, SETTINGS_NAME)

    def _recount(self, work: Work, plans: Sequence[CapturePlan]) -> None:
        """Bring the rows of folders up to date that are planned otherwise by now, or of which something was dropped."""
        planned = {name_folder(p, work.session) for p in plans if not p.is_container}
        due = self._aside(work.session).clear_dropped(work.files, work.known)
        emptied = recount_folders(
            self.catalog,
            work.session,
            lambda capture_id: capture_id in due or capture_id not in planned,
        )
        if emptied:
            self.ledger.settle_gone((), (), emptied)

    def _report(
        self, work: Work, copies: set[str], retraction: Retraction
    ) -> IntakeReport:
        """What became of the session's files."""
        captures = self.catalog.read_latest(
            "captures", ["capture_id", "session", "num_frames", "num_problems"]
        )
        report = self.ledger.summarise(
            work.session,
            lambda outcomes: count_outcomes(
                work.session,
                work.files,
                outcomes,
                work.fresh - copies,
                work.known,
                captures,
            ),
        )
        return replace(
            report,
            gone=retraction.num_files,
            gone_frames=retraction.num_frames,
            gone_labels=retraction.num_labels,
            replaced=count_said(self.catalog, work.session, retraction.replaced),
        )

    def _aside(self, session: str) -> SetAside:
        return SetAside(self.catalog, self.ledger, self.blobs, session)

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

    def _is_adrift(self, plan: CapturePlan, work: Work) -> bool:
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

    def _look(self, source: Folder, session: str) -> Sight:
        return look(source, self.ledger.exclusions(session), self.ledger)

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

    def _take(self, plan: CapturePlan, work: Work, tell: Callable[[int], None]) -> bool:
        """Take in one capture. False when its bytes are in the tables already, under this name or another."""
        source = work.source
        session = work.session
        try:
            missing = _find_missing_end(plan, source)
            if missing:
                self._aside(session).refuse(plan, missing, REMEDY)
                return True
            sharing = work.shared.compare(plan, source)
            if sharing.reason:
                self._aside(session).refuse(plan, sharing.reason, sharing.remedy)
                return True
            store = self._choose_store(plan, work, sharing.is_sealed)
            capture_id, sha256, opener = _identify(plan, source, session, store)
            plan = replace(plan, sha256=sha256)
            if isinstance(store, SealedRecordings):
                store = replace(store, capture_id=capture_id)
                plan = replace(plan, is_sealed=True)
            if plan.reader == ArchiveReader.name:
                plan = replace(plan, home=Members(self.catalog, plan, store))
        except UNREADABLE as error:
            self._aside(session).refuse(plan, *explain_unreadable(error))
            return True
        is_reread = work.is_reread(capture_id, plan)
        is_reread |= plan.is_container and plan.root in work.adrift
        claim = self._claim_or_wait(capture_id, plan, is_reread)
        if claim is None:
            outcomes = self.ledger.outcomes_of(capture_id)
            verdict = next((o for o in outcomes if o.outcome != "gone"), None)
            self._aside(session).drop_problems({f.path for f in plan.files})
            self.ledger.record(copy_outcome(plan, session, capture_id, sha256, verdict))
            return False
        fence = partial(self.ledger.renew, claim)
        files = () if plan.is_container else work.lent.leave_out(plan).files
        with (
            self._giving_back(claim),
            ReadAhead(source, files) as ahead,
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
                Sealer(self._require_keys()) if plan.is_sealed else None,
            ) as rows,
        ):
            open_file = work.lent.open_beside(opener or ahead.open)
            observed = read_capture(plan, open_file)
            scans = _find_scan_bytes(plan, self.blobs, opener)
            self._write(rows, observed, scans, work, fence, tell)
            self._commit(rows, work, claim)
        return True

    def _write(
        self,
        rows: CaptureRows,
        observed: Iterator[Observation],
        scans: ScanBytes,
        work: Work,
        fence: Callable[[], None],
        tell: Callable[[int], None],
    ) -> None:
        """Write all rows but the capture's own, batch by batch, and renew the claim in time."""
        renewed = time.monotonic()
        num_frames = 0
        for batch in inspect(share_out(observed), rows, work.guard):
            self._add(batch, rows, scans)
            is_much = rows.num_pending_bytes >= _WRITE_BYTES
            if is_much or rows.num_pending >= WRITE_ROWS:
                rows.write_behind()
            if time.monotonic() - renewed > self.ledger.lease_s / 4:
                fence()
                renewed = time.monotonic()
            num_frames += len(batch.frames)
            tell(num_frames)
        rows.flush()
        rows.finish()

    def _commit(self, rows: CaptureRows, work: Work, claim: Claim) -> None:
        """Write the capture's row, put all on disk, and let the ledger acknowledge the files."""
        fresh = (f for f in rows.plan.files if f.path in work.fresh)
        hashes = {f.path: _hash(f, rows.sha256, rows, work.source) for f in fresh}
        self.ledger.renew(claim)
        rows.write_capture(work.source.uri)
        self.catalog.sync(WRITTEN)
        outcomes = judge_files(
            rows.plan,
            rows.session,
            claim.capture_id,
            hashes,
            rows.failed_files(),
            work.known,
        )
        self.ledger.commit(claim, outcomes)

    def _choose_store(
        self, plan: CapturePlan, work: Work, is_sealed: bool
    ) -> BlobStore | SealedRecordings:
        """Where a capture's container is kept."""
        if not plan.is_container or not is_sealed:
            return self.blobs
        opened = OpenedRecordings(self.catalog, self._require_keys())
        return SealedRecordings(opened, work.session)

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

    def _add(self, inspected: Inspected, rows: CaptureRows, scans: ScanBytes) -> None:
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
                    rows.add_scan(observation, scans.store)
                case CalibrationObservation():
                    rows.add_calibration(observation)
                case LabelObservation():
                    rows.add_label(observation)
                case AnnotationObservation():
                    rows.add_annotation(observation)
                case Problem():
                    rows.add_problem(explain_absent(observation))


def _put_under(plan: CapturePlan, policy: PrivacyPolicy) -> CapturePlan:
    """The plan with what the privacy policy of its session asks of it."""
    return replace(
        plan,
        is_sealed=True,
        position=policy.position,
        are_scans_held=policy.scans == "hold",
    )


def _identify(
    plan: CapturePlan,
    source: Folder,
    session: str,
    store: BlobStore | SealedRecordings,
) -> tuple[str, str | None, Opener | None]:
    """The capture's id; of a container also the hash of its bytes, and what opens the stored ones."""
    if not plan.is_container:
        return name_folder(plan, session), None, None
    with source.open(plan.files[0]) as stream:
        sha256 = store.put(stream)
    return name_container(sha256), sha256, lambda _file: store.open(sha256)


def _find_scan_bytes(
    plan: CapturePlan, blobs: BlobStore, opener: Opener | None
) -> ScanBytes:
    """A container's are opened by its key, where it is sealed."""
    if opener is None or not plan.is_sealed:
        return ScanBytes(blobs, plan.sha256, None)
    return ScanBytes(blobs, plan.sha256, partial(opener, plan.files[0]))


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
    except UNREADABLE:
        return None


def _start_decoders(
    files: Sequence[SessionFile], known: Known, guard: ImageGuard, stack: ExitStack
) -> None:
    """Let what decodes new images and videos load while files are shared out."""
    new = [f for f in files if (f.path, f.version) not in known]
    is_video = [suffix_of(f.path) in VIDEO_SUFFIXES for f in new]
    stack.enter_context(child_ahead(any(is_video)))
    if not all(is_video):
        guard.start(len(files))


@contextmanager
def _sparing_collector() -> Iterator[None]:
    """What lives now is not looked through for cycles each time that some hundred rows were made: 5 % of the time."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
