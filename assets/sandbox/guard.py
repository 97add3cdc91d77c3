"""Let child processes decode foreign image bytes, so that what goes wrong in a decoder does not reach this one.

A child works under limits on memory and processor time (`guard_child.py`), and may not be silent for long. When it dies
on an image, that image is refused, a new child is started, and the rest of the batch goes on. Payloads are written once
into memory that the children map read-only; jobs and answers go over pipes, so the next batch is read while this one is
decoded.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from assets.sandbox.child_limits import ImageLimits
from assets.sandbox.child_process import SILENCE_SECONDS
from assets.sandbox.guard_lane import ChildFailed, GuardLane

MAX_JOB_BYTES = 16 << 20  # a job may be larger by its last payload
JOBS_AT_ONCE = 4
_FEW_IMAGES = 16  # a child decodes some 50 of 640x480 while another starts
# fcntl(2): Python does not name it
_SEAL_FUTURE_WRITE = 0x10


@dataclass(frozen=True)
class ImageFacts:
    """An image that decoded completely."""

    width_px: int  # in stored orientation: EXIF is not applied
    height_px: int
    encoding: str  # "jpeg", "png", "tiff", "bmp", "webp", "gif", "heic", "avif"
    channels: int
    bits: int  # per channel as stored, at least 8
    is_depth_candidate: bool  # 16-bit single-channel PNG
    # the figures of `models.image_quality`, were it a colour frame
    quality: dict[str, float | str] | None = None


@dataclass(frozen=True)
class Refusal:
    """An image that does not decode within the limits."""

    reason: str
    remedy: str


Verdict = ImageFacts | Refusal


class Job:
    """Images on their way through the children."""

    def __init__(self, num_images: int) -> None:
        self.verdicts: list[Verdict | None] = [None] * num_images


class ImageGuard:
    """Inspects images in child processes, which are started with the first image and ended on exit.

    `submit` hands a job over and returns at once, `collect` waits for its verdicts; jobs are to be collected in order,
    and no more than JOBS_AT_ONCE may be under way. Not to be shared between threads.
    """

    def __init__(
        self,
        num_children: int = 1,
        silence_s: float = SILENCE_SECONDS,
        limits: ImageLimits | None = None,
    ) -> None:
        self._lanes: list[GuardLane] = []
        self._num_children = num_children
        self._silence_s = silence_s
        self._limits = limits or ImageLimits()
        self._slot_bytes = self._limits.payload_bytes + MAX_JOB_BYTES
        self._num_jobs = 0
        self._memory: mmap.mmap | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def start(self, num_images: int) -> None:
        """Let the children that so many images need load their libraries from now on.

        The first image would start them as well.
        """
        self._reserve()
        for lane in self._lanes_for(num_images):
            lane.start()

    def submit(self, payloads: Sequence[bytes]) -> Job:
        """Hand the payloads to the children. Together they may have MAX_JOB_BYTES before the last one."""
        job = Job(len(payloads))
        at = self._num_jobs % JOBS_AT_ONCE * self._slot_bytes
        self._num_jobs += 1
        # index in the job, offset and length in the memory
        items: list[tuple[int, int, int]] = []
        for index, payload in enumerate(payloads):
            if not payload:
                job.verdicts[index] = Refusal("empty image", "export it again")
            elif len(payload) > self._limits.payload_bytes:
                limit = f"more than the {self._limits.payload_bytes} decoded at once"
                job.verdicts[index] = Refusal(
                    f"{len(payload)} bytes, {limit}", "scale the image"
                )
            else:
                self._reserve()[at : at + len(payload)] = payload
                items.append((index, at, len(payload)))
                at += len(payload)
        lanes = self._lanes_for(len(items))
        for lane, share in zip(lanes, _share_out(items, len(lanes)), strict=True):
            lane.send(job, share)
        return job

    def collect(self, job: Job) -> list[Verdict]:
        """The verdicts, in order. Raises RuntimeError when a child cannot be started at all."""
        try:
            for lane in self._lanes:
                while (index := lane.next_of(job)) is not None:
                    job.verdicts[index] = _judge(lane)
        # interrupted: a late answer must not be taken for the next image's
        except BaseException:
            self.close()
            raise
        assert all(job.verdicts)
        return [verdict for verdict in job.verdicts if verdict]

    def close(self) -> None:
        """End the children. The next `submit` starts others."""
        for lane in self._lanes:
            lane.hang_up()
        for lane in self._lanes:
            lane.close()
        self._lanes = []
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def _lanes_for(self, num_images: int) -> list[GuardLane]:
        """All lanes for many images, one for few: to start a child takes as long as it needs for those."""
        return self._lanes[: None if num_images > _FEW_IMAGES else 1]

    def _reserve(self) -> mmap.mmap:
        """Memory that the children map too. Pages that no image was written to take no space."""
        if self._memory is None:
            num_bytes = JOBS_AT_ONCE * self._slot_bytes
            with open_memory() as shared:
                os.ftruncate(shared.fileno(), num_bytes)
                self._memory = mmap.mmap(shared.fileno(), num_bytes)
                seal_memory(shared.fileno())
                descriptors = [
                    os.dup(shared.fileno()) for _ in range(self._num_children)
                ]
            self._lanes = [
                GuardLane(descriptor, self._silence_s, self._limits)
                for descriptor in descriptors
            ]
        return self._memory


def open_memory() -> Any:
    """A file in memory, to be mapped here and by a child."""
    if not hasattr(os, "memfd_create"):  # not Linux
        return tempfile.TemporaryFile()
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    return os.fdopen(os.memfd_create("daguerre-guard", flags), "r+b")


def seal_memory(descriptor: int) -> None:
    """Nobody writes to the memory but through what is mapped already, or takes it away from under who reads it."""
    if not hasattr(fcntl, "F_ADD_SEALS"):  # not Linux
        return
    size = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
    try:
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, size | _SEAL_FUTURE_WRITE)
    except OSError as error:
        if error.errno != errno.EINVAL:  # before Linux 5.1
            raise
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, size)


def _judge(lane: GuardLane) -> Verdict:
    try:
        answer = lane.receive()
    except ChildFailed as failure:
        return Refusal(failure.reason, "export it again as a plain JPEG or PNG")
    return Refusal(**answer) if "reason" in answer else ImageFacts(**answer)


def _share_out(
    items: Sequence[tuple[int, int, int]], num_lanes: int
) -> list[list[tuple[int, int, int]]]:
    """Runs of neighbours with about the same number of bytes."""
    total = sum(length for _, _, length in items)
    shares: list[list[tuple[int, int, int]]] = [[] for _ in range(num_lanes)]
    before = 0
    for item in items:
        shares[min(num_lanes - 1, before * num_lanes // max(total, 1))].append(item)
        before += item[2]
    return shares
