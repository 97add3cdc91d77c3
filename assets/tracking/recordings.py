"""What a model found in each recording of a session, in the order of its frames, and how its camera was turned: the
input of a tracker. Beside it what labels say of the same frames."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from assets.kinds.boxed_objects import read_boxes
from assets.tables.catalog import Catalog, repr_sql, session_is
from assets.tables.rows import FrameRow, PredictionRow
from assets.tracking.camera_turns import read_motion
from assets.tracking.true_tracks import TrueTracks, read_true_tracks
from models.task_names import DETECTION
from models.tracking.sightings import Sightings
from models.tracking.steady import Turns

FEWEST_FRAMES = 2  # of one picture there is nothing to follow
_FRAME_COLUMNS = [
    "frame_id",
    "capture_id",
    "session",
    "sensor",
    "t_ns",
    "sequence",
    "width_px",
    "height_px",
    "sha256",
]


@dataclass(frozen=True)
class Recording:
    """The frames of one sensor in one capture, in order, and what a model found in them.

    `numbers` say how many frame intervals after the first each was taken. `turns` are there where poses and a
    calibration tell them of all frames, `truth` where labels name tracks.
    """

    frames: Sequence[FrameRow]
    numbers: NDArray[np.int64]  # one a frame, growing
    answers: Mapping[str, PredictionRow]  # frame_id -> answer, where there is one
    turns: Turns | None = None
    truth: TrueTracks | None = None

    @property
    def capture_id(self) -> str:
        """That it is of."""
        return self.frames[0]["capture_id"]

    @property
    def sensor(self) -> str:
        """That took it."""
        return self.frames[0]["sensor"]

    @cached_property
    def input_sha256(self) -> str:
        """Of all that its tracks are made from: which frames there are, when, what was found in them, and how the
        camera was turned."""
        digest = hashlib.sha256()
        if self.turns is not None:
            digest.update(repr(self.turns.camera).encode())
            digest.update(self.turns.world_from_camera.tobytes())
        for frame, number in zip(self.frames, self.numbers.tolist(), strict=True):
            said = self.answers.get(frame["frame_id"])
            found = said and (said["boxes_xyxy"], said["class_names"], said["scores"])
            digest.update(repr((frame["frame_id"], number, found)).encode())
        return digest.hexdigest()

    def list_classes(self) -> list[str]:
        """The classes that were found, by the alphabet."""
        return sorted(
            {n for said in self.answers.values() for n in said["class_names"]}
        )

    def sight(self, class_name: str, min_score: float) -> Sighted:
        """The boxes of one class at that score and above."""
        numbers, boxes, scores, origins = [], [], [], []
        for frame, number in zip(self.frames, self.numbers.tolist(), strict=True):
            said = self.answers.get(frame["frame_id"])
            if said is None:
                continue
            corners = read_boxes(said)
            for place, name in enumerate(said["class_names"]):
                if name == class_name and said["scores"][place] >= min_score:
                    numbers.append(number)
                    boxes.append(corners[place])
                    scores.append(said["scores"][place])
                    origins.append((said["prediction_id"], place))
        return Sighted(
            Sightings(
                np.array(numbers, np.int64),
                np.array(boxes, np.float64).reshape(-1, 4),
                np.array(scores, np.float64),
            ),
            origins,
        )


@dataclass(frozen=True)
class Sighted:
    """Sightings, and of each the prediction and the place of its box there."""

    sightings: Sightings
    origins: Sequence[tuple[str, int]]


def read_recordings(
    catalog: Catalog, session: str, model_sha256: str
) -> list[Recording]:
    """The session's published recordings with the model's stored answers, in the order of capture and sensor.

    Left out is what has no second frame, or no time and no sequence to tell which comes first: pictures.
    """
    where = f"{session_is(session)} AND kind = 'color'"
    by_recording: dict[tuple[str, str], list[FrameRow]] = defaultdict(list)
    for frame in catalog.read("frames", _FRAME_COLUMNS, where).to_pylist():
        by_recording[frame["capture_id"], frame["sensor"]].append(frame)
    said = {
        row["frame_id"]: row for row in _read_answers(catalog, session, model_sha256)
    }
    motion = read_motion(catalog, session)
    recordings = []
    for _, frames in sorted(by_recording.items()):
        numbers = number_frames(frames)
        if numbers is not None:
            order = np.argsort(numbers, kind="stable")
            ordered = [frames[place] for place in order.tolist()]
            mine = {
                f["frame_id"]: said[f["frame_id"]]
                for f in ordered
                if f["frame_id"] in said
            }
            turns = motion.find_turns(ordered, numbers[order])
            recordings.append(Recording(ordered, numbers[order], mine, turns))
    truths = read_true_tracks(catalog, [one.frames for one in recordings])
    return [
        replace(one, truth=truth) for one, truth in zip(recordings, truths, strict=True)
    ]


@dataclass(frozen=True)
class Unanswered:
    """Recordings of a session without an answer of a model: `num_open` of which it can be asked, `num_foreign` of
    cameras that it did not learn from, which nobody asks it about where it knows others."""

    num_open: int
    num_foreign: int


def count_unanswered(recordings: Sequence[Recording]) -> Unanswered:
    """Of all recordings of the session."""
    known = {one.sensor for one in recordings if one.answers}
    unanswered = [one for one in recordings if not one.answers]
    num_foreign = sum(bool(known) and one.sensor not in known for one in unanswered)
    return Unanswered(len(unanswered) - num_foreign, num_foreign)


def number_frames(frames: Sequence[FrameRow]) -> NDArray[np.int64] | None:
    """Frame intervals since the first frame, by time, or by sequence where not all have a time; None for pictures.

    The interval is the median one. Frames that jitter more than that are counted one by one.
    """
    if len(frames) < FEWEST_FRAMES:
        return None
    times = [frame["t_ns"] for frame in frames]
    if None in times:
        sequences = np.array([frame["sequence"] for frame in frames], np.int64)
        if len(np.unique(sequences)) < len(sequences):
            return None
        return sequences - sequences.min()
    stamps = np.array(times, np.int64)
    first = stamps.min()
    rank = np.empty(len(stamps), np.int64)
    rank[np.lexsort((np.array([f["sequence"] for f in frames]), stamps))] = np.arange(
        len(stamps)
    )
    interval = np.median(np.diff(np.sort(stamps)))
    if interval <= 0:
        return rank
    numbers = np.rint((stamps - first) / interval).astype(np.int64)
    return numbers if len(np.unique(numbers)) == len(numbers) else rank


def _read_answers(
    catalog: Catalog, session: str, model_sha256: str
) -> list[PredictionRow]:
    where = (
        f"{session_is(session)} AND task = '{DETECTION}' AND purpose = 'monitoring' "
        f"AND model_sha256 = {repr_sql(model_sha256)}"
    )
    rows: list[PredictionRow] = catalog.read("predictions", None, where).to_pylist()
    return rows
