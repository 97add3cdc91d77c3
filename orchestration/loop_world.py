"""The simulated world of the closed loop, and its truth: who labels what is asked, and how much of a class is found.

Belongs here: what is simulated, and what is known of it. Does not: any step of the loop.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import PurePosixPath

import numpy as np
import pyarrow as pa

from assets.annotation.labels import (
    NO_ORDER,
    Answer,
    Author,
    Marked,
    Order,
    record_answers,
)
from assets.annotation.queue.stored import OPEN, read_queue
from assets.capture.simulate import SimulationSpec
from assets.capture.simulation.truth import SimulatedTruth
from assets.kinds.boxed_objects import read_boxes
from assets.retrieval.answers import read_operating_score
from assets.tables.catalog import Catalog, is_in, repr_sql, session_is
from assets.tables.rows import ModelRef
from checks.gates import gate_session
from models.metrics.matching import match_detections
from models.simulation.labels import FrameTruth
from models.simulation.scene import UNSEEN_CLASS
from models.task_names import DETECTION
from models.types import BoxSet, Detections
from orchestration.producing import Wave

NEW_CLASS = UNSEEN_CLASS
_small = partial(SimulationSpec, width_px=192, height_px=144, rate_hz=4.0)
_SECONDS = 2.5


def _bare(captures: int, seed: int, has_new: bool = False) -> SimulationSpec:
    """Recordings that nobody has labelled."""
    shift = "unseen_object" if has_new else None
    return _small(captures, _SECONDS, seed, shift, is_labelled=False)


# labelled: what the first champion learns from
KNOWN: Wave = {
    "desk-monday": [_small(7, _SECONDS, seed) for seed in (11, 13)],
    "desk-tuesday": [_small(7, _SECONDS, seed) for seed in (12, 14)],
}
# one day without anything new; then the days on which the new object stands on every table
DAYS: Wave = {
    "desk-wednesday": [_bare(6, 21)],
    "desk-thursday": [_bare(6, 31, has_new=True)],
    "desk-friday": [_bare(6, 32, has_new=True)],
    "desk-saturday": [_bare(6, 33, has_new=True)],
}
# what both champions are asked about; nobody labels it
EXAM: Wave = {"desk-exam": [_bare(6, 41, has_new=True)]}


@dataclass(frozen=True)
class Recall:
    """How many objects of a class a model finds at its operating score and IoU 0.5, and how many it finds whatever it
    calls them."""

    found: int
    found_as_any: int
    total: int

    @property
    def share(self) -> float:
        """Raises ZeroDivisionError where nothing shows."""
        return self.found / self.total

    @property
    def line(self) -> str:
        """For people."""
        return f"{self.share:.2f} ({self.found} of {self.total}; {self.found_as_any} whatever they are called)"


@dataclass(frozen=True)
class World:
    """All that is simulated, beside the tables that it was taken into."""

    catalog: Catalog
    waves: Sequence[Wave]

    @cached_property
    def _truth(self) -> SimulatedTruth:
        specs = [s for wave in self.waves for some in wave.values() for s in some]
        return SimulatedTruth(specs)

    def answer(self, queue_id: str) -> int:
        """Label what is open of a queue as it truly is; how many objects that are."""
        rows = read_queue(self.catalog, queue_id)
        ids = [r["frame_id"] for r in rows.to_pylist() if r["state"] == OPEN]
        return self._record(ids, Order(queue_id))

    def spot_check(self, model: ModelRef, session: str, num_frames: int) -> int:
        """Label a few frames of a session, by chance among those that the model answered about, as somebody does who
        looks in each day; how many."""
        rows = self.catalog.read_latest(
            "predictions", ["frame_id"], _of_monitoring(model, session)
        )
        ids = sorted(rows["frame_id"].to_pylist())
        chosen = np.random.default_rng(0).permutation(ids)[:num_frames].tolist()
        self._record(chosen, NO_ORDER)
        return len(chosen)

    def measure(
        self, model: ModelRef, session: str, beside: ModelRef | None = None
    ) -> Recall:
        """Of NEW_CLASS, by the stored answers of a model about a session, to frames that `beside` answered as well."""
        score = read_operating_score(self.catalog, model)
        where = _of_monitoring(model, session)
        rows = self.catalog.read_latest("predictions", where=where).to_pylist()
        answer_of = {row["frame_id"]: row for row in rows}
        if beside is not None:
            where = _of_monitoring(beside, session)
            others = self.catalog.read_latest("predictions", ["frame_id"], where)
            both = answer_of.keys() & set(others["frame_id"].to_pylist())
            answer_of = {frame_id: answer_of[frame_id] for frame_id in both}
        found = found_as_any = total = 0
        for frame_id, truth in self.show(list(answer_of)):
            row = answer_of[frame_id]
            is_called = np.array([n == NEW_CLASS for n in row["class_names"]], bool)
            answers = Detections(
                read_boxes(row),
                np.array(row["scores"], np.float32),
                is_called.astype(np.int64),
            )
            mine = [o for o in truth.objects if o.class_name == NEW_CLASS]
            boxes = np.array([o.box_xyxy for o in mine], np.float32).reshape(-1, 4)
            wanted = BoxSet(boxes, np.ones(len(mine), np.int64))
            hits = partial(match_detections, wanted, answers, min_score=score or 0.5)
            found += len(hits(same_class_only=True).truth_ids)
            found_as_any += len(hits().truth_ids)
            total += len(mine)
        return Recall(found, found_as_any, total)

    def read_images(self, session: str) -> list[bytes]:
        """The encoded colour images of a session, by frame id, of the cameras that are asked about."""
        where = f"{session_is(session)} AND kind = 'color'"
        rows = self.catalog.read("frames", ["frame_id", "payload"], where)
        return [bytes(one) for one in rows.sort_by("frame_id")["payload"].to_pylist()]

    def show(self, frame_ids: Sequence[str]) -> Iterator[tuple[str, FrameTruth]]:
        """Each of the frames with what it shows."""
        columns = ["frame_id", "capture_id", "sensor", "t_ns"]
        frames = self.catalog.read_of("frames", columns, "frame_id", list(frame_ids))
        names = self._name_recordings(frames)
        for frame in frames.to_pylist():
            recording = names[frame["capture_id"]]
            truth = self._truth.tell(recording, frame["sensor"], frame["t_ns"])
            yield frame["frame_id"], truth

    def _record(self, frame_ids: Sequence[str], order: Order) -> int:
        """Say what frames show, in people's place; how many objects that are."""
        answers = [
            Answer(
                frame_id,
                DETECTION,
                tuple(Marked(o.class_name, o.box_xyxy) for o in truth.objects),
            )
            for frame_id, truth in self.show(frame_ids)
        ]
        author = Author("simulator", "daguerre simulate")
        done = record_answers(self.catalog, answers, author, order)
        if done.refused:
            raise ValueError(
                f"{len(done.refused)} answers of the simulator were refused: {next(iter(done.refused.values()))}"
            )
        stopped = [
            f"{verdict.name}: {verdict.summary}"
            for verdict in gate_session(self.catalog, "label_versions", None)
            if verdict.stops
        ]
        if stopped:
            raise ValueError(f"the labels do not count: {'; '.join(stopped)}")
        return sum(len(answer.marked) for answer in answers)

    def _name_recordings(self, frames: pa.Table) -> dict[str, str]:
        ids = frames["capture_id"].unique().to_pylist()
        rows = self.catalog.read_of(
            "captures", ["capture_id", "path"], "capture_id", ids
        )
        return {
            row["capture_id"]: PurePosixPath(row["path"]).stem
            for row in rows.to_pylist()
        }


def _of_monitoring(model: ModelRef, session: str) -> str:
    """The rows of `predictions` about a session as a champion judged it."""
    return (
        f"{is_in('model_sha256', [model['model_sha256']])} "
        f"AND session = {repr_sql(session)} AND purpose = 'monitoring'"
    )
