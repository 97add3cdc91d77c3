"""What the privacy policy of a session keeps out of the rows of one capture, and how much that is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from assets.formats.observations import Problem, ScanObservation, SignalObservation
from assets.formats.protocol import CapturePlan
from assets.privacy.positions import (
    POSES_NOTE,
    SCANS_NOTE,
    Position,
    hide_fix,
    hide_numbers,
    is_on_earth,
)


@dataclass(frozen=True)
class Hiding:
    """What is told of the observations of a capture. What is not is counted by sensor, for the capture's `notes`."""

    position: Position
    are_scans_held: bool
    _counts: dict[str, Counter[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: CapturePlan | None) -> Hiding:
        """As the policy of the plan's session says; of files that are in no plan nothing is hidden."""
        return cls(plan.position, plan.are_scans_held) if plan else cls("keep", False)

    def tell(self, signal: SignalObservation) -> SignalObservation | None:
        """The signal, or what may be told of it; None for one of which nothing may."""
        if self.position == "keep":
            return signal
        if signal.kind == "gnss":
            return replace(signal, values=hide_fix(signal.values, self.position))
        frames = (signal.frame_of_reference, signal.child_frame)
        if is_on_earth(signal.kind, signal.values, frames):
            self._count(POSES_NOTE, signal.sensor)
            return None
        return signal

    def holds(self, scan: ScanObservation) -> bool:
        """Whether a scan stays out of the tables."""
        if self.are_scans_held:
            self._count(SCANS_NOTE, scan.sensor)
        return self.are_scans_held

    def explain(self, problem: Problem) -> Problem:
        """The problem without the numbers that may be a position."""
        reason = hide_numbers(problem.reason, self.position)
        return problem if reason == problem.reason else replace(problem, reason=reason)

    @property
    def notes(self) -> dict[str, str]:
        """For people: what was kept out, of which sensors."""
        return {
            note: ", ".join(f"{count} of {name}" for name, count in sorted(by.items()))
            for note, by in self._counts.items()
        }

    def _count(self, note: str, sensor: str) -> None:
        self._counts.setdefault(note, Counter())[sensor] += 1
