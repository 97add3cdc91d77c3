"""Predict stored frames in batches, as rows for the `predictions` table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.images import decode_rgb
from assets.kinds import find_kind
from assets.tables.catalog import Catalog
from assets.tables.rows import PredictionRow
from assets.tables.schemas import content_id
from assets.video_frames import unpack
from models.types import Image, Prediction

Predictor = Callable[[list[Image]], Sequence[Prediction]]
BATCH_SIZE = 32


@dataclass(frozen=True)
class PredictionFacts:
    """What every row of one run shares. `purpose` is "test" or "monitoring"; `class_names` are those of the model."""

    task: str
    model_sha256: str
    class_names: tuple[str, ...]
    purpose: str


def predict_frames(
    images: StoredImages,
    frame_rows: Sequence[Mapping[str, Any]],
    predictor: Predictor,
    facts: PredictionFacts,
    batch_size: int = BATCH_SIZE,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[PredictionRow]:
    """One row a frame, in the order of `frame_rows`; at most `batch_size` images are in memory at once.

    `on_progress` gets the number of frames that are done, and that of all.

    `frame_rows` are rows of `release_frames` (one split of a release) or of `frames` (a session, without payloads):
    read are frame_id, session, sensor and sha256. `images` is opened on the frames table at the version that holds
    them. Raises ValueError for no rows, an unknown frame, bytes that are not those of sha256, and a predictor that
    drops images.
    """
    if not frame_rows:
        raise ValueError(
            "there are no frames to predict: choose a split or session that has some"
        )
    made: dict[str, PredictionRow] = {}
    # as they were recorded: a video is then decoded once, from its start to its end
    ordered = images.order(frame_rows)
    for start in range(0, len(ordered), batch_size):
        batch = ordered[start : start + batch_size]
        answers = predictor(list(images.read(batch).values()))
        if len(answers) != len(batch):
            raise ValueError(
                f"the predictor gave {len(answers)} answers for {len(batch)} images: one each is needed"
            )
        for frame, answer in zip(batch, answers, strict=True):
            made[frame["frame_id"]] = _to_row(frame, answer, facts)
        if on_progress is not None:
            on_progress(len(made), len(ordered))
    return [made[frame["frame_id"]] for frame in frame_rows]


class StoredImages:
    """Random access to the images of the frames table at one version. Frame ids are read once, payloads on demand."""

    def __init__(self, catalog: Catalog, version: int | None = None) -> None:
        frames = catalog.dataset("frames", version)
        self._catalog = catalog
        self.frames = frames
        self._position_of = {
            i: n
            for n, i in enumerate(
                frames.to_table(columns=["frame_id"])["frame_id"].to_pylist()
            )
        }

    def order(self, frame_rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """As they lie in the table; unknown ones last."""
        last = len(self._position_of)
        return sorted(
            frame_rows, key=lambda row: self._position_of.get(row["frame_id"], last)
        )

    def read(self, frame_rows: Sequence[Mapping[str, Any]]) -> dict[str, Image]:
        """Decoded images by frame_id, in the order of `frame_rows` (read: frame_id, sha256), all in memory at once.

        Raises ValueError for a frame that is unknown or whose bytes are not those of sha256.
        """
        if not frame_rows:
            return {}
        missing = [
            row["frame_id"]
            for row in frame_rows
            if row["frame_id"] not in self._position_of
        ]
        if missing:
            raise ValueError(
                f"{len(missing)} frames are not in the frames table at version {self.frames.version}, the first is "
                f"{missing[0]}: open the version that the release pins (frames_version)"
            )
        positions = [self._position_of[row["frame_id"]] for row in frame_rows]
        payloads = self.frames.take(positions, columns=["payload"])[
            "payload"
        ].to_pylist()
        for row, payload in zip(frame_rows, payloads, strict=True):
            _require_same(row["frame_id"], payload, row["sha256"])
        images = unpack(self._catalog, payloads)
        return {
            row["frame_id"]: decode_rgb(image)
            for row, image in zip(frame_rows, images, strict=True)
        }


def _require_same(frame_id: str, payload: bytes, sha256: str) -> None:
    if hashlib.sha256(payload).hexdigest() != sha256:
        raise ValueError(
            f"frame {frame_id} is not the bytes that were accepted ({sha256[:12]}…): run `daguerre verify`"
        )


def name_prediction(frame_id: str, facts: PredictionFacts) -> str:
    """The id of one model's prediction on one frame; both have names that are hashes of their content."""
    return content_id(facts.model_sha256, frame_id, facts.purpose)


def _to_row(
    frame: Mapping[str, Any], answer: Prediction, facts: PredictionFacts
) -> PredictionRow:
    return {
        "prediction_id": name_prediction(frame["frame_id"], facts),
        "frame_id": frame["frame_id"],
        "session": frame["session"],
        "sensor": frame["sensor"],
        "task": facts.task,
        "model_sha256": facts.model_sha256,
        "purpose": facts.purpose,
        **find_kind(facts.task).list_answer(answer, facts.class_names),
    }
