"""What one reading of a capture says; and take back what the tables have of it that is not said any more."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from assets.capture.named_frames import NamedFrames
from assets.formats.observations import Problem, outer_path
from assets.formats.protocol import CapturePlan
from assets.tables.catalog import Catalog, is_in, repr_sql, session_is
from assets.tables.fencing import FencedWriter
from assets.tables.schemas import TABLES

OF_FRAMES = (  # go with their frame
    *("frame_exif", "frame_quality", "frame_embeddings"),
    *("frame_texts", "picture_vectors"),
    *("anonymised_frames", "sealed_frames"),
)
# of a capture: only a newer reader says otherwise
_IMMUTABLE = ("frames", "signals", "scans", "calibrations")
_STATEMENTS = ("labels", "annotated_frames")


@dataclass
class Said:
    """What one reading of a capture says: the keys of its rows by table, and of which files."""

    keys: dict[str, set[str]] = field(
        default_factory=lambda: {
            name: set() for name in (*_IMMUTABLE, *_STATEMENTS, "quarantine")
        }
    )
    paths: set[str] = field(default_factory=set)  # something was read of them
    hashes: dict[str, bytes] = field(default_factory=dict)  # of loose files: frames
    problems: list[Problem] = field(default_factory=list)

    def failed_files(self) -> dict[str, Problem]:
        """Session path -> first problem, of the files of which nothing could be read."""
        failed = {outer_path(p.source.path): p for p in reversed(self.problems)}
        read = {outer_path(path) for path in self.paths}
        return {path: problem for path, problem in failed.items() if path not in read}


def drop_obsolete_problems(
    catalog: Catalog,
    writer: FencedWriter,
    session: str,
    capture_id: str | None,
    paths: Collection[str],
    said: Said,
) -> None:
    """Delete what the quarantine says of a capture, or of these files when nobody read them, and is past."""
    columns = ["problem_id", "capture_id", "source_path"]
    obsolete = []
    for row in catalog.read_latest(
        "quarantine", columns, session_is(session)
    ).to_pylist():
        is_mine = row["capture_id"] is not None and row["capture_id"] == capture_id
        # each file is read once: by this capture, or by none
        is_of_files = outer_path(row["source_path"]) in paths
        is_said = row["problem_id"] in said.keys["quarantine"]
        if (is_of_files or is_mine) and not is_said:
            obsolete.append(row["problem_id"])
    if obsolete:
        writer.delete("quarantine", is_in("problem_id", obsolete))


def where_mine(plan: CapturePlan, session: str, capture_id: str | None) -> str:
    """The filter for rows that may be of a plan's files: loose ones may have been another capture's."""
    if plan.is_container:
        return f"capture_id = {repr_sql(capture_id or '')}"
    return session_is(session)


@dataclass(frozen=True)
class Obsolete:
    """The rows that earlier intakes made of one plan's files, and what this reading says.

    `is_reread`: an older reader made them. `replaced` are files of which a new version was read. `is_asked`: pictures
    of the plan may be frames that are stored elsewhere.
    """

    catalog: Catalog
    writer: FencedWriter
    session: str
    capture_id: str | None
    plan: CapturePlan
    said: Said
    names: NamedFrames
    is_reread: bool
    replaced: Collection[str]
    is_asked: bool

    def drop_statements(self, name: str) -> None:
        """Delete labels or annotations that their file held before and does not hold now.

        A file of which nothing could be read keeps what it said, except to an older reader, and so does a picture that
        another took the place of. What an earlier plan made of the same files, as another capture, is obsolete too.
        """
        key = TABLES[name].key
        columns = [key, "frame_id", "source_path"]
        rows = self.catalog.read_latest(name, columns, self._where).to_pylist()
        answered = self._list_answered_files()
        shown = self.names.list_ids()
        unsaid = [r for r in rows if r[key] not in self.said.keys[name]]
        strangers = self._find_strangers({r["frame_id"] for r in unsaid} - shown)
        gone = [
            r[key]
            for r in unsaid
            if (
                outer_path(r["source_path"]) in answered
                and (r["frame_id"] in shown or r["frame_id"] in strangers)
            )
            or strangers.get(r["frame_id"]) is False
        ]
        if gone:
            self.writer.delete(name, is_in(key, gone))

    def drop_readings(self) -> None:
        """Delete what an older reader made of this capture and this one does not; with a frame what is said of it.

        Of replaced files, what their older version held; frames of loose files are retracted by their bytes.
        """
        answered = self._list_answered_files()
        if not self.is_reread:
            answered &= set(self.replaced)
        for name in _IMMUTABLE:
            key = TABLES[name].key
            rows = self.catalog.read_latest(
                name, [key, "capture_id", "source_path"], self._where
            ).to_pylist()
            gone = [
                r[key]
                for r in rows
                if r[key] not in self.said.keys[name]
                and self._is_answered(r, answered)
                and not (name == "frames" and r["source_path"] in self.said.hashes)
            ]
            if gone and name == "frames":
                self._drop_said_of(gone)
            if gone:
                self.writer.delete(name, is_in(key, gone))

    def _drop_said_of(self, frame_ids: list[str]) -> None:
        """Delete what is said of frames and measured on them."""
        for derived in (*_STATEMENTS, *OF_FRAMES):
            if self.catalog.exists(derived):
                # labels that other files gave to it stand and fall with those
                mine = is_in("frame_id", frame_ids)
                if derived not in OF_FRAMES:
                    mine = f"{session_is(self.session)} AND {mine}"
                self.writer.delete(derived, mine)

    @property
    def _where(self) -> str:
        return where_mine(self.plan, self.session, self.capture_id)

    def _find_strangers(self, frame_ids: set[str]) -> dict[str, bool]:
        """Of frames those that are none of this plan's pictures: whether they are stored, or gone."""
        if not frame_ids or (self.plan.is_container and not self.is_asked):
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

    def _is_answered(self, row: Mapping[str, Any], answered: set[str]) -> bool:
        """Whether a row's file was read anew; of what other plans are read by as well, the rows of this one alone."""
        path = outer_path(row["source_path"])
        if path in self._shared:
            return bool(row["capture_id"] == self.capture_id)
        return path in answered

    @cached_property
    def _shared(self) -> set[str]:
        """Files that other plans are read by as well."""
        return {f.path for f in self.plan.beside}

    def _file_of(self, path: str) -> str:
        """The file of the plan that a source lies in."""
        return outer_path(path) if self.plan.is_container else path

    def _list_answered_files(self) -> set[str]:
        """The files whose rows are those of this reading, and no others."""
        return {f.path for f in self.plan.files} - (
            set() if self.is_reread else self.said.failed_files().keys()
        )
