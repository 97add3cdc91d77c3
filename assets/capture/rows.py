"""Gather the rows of one capture from its observations, and write them batch by batch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, Self

from assets.capture.folders import count_rows
from assets.capture.hiding import Hiding
from assets.capture.known_frames import KnownFrames
from assets.capture.members import Members
from assets.capture.named_frames import NamedFrames
from assets.capture.observed import (
    Row,
    annotation_row,
    calibration_row,
    frame_row,
    label_row,
    name_frame,
    problem_row,
    scan_row,
    signal_row,
)
from assets.capture.obsolete import (
    Obsolete,
    Said,
    drop_obsolete_problems,
    where_mine,
)
from assets.capture.stand_ins import StandIns
from assets.capture.versions import name_capture
from assets.capture.write_behind import WriteBehind
from assets.code_versions import version_of
from assets.formats.images.exif import exif_row, hide_restricted, read_exif
from assets.formats.observations import (
    AnnotationObservation,
    CalibrationObservation,
    FrameObservation,
    LabelObservation,
    Problem,
    ScanObservation,
    SignalObservation,
)
from assets.formats.protocol import CapturePlan
from assets.privacy.blanks import draw_blank, hash_blank
from assets.privacy.sealing import Sealer
from assets.sandbox.guard import ImageFacts
from assets.tables.appending import Appender
from assets.tables.catalog import Catalog, repr_sql, session_is
from assets.tables.fencing import FencedWriter
from assets.tables.schemas import TABLES, to_table

_WRITE_ORDER = (
    "frame_quality",
    "frame_exif",
    "sealed_frames",
    "frames",
    "signals",
    "scans",
    "calibrations",
    "labels",
    "annotated_frames",
    "quarantine",
)
# the tables that intake writes
WRITTEN = ("sealed_recordings", *_WRITE_ORDER, "captures")
# whose rows say less, or point elsewhere, once a capture that lay open is sealed
_REPLACED_BY_SEALING = ("frame_exif", "scans")


class CaptureRows:
    """The rows of one capture under way; with no plan, only problems of loose files.

    `is_reread` says that the capture was taken by an older reader: what this one does not say is taken back. So is what
    an older version of the `replaced` files said. `stand_ins` tells which pictures are stored frames. `fence` raises
    when another worker has the capture by now; it is asked before each write of frames. With a `sealer` the bytes of
    frames are sealed, and a blank picture is written in their place. As a context it ends when no write of it is
    under way any more.
    """

    def __init__(
        self,
        catalog: Catalog,
        session: str,
        capture_id: str | None,
        plan: CapturePlan | None,
        sha256: str | None,
        fence: Callable[[], object] = lambda: None,
        is_reread: bool = False,
        replaced: Collection[str] = (),
        stand_ins: StandIns | Members | None = None,
        sealer: Sealer | None = None,
    ) -> None:
        self.catalog = catalog
        self.session = session
        self.capture_id = capture_id
        self.sha256 = sha256
        self.num_pending_bytes = 0  # of payloads that the next write will take
        self._plan = plan
        self._is_reread = is_reread
        self._replaced_files = set(replaced)
        self._stand_ins = stand_ins
        self._sealer = sealer
        self._hiding = Hiding.of(plan)
        self._said = Said()
        self._names = NamedFrames()
        self._pending: dict[str, dict[str, dict[str, Any]]] = {}
        self._labels: list[LabelObservation] = []
        self._annotations: list[AnnotationObservation] = []
        # ids of stored frames whose row is written anew
        self._replaced: set[str] = set()
        self._times: list[int] = []
        self._appenders: dict[str, Appender] = {}
        self._behind = WriteBehind()
        self._fenced = FencedWriter(catalog, fence)
        if plan and capture_id:
            self._known = self._load_known_frames(plan)
            where = {
                "frames": f"capture_id = {repr_sql(capture_id)}",
                "frame_quality": session_is(session),
            }
            self._appenders = {
                name: Appender(catalog, name, mine, fence)
                for name, mine in where.items()
            }

    @property
    def plan(self) -> CapturePlan:
        """What the capture is read by. Only asked for once a capture is open."""
        assert self._plan is not None
        return self._plan

    # ---- adding ------------------------------------------------------------------------------------------------------

    def recall_frame(self, frame: FrameObservation) -> str | None:
        """The sha256 of a new or changed frame's bytes; None for one that is stored as it is: nothing is decoded then.

        Changed is a frame of which its reader says something else now, such as its split or its time.
        """
        path = frame.source.path
        digest = hashlib.sha256(frame.payload)
        sha256 = digest.hexdigest()
        if not self.plan.is_container:
            self._said.hashes[path] = digest.digest()
        stored = self._known.find(frame, self.capture_id, sha256)
        if stored is None and self._stand_ins:
            stand_in = self._stand_ins.find(path, sha256)
            if stand_in is not None:
                self._names.stand_in(path, stand_in)
                self._said.paths.add(path)
                return None
        if stored is None or not self._known.is_the_same(stored, frame):
            return sha256
        self._note_frame(stored.frame_id, frame)
        return None

    def add_frame(
        self, frame: FrameObservation, sha256: str, facts: ImageFacts
    ) -> None:
        """Take a new or a changed frame, with the sha256 of its bytes and what the guard found in them."""
        stored = self._known.find(frame, self.capture_id, sha256)
        capture_id = stored.capture_id if stored else self.capture_id
        if stored:
            frame_id = stored.frame_id
            self._replaced.add(frame_id)
        else:
            frame_id = name_frame(frame, self.capture_id, sha256)
        self._note_frame(frame_id, frame)
        row = frame_row(frame, frame_id, capture_id, sha256, facts)
        is_sealed = self._sealer is not None
        self._put("frames", self._seal(row) if is_sealed else row)
        self.num_pending_bytes += len(frame.payload)
        exif = read_exif(frame.payload) if frame.facts is None else None
        if exif:
            told = hide_restricted(exif) if is_sealed else exif
            columns = exif_row(frame_id, self.session, told)
            self._put("frame_exif", Row(frame_id, columns))
        if frame.kind == "color" and facts.quality is not None and not is_sealed:
            made = {"input_sha256": sha256, "code_version": version_of("frame_quality")}
            self._put("frame_quality", Row(frame_id, {**facts.quality, **made}))

    def add_signal(self, signal: SignalObservation) -> None:
        """Take a measurement, as far as the privacy policy lets it be told. Read again, it adds nothing."""
        told = self._hiding.tell(signal)
        self._said.paths.add(signal.source.path)
        if signal.t_ns is not None:
            self._times.append(signal.t_ns)
        if told is not None:
            self._say("signals", signal_row(told, self.capture_id))

    def add_scan(
        self, scan: ScanObservation, store: Callable[[ScanObservation], str]
    ) -> None:
        """Take a point cloud, unless the privacy policy holds it; `store` gives the sha256 of the blob that has it."""
        self._said.paths.add(scan.source.path)
        if scan.t_ns is not None:
            self._times.append(scan.t_ns)
        if not self._hiding.holds(scan):
            self._say("scans", scan_row(scan, self.capture_id, store(scan)))

    def add_calibration(self, calibration: CalibrationObservation) -> None:
        """Take one sensor's intrinsics and pose."""
        self._say("calibrations", calibration_row(calibration, self.capture_id))

    def add_label(self, label: LabelObservation) -> None:
        """Kept until the capture's frames are known: a label may come before its frame."""
        self._labels.append(label)

    def add_annotation(self, annotation: AnnotationObservation) -> None:
        """Kept until the capture's frames are known."""
        self._annotations.append(annotation)

    def add_problem(self, problem: Problem) -> None:
        """Take what could not be read: a quarantine row with its reason and remedy."""
        problem = self._hiding.explain(problem)
        self._said.problems.append(problem)
        row = problem_row(problem, self.session, self.capture_id)
        self._said.keys["quarantine"].add(row.key)
        self._put("quarantine", row)

    # ---- writing -----------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._behind.close()

    def write_behind(self) -> None:
        """Begin to write what was added, once what was before is written. Raises what that raised."""
        self._behind.begin(partial(self._write, *self._take_pending()))

    def flush(self) -> None:
        """Write what was added into the tables."""
        self._behind.wait()
        self._write(*self._take_pending())

    def _take_pending(
        self,
    ) -> tuple[dict[str, list[dict[str, Any]]], list[dict[str, Any]]]:
        """The rows to insert by table, and those of frames that take the place of others; nothing is pending then."""
        pending, self._pending = self._pending, {}
        self.num_pending_bytes = 0
        frames = pending.get("frames", {})
        again = [frames.pop(i) for i in self._replaced & frames.keys()]
        return {name: list(rows.values()) for name, rows in pending.items()}, again

    def _write(
        self,
        pending: dict[str, list[dict[str, Any]]],
        again: list[dict[str, Any]],
    ) -> None:
        """Frames behind their figures, since a frame that is there is done."""
        for name in _WRITE_ORDER:
            if name == "frames" and again:
                self._fenced.upsert(name, to_table(TABLES[name], again))
            rows = pending.get(name)
            if not rows:
                continue
            table = to_table(TABLES[name], rows)
            appender = self._appenders.get(name)
            if self._sealer and name in _REPLACED_BY_SEALING:
                self._fenced.upsert(name, table)
            elif appender:
                appender.append(table)
            else:
                self.catalog.merge(name, table)

    @property
    def num_pending(self) -> int:
        """How many rows the next write will take."""
        return sum(map(len, self._pending.values()))

    def finish(self) -> None:
        """Write the labels, now that every frame is known, and take back what is not said any more."""
        silent = self._list_silent_files()
        for label in self._labels:
            if label.source.path not in silent:
                self._resolve_label(label)
        for annotation in self._annotations:
            if annotation.source.path not in silent:
                self._resolve_annotation(annotation)
        self._said.paths |= silent
        self.flush()
        self._drop_obsolete()
        self.drop_obsolete_problems({f.path for f in self.plan.files})

    def drop_obsolete_problems(self, paths: set[str]) -> None:
        """Delete what the quarantine says of this capture, or of these files when nobody read them, and is past."""
        drop_obsolete_problems(
            self.catalog,
            self._fenced,
            self.session,
            self.capture_id,
            paths,
            self._said,
        )

    def _drop_obsolete(self) -> None:
        """Take back what earlier intakes made of these files and this reading does not say."""
        is_asked = bool(self._stand_ins and self._stand_ins.is_asked)
        obsolete = Obsolete(
            self.catalog,
            self._fenced,
            self.session,
            self.capture_id,
            self.plan,
            self._said,
            self._names,
            self._is_reread,
            self._replaced_files,
            is_asked,
        )
        # of a new capture there are none: without frames there were no labels
        if self._known or is_asked:
            for name in ("labels", "annotated_frames"):
                obsolete.drop_statements(name)
        if self._is_reread or self._replaced_files:
            obsolete.drop_readings()

    def write_capture(self, source_uri: str) -> None:
        """Write the row of the capture itself, with the counts of what the tables hold of it."""
        notes = self.plan.notes | self._hiding.notes
        lent = self._stand_ins.lent if self._stand_ins else {}
        files = [f for f in self.plan.files if f.path not in lent]
        row: dict[str, object] = {
            "capture_id": self.capture_id,
            "session": self.session,
            "path": self.plan.root,
            "source_uri": source_uri,
            "reader": self.plan.reader,
            "sha256": self.sha256,
            "size_bytes": sum(f.size_bytes for f in files),
            **count_rows(self.catalog, self.capture_id or ""),
            "start_ns": min(self._times, default=None),
            "end_ns": max(self._times, default=None),
            "code_version": name_capture(self.plan),
            "notes": json.dumps(notes, sort_keys=True) if notes else None,
        }
        self._fenced.upsert("captures", to_table(TABLES["captures"], [row]))

    def failed_files(self) -> dict[str, Problem]:
        """Session path -> first problem, of the files of which nothing could be read."""
        return self._said.failed_files()

    def hash_of(self, path: str) -> str | None:
        """The sha256 of a loose file that is a frame; None for other files."""
        digest = self._said.hashes.get(path)
        return digest.hex() if digest else None

    def _list_silent_files(self) -> set[str]:
        """The label files that nobody has touched, which say nothing."""
        if self._stand_ins is None:
            return set()
        return self._stand_ins.list_silent(
            self._labels,
            self._annotations,
            lambda said: self._names.find(said) in self._names.strange,
        )

    # ---- below -------------------------------------------------------------------------------------------------------

    def _resolve_label(self, label: LabelObservation) -> None:
        frame_id = self._names.find(label)
        if frame_id is None:
            self.add_problem(self._explain_lost(label))
            return
        speaker = self._name_speaker(frame_id)
        self._say("labels", label_row(label, frame_id, self.capture_id, speaker))

    def _explain_lost(self, label: LabelObservation) -> Problem:
        """What is told of a label without a frame."""
        at = label.frame_path or f"{label.sensor} at {label.t_ns} ns"
        reason = f"label '{label.class_name}' is for a frame that is not there: {at}"
        remedy = "add the image, or take the label out"
        if (
            label.frame_path is None
            and (count := len(self._names.find_stamped(label))) > 1
        ):
            reason = f"label '{label.class_name}' is for one of {count} frames with this stamp: {at}"
            remedy = "record frames with stamps that tell them apart"
        return Problem(label.source, self.plan.reader, reason, remedy, label.sensor)

    def _resolve_annotation(self, annotation: AnnotationObservation) -> None:
        """What is said of a picture that is not there is said by the labels or problems that come with it."""
        frame_id = self._names.find(annotation)
        self._said.paths.add(annotation.source.path)
        if frame_id is None:
            return
        speaker = self._name_speaker(frame_id)
        self._say(
            "annotated_frames",
            annotation_row(annotation, frame_id, self.capture_id, speaker),
        )

    def _name_speaker(self, frame_id: str) -> tuple[str | None, ...]:
        """What ids of statements hold beside the frame's: that of a frame of this capture says who speaks of it."""
        return (self.capture_id,) if frame_id in self._names.strange else ()

    def _say(self, name: str, row: Row) -> None:
        """Put a row that the capture's files say, and note that they do."""
        self._said.paths.add(row.columns["source_path"])
        self._said.keys[name].add(row.key)
        self._put(name, row)

    def _put(self, name: str, row: Row) -> None:
        columns = {
            TABLES[name].key: row.key,
            "session": self.session,
            **row.columns,
        }
        self._pending.setdefault(name, {})[row.key] = columns

    def _note_frame(self, frame_id: str, frame: FrameObservation) -> None:
        """Note that the capture's files hold this frame, and what labels may call it."""
        path, t_ns = frame.source.path, frame.t_ns
        stamp_ns = frame.stamp_ns if t_ns is None else t_ns
        self._said.keys["frames"].add(frame_id)
        self._said.paths.add(path)
        self._names.add(frame_id, path, frame.sensor, frame.kind, stamp_ns)
        if t_ns is not None:
            self._times.append(t_ns)

    def _seal(self, frame: Row) -> Row:
        """The frame's row with a blank picture; what it held goes to where it is sealed."""
        assert self._sealer is not None
        held = frame.columns
        sealed = {
            "capture_id": held["capture_id"],
            "original_sha256": held["sha256"],
            "encoding": held["encoding"],
            **self._sealer.seal(frame.key, held["payload"]),
        }
        self._put("sealed_frames", Row(frame.key, sealed))
        size = held["kind"], held["width_px"], held["height_px"]
        blank, encoding = draw_blank(*size)
        shown = {
            "payload": blank,
            "sha256": hash_blank(*size),
            "encoding": encoding,
        }
        return Row(frame.key, {**held, **shown})

    def _load_known_frames(self, plan: CapturePlan) -> KnownFrames:
        """The capture's frames of earlier runs, which its labels may name."""
        known = KnownFrames(plan, self._is_reread)
        where = where_mine(plan, self.session, self.capture_id)
        for row in known.load(self.catalog, where):
            t_ns = None if self._is_reread else row["t_ns"]
            self._names.add(
                row["frame_id"], row["source_path"], row["sensor"], row["kind"], t_ns
            )
            if t_ns is not None:
                self._times.append(t_ns)
        return known
