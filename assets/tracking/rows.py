"""Rows of `tracks`: what a tracker makes of a recording, under ids that come from what it is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.tables.rows import FrameRow, TrackRow
from assets.tables.schemas import content_id
from assets.tracking.recordings import Recording, Sighted
from models.tracking.names import TRACKER_NAMES
from models.tracking.offline import OfflineConfig, track_offline
from models.tracking.online import (
    ByteConfig,
    SortConfig,
    track_byte,
    track_sort,
)
from models.tracking.sightings import Sightings, Tracks
from models.tracking.steady import Chart, draw_chart, steady

Look = Callable[[Sequence[FrameRow], NDArray[np.float64]], NDArray[np.float64]]
_DOUBTED = (
    0.5  # of the score from which on boxes count: below it they may go on with a track
)
_NEW = 0.1  # above it they begin one in ByteTrack


@dataclass(frozen=True)
class Method:
    """How boxes are joined: by which tracker, from which score on a box counts, and whether looks count too.

    Raises ValueError for a tracker that there is not, and for a score outside of [0, 1].
    """

    tracker: str = TRACKER_NAMES[0]
    min_score: float = 0.6
    uses_looks: bool = False

    def __post_init__(self) -> None:
        if self.tracker not in TRACKER_NAMES:
            raise ValueError(
                f"there is no tracker {self.tracker!r}: choose one of {', '.join(TRACKER_NAMES)}"
            )
        if not 0 <= self.min_score <= 1:
            raise ValueError(
                f"boxes cannot count from a score of {self.min_score} on: give one between 0 and 1"
            )
        if self.uses_looks and self.tracker != "offline":
            raise ValueError(
                f"{self.tracker} goes by overlap alone: looks count in the tracker offline"
            )

    @property
    def least_score(self) -> float:
        """Boxes below it are not looked at."""
        return self.min_score * (1.0 if self.tracker == "sort" else _DOUBTED)

    def track(self, sightings: Sightings) -> Tracks:
        """The tracks of boxes at `least_score` and above."""
        if self.tracker == "sort":
            return track_sort(sightings, SortConfig())
        if self.tracker == "bytetrack":
            new = min(self.min_score + _NEW, 1.0)
            config = ByteConfig(high=self.min_score, low=self.least_score, new=new)
            return track_byte(sightings, config)
        sure = OfflineConfig(sure=self.min_score, min_score=self.least_score)
        return track_offline(sightings, sure)


@dataclass(frozen=True)
class Followed:
    """The rows of one recording, and whether turns of its camera were taken out: one of `STEADINESS`."""

    rows: list[TrackRow]
    steadiness: str


def track_recording(
    recording: Recording,
    model_sha256: str,
    method: Method,
    look: Look | None = None,
    code_version: str = "",
) -> Followed:
    """The rows of one recording, class by class: where a track has a box, and the frame was recorded.

    A track's id names the box that it begins with: frames that come later change none. `look` gives the vectors of
    boxes, one frame each; it is asked where looks count. Turns of the camera are taken out where they are known and
    boxes follow each other better so.
    """
    chart = None if recording.turns is None else draw_chart(recording.turns)
    steadiness = "unknown" if chart is None else "no_gain"
    frame_of = dict(zip(recording.numbers.tolist(), recording.frames, strict=True))
    shared = {
        "model_sha256": model_sha256,
        "tracker": method.tracker,
        "uses_looks": method.uses_looks,
        "input_sha256": recording.input_sha256,
        "code_version": code_version,
    }
    rows: list[TrackRow] = []
    for class_name in recording.list_classes():
        sighted = recording.sight(class_name, method.least_score)
        sightings = sighted.sightings
        if method.uses_looks and look is not None and len(sightings):
            frames = [frame_of[number] for number in sightings.frames.tolist()]
            vectors = look(frames, sightings.boxes_xyxy)
            sightings = replace(sightings, vectors=vectors)
        steadied = None if chart is None else steady(sightings, chart)
        if chart is None or steadied is None:
            tracks = method.track(sightings)
        else:
            tracks = _bring_back(method.track(steadied), chart)
            steadiness = "steadied"
        of_class = {**shared, "class_name": class_name}
        rows += _list_rows(tracks, sighted, frame_of, of_class)
    return Followed(rows, steadiness)


def _bring_back(tracks: Tracks, chart: Chart) -> Tracks:
    """Boxes of the chart in the pictures that there are."""
    (places,) = np.nonzero(np.isin(tracks.frames, chart.turns.frames))
    frames = tracks.frames[places]
    return Tracks(
        frames,
        tracks.numbers[places],
        chart.unflatten(frames, tracks.boxes_xyxy[places]),
        tracks.scores[places],
        tracks.sources[places],
    )


def _list_rows(
    tracks: Tracks,
    sighted: Sighted,
    frame_of: dict[int, FrameRow],
    shared: dict[str, Any],
) -> list[TrackRow]:
    ids = _name_tracks(tracks, sighted, shared)
    rows: list[TrackRow] = []
    for place, number in enumerate(tracks.frames.tolist()):
        frame = frame_of.get(number)
        box = None if frame is None else _clip(tracks.boxes_xyxy[place], frame)
        if frame is None or box is None:
            continue  # not recorded, or out of the picture by then
        track_id = ids[int(tracks.numbers[place])]
        source = int(tracks.sources[place])
        prediction_id, box_number = (
            (None, None) if source < 0 else sighted.origins[source]
        )
        row: Any = {
            "track_box_id": content_id(track_id, frame["frame_id"]),
            "track_id": track_id,
            "frame_id": frame["frame_id"],
            "capture_id": frame["capture_id"],
            "session": frame["session"],
            "sensor": frame["sensor"],
            "frame_number": number,
            **dict(zip(("x_min", "y_min", "x_max", "y_max"), box, strict=True)),
            "score": float(tracks.scores[place]),
            "is_filled": source < 0,
            "prediction_id": prediction_id,
            "box_number": box_number,
            **shared,
        }
        rows.append(row)
    return rows


def _name_tracks(
    tracks: Tracks, sighted: Sighted, shared: dict[str, Any]
) -> dict[int, str]:
    """Number of a track -> its id, from the box that it begins with."""
    names: dict[int, str] = {}
    for number, source in zip(
        tracks.numbers.tolist(), tracks.sources.tolist(), strict=True
    ):
        if source >= 0 and number not in names:
            prediction_id, box_number = sighted.origins[source]
            how = (shared["tracker"], shared["uses_looks"])
            names[number] = content_id("track", *how, prediction_id, box_number)
    return names


def _clip(
    box_xyxy: NDArray[np.float64], frame: FrameRow
) -> tuple[float, float, float, float] | None:
    """What of the box lies in the picture; None where nothing does, or the camera does not see its middle (NaN)."""
    x_min, y_min, x_max, y_max = box_xyxy.tolist()
    left, top = max(x_min, 0.0), max(y_min, 0.0)
    right = min(x_max, float(frame["width_px"]))
    bottom = min(y_max, float(frame["height_px"]))
    return (left, top, right, bottom) if right > left and bottom > top else None
