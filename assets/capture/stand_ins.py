"""Pictures of a label file that are stored frames already, by name or by bytes: they become no frames again.

A picture that is not there is lent (`lending`). One that is there stands for a stored frame when its bytes are the
frame's, or those that the export of frames writes of it. Without an id in its name it stands for frames of recordings
alone: others have files to be labelled by.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from assets.capture.lending import read_frames
from assets.capture.untouched import list_untouched
from assets.formats.layout import name_of
from assets.formats.leftovers import FRAME_LABELLERS
from assets.formats.observations import AnnotationObservation, LabelObservation
from assets.formats.protocol import CapturePlan
from assets.frame_names import list_frame_ids
from assets.frame_pictures import write_picture
from assets.tables.catalog import Catalog, is_in, repr_sql, session_is
from assets.tables.fencing import FencedWriter
from assets.tables.schemas import TABLES
from assets.video_frames import unpack

_BATCH_FRAMES = 32


def is_adrift(
    catalog: Catalog, session: str, capture_id: str, lent: Iterable[str]
) -> bool:
    """Whether what the tables have of a label file's capture is of frames that are gone, or lacks some of `lent` that
    are there by now: it is to be read again."""
    mine = f"{session_is(session)} AND capture_id = {repr_sql(capture_id)}"
    said = {
        frame_id
        for name in ("labels", "annotated_frames")
        for frame_id in catalog.read_latest(name, ["frame_id"], mine)[
            "frame_id"
        ].to_pylist()
    }
    return bool(set(lent) - said or _list_gone(catalog, session, said))


def drop_adrift(
    writer: FencedWriter, catalog: Catalog, session: str, paths: Container[str]
) -> None:
    """Delete what files that nobody reads by now said of frames that are gone."""
    for name in ("labels", "annotated_frames"):
        key = TABLES[name].key
        columns = [key, "frame_id", "capture_id", "source_path"]
        rows = [
            row
            for row in catalog.read_latest(
                name, columns, session_is(session)
            ).to_pylist()
            if row["source_path"] in paths
        ]
        gone = _list_gone(catalog, session, {row["frame_id"] for row in rows})
        if gone:
            adrift = [row[key] for row in rows if row["frame_id"] in gone]
            writer.delete(name, is_in(key, adrift))


def _list_gone(catalog: Catalog, session: str, frame_ids: set[str]) -> set[str]:
    """Which of these frames are not stored. Most are the session's own, and found by one look."""
    if not frame_ids:
        return set()
    mine = catalog.read_latest("frames", ["frame_id"], session_is(session))
    foreign = frame_ids.difference(mine["frame_id"].to_pylist())
    found = {
        r["frame_id"] for r in read_frames(catalog, "frame_id", foreign, ("frame_id",))
    }
    return foreign - found


@dataclass
class StandIns:
    """For the pictures of one plan: the stored frames that they are."""

    catalog: Catalog
    plan: CapturePlan
    lent: Mapping[str, str]  # path of a picture that is not there -> id of its frame
    exported: frozenset[str] = frozenset()  # label files that are as they were written

    def find(self, path: str, sha256: str) -> str | None:
        """The id of the stored frame that a picture with these bytes is; None for a picture of its own."""
        if path in self.lent:
            return self.lent[path]
        if not self.is_asked:
            return None
        for frame_id in list_frame_ids(name_of(path)):
            if self._named.get(frame_id, "") == sha256:
                return frame_id
        for frame_id in list_frame_ids(name_of(path)):
            if frame_id in self._named and self._exported.get(frame_id) == sha256:
                return frame_id
        return self._recorded.get(sha256)

    @property
    def is_asked(self) -> bool:
        """Whether the plan has label files, whose pictures may be stored frames."""
        return not self.plan.is_container and self.plan.reader in FRAME_LABELLERS

    def list_silent(
        self,
        labels: Sequence[LabelObservation],
        annotations: Sequence[AnnotationObservation],
        is_stored: Callable[[AnnotationObservation], bool],
    ) -> set[str]:
        """The label files that nobody has touched, which say nothing; `is_stored`: of a stored frame."""
        return list_untouched(self.plan, labels, annotations, is_stored, self.exported)

    @cached_property
    def _named(self) -> dict[str, str]:
        """Frame id -> sha256, of the stored frames whose id is in a name of the plan's pictures."""
        ids = {i for f in self.plan.files for i in list_frame_ids(name_of(f.path))}
        rows = read_frames(self.catalog, "frame_id", ids, ("frame_id", "sha256"))
        return {row["frame_id"]: row["sha256"] for row in rows}

    @cached_property
    def _exported(self) -> dict[str, str]:
        """Frame id -> sha256 of the picture that the export of frames writes of it."""
        found = {}
        ids = sorted(self._named)
        columns = ("frame_id", "encoding", "payload")
        for start in range(0, len(ids), _BATCH_FRAMES):
            batch = ids[start : start + _BATCH_FRAMES]
            rows = list(read_frames(self.catalog, "frame_id", batch, columns))
            images = unpack(self.catalog, [row["payload"] for row in rows])
            for row, image in zip(rows, images, strict=True):
                with suppress(ValueError):  # depth, or a frame that `verify` names
                    payload, _ = write_picture(row, image, keeps_orientation=False)
                    found[row["frame_id"]] = hashlib.sha256(payload).hexdigest()
        return found

    @cached_property
    def _recorded(self) -> dict[str, str]:
        """sha256 -> frame id of the colour frames of containers; of equal ones the first by id."""
        captures = self.catalog.read_latest(
            "captures", ["capture_id"], "sha256 IS NOT NULL"
        )["capture_id"].to_pylist()
        rows = self.catalog.read_latest(
            "frames",
            ["frame_id", "sha256", "capture_id"],
            "kind = 'color' AND encoding != 'video'",
        )
        rows = rows.filter(
            pc.is_in(rows["capture_id"], pa.array(captures, pa.string()))
        )
        rows = rows.sort_by([("frame_id", "descending")])  # the first is written last
        return dict(
            zip(rows["sha256"].to_pylist(), rows["frame_id"].to_pylist(), strict=True)
        )
