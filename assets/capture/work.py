"""One intake of one session under way: what lies there, what is known of it, and what of it is to be taken in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from assets.capture.folders import name_folder
from assets.capture.lending import Lent
from assets.capture.members import Members
from assets.capture.outcomes import Known
from assets.capture.shared_recordings import SharedRecordings
from assets.capture.stand_ins import StandIns
from assets.capture.untouched import find_exported
from assets.capture.versions import name_capture
from assets.formats.protocol import CapturePlan
from assets.sandbox.guard import ImageGuard
from assets.storage import Folder, SessionFile
from assets.tables.catalog import Catalog


@dataclass(frozen=True)
class Work:
    """One intake of one session under way."""

    source: Folder
    session: str
    fresh: set[str]  # paths of files to take in
    known: Known
    versions: Mapping[str, str]  # capture id -> the code version that made its rows
    guard: ImageGuard
    lent: Lent
    files: Sequence[SessionFile]  # of the session
    shared: SharedRecordings
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
