"""A server's work without its protocol: images in, one version's answers out in time, or refused with the remedy.

One request is answered by one version, all of it: it is chosen once. A canary that fails is not heard, and the champion
is asked in its place.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
import uuid
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from assets.serving.agreement import measure_disagreement
from assets.serving.figures import ServerFigures
from assets.serving.pictures import LIMITS
from assets.serving.queue import Answered, ImageQueue
from assets.serving.refusals import Refused, busy, too_large
from assets.serving.replicas import OpenModel, Replicas
from assets.serving.returned import make_return
from assets.serving.sampling import Asked, Said, Sampler
from assets.serving.versions import (
    CANARY,
    CHAMPION,
    SHADOW,
    Figures,
    Lineup,
    Version,
)

_LEAST_RETRY_S = 1.0
_log = logging.getLogger("daguerre.serving")


@dataclass(frozen=True)
class ServiceRules:
    """What one server takes on: seconds a request may take, images that may wait at once, bytes of one image."""

    budget_s: float = 10.0
    most_waiting: int = 256
    most_bytes: int = LIMITS.payload_bytes


@dataclass(frozen=True)
class Given:
    """One image of a request."""

    payload: bytes
    frame_id: str | None = None


@dataclass(frozen=True)
class Reply:
    """What one version says of all images of a request."""

    request_id: str
    version: Version
    role: str
    answers: list[Answered]


class ImageRefused(Refused):
    """A refusal that is about one image of a request, by its place."""

    def __init__(self, refused: Refused, place: int) -> None:
        super().__init__(refused.status, refused.reason, refused.remedy)
        self.place = place


@dataclass(frozen=True)
class _Request:
    """What is asked, of whom, and whether rows of it are kept."""

    lineup: Lineup
    images: Sequence[Given]
    at_ns: int  # UTC
    is_kept: bool


@dataclass(frozen=True)
class Comparison:
    """Another version's answers on the images of a reply, and how far each differs, None where there is nothing to
    compare; both empty where it gave none."""

    rival: Version
    others: list[Answered]
    differ: list[float | None]

    @property
    def known(self) -> list[float]:
        """Of the images where there is something to compare."""
        return [one for one in self.differ if one is not None]


@dataclass
class Service:
    """Everything between the protocol and the processes that compute."""

    queue: ImageQueue
    replicas: Replicas
    sampler: Sampler
    rules: ServiceRules = field(default_factory=ServiceRules)
    lineups: dict[str, Lineup] = field(default_factory=dict)
    # task -> why it has no champion that can answer
    faults: dict[str, str] = field(default_factory=dict)
    figures: ServerFigures = field(default_factory=ServerFigures)
    _draw: random.Random = field(default_factory=random.Random)
    _aside: set[asyncio.Task[None]] = field(default_factory=set)
    _image_s: float = 0.0  # what an image takes, as of late

    # ---- answering ---------------------------------------------------------------------------------------------

    async def ask(self, task: str, images: Sequence[Given], request_id: str) -> Reply:
        """The answers on all images; who does not wait for them cancels this. Raises Refused."""
        began_s = time.perf_counter()
        at_ns = time.time_ns()
        lineup = self._find_lineup(task)
        self._require_room(len(images))
        self._require_small(images)
        asked = _Request(lineup, images, at_ns, self.sampler.chooses())
        version, role = lineup.choose(self._draw.random())
        answers, version, role = await self._answer(asked, version, role)
        reply = Reply(request_id, version, role, answers)
        latency_ms = (time.perf_counter() - began_s) * 1e3
        self._note(reply)
        self._follow_up(asked, reply, latency_ms)
        return reply

    def _find_lineup(self, task: str) -> Lineup:
        lineup = self.lineups.get(task)
        if lineup is not None:
            return lineup
        reason = self.faults.get(task, f"there is no champion of {task}")
        raise Refused(409, reason, f"`daguerre train {task}` makes one")

    def _require_room(self, num_images: int) -> None:
        """Refuse what could not be answered in time."""
        waiting = len(self.queue)
        wait_s = waiting * self._image_s / max(1, self.replicas.num_ready)
        if not self.replicas.num_ready:
            raise busy("no replica is ready", _LEAST_RETRY_S)
        if waiting + num_images > self.rules.most_waiting:
            raise busy(f"{waiting} images wait already", wait_s)
        if wait_s > self.rules.budget_s:
            raise busy(f"{waiting} images wait, {wait_s:.1f} s of work", wait_s)

    def _require_small(self, images: Sequence[Given]) -> None:
        for place, image in enumerate(images):
            if len(image.payload) > self.rules.most_bytes:
                raise ImageRefused(too_large(self.rules.most_bytes), place)

    async def _answer(
        self, asked: _Request, version: Version, role: str
    ) -> tuple[list[Answered], Version, str]:
        """Of the version that was chosen; of the champion where that is a canary and fails."""
        lineup = asked.lineup
        try:
            answers = await self._compute(version, asked.images, asked.is_kept)
            self._figures_of(lineup, role).add([a.work_s for a in answers])
            return answers, version, role
        except RuntimeError as error:
            self._figures_of(lineup, role).add([], len(asked.images))
            if role != CANARY:
                _log.warning(f"{version.name} failed: {error}")
                raise Refused(
                    500, f"{version.name} failed: {error}", "look into the server's log"
                ) from error
            self.figures.retried += 1
            self._settle(lineup)
        return await self._answer(asked, lineup.champion, CHAMPION)

    async def _compute(
        self,
        version: Version,
        images: Sequence[Given],
        is_measured: bool = False,
        is_urgent: bool = True,
    ) -> list[Answered]:
        """Raises ImageRefused for the first that is no picture, RuntimeError where the model has no answer."""
        name = version.model_sha256
        futures = [
            self.queue.put(name, image.payload, is_urgent, is_measured)
            for image in images
        ]
        try:
            found = await asyncio.gather(*futures, return_exceptions=True)
        finally:
            for future in futures:
                future.cancel()
        return [_require_answer(one, place) for place, one in enumerate(found)]

    def _figures_of(self, lineup: Lineup, role: str) -> Figures:
        if role == CANARY and lineup.canary is not None:
            return lineup.canary.figures
        return lineup.figures

    def _note(self, reply: Reply) -> None:
        key = reply.version.task, reply.version.name, reply.role
        self.figures.images[key] += len(reply.answers)
        for answered in reply.answers:
            self.figures.batch_sizes.append(answered.batch_size)
            self._image_s += 0.05 * (answered.seconds_per_image - self._image_s)

    # ---- beside the answer -------------------------------------------------------------------------------------

    def _follow_up(self, asked: _Request, reply: Reply, latency_ms: float) -> None:
        """What is done once the answer is there: others are compared with it, a sample is kept."""
        rival = self._find_rival(asked.lineup, reply)
        if rival is not None:
            self._do_aside(self._compare_and_keep(asked, reply, rival, latency_ms))
        elif asked.is_kept:
            self._keep(asked, reply, latency_ms)

    def _find_rival(self, lineup: Lineup, reply: Reply) -> Version | None:
        """Who is asked as well: the champion beside a canary; beside the champion the shadow, where there is room."""
        if reply.role == CANARY:
            return lineup.champion
        is_crowded = len(self.queue) * 2 > self.rules.most_waiting
        return None if is_crowded else lineup.shadows(self._draw.random())

    async def _compare_and_keep(
        self, asked: _Request, reply: Reply, rival: Version, latency_ms: float
    ) -> None:
        others: list[Answered] = []
        with suppress(Refused, RuntimeError, TimeoutError):
            async with asyncio.timeout(self.rules.budget_s):
                # a canary has to be judged while others ask; a shadow's answers can wait
                is_urgent = reply.role == CANARY
                others = await self._compute(rival, asked.images, False, is_urgent)
        comparison = Comparison(rival, others, _measure(reply, rival, others))
        self._weigh(asked.lineup, reply, comparison)
        if asked.is_kept:
            self._keep(asked, reply, latency_ms, comparison)

    def _weigh(self, lineup: Lineup, reply: Reply, comparison: Comparison) -> None:
        """Count how far the answers differ, for or against a canary that is still on trial."""
        is_canary = reply.role == CANARY
        judged = reply.version if is_canary else comparison.rival
        for found in comparison.known:
            self.figures.compare(judged.name, found)
        if lineup.canary is not None and reply.version == lineup.canary.version:
            lineup.canary.figures.disagreements += comparison.known
            self._settle(lineup)

    def _keep(
        self,
        asked: _Request,
        reply: Reply,
        latency_ms: float,
        comparison: Comparison | None = None,
    ) -> None:
        """Hand on a row an answer: who was compared with the champion says how far it is from it."""
        for place, image in enumerate(asked.images):
            answered = reply.answers[place]
            one = Asked(
                reply.request_id,
                place,
                asked.at_ns,
                image.payload,
                answered.facts,
                image.frame_id,
            )
            said = Said(reply.version, reply.role, answered, latency_ms)
            rows = [said]
            if comparison is not None and comparison.differ:
                differs = comparison.differ[place]
                if reply.role == CANARY:
                    rows = [replace(said, disagreement=differs)]
                else:
                    other = comparison.others[place]
                    shadow = Said(comparison.rival, SHADOW, other, latency_ms, differs)
                    rows.append(shadow)
            self.sampler.keep(one, rows)

    def _settle(self, lineup: Lineup) -> None:
        trial = lineup.canary
        done = lineup.settle()
        if done is None:
            return
        gone, told = done
        cause = lineup.returned.get(gone.model_sha256)
        if cause is not None and trial is not None:
            self.figures.returned[gone.task] += 1
            row = make_return(trial, lineup.champion, cause)
            self._do_aside(self.sampler.note_return(row))
        _log.warning(told)
        self._do_aside(self._let_go(gone))

    def _do_aside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    # ---- versions ----------------------------------------------------------------------------------------------

    async def take_champion(self, lineup: Lineup) -> None:
        """Begin to answer a task: its first champion, and the shadow where it has one. Raises CannotLoad."""
        await self._load(lineup.champion)
        if lineup.shadow is not None:
            await self._load(lineup.shadow)
        self.lineups[lineup.champion.task] = lineup

    async def follow(self, version: Version, is_taken_back: bool = False) -> None:
        """Let a new champion answer, by way of a canary where the rules have one; nobody waits. One that is taken back
        answers at once: the one before is not what it is to be measured by. Raises CannotLoad."""
        lineup = self.lineups[version.task]
        await self._load(version)
        gone = lineup.reinstate(version) if is_taken_back else lineup.try_out(version)
        _log.warning(
            f"{version.name} answers {'a share' if lineup.canary else 'all'} of the requests from now on"
        )
        for one in gone:
            self._do_aside(self._let_go(one))

    def take_back(self, lineup: Lineup) -> None:
        """The table names the old champion again: a canary that there is answers no more."""
        if lineup.canary is not None:
            gone = lineup.canary.version
            lineup.canary = None
            _log.warning(f"{gone.name} is champion no more, and answers nothing")
            self._do_aside(self._let_go(gone))

    async def _load(self, version: Version) -> None:
        await self.replicas.load(OpenModel(version.model_sha256, version.folder))

    async def _let_go(self, version: Version) -> None:
        """Drop a model once nothing is under way through it, unless it answers again."""
        await self.queue.drain(version.model_sha256)
        if version.model_sha256 not in self._list_used():
            await self.replicas.drop(version.model_sha256)

    def _list_used(self) -> set[str]:
        used = set()
        for lineup in self.lineups.values():
            trial = lineup.canary.version if lineup.canary else None
            versions = (lineup.champion, lineup.shadow, trial)
            used |= {version.model_sha256 for version in versions if version}
        return used

    async def close(self) -> None:
        """Let what was begun beside the answers end, keep the last samples, and end all processes."""
        await asyncio.gather(*self._aside, return_exceptions=True)
        await self.sampler.close()
        await self.replicas.close()


def _require_answer(found: Answered | BaseException, place: int) -> Answered:
    if isinstance(found, Refused):
        raise ImageRefused(found, place)
    if isinstance(found, BaseException):
        raise found
    return found


def _measure(
    reply: Reply, rival: Version, others: Sequence[Answered]
) -> list[float | None]:
    """How far another version's answers are from those of a reply, one an image, by the classes that both know."""
    shared = {*reply.version.class_names} & {*rival.class_names}
    return [
        measure_disagreement(
            reply.version.task,
            mine.columns,
            other.columns,
            (mine.facts.height_px, mine.facts.width_px),
            shared,
        )
        for mine, other in zip(reply.answers, others, strict=False)
    ]


def name_request() -> str:
    """A new id: 32 hex digits."""
    return uuid.uuid4().hex
