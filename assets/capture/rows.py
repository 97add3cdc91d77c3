"""Turn the observations of one capture into table rows, and write them batch by batch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from assets.capture.exif import exif_row, read_exif
from assets.capture.guard import ImageFacts
from assets.capture.observations import (
    CalibrationObservation,
    CapturePlan,
    FrameObservation,
    LabelObservation,
    Problem,
    SignalObservation,
    Source,
)
from assets.tables.appending import Appender
from assets.tables.catalog import Catalog, is_in, repr_sql, session_is
from assets.tables.fencing import FencedWriter
from assets.tables.schemas import TABLES, content_id, to_table
from models import image_quality

CODE_VERSION = "1"  # of readers and row building; part of no id


class CaptureRows:
    """The rows of one capture under way; with no plan, only problems of loose files.

    `fence` raises when another worker has the capture by now; it is asked before each write of frames.
    """

    def __init__(
        self, catalog: Catalog, session: str, capture_id: str | None, plan: CapturePlan | None, sha256: str | None,
        fence: Callable[[], object] = lambda: None,
    ) -> None:  # fmt: skip
        self.catalog, self.session, self.capture_id, self.sha256 = catalog, session, capture_id, sha256
        self._plan = plan
        self._pending: dict[str, dict[str, dict[str, Any]]] = {}
        self._labels: list[LabelObservation] = []
        self._problems: list[Problem] = []
        self._problem_ids: set[str] = set()
        self._label_ids: set[str] = set()
        self._read_paths: set[str] = set()
        self._hashes: dict[str, bytes] = {}  # of the loose files that are frames
        self._stored: set[tuple[str, str]] = set()
        self._by_path: dict[str, str] = {}
        self._by_time: dict[tuple[str, int], str] = {}
        self._times: list[int] = []
        self._appenders: dict[str, Appender] = {}
        self._fenced = FencedWriter(catalog, fence)
        self.num_pending_bytes = 0  # of payloads that `flush` will write
        if capture_id:
            self._load_known_frames()
            where = {"frames": f"capture_id = {repr_sql(capture_id)}", "frame_quality": session_is(session)}
            self._appenders = {name: Appender(catalog, name, mine, fence) for name, mine in where.items()}

    @property
    def plan(self) -> CapturePlan:
        assert self._plan is not None
        return self._plan

    # ---- adding ------------------------------------------------------------------------------------------------------

    def recall_frame(self, frame: FrameObservation) -> str | None:
        """The sha256 of a new frame's bytes; None for a frame that is stored: nothing is decoded or written again."""
        path, digest = frame.source.path, hashlib.sha256(frame.payload)
        sha256 = digest.hexdigest()
        if not self.plan.is_container:
            self._hashes[path] = digest.digest()
        if (self._identify_frame(frame, sha256), sha256) not in self._stored:
            return sha256
        self._read_paths.add(path)
        return None

    def add_frame(self, frame: FrameObservation, sha256: str, facts: ImageFacts) -> None:
        where = frame.source
        frame_id = self._make_frame_id(frame, sha256)
        self._index(frame_id, where.path, frame.sensor, frame.t_ns)
        self._read_paths.add(where.path)
        self._put("frames", frame_id, {
            "capture_id": self.capture_id, "sensor": frame.sensor, "kind": frame.kind, "t_ns": frame.t_ns,
            "sequence": frame.sequence, "width_px": facts.width_px, "height_px": facts.height_px,
            "encoding": facts.encoding, "depth_m_per_unit": frame.depth_m_per_unit, "payload": frame.payload,
            "sha256": sha256, "split_hint": frame.split_hint, **_source_columns(where),
        })  # fmt: skip
        self.num_pending_bytes += len(frame.payload)
        if exif := read_exif(frame.payload):
            self._put("frame_exif", frame_id, exif_row(frame_id, self.session, exif))
        if frame.kind == "color" and facts.quality is not None:
            made = {"input_sha256": sha256, "code_version": image_quality.CODE_VERSION}
            self._put("frame_quality", frame_id, {**facts.quality, **made})

    def add_signal(self, signal: SignalObservation) -> None:
        values = [float(v) for v in signal.values]
        where = signal.source
        signal_id = content_id("signal", self.capture_id, signal.sensor, signal.t_ns, where.path, where.offset,
                               where.inner_offset, signal.child_frame, values)  # fmt: skip
        if signal.t_ns is not None:
            self._times.append(signal.t_ns)
        self._read_paths.add(where.path)
        self._put("signals", signal_id, {
            "capture_id": self.capture_id, "sensor": signal.sensor, "kind": signal.kind, "t_ns": signal.t_ns,
            "sequence": signal.sequence, "values": values, "frame_of_reference": signal.frame_of_reference,
            "child_frame": signal.child_frame, **_source_columns(where),
        })  # fmt: skip

    def add_calibration(self, c: CalibrationObservation) -> None:
        intrinsics = {"width_px": c.width_px, "height_px": c.height_px, "fx_px": c.fx_px, "fy_px": c.fy_px,
                      "cx_px": c.cx_px, "cy_px": c.cy_px}  # fmt: skip
        rig_from_camera = None if c.rig_from_camera is None else [float(v) for v in c.rig_from_camera]
        distortion = [float(v) for v in c.distortion]
        key = content_id("calibration", self.capture_id, c.sensor, *intrinsics.values(), distortion, rig_from_camera)
        self._read_paths.add(c.source.path)
        self._put("calibrations", key, {
            "capture_id": self.capture_id, "sensor": c.sensor, **intrinsics, "distortion_model": c.distortion_model,
            "distortion": distortion, "rig_from_camera": rig_from_camera, **_source_columns(c.source),
        })  # fmt: skip

    def add_label(self, label: LabelObservation) -> None:
        """Kept until the capture's frames are known: a label may come before its frame."""
        self._labels.append(label)

    def add_problem(self, problem: Problem) -> None:
        self._problems.append(problem)
        where = problem.source
        key = content_id("problem", self.session, self.capture_id, where.path, where.offset, where.inner_offset,
                         problem.sensor, problem.reason)  # fmt: skip
        self._problem_ids.add(key)
        self._put("quarantine", key, {
            "capture_id": self.capture_id, "sensor": problem.sensor, "reader": problem.reader,
            "reason": problem.reason, "remedy": problem.remedy, **_source_columns(where),
        })  # fmt: skip

    # ---- writing -----------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what was added into the tables; frames behind their figures, since a frame that is there is done."""
        for name in ("frame_quality", "frame_exif", "frames", "signals", "calibrations", "labels", "quarantine"):
            if rows := self._pending.pop(name, None):
                table = to_table(TABLES[name], list(rows.values()))
                if appender := self._appenders.get(name):
                    appender.append(table)
                else:
                    self.catalog.merge(name, table)
        self.num_pending_bytes = 0

    @property
    def num_pending(self) -> int:
        """How many rows `flush` will write."""
        return sum(map(len, self._pending.values()))

    def finish(self) -> None:
        """Write the labels, now that every frame is known, and take back labels and problems that are none any more."""
        for label in self._labels:
            self._resolve_label(label)
        self.flush()
        self._drop_obsolete_labels()
        self.drop_obsolete_problems({f.path for f in self.plan.files})

    def drop_obsolete_problems(self, paths: set[str]) -> None:
        """Delete what the quarantine says of this capture, or of these files when nobody read them, and is past."""
        columns = ["problem_id", "capture_id", "source_path"]
        obsolete = []
        for row in self.catalog.read_latest("quarantine", columns, session_is(self.session)).to_pylist():
            is_loose = row["capture_id"] is None and outer_path(row["source_path"]) in paths
            is_mine = row["capture_id"] is not None and row["capture_id"] == self.capture_id
            if (is_loose or is_mine) and row["problem_id"] not in self._problem_ids:
                obsolete.append(row["problem_id"])
        if obsolete:
            self._fenced.delete("quarantine", is_in("problem_id", obsolete))

    def _drop_obsolete_labels(self) -> None:
        """Delete labels that their file held before and does not hold now.

        A file with a problem keeps what it said, and so does a picture that another took the place of.
        """
        if not self._stored:
            return  # a new capture: without frames there were no labels
        unsure = {outer_path(problem.source.path) for problem in self._problems}
        mine = f"capture_id = {repr_sql(self.capture_id or '')}"
        rows = self.catalog.read_latest("labels", ["label_id", "frame_id", "source_path"], mine).to_pylist()
        said = {f.path for f in self.plan.files} - unsure
        shown = {*self._by_path.values(), *self._by_time.values()}
        gone = [r["label_id"] for r in rows if r["label_id"] not in self._label_ids and r["frame_id"] in shown
                and outer_path(r["source_path"]) in said]  # fmt: skip
        if gone:
            self._fenced.delete("labels", is_in("label_id", gone))

    def write_capture(self, source_uri: str) -> None:
        """Write the row of the capture itself, with the counts of what the tables hold of it."""
        mine = f"capture_id = {repr_sql(self.capture_id or '')}"
        count = {name: self._count(name, mine) for name in ("frames", "signals", "labels", "quarantine")}
        notes = self.plan.notes
        row: dict[str, object] = {
            "capture_id": self.capture_id, "session": self.session, "path": self.plan.root, "source_uri": source_uri,
            "reader": self.plan.reader, "sha256": self.sha256,
            "size_bytes": sum(f.size_bytes for f in self.plan.files), "num_frames": count["frames"],
            "num_signals": count["signals"], "num_labels": count["labels"], "num_problems": count["quarantine"],
            "start_ns": min(self._times, default=None), "end_ns": max(self._times, default=None),
            "code_version": CODE_VERSION, "notes": json.dumps(notes, sort_keys=True) if notes else None,
        }  # fmt: skip
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

    # ---- below -------------------------------------------------------------------------------------------------------

    def _resolve_label(self, label: LabelObservation) -> None:
        frame_id = (
            self._by_path.get(label.frame_path)
            if label.frame_path is not None
            else self._by_time.get((label.sensor or "", label.t_ns if label.t_ns is not None else -1))
        )
        if frame_id is None:
            at = label.frame_path or f"{label.sensor} at {label.t_ns} ns"
            reason = f"label '{label.class_name}' is for a frame that is not there: {at}"
            remedy = "add the image, or take the label out"
            self.add_problem(Problem(label.source, self.plan.reader, reason, remedy, label.sensor))
            return
        box = [None] * 4 if label.box_xyxy is None else [float(v) for v in label.box_xyxy]
        label_id = content_id("label", frame_id, label.task, label.class_name, box, label.track_id, label.origin,
                              label.source.path, label.index)  # fmt: skip
        self._label_ids.add(label_id)
        attributes = json.dumps(label.attributes) if label.attributes else None
        self._read_paths.add(label.source.path)
        self._put("labels", label_id, {
            "frame_id": frame_id, "capture_id": self.capture_id, "task": label.task, "class_name": label.class_name,
            **dict(zip(("x_min", "y_min", "x_max", "y_max"), box, strict=True)), "mask_rle": label.mask_rle,
            "track_id": label.track_id, "attributes": attributes, "origin": label.origin,
            **_source_columns(label.source),
        })  # fmt: skip

    def _put(self, name: str, key: str, columns: dict[str, Any]) -> None:
        row = {TABLES[name].key: key, "session": self.session, **columns}
        self._pending.setdefault(name, {})[key] = row

    def _index(self, frame_id: str, path: str, sensor: str, t_ns: int | None) -> None:
        self._by_path[path] = frame_id
        if t_ns is not None:
            self._by_time.setdefault((sensor, t_ns), frame_id)
            self._times.append(t_ns)

    def _make_frame_id(self, frame: FrameObservation, sha256: str) -> str:
        where = frame.source
        return content_id("frame", self.capture_id, frame.sensor, where.path, where.offset, where.inner_offset, sha256)

    def _identify_frame(self, frame: FrameObservation, sha256: str) -> str:
        """What tells a stored frame again: a loose file by its path, whichever reader took it; others by their id."""
        return self._make_frame_id(frame, sha256) if self.plan.is_container else frame.source.path

    def _load_known_frames(self) -> None:
        """The capture's frames of earlier runs; for loose files those of any reader, newest last."""
        paths = {f.path for f in self.plan.files}
        mine = f"capture_id = {repr_sql(self.capture_id or '')}"
        where = mine if self.plan.is_container else session_is(self.session)
        columns = ["frame_id", "source_path", "sensor", "t_ns", "sha256"]
        for row in self.catalog.read_latest("frames", columns, where).to_pylist():
            if self.plan.is_container or row["source_path"] in paths:
                self._index(row["frame_id"], row["source_path"], row["sensor"], row["t_ns"])
                key = row["frame_id"] if self.plan.is_container else row["source_path"]
                self._stored.add((key, row["sha256"]))

    def _count(self, name: str, where: str) -> int:
        return self.catalog.dataset(name).count_rows(where) if self.catalog.exists(name) else 0


def outer_path(path: str) -> str:
    """The session file that holds a source: 'a.zip' for 'a.zip!/b/c.jpg'."""
    return path.split("!/", 1)[0]


def _source_columns(source: Source) -> dict[str, Any]:
    return {
        "source_path": source.path, "source_offset": source.offset, "source_length": source.length,
        "source_inner_offset": source.inner_offset,
    }  # fmt: skip
