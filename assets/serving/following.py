"""How a server follows the champions: at its start, and by a look every few seconds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from assets.serving.children import Child, ChildLost, start_child
from assets.serving.looks import Look, Looks, read_look, read_version
from assets.serving.protocol import Message
from assets.serving.service import Service
from assets.serving.versions import CanaryRules, Lineup, Version

FOLLOW_S = 5.0
PATIENCE_S = 120.0  # of a look, which may load libraries and bring a model here
_log = logging.getLogger("daguerre.serving")


@dataclass
class Follower:
    """The process that looks: `module` is run as a child, and started again where it has ended, or has not answered
    within `patience_s`."""

    module: str
    log: Path | None = None
    patience_s: float = PATIENCE_S
    _child: Child | None = None

    async def look(self, known: Collection[str]) -> list[Look]:
        """As `Looks`. Raises ValueError where the stores cannot be read, or the process ends."""
        said = await self._ask({"do": "look", "known": sorted(known)})
        return [read_look(one) for one in said["looks"]]

    async def open_shadow(self, beginning: str) -> Version:
        """A model by the beginning of its id. Raises ValueError."""
        return read_version(await self._ask({"do": "shadow", "model": beginning}))

    async def close(self) -> None:
        """End it."""
        if self._child is not None:
            await self._child.end()

    async def _replace(self) -> None:
        """End it; the next question starts another."""
        child, self._child = self._child, None
        if child is not None:
            await child.end()

    async def _ask(self, message: Message) -> Message:
        if self._child is None:
            self._child = await start_child(self.module, self.log, is_trusted=True)
        try:
            async with asyncio.timeout(self.patience_s):
                said = await self._child.ask(message)
        except ChildLost as error:
            await self._replace()
            raise ValueError(f"the process that reads them ended: {error}") from error
        except TimeoutError as error:
            await self._replace()
            raise ValueError(
                f"the process that reads them gave no answer in {self.patience_s:g} s, and another takes its place"
            ) from error
        if "error" in said:
            raise ValueError(said["error"])
        return said


async def begin(
    service: Service,
    look: Looks,
    rules: CanaryRules,
    shadow: Version | None = None,
    shadow_share: float = 0.0,
) -> None:
    """Load all champions that there are. What keeps one from answering stands in `service.faults`."""
    for found in await look(()):
        is_shadowed = shadow is not None and shadow.task == found.task
        await _try_to_take(
            service,
            found,
            rules,
            shadow if is_shadowed else None,
            shadow_share if is_shadowed else 0.0,
        )


async def follow(
    service: Service, look: Looks, rules: CanaryRules, pause_s: float = FOLLOW_S
) -> None:
    """Until cancelled: a champion that is new in the table answers here from then on."""
    while True:
        await asyncio.sleep(pause_s)
        await look_once(service, look, rules)


async def look_once(service: Service, look: Looks, rules: CanaryRules) -> None:
    """Take up what is new in the table. What cannot be taken is told once, and the version before goes on answering."""
    known = {name for one in service.lineups.values() for name in one.list_known()}
    try:
        looks = await look(known)
    # a store that is away, or no process more: what answers goes on
    except (ValueError, OSError) as error:
        _log.warning(f"the champions cannot be read: {error}")
        return
    for found in looks:
        await _try_to_take(service, found, rules)


async def _try_to_take(
    service: Service,
    found: Look,
    rules: CanaryRules,
    shadow: Version | None = None,
    shadow_share: float = 0.0,
) -> None:
    try:
        await _take_up(service, found, rules, shadow, shadow_share)
        service.faults.pop(found.task, None)
    except (ValueError, OSError) as error:
        if service.faults.get(found.task) != str(error):
            service.faults[found.task] = str(error)
            _log.warning(f"the champion of {found.task} is not taken: {error}")


async def _take_up(
    service: Service,
    found: Look,
    rules: CanaryRules,
    shadow: Version | None,
    shadow_share: float,
) -> None:
    """Raises ValueError where the champion cannot answer, or should not go on."""
    lineup = service.lineups.get(found.task)
    if lineup is not None and found.model_sha256 == lineup.champion.model_sha256:
        service.take_back(lineup)
        if found.fault:
            goes_on = "it goes on answering here until the server ends"
            raise ValueError(f"{found.fault}; {goes_on}")
    elif found.version is None:
        if found.fault and not (lineup and lineup.knows(found.model_sha256)):
            raise ValueError(found.fault)
    elif lineup is None:
        begun = Lineup(found.version, rules, shadow, shadow_share)
        await service.take_champion(begun)
    elif not lineup.knows(found.model_sha256):
        await service.follow(found.version, found.is_taken_back)


def require_any(service: Service, tasks: Sequence[str]) -> None:
    """Raises ValueError where no task can be answered, with what keeps each from it."""
    if service.lineups:
        return
    reasons = [f"{task}: {reason}" for task, reason in service.faults.items()]
    told = (
        "; ".join(reasons)
        or f"there is no champion of {', '.join(tasks)}: `daguerre train` makes one"
    )
    raise ValueError(told)
