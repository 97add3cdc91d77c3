"""An object in space as it is held between its fit and its rows: one box, or of one that moves one a moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assets.tracking.object_sights import Sight
from models.geometry.boxes3d import Box3D, BoxView

Row = dict[str, Any]


@dataclass(frozen=True)
class Moment:
    """A box, and its row."""

    row: Row
    box: Box3D


@dataclass(frozen=True)
class PlacedObject:
    """An object with its box, or the reason in its row why it has none, and what it rests on."""

    row: Row
    box: Box3D | None
    used: frozenset[str]  # frames that it rests on
    sights: Mapping[str, Sight]  # by frame
    views: Mapping[str, BoxView]
    moments: Mapping[int, Moment] = field(default_factory=dict)  # of one that moves

    def list_rows(self) -> list[Row]:
        """One, or of one that moves one a moment."""
        return [m.row for m in self.moments.values()] or [self.row]

    def find_at(self, t_ns: int | None) -> Moment | None:
        """Where it is at the time of a frame; None where that is not known."""
        if self.moments:
            return None if t_ns is None else self.moments.get(t_ns)
        if self.box is None or self.row["t_ns"] not in (None, t_ns):
            return None
        return Moment(self.row, self.box)
