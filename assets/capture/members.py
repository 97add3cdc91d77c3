"""A home as an archive sees it: labels inside find stored frames as if they were unpacked, and videos stay videos."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from assets.capture.lending import (
    ABSENT,
    UNCLAIMED,
    Lent,
    find_frames,
    lend_pictures,
    plan_lending,
    tell_stored_frames,
)
from assets.capture.stand_ins import StandIns, is_adrift
from assets.capture.untouched import find_exported
from assets.formats.observations import AnnotationObservation, LabelObservation
from assets.formats.protocol import CapturePlan, Opener, Reader, Shares
from assets.frame_names import list_frame_ids
from assets.privacy.recordings import SealedRecordings
from assets.storage import BlobStore, SessionFile
from assets.tables.catalog import Catalog, repr_sql

_NAMED = re.compile(rf"{re.escape(ABSENT)} (?:'([^']+)'|\"([^\"]+)\")")


@dataclass
class Members:
    """What one archive's members find in the home, and which of its pictures are stored frames (as `StandIns`)."""

    catalog: Catalog
    plan: CapturePlan  # of the archive
    store: BlobStore | SealedRecordings  # of members that are kept
    _lent: Lent = field(default_factory=Lent)
    _parts: list[StandIns] = field(default_factory=list)
    _by_path: dict[str, StandIns] = field(default_factory=dict)

    # ---- as `formats.home.Home` --------------------------------------------------------------------------------------

    def share_out(
        self, members: Sequence[SessionFile], opener: Opener, readers: Sequence[Reader]
    ) -> Shares:
        """The plans of the members, each with the stored frames that its labels name."""
        self._lent = lend_pictures(self.catalog, members, opener)
        open_file = self._lent.open_beside(opener)
        plans, leftovers = plan_lending(members, opener, self._lent, readers)
        plans = [replace(p, is_looked_at=self.plan.is_looked_at) for p in plans]
        self._parts = [
            StandIns(
                self.catalog,
                replace(plan, notes=self.plan.notes),
                self._lent.frame_ids,
                find_exported(members, plan, open_file),
            )
            for plan in plans
        ]
        self._by_path = {f.path: part for part in self._parts for f in part.plan.files}
        return Shares(plans, leftovers, open_file)

    def tell(self, plan: CapturePlan) -> str:
        """Of how many stored frames the labels of such a plan will be; "" where of none."""
        return tell_stored_frames(self.catalog, plan, self._lent)

    def keep(self, stream: BinaryIO) -> str:
        """Store the bytes of a member, and give their sha256."""
        return self.store.put(stream)

    def open(self, sha256: str) -> BinaryIO:
        """What was kept."""
        return self.store.open(sha256)

    # ---- as `StandIns` -----------------------------------------------------------------------------------------------

    @property
    def lent(self) -> Mapping[str, str]:
        """Path of a picture that is not there -> id of its frame."""
        return self._lent.frame_ids

    @property
    def is_asked(self) -> bool:
        """Whether any part has label files, whose pictures may be stored frames."""
        return any(part.is_asked for part in self._parts)

    def find(self, path: str, sha256: str) -> str | None:
        """The id of the stored frame that a picture with these bytes is; None for a picture of its own."""
        part = self._by_path.get(path)
        return part.find(path, sha256) if part else None

    def list_silent(
        self,
        labels: Sequence[LabelObservation],
        annotations: Sequence[AnnotationObservation],
        is_stored: Callable[[AnnotationObservation], bool],
    ) -> set[str]:
        """The label files among the members that nobody has touched."""
        silent = set[str]()
        for part in self._parts:
            if not part.is_asked:
                continue
            paths = {f.path for f in part.plan.files}
            silent |= part.list_silent(
                [label for label in labels if label.source.path in paths],
                [said for said in annotations if said.source.path in paths],
                is_stored,
            )
        return silent


def is_archive_adrift(catalog: Catalog, session: str, capture_id: str) -> bool:
    """Whether labels in an archive are of frames that are gone, or waited for frames that are there by now."""
    if is_adrift(catalog, session, capture_id, ()):
        return True
    rows = catalog.read_latest(
        "quarantine", ["reason"], f"capture_id = {repr_sql(capture_id)}"
    )
    return bool(find_frames(catalog, _list_waited_for(rows["reason"].to_pylist())))


def _list_waited_for(reasons: Sequence[str]) -> set[str]:
    """What pictures are called that were not there, by what the quarantine says."""
    names = set[str]()
    for reason in reasons:
        if ABSENT in reason or UNCLAIMED in reason:
            names.update(f"{i}.png" for i in list_frame_ids(reason))
            names.update(single or double for single, double in _NAMED.findall(reason))
    return names
