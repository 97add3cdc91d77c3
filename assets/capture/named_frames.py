"""The frames of one capture by what labels call them: by the path of a picture, or by sensor and stamp."""

from __future__ import annotations

from dataclasses import dataclass, field

from assets.formats.observations import AnnotationObservation, LabelObservation


@dataclass
class NamedFrames:
    """Frames that are stored, or are read now. `strange` are ids of stored frames that pictures stand for."""

    strange: set[str] = field(default_factory=set)
    _by_path: dict[str, str] = field(default_factory=dict)
    # sensor and stamp -> frame id -> its kind
    _by_time: dict[tuple[str, int], dict[str, str]] = field(default_factory=dict)

    def add(
        self, frame_id: str, path: str, sensor: str, kind: str, stamp_ns: int | None
    ) -> None:
        """Take a frame, with the stamp that labels may name it by."""
        self._by_path[path] = frame_id
        if stamp_ns is not None:
            self._by_time.setdefault((sensor, stamp_ns), {})[frame_id] = kind

    def stand_in(self, path: str, frame_id: str) -> None:
        """Let the picture of that path be a frame that is stored elsewhere."""
        self._by_path[path] = frame_id
        self.strange.add(frame_id)

    def find(self, said: LabelObservation | AnnotationObservation) -> str | None:
        """The one frame that something is said of; None where there is none, or more than one."""
        if said.frame_path is not None:
            return self._by_path.get(said.frame_path)
        ids = self.find_stamped(said)
        return ids[0] if len(ids) == 1 else None

    def find_stamped(self, said: LabelObservation | AnnotationObservation) -> list[str]:
        """The frames that sensor and stamp name: colour before depth. More than one is none for certain."""
        found = (
            {}
            if said.t_ns is None
            else self._by_time.get((said.sensor or "", said.t_ns), {})
        )
        return [i for i, kind in found.items() if kind == "color"] or list(found)

    def list_ids(self) -> set[str]:
        """Of all of them."""
        return {
            *self._by_path.values(),
            *(i for found in self._by_time.values() for i in found),
        }
