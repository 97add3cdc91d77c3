"""Turn the observations of one capture into table rows, and write them batch by batch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from assets.capture.members import Members
from assets.capture.stand_ins import StandIns
from assets.capture.versions import name_capture
from assets.capture.write_behind import WriteBehind
from assets.code_versions import version_of
from assets.formats.images.exif import exif_row, read_exif
from assets.formats.observations import (
    AnnotationObservation,
    CalibrationObservation,
    CapturePlan,
    FrameObservation,
    LabelObservation,
    Problem,
    ScanObservation,
    SignalObservation,
    Source,
)
from assets.sandbox.guard import ImageFacts
from assets.tables.appending import Appender
from assets.tables.catalog import Catalog, is_in, repr_sql, session_is
from assets.tables.fencing import FencedWriter
from assets.tables.schemas import TABLES, content_id, to_table

_WRITE_ORDER = (
    "frame_quality",
    "frame_exif",
    "frames",
    "signals",
    "scans",
    "calibrations",
    "labels",
    "annotated_frames",
    "quarantine",
)
OF_FRAMES = ("frame_exif", "frame_quality", "frame_embeddings")  # go with their frame
WRITTEN = (*_WRITE_ORDER, "captures")  # the tables that intake writes
# that a reader says, beside the bytes
_FRAME_FACTS = ("sensor", "kind", "t_ns", "split_hint", "depth_m_per_unit")
_COUNTED = {
    "frames": "frames",
    "signals": "signals",
    "scans": "scans",
    "labels": "labels",
    "problems": "quarantine",
}
_BOUNDS = ("x_min_m", "y_min_m", "z_min_m", "x_max_m", "y_max_m", "z_max_m")
# of a capture: only a newer reader says otherwise
_IMMUTABLE = ("frames", "signals", "scans", "calibrations")


class CaptureRows:
    """The rows of one capture under way; with no plan, only problems of loose files.

    `is_reread` says that the capture was taken by an older reader: what this one does not say is taken back. So is what
    an older version of the `replaced` files said. `stand_ins` tells which pictures are stored frames. `fence` raises
    when another worker has the capture by now; it is asked before each write of frames. As a context it ends when no
    write of it is under way any more.
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
    ) -> None:
        self._is_reread = is_reread
        self._replaced_files = set(replaced)
        self._stand_ins = stand_ins
        self.catalog = catalog
        self.session = session
        self.capture_id = capture_id
        self.sha256 = sha256
        self._plan = plan
        self._pending: dict[str, dict[str, dict[str, Any]]] = {}
        self._labels: list[LabelObservation] = []
        self._annotations: list[AnnotationObservation] = []
        self._problems: list[Problem] = []
        self._problem_ids: set[str] = set()
        self._said: dict[str, set[str]] = {
            name: set() for name in (*_IMMUTABLE, "labels", "annotated_frames")
        }
        self._read_paths: set[str] = set()
        self._shared_paths = {f.path for f in plan.beside} if plan else set()
        self._hashes: dict[str, bytes] = {}  # of the loose files that are frames
        self._stored: dict[tuple[str, str], _StoredFrame] = {}
        # ids of stored frames whose row is written anew
        self._replaced: set[str] = set()
        self._by_path: dict[str, str] = {}
        self._strange: set[str] = set()  # ids of stored frames that pictures stand for
        # sensor and stamp -> frame id -> its kind
        self._by_time: dict[tuple[str, int], dict[str, str]] = {}
        self._times: list[int] = []
        self._appenders: dict[str, Appender] = {}
        self._behind = WriteBehind()
        self._fenced = FencedWriter(catalog, fence)
        self.num_pending_bytes = 0  # of payloads that the next write will take
        if capture_id:
            self._load_known_frames()
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
            self._hashes[path] = digest.digest()
        stored = self._stored.get((self._identify_frame(frame, sha256), sha256))
        if stored is None and self._stand_ins:
            stand_in = self._stand_ins.find(path, sha256)
            if stand_in is not None:
                self._by_path[path] = stand_in
                self._strange.add(stand_in)
                self._read_paths.add(path)
                return None
        if stored is None or stored.facts != _facts_of(frame, self._is_reread):
            return sha256
        self._said["frames"].add(stored.frame_id)
        self._index(
            stored.frame_id, path, frame.sensor, frame.kind, frame.t_ns, frame.stamp_ns
        )
        self._read_paths.add(path)
        return None

    def add_frame(
        self, frame: FrameObservation, sha256: str, facts: ImageFacts
    ) -> None:
        """Take a new or a changed frame, with the sha256 of its bytes and what the guard found in them."""
        where = frame.source
        stored = self._stored.get((self._identify_frame(frame, sha256), sha256))
        frame_id = stored.frame_id if stored else self._make_frame_id(frame, sha256)
        if stored:
            self._replaced.add(frame_id)
        self._said["frames"].add(frame_id)
        self._index(
            frame_id, where.path, frame.sensor, frame.kind, frame.t_ns, frame.stamp_ns
        )
        self._read_paths.add(where.path)
        self._put(
            "frames",
            frame_id,
            {
                "capture_id": stored.capture_id if stored else self.capture_id,
                "sensor": frame.sensor,
                "kind": frame.kind,
                "t_ns": frame.t_ns,
                "sequence": frame.sequence,
                "width_px": facts.width_px,
                "height_px": facts.height_px,
                "encoding": facts.encoding,
                "depth_m_per_unit": frame.depth_m_per_unit,
                "payload": frame.payload,
                "sha256": sha256,
                "split_hint": frame.split_hint,
                **_source_columns(where),
            },
        )
        self.num_pending_bytes += len(frame.payload)
        exif = read_exif(frame.payload) if frame.facts is None else None
        if exif:
            self._put("frame_exif", frame_id, exif_row(frame_id, self.session, exif))
        if frame.kind == "color" and facts.quality is not None:
            made = {"input_sha256": sha256, "code_version": version_of("frame_quality")}
            self._put("frame_quality", frame_id, {**facts.quality, **made})

    def add_signal(self, signal: SignalObservation) -> None:
        """Take a measurement. Its id comes of sensor, time and place in the file: read again, it adds nothing."""
        values = [float(v) for v in signal.values]
        where = signal.source
        signal_id = content_id(
            "signal",
            self.capture_id,
            signal.sensor,
            signal.t_ns,
            where.path,
            where.offset,
            where.inner_offset,
            signal.child_frame,
            values,
        )
        if signal.t_ns is not None:
            self._times.append(signal.t_ns)
        self._read_paths.add(where.path)
        self._said["signals"].add(signal_id)
        self._put(
            "signals",
            signal_id,
            {
                "capture_id": self.capture_id,
                "sensor": signal.sensor,
                "kind": signal.kind,
                "t_ns": signal.t_ns,
                "sequence": signal.sequence,
                "values": values,
                "frame_of_reference": signal.frame_of_reference,
                "child_frame": signal.child_frame,
                **_source_columns(where),
            },
        )

    def add_scan(self, scan: ScanObservation, blob_sha256: str) -> None:
        """Take a point cloud, whose bytes lie in that blob. Its id comes of sensor, bytes and place in the file."""
        where = scan.source
        scan_id = content_id(
            "scan",
            self.capture_id,
            scan.sensor,
            where.path,
            where.offset,
            where.inner_offset,
            scan.sha256,
        )
        if scan.t_ns is not None:
            self._times.append(scan.t_ns)
        self._read_paths.add(where.path)
        self._said["scans"].add(scan_id)
        self._put(
            "scans",
            scan_id,
            {
                "capture_id": self.capture_id,
                "sensor": scan.sensor,
                "t_ns": scan.t_ns,
                "sequence": scan.sequence,
                "frame_of_reference": scan.frame_of_reference,
                "num_points": scan.facts.num_points,
                "num_finite": scan.facts.num_finite,
                **dict(zip(_BOUNDS, scan.facts.bounds or [None] * 6, strict=True)),
                "fields": json.dumps(scan.facts.fields),
                "encoding": scan.encoding,
                "size_bytes": scan.size_bytes,
                "sha256": scan.sha256,
                "blob_sha256": blob_sha256,
                **_source_columns(where),
            },
        )

    def add_calibration(self, c: CalibrationObservation) -> None:
        """Take one sensor's intrinsics, px, and `rig_from_camera`, where they are known."""
        intrinsics = {
            "width_px": c.width_px,
            "height_px": c.height_px,
            "fx_px": c.fx_px,
            "fy_px": c.fy_px,
            "cx_px": c.cx_px,
            "cy_px": c.cy_px,
        }
        rig_from_camera = (
            None if c.rig_from_camera is None else [float(v) for v in c.rig_from_camera]
        )
        distortion = [float(v) for v in c.distortion]
        key = content_id(
            "calibration",
            self.capture_id,
            c.sensor,
            *intrinsics.values(),
            distortion,
            rig_from_camera,
        )
        self._read_paths.add(c.source.path)
        self._said["calibrations"].add(key)
        self._put(
            "calibrations",
            key,
            {
                "capture_id": self.capture_id,
                "sensor": c.sensor,
                **intrinsics,
                "distortion_model": c.distortion_model,
                "distortion": distortion,
                "rig_from_camera": rig_from_camera,
                **_source_columns(c.source),
            },
        )

    def add_label(self, label: LabelObservation) -> None:
        """Kept until the capture's frames are known: a label may come before its frame."""
        self._labels.append(label)

    def add_annotation(self, annotation: AnnotationObservation) -> None:
        """Kept until the capture's frames are known."""
        self._annotations.append(annotation)

    def add_problem(self, problem: Problem) -> None:
        """Take what could not be read: a quarantine row with its reason and remedy."""
        self._problems.append(problem)
        where = problem.source
        key = content_id(
            "problem",
            self.session,
            self.capture_id,
            where.path,
            where.offset,
            where.inner_offset,
            problem.sensor,
            problem.reason,
        )
        self._problem_ids.add(key)
        self._put(
            "quarantine",
            key,
            {
                "capture_id": self.capture_id,
                "sensor": problem.sensor,
                "reader": problem.reader,
                "reason": problem.reason,
                "remedy": problem.remedy,
                **_source_columns(where),
            },
        )

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
            if appender:
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
        self._read_paths |= silent
        self.flush()
        for name in ("labels", "annotated_frames"):
            self._drop_obsolete_statements(name)
        if self._is_reread or self._replaced_files:
            self._drop_obsolete_readings()
        self.drop_obsolete_problems({f.path for f in self.plan.files})

    def drop_obsolete_problems(self, paths: set[str]) -> None:
        """Delete what the quarantine says of this capture, or of these files when nobody read them, and is past."""
        columns = ["problem_id", "capture_id", "source_path"]
        obsolete = []
        for row in self.catalog.read_latest(
            "quarantine", columns, session_is(self.session)
        ).to_pylist():
            is_mine = (
                row["capture_id"] is not None and row["capture_id"] == self.capture_id
            )
            # each file is read once: by this capture, or by none
            is_of_files = outer_path(row["source_path"]) in paths
            if (is_of_files or is_mine) and row["problem_id"] not in self._problem_ids:
                obsolete.append(row["problem_id"])
        if obsolete:
            self._fenced.delete("quarantine", is_in("problem_id", obsolete))

    def _drop_obsolete_statements(self, name: str) -> None:
        """Delete labels or annotations that their file held before and does not hold now.

        A file of which nothing could be read keeps what it said, except to an older reader, and so does a picture that
        another took the place of. What an earlier plan made of the same files, as another capture, is obsolete too.
        """
        if not self._stored and not (self._stand_ins and self._stand_ins.is_asked):
            return  # a new capture: without frames there were no labels
        where = self._where_mine()
        key = TABLES[name].key
        rows = self.catalog.read_latest(
            name, [key, "frame_id", "source_path"], where
        ).to_pylist()
        said = self._list_answered_files()
        shown = {
            *self._by_path.values(),
            *(i for found in self._by_time.values() for i in found),
        }
        unsaid = [r for r in rows if r[key] not in self._said[name]]
        strangers = self._find_strangers({r["frame_id"] for r in unsaid} - shown)
        gone = [
            r[key]
            for r in unsaid
            if (
                outer_path(r["source_path"]) in said
                and (r["frame_id"] in shown or r["frame_id"] in strangers)
            )
            or strangers.get(r["frame_id"]) is False
        ]
        if gone:
            self._fenced.delete(name, is_in(key, gone))

    def _find_strangers(self, frame_ids: set[str]) -> dict[str, bool]:
        """Of frames those that are none of this plan's pictures: whether they are stored, or gone."""
        is_asked = bool(self._stand_ins and self._stand_ins.is_asked)
        if not frame_ids or (self.plan.is_container and not is_asked):
            return {}
        rows = self.catalog.read_latest(
            "frames",
            ["frame_id", "session", "source_path"],
            is_in("frame_id", sorted(frame_ids)),
        ).to_pylist()
        paths = {f.path for f in self.plan.files}
        mine = {
            row["frame_id"]
            for row in rows
            if row["session"] == self.session
            and self._file_of(row["source_path"]) in paths
        }
        stored = {row["frame_id"] for row in rows}
        return {i: i in stored for i in frame_ids - mine}

    def _is_answered(self, row: dict[str, Any], said: set[str]) -> bool:
        """Whether a row's file was read anew; of what other plans are read by as well, the rows of this one alone."""
        path = outer_path(row["source_path"])
        if path in self._shared_paths:
            return bool(row["capture_id"] == self.capture_id)
        return path in said

    def _file_of(self, path: str) -> str:
        """The file of the plan that a source lies in."""
        return outer_path(path) if self.plan.is_container else path

    def _drop_obsolete_readings(self) -> None:
        """Delete what an older reader made of this capture and this one does not; with a frame what is said of it.

        Of replaced files, what their older version held; frames of loose files are retracted by their bytes.
        """
        said = self._list_answered_files()
        if not self._is_reread:
            said &= self._replaced_files
        where = self._where_mine()
        for name in _IMMUTABLE:
            key = TABLES[name].key
            rows = self.catalog.read_latest(
                name, [key, "capture_id", "source_path"], where
            ).to_pylist()
            gone = [
                r[key]
                for r in rows
                if r[key] not in self._said[name]
                and self._is_answered(r, said)
                and not (name == "frames" and r["source_path"] in self._hashes)
            ]
            if gone and name == "frames":
                for derived in ("labels", "annotated_frames", *OF_FRAMES):
                    if self.catalog.exists(derived):
                        # labels that other files gave to it stand and fall with those
                        mine = is_in("frame_id", gone)
                        if derived not in OF_FRAMES:
                            mine = f"{session_is(self.session)} AND {mine}"
                        self._fenced.delete(derived, mine)
            if gone:
                self._fenced.delete(name, is_in(key, gone))

    def write_capture(self, source_uri: str) -> None:
        """Write the row of the capture itself, with the counts of what the tables hold of it."""
        mine = f"capture_id = {repr_sql(self.capture_id or '')}"
        count = {
            f"num_{noun}": _count(self.catalog, table, mine)
            for noun, table in _COUNTED.items()
        }
        notes = self.plan.notes
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
            **count,
            "start_ns": min(self._times, default=None),
            "end_ns": max(self._times, default=None),
            "code_version": name_capture(self.plan),
            "notes": json.dumps(notes, sort_keys=True) if notes else None,
        }
        self._fenced.upsert("captures", to_table(TABLES["captures"], [row]))

    def failed_files(self) -> dict[str, Problem]:
        """Session path -> first problem, of the files of which nothing could be read."""
        failed = {outer_path(p.source.path): p for p in reversed(self._problems)}
        read = {outer_path(path) for path in self._read_paths}
        return {path: problem for path, problem in failed.items() if path not in read}

    def hash_of(self, path: str) -> str | None:
        """The sha256 of a loose file that is a frame; None for other files."""
        digest = self._hashes.get(path)
        return digest.hex() if digest else None

    def _list_silent_files(self) -> set[str]:
        """The label files that nobody has touched, which say nothing."""
        if self._stand_ins is None:
            return set()
        return self._stand_ins.list_silent(
            self._labels,
            self._annotations,
            lambda said: self._find_frame(said) in self._strange,
        )

    # ---- below -------------------------------------------------------------------------------------------------------

    def _resolve_label(self, label: LabelObservation) -> None:
        frame_id = self._find_frame(label)
        if frame_id is None:
            at = label.frame_path or f"{label.sensor} at {label.t_ns} ns"
            reason = (
                f"label '{label.class_name}' is for a frame that is not there: {at}"
            )
            remedy = "add the image, or take the label out"
            if (
                label.frame_path is None
                and (count := len(self._find_frames(label))) > 1
            ):
                reason = f"label '{label.class_name}' is for one of {count} frames with this stamp: {at}"
                remedy = "record frames with stamps that tell them apart"
            self.add_problem(
                Problem(label.source, self.plan.reader, reason, remedy, label.sensor)
            )
            return
        box = (
            [None] * 4 if label.box_xyxy is None else [float(v) for v in label.box_xyxy]
        )
        label_id = content_id(
            "label",
            frame_id,
            label.task,
            label.class_name,
            box,
            label.track_id,
            label.origin,
            label.source.path,
            label.index,
            *self._name_speaker(frame_id),
        )
        self._said["labels"].add(label_id)
        attributes = json.dumps(label.attributes) if label.attributes else None
        self._read_paths.add(label.source.path)
        self._put(
            "labels",
            label_id,
            {
                "frame_id": frame_id,
                "capture_id": self.capture_id,
                "task": label.task,
                "class_name": label.class_name,
                **dict(zip(("x_min", "y_min", "x_max", "y_max"), box, strict=True)),
                "mask_rle": label.mask_rle,
                "track_id": label.track_id,
                "attributes": attributes,
                "origin": label.origin,
                **_source_columns(label.source),
            },
        )

    def _resolve_annotation(self, annotation: AnnotationObservation) -> None:
        """What is said of a picture that is not there is said by the labels or problems that come with it."""
        where = annotation.source
        frame_id = self._find_frame(annotation)
        self._read_paths.add(where.path)
        if frame_id is None:
            return
        key = content_id(
            "annotation",
            frame_id,
            annotation.task,
            where.path,
            where.offset,
            where.inner_offset,
            annotation.num_labels,
            annotation.num_missing,
            annotation.num_ignored,
            *self._name_speaker(frame_id),
        )
        self._said["annotated_frames"].add(key)
        self._put(
            "annotated_frames",
            key,
            {
                "frame_id": frame_id,
                "capture_id": self.capture_id,
                "task": annotation.task,
                "num_labels": annotation.num_labels,
                "num_missing": annotation.num_missing,
                "num_ignored": annotation.num_ignored,
                **_source_columns(where),
            },
        )

    def _name_speaker(self, frame_id: str) -> tuple[str | None, ...]:
        """What ids of statements hold beside the frame's: that of a frame of this capture says who speaks of it."""
        return (self.capture_id,) if frame_id in self._strange else ()

    def _find_frame(self, said: LabelObservation | AnnotationObservation) -> str | None:
        if said.frame_path is not None:
            return self._by_path.get(said.frame_path)
        ids = self._find_frames(said)
        return ids[0] if len(ids) == 1 else None

    def _find_frames(self, said: LabelObservation | AnnotationObservation) -> list[str]:
        """The frames that sensor and stamp name: colour before depth. More than one is none for certain."""
        found = (
            {}
            if said.t_ns is None
            else self._by_time.get((said.sensor or "", said.t_ns), {})
        )
        return [i for i, kind in found.items() if kind == "color"] or list(found)

    def _list_answered_files(self) -> set[str]:
        """The files whose rows are those of this reading, and no others."""
        return {f.path for f in self.plan.files} - (
            set() if self._is_reread else self.failed_files().keys()
        )

    def _where_mine(self) -> str:
        """The filter for rows that may be of this plan's files: loose ones may have been another capture's."""
        mine = f"capture_id = {repr_sql(self.capture_id or '')}"
        return mine if self.plan.is_container else session_is(self.session)

    def _put(self, name: str, key: str, columns: dict[str, Any]) -> None:
        row = {TABLES[name].key: key, "session": self.session, **columns}
        self._pending.setdefault(name, {})[key] = row

    def _index(
        self,
        frame_id: str,
        path: str,
        sensor: str,
        kind: str,
        t_ns: int | None,
        stamp_ns: int | None = None,
    ) -> None:
        self._by_path[path] = frame_id
        name_ns = stamp_ns if t_ns is None else t_ns
        if name_ns is not None:
            self._by_time.setdefault((sensor, name_ns), {})[frame_id] = kind
        if t_ns is not None:
            self._times.append(t_ns)

    def _make_frame_id(self, frame: FrameObservation, sha256: str) -> str:
        where = frame.source
        return content_id(
            "frame",
            self.capture_id,
            frame.sensor,
            where.path,
            where.offset,
            where.inner_offset,
            sha256,
        )

    def _identify_frame(self, frame: FrameObservation, sha256: str) -> str:
        """What tells a stored frame again: a loose file by its path, whichever reader took it; others by their id."""
        return (
            self._make_frame_id(frame, sha256)
            if self.plan.is_container
            else frame.source.path
        )

    def _load_known_frames(self) -> None:
        """The capture's frames of earlier runs; for loose files those of any reader, newest last."""
        paths = {f.path for f in self.plan.files}
        where = self._where_mine()
        columns = [
            "frame_id",
            "capture_id",
            "source_path",
            "sha256",
            "sequence",
            *_FRAME_FACTS,
        ]
        for row in self.catalog.read_latest("frames", columns, where).to_pylist():
            if self.plan.is_container or row["source_path"] in paths:
                t_ns = None if self._is_reread else row["t_ns"]
                self._index(
                    row["frame_id"],
                    row["source_path"],
                    row["sensor"],
                    row["kind"],
                    t_ns,
                )
                key = row["frame_id"] if self.plan.is_container else row["source_path"]
                facts = (
                    *(row[name] for name in _FRAME_FACTS),
                    *([row["sequence"]] * self._is_reread),
                )
                self._stored[key, row["sha256"]] = _StoredFrame(
                    row["frame_id"], row["capture_id"], facts
                )


def _count(catalog: Catalog, name: str, where: str) -> int:
    return catalog.dataset(name).count_rows(where) if catalog.exists(name) else 0


@dataclass(frozen=True, slots=True)
class _StoredFrame:
    """A frame of an earlier intake, and what its reader said of it."""

    frame_id: str
    capture_id: str
    facts: tuple[object, ...]


def _facts_of(frame: FrameObservation, with_sequence: bool) -> tuple[object, ...]:
    """Files that arrive later number those behind them anew: this alone makes no frame another."""
    facts = tuple(getattr(frame, name) for name in _FRAME_FACTS)
    return (*facts, frame.sequence) if with_sequence else facts


def name_folder(plan: CapturePlan, session: str) -> str:
    """The id of a capture of loose files."""
    return content_id("folder", session, plan.root, plan.reader)


def recount_folders(
    catalog: Catalog, session: str, is_due: Callable[[str], bool]
) -> list[str]:
    """Bring the rows of those of a session's folders up to date that are due, by id. Those without rows go: which.

    They are planned otherwise by now, or a file of theirs is gone: their frames stay, or have gone too.
    """
    rows = catalog.read_latest(
        "captures", where=f"{session_is(session)} AND sha256 IS NULL"
    ).to_pylist()
    changed = []
    empty = []
    for row in rows:
        if not is_due(row["capture_id"]):
            continue
        mine = f"capture_id = {repr_sql(row['capture_id'])}"
        counts = {
            f"num_{noun}": _count(catalog, table, mine)
            for noun, table in _COUNTED.items()
        }
        if not any(counts.values()):
            empty.append(row["capture_id"])
        elif any(row[name] != count for name, count in counts.items()):
            changed.append(row | counts)
    if changed:
        catalog.upsert("captures", to_table(TABLES["captures"], changed))
    if empty:
        catalog.delete("captures", is_in("capture_id", empty))
    return empty


def outer_path(path: str) -> str:
    """The session file that holds a source: 'a.zip' for 'a.zip!/b/c.jpg'."""
    return path.split("!/", 1)[0]


def _source_columns(source: Source) -> dict[str, Any]:
    return {
        "source_path": source.path,
        "source_offset": source.offset,
        "source_length": source.length,
        "source_inner_offset": source.inner_offset,
    }
