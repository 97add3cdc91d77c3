"""Gather the figures that drift is judged by: image statistics and embeddings of frames, joined from stored tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.formats.layout import DEFAULT_SENSOR

Floats = NDArray[np.float64]


class Figure(NamedTuple):
    """An image statistic, a scale on which recordings scatter about evenly, and a change too small to matter."""

    name: str
    scale: Callable[[Floats], Floats]
    tolerance: float  # on that scale


FIGURES = (
    Figure("brightness", lambda x: np.log(x + 0.01), 0.05),  # light multiplies
    Figure("contrast", lambda x: np.log(x + 0.005), 0.05),
    # The next two follow the texture of the scene besides the camera, in jumps from place to place: hence the room.
    Figure("sharpness", np.sqrt, 0.02),  # stored as variance
    # what a scene shows cancels but for a tenth between recordings; a smear of 4 px of 320 takes four of those
    Figure("crispness", lambda x: np.log(x + 0.01), 0.05),
    Figure("noise", lambda x: x, 0.002),  # half a grey level
    Figure("clipped_dark", lambda x: x, 0.03),
    Figure("clipped_bright", lambda x: x, 0.03),
)
LATER = ("crispness",)  # older rows of `frame_quality` lack it


@dataclass(frozen=True)
class FrameFigures:
    """The stored figures of some frames, as read from the catalog; joined by frame_id, order does not matter.

    `frames`: frame_id, capture_id, session, sensor, t_ns, sequence of `frames`, and kind where depth is among them:
    only colour is used. `quality`: frame_id and the statistics. `embeddings`: frame_id, session, vector, code_version.
    """

    frames: pa.Table
    quality: pa.Table
    embeddings: pa.Table


class GatheredFrames(NamedTuple):
    """Frames in the order they were taken. A figure that some of them lack, from before it was measured, is NaN."""

    sensors: NDArray[np.str_]  # (N,)
    captures: NDArray[np.str_]  # (N,)
    has_clock: bool
    statistics: Floats  # (N, F) on the scales of `figures`
    vectors: Floats  # (N, D); D is 0 where there are none
    figures: tuple[Figure, ...] = FIGURES

    @property
    def is_measured(self) -> NDArray[np.bool_]:
        """Which figures (F,) all frames have."""
        return np.asarray(np.isfinite(self.statistics).all(axis=0))

    def keep(self, mask: NDArray[np.bool_]) -> GatheredFrames:
        """The frames where the mask (N,) is true."""
        return self._replace(
            sensors=self.sensors[mask],
            captures=self.captures[mask],
            statistics=self.statistics[mask],
            vectors=self.vectors[mask],
        )


def gather(figures: FrameFigures, where: str) -> GatheredFrames:
    """Frames in the order they were taken, with their figures on the tested scales."""
    frames = _colour(figures.frames).sort_by(
        [
            ("capture_id", "ascending"),
            ("sensor", "ascending"),
            ("sequence", "ascending"),
        ]
    )
    quality = _align(frames, figures.quality, "frame_quality", where)
    embeddings = _align(frames, figures.embeddings, "frame_embeddings", where)
    columns = [f.scale(_read_figure(quality, f.name, where)) for f in FIGURES]
    flat = (
        pc.list_flatten(embeddings["vector"].combine_chunks())
        if len(frames)
        else pa.array([], pa.float32())
    )
    vectors = np.asarray(flat.to_numpy(zero_copy_only=False), np.float64).reshape(
        len(frames), -1 if len(frames) else 0
    )
    if not np.isfinite(vectors).all():
        raise ValueError(
            f"frame_embeddings of {where} hold values that are not finite: materialize them again"
        )
    texts = [
        np.asarray(frames[name].to_pylist(), dtype=np.str_)
        for name in ("sensor", "capture_id")
    ]
    has_clock = bool(len(frames)) and frames["t_ns"].null_count < len(frames)
    return GatheredFrames(
        texts[0], texts[1], has_clock, np.stack(columns, axis=1), vectors
    )


def gather_requests(rows: pa.Table, where: str) -> GatheredFrames:
    """Images of sampled requests, as one recording of a camera that nobody names; without a vector of them all, none.

    `rows` are of `requests`, in the order in which they came. Raises ValueError for a figure that is not finite.
    """
    columns = [f.scale(_read_figure(rows, f.name, where)) for f in FIGURES]
    num = len(rows)
    vectors = np.empty((num, 0))
    if num and not rows["vector"].null_count:
        flat = pc.list_flatten(rows["vector"].combine_chunks())
        whole = np.asarray(flat.to_numpy(zero_copy_only=False), np.float64)
        vectors = whole.reshape(num, -1)
    sensors = np.full(num, DEFAULT_SENSOR)
    captures = np.full(num, where)
    return GatheredFrames(sensors, captures, True, np.stack(columns, axis=1), vectors)


def leave_out(reference: FrameFigures, session: str) -> FrameFigures:
    """The reference without the frames of a session, so that none is compared with itself."""
    frames = reference.frames.filter(pc.not_equal(reference.frames["session"], session))
    return FrameFigures(frames, reference.quality, reference.embeddings)


def _align(frames: pa.Table, rows: pa.Table, name: str, where: str) -> pa.Table:
    places = pc.index_in(frames["frame_id"], value_set=rows["frame_id"])
    if places.null_count:
        raise ValueError(
            f"{places.null_count} of {len(frames)} frames of {where} have no row in {name}: materialize it"
        )
    return rows.take(places)


def _read_figure(rows: pa.Table, name: str, where: str) -> Floats:
    """The values (N,) of a figure; all NaN where rows are from before it was measured."""
    if name in LATER and (name not in rows.column_names or rows[name].null_count):
        return np.full(len(rows), np.nan)
    return _finite(rows, name, where)


def _finite(rows: pa.Table, name: str, where: str) -> Floats:
    values = np.asarray(rows[name].to_numpy(), np.float64)  # null becomes NaN
    if not np.isfinite(values).all():
        raise ValueError(
            f"'{name}' of {where} is null or not finite in {int((~np.isfinite(values)).sum())} frames"
        )
    return values


def _colour(frames: pa.Table) -> pa.Table:
    return (
        frames.filter(pc.equal(frames["kind"], "color"))
        if "kind" in frames.column_names
        else frames
    )
