"""The frames that earlier intakes have stored of a capture's files, and what their reader said of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from assets.capture.observed import name_frame
from assets.formats.observations import FrameObservation
from assets.formats.protocol import CapturePlan
from assets.tables.catalog import Catalog

# that a reader says, beside the bytes
_FACTS = ("sensor", "kind", "t_ns", "split_hint", "depth_m_per_unit")


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """A frame of an earlier intake, and what its reader said of it."""

    frame_id: str
    capture_id: str
    facts: tuple[object, ...]
    is_sealed: bool = False


@dataclass
class KnownFrames:
    """Those of one plan. With `is_reread` an older reader stored them: a frame's sequence counts, too.

    A sealed frame is known by the bytes that it came with. Under a privacy policy a frame that is stored and not
    sealed is another one than it is to be.
    """

    plan: CapturePlan
    is_reread: bool
    _stored: dict[tuple[str, str], StoredFrame] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._stored)

    def load(self, catalog: Catalog, where: str) -> Iterator[dict[str, Any]]:
        """Take the capture's rows as they are read; for loose files those of any reader, newest last."""
        paths = {f.path for f in self.plan.files}
        originals = self._read_originals(catalog, where)
        columns = [
            "frame_id",
            "capture_id",
            "source_path",
            "sha256",
            "sequence",
            *_FACTS,
        ]
        for row in catalog.read_latest("frames", columns, where).to_pylist():
            if self.plan.is_container or row["source_path"] in paths:
                name = row["frame_id" if self.plan.is_container else "source_path"]
                facts = (
                    *(row[column] for column in _FACTS),
                    *([row["sequence"]] * self.is_reread),
                )
                original = originals.get(row["frame_id"])
                self._stored[name, original or row["sha256"]] = StoredFrame(
                    row["frame_id"], row["capture_id"], facts, original is not None
                )
                yield row

    def find(
        self, frame: FrameObservation, capture_id: str | None, sha256: str
    ) -> StoredFrame | None:
        """The stored frame with these bytes: a loose file by its path, whichever reader took it; others by their id."""
        name = (
            name_frame(frame, capture_id, sha256)
            if self.plan.is_container
            else frame.source.path
        )
        return self._stored.get((name, sha256))

    def is_the_same(self, stored: StoredFrame, frame: FrameObservation) -> bool:
        """Whether a reader says of a frame what was said before.

        Files that arrive later number those behind them anew: this alone makes no frame another.
        """
        facts = tuple(getattr(frame, name) for name in _FACTS)
        is_open = self.plan.is_sealed and not stored.is_sealed
        return not is_open and stored.facts == (
            *facts,
            *([frame.sequence] * self.is_reread),
        )

    def _read_originals(self, catalog: Catalog, where: str) -> dict[str, str]:
        """Frame id -> sha256 of the bytes that came, of those that are sealed."""
        if not self.plan.is_sealed:
            return {}
        columns = ["frame_id", "original_sha256"]
        rows = catalog.read_latest("sealed_frames", columns, where)
        return dict(zip(*rows.to_pydict().values(), strict=True))
