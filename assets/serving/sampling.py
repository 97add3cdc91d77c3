"""Which requests are kept, and what of them: rows are handed to a process of their own, or dropped where it lags."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from assets.sandbox.guard import ImageFacts
from assets.serving.children import Child, ChildLost, start_child
from assets.serving.protocol import Message
from assets.serving.queue import Answered
from assets.serving.versions import Version
from assets.tables.rows import RequestRow

_MODULE = "assets.serving.recorder"
_MOST_UNSENT = 8 << 20  # bytes that the recorder may be behind
_DAY_NS = 86_400 * 10**9
_PAUSE_S = 5.0  # before one that has ended is followed by another
_log = logging.getLogger("daguerre.serving")


@dataclass(frozen=True)
class SamplingRules:
    """`rate` is the share of requests that are kept, `keep_days` how long; `encoder` as in the settings."""

    rate: float = 0.05
    keep_days: int = 30
    cache: Path = Path("cache")
    encoder: Path | None = None


@dataclass(frozen=True)
class Asked:
    """One image of a request, as it came."""

    request_id: str
    index: int
    at_ns: int
    payload: bytes
    facts: ImageFacts
    frame_id: str | None = None


@dataclass(frozen=True)
class Said:
    """What one version said of it, when the answer was there, in ms from the request, and how far it differs from the
    champion's."""

    version: Version
    role: str
    answered: Answered
    latency_ms: float
    disagreement: float | None = None


@dataclass
class Sampler:
    """Chooses requests and hands them on."""

    stores: Message  # where the recorder writes: tables_uri, table_options, blobs_uri
    rules: SamplingRules
    log: Path | None = None
    num_kept: int = 0
    num_dropped: int = 0
    _child: Child | None = None
    _again: asyncio.Task[None] | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _draw: random.Random = field(default_factory=random.Random)

    def chooses(self) -> bool:
        """Whether the next request is kept."""
        return self._draw.random() < self.rules.rate

    async def start(self) -> None:
        """Start the process that writes, where something is to be kept."""
        if self.rules.rate > 0:
            await self._start_child()

    def keep(self, asked: Asked, said: Sequence[Said]) -> None:
        """Hand on what was said of one image; where the process lags or has ended it is dropped, and counted.

        After one that has ended another is started.
        """
        child = self._child
        if child is not None and child.is_gone and self._again is None:
            self._again = asyncio.get_running_loop().create_task(self._replace(child))
        if child is None or child.num_unsent > _MOST_UNSENT or child.is_gone:
            self.num_dropped += len(said)
            return
        rows = [make_row(asked, one, self.rules) for one in said]
        child.tell({"do": "keep", "rows": rows}, [asked.payload])
        self.num_kept += len(rows)

    async def note_return(self, told: Message) -> None:
        """Hand on that a canary was taken back; where nothing is sampled, the process that writes is started for it."""
        if self._child is None or self._child.is_gone:
            await self._start_child(self._child)
        assert self._child is not None
        self._child.tell({"do": "return", "row": told})

    async def _start_child(self, gone: Child | None = None) -> None:
        """In the place of one that is gone, if that is still there. Raises OSError."""
        async with self._turn:
            if self._child is not gone:
                return
            if gone is not None:
                await gone.end()
            self._child = await start_child(_MODULE, self.log, is_trusted=True)
            self._child.tell(self._describe())

    async def close(self) -> None:
        """Let all that was handed on be written."""
        if self._again is not None:
            self._again.cancel()
            await asyncio.gather(self._again, return_exceptions=True)
        if self._child is not None:
            with suppress(ChildLost):
                await self._child.ask({"do": "end"})
            await self._child.end()
            self._child = None

    async def _replace(self, gone: Child) -> None:
        _log.warning(
            f"samples are dropped: the process that keeps them ended, and is started again in {_PAUSE_S:g} s"
        )
        while self._child is gone:
            await asyncio.sleep(_PAUSE_S)
            try:
                await self._start_child(gone)
            except OSError as error:  # no memory, processes or files are left
                _log.warning(f"it cannot be started: {error}")
        self._again = None

    def _describe(self) -> Message:
        encoder = self.rules.encoder
        return {
            **self.stores,
            "cache": str(self.rules.cache),
            "encoder": None if encoder is None else str(encoder),
        }


def make_row(asked: Asked, said: Said, rules: SamplingRules) -> RequestRow:
    """The row of one answer on one image, but for its id and the vector, which the recorder adds."""
    version = said.version
    columns = said.answered.columns
    quality: dict[str, Any] = asked.facts.quality or {}
    row: dict[str, Any] = {
        "request_id": asked.request_id,
        "image_index": asked.index,
        "at_ns": asked.at_ns,
        "keep_until_ns": time.time_ns() + rules.keep_days * _DAY_NS,
        "sample_rate": rules.rate,
        "task": version.task,
        "model_name": version.model_name,
        "model_version": version.model_version,
        "model_sha256": version.model_sha256,
        "release_id": version.release_id,
        "role": said.role,
        "image_sha256": hashlib.sha256(asked.payload).hexdigest(),
        "frame_id": asked.frame_id,
        "width_px": asked.facts.width_px,
        "height_px": asked.facts.height_px,
        **quality,
        "vector": None,
        "vector_version": None,
        **columns,
        "confidence": max(columns["scores"], default=None),
        "latency_ms": said.latency_ms,
        "batch_size": said.answered.batch_size,
        "disagreement": said.disagreement,
    }
    return cast(RequestRow, row)
