"""Predict stored frames in batches, as rows for the `predictions` table: here, or on a cluster."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from assets.cluster.pool import Seat, do_all
from assets.cluster.worker_home import require_seen
from assets.code_versions import version_of
from assets.images import decode_rgb
from assets.inference.model_store import open_model
from assets.inference.package import load_predictor
from assets.kinds import find_kind
from assets.tables.catalog import Catalog
from assets.tables.rows import PredictionRow
from assets.tables.schemas import content_id
from assets.video_frames import unpack
from models.types import Image, Prediction

if TYPE_CHECKING:
    import lance

    from assets.workspace import Workspace

Predictor = Callable[[list[Image]], Sequence[Prediction]]
BATCH_SIZE = 32


@dataclass(frozen=True)
class PredictionFacts:
    """What every row of one run shares. `purpose` is "test" or "monitoring"; `class_names` are those of the model."""

    task: str
    model_sha256: str
    class_names: tuple[str, ...]
    purpose: str
    code_version: str = ""  # of the rows: `predict_frames` names it


@dataclass(frozen=True)
class StoredModel:
    """A model of the tables, which any machine that sees the stores can load."""

    catalog: Catalog
    model_sha256: str

    def __call__(self, seat: Seat) -> Predictor:
        """Raises what `open_model` raises."""
        package = open_model(self.catalog, seat.home, self.model_sha256)
        return load_predictor(package, seat.num_threads)


def predict_frames(
    images: StoredImages,
    frame_rows: Sequence[Mapping[str, Any]],
    load: Callable[[Seat], Predictor],
    facts: PredictionFacts,
    workspace: Workspace,
    batch_size: int = BATCH_SIZE,
) -> Generator[list[PredictionRow], None, None]:
    """One row a frame, `batch_size` at a time, as the frames lie in their table; on the cluster of the settings where
    there are many. At most so many images are in the memory of a process at once.

    `frame_rows` are rows of `release_frames` (one split of a release) or of `frames` (a session, without payloads):
    read are frame_id, session, sensor and sha256. `images` is opened on the frames table at the version that holds
    them. Raises ValueError for no rows, an unknown frame, bytes that are not those of sha256, and a predictor that
    drops images.
    """
    if not frame_rows:
        raise ValueError(
            "there are no frames to predict: choose a split or session that has some"
        )
    # as they were recorded: a video is then decoded once, from its start to its end
    asked = images.find(frame_rows)
    batches = [asked[at : at + batch_size] for at in range(0, len(asked), batch_size)]
    facts = replace(facts, code_version=version_of("predictions"))
    work = PredictFrames(images.catalog, images.version, load, facts)
    with closing(do_all(work, batches, len(asked), workspace)) as made:
        yield from made


@dataclass(frozen=True, slots=True)
class Asked:
    """A frame, and where it lies in one version of its table."""

    frame_id: str
    session: str
    sensor: str
    sha256: str
    position: int


@dataclass(frozen=True)
class PredictFrames:
    """A model's answers on stored frames: some frames of a version of the table in, as many rows out."""

    catalog: Catalog
    version: int
    load: Callable[[Seat], Predictor]
    facts: PredictionFacts
    name = "prediction"
    uses_gpu = True

    def open(self, seat: Seat) -> Callable[[Sequence[Asked]], list[PredictionRow]]:
        """Raises ValueError where the tables are not to be seen, and what loading the model raises."""
        require_seen(self.catalog.uri, "DAGUERRE_TABLES")
        stored = self.catalog.dataset("frames", self.version)
        predictor = self.load(seat)

        def predict(frames: Sequence[Asked]) -> list[PredictionRow]:
            images = _read(self.catalog, stored, frames)
            return answer_images(frames, images, predictor, self.facts)

        return predict


def answer_images(
    frames: Sequence[Asked],
    images_rgb: list[Image],
    predictor: Predictor,
    facts: PredictionFacts,
) -> list[PredictionRow]:
    """A row a frame, of one image each. Raises ValueError for a predictor that drops images."""
    answers = predictor(images_rgb)
    if len(answers) != len(frames):
        raise ValueError(
            f"the predictor gave {len(answers)} answers for {len(frames)} images: one each is needed"
        )
    return [
        _to_row(frame, answer, facts)
        for frame, answer in zip(frames, answers, strict=True)
    ]


class StoredImages:
    """Random access to the images of the frames table at one version. Frame ids are read once, payloads on demand."""

    def __init__(self, catalog: Catalog, version: int | None = None) -> None:
        self.catalog = catalog
        self._frames = catalog.dataset("frames", version)
        self._position_of = {
            i: n
            for n, i in enumerate(
                self._frames.to_table(columns=["frame_id"])["frame_id"].to_pylist()
            )
        }

    @property
    def version(self) -> int:
        """That of the table."""
        return self._frames.version

    def find(self, frame_rows: Sequence[Mapping[str, Any]]) -> list[Asked]:
        """The frames of these rows, as they lie in the table. Raises ValueError for one that is not there."""
        missing = [
            row["frame_id"]
            for row in frame_rows
            if row["frame_id"] not in self._position_of
        ]
        if missing:
            raise ValueError(
                f"{len(missing)} frames are not in the frames table at version {self.version}, the first is "
                f"{missing[0]}: open the version that the release pins (frames_version)"
            )
        found = [
            Asked(
                row["frame_id"],
                row.get("session", ""),
                row.get("sensor", ""),
                row["sha256"],
                self._position_of[row["frame_id"]],
            )
            for row in frame_rows
        ]
        return sorted(found, key=lambda frame: frame.position)

    def read(self, frame_rows: Sequence[Mapping[str, Any]]) -> dict[str, Image]:
        """Decoded images by frame_id, in the order of `frame_rows` (read: frame_id, sha256), all in memory at once.

        Raises ValueError for a frame that is unknown or whose bytes are not those of sha256.
        """
        frames = self.find(frame_rows)
        images = _read(self.catalog, self._frames, frames)
        image_of = dict(zip((f.frame_id for f in frames), images, strict=True))
        return {row["frame_id"]: image_of[row["frame_id"]] for row in frame_rows}


def _read(
    catalog: Catalog, stored: lance.LanceDataset, frames: Sequence[Asked]
) -> list[Image]:
    """Their images, proven. Raises ValueError for bytes that are not those of sha256."""
    if not frames:
        return []
    positions = [frame.position for frame in frames]
    payloads = stored.take(positions, columns=["payload"])["payload"].to_pylist()
    for frame, payload in zip(frames, payloads, strict=True):
        _require_same(frame.frame_id, payload, frame.sha256)
    return [decode_rgb(image) for image in unpack(catalog, payloads)]


def _require_same(frame_id: str, payload: bytes, sha256: str) -> None:
    if hashlib.sha256(payload).hexdigest() != sha256:
        raise ValueError(
            f"frame {frame_id} is not the bytes that were accepted ({sha256[:12]}…): run `daguerre verify`"
        )


def name_prediction(frame_id: str, facts: PredictionFacts) -> str:
    """The id of one model's prediction on one frame; both have names that are hashes of their content."""
    return content_id(facts.model_sha256, frame_id, facts.purpose)


def _to_row(frame: Asked, answer: Prediction, facts: PredictionFacts) -> PredictionRow:
    return {
        "prediction_id": name_prediction(frame.frame_id, facts),
        "frame_id": frame.frame_id,
        "session": frame.session,
        "sensor": frame.sensor,
        "task": facts.task,
        "model_sha256": facts.model_sha256,
        "purpose": facts.purpose,
        "code_version": facts.code_version,
        **find_kind(facts.task).list_answer(answer, facts.class_names),
    }
