"""Share a capture's observations out into batches, and have the images of each decoded and measured by the guard."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assets.capture.rows import CaptureRows
from assets.formats.observations import (
    FrameObservation,
    Observation,
    ScanObservation,
)
from assets.sandbox.guard import (
    JOBS_AT_ONCE,
    MAX_JOB_BYTES,
    ImageGuard,
    Job,
    Verdict,
)

WRITE_ROWS = 8192  # written at once, while as much again is gathered
# decoded at once, of MAX_JOB_BYTES; four such jobs last longer than a write
_JOB_FRAMES = 512


@dataclass(frozen=True)
class Inspected:
    """One batch after the guard."""

    # new ones, with the sha256 of their bytes
    frames: list[tuple[FrameObservation, str, Verdict]]
    others: list[Observation]


def share_out(observations: Iterator[Observation]) -> Iterator[list[Observation]]:
    """Batches that the guard takes at once and that are written at once, in order."""
    batch: list[Observation] = []
    num_frames = num_bytes = 0
    for observation in observations:
        batch.append(observation)
        if isinstance(observation, FrameObservation):
            num_frames += 1
            num_bytes += len(observation.payload)
        elif isinstance(observation, ScanObservation):
            num_bytes += len(observation.payload or b"")
        if (
            num_frames >= _JOB_FRAMES
            or num_bytes >= MAX_JOB_BYTES
            or len(batch) >= WRITE_ROWS
        ):
            yield batch
            batch = []
            num_frames = num_bytes = 0
    if batch:
        yield batch


def inspect(
    batches: Iterator[list[Observation]], rows: CaptureRows, guard: ImageGuard
) -> Iterator[Inspected]:
    """The batches in order with verdicts on their new frames. The next are read while one is decoded."""
    under_way: deque[
        tuple[list[Observation], list[tuple[FrameObservation, str]], Job]
    ] = deque()
    for batch in batches:
        frames = [o for o in batch if isinstance(o, FrameObservation)]
        new = [
            (frame, sha256) for frame in frames if (sha256 := rows.recall_frame(frame))
        ]
        # a video's frames were decoded to be read
        foreign = [frame.payload for frame, _ in new if frame.facts is None]
        under_way.append((batch, new, guard.submit(foreign)))
        if len(under_way) == JOBS_AT_ONCE:
            yield _settle(*under_way.popleft(), guard)
    while under_way:
        yield _settle(*under_way.popleft(), guard)


def _settle(
    batch: Sequence[Observation],
    new: Sequence[tuple[FrameObservation, str]],
    job: Job,
    guard: ImageGuard,
) -> Inspected:
    verdicts = iter(guard.collect(job))
    frames: list[tuple[FrameObservation, str, Verdict]] = [
        (frame, sha256, frame.facts or next(verdicts)) for frame, sha256 in new
    ]
    return Inspected(frames, [o for o in batch if not isinstance(o, FrameObservation)])
