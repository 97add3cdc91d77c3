"""Which champions there are, and how a server follows them: by the table, not by what was moved by hand elsewhere."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assets.inference.model_store import bring_copy, open_copy
from assets.inference.package import Refusal
from assets.serving.service import Service
from assets.serving.versions import CanaryRules, Lineup, Version
from assets.tables.catalog import Catalog, is_in
from assets.tables.ids import complete_id
from assets.tables.rows import ChampionRow
from models.task_names import TASK_NAMES

FOLLOW_S = 5.0
_log = logging.getLogger("daguerre.serving")


@dataclass(frozen=True)
class RegistryLook:
    """What is asked of the model registry, which another stage keeps.

    `find_fault`: why a champion is not to answer, None where it may. `find_version`: the number of a registered model
    of a task, by its sha256, None for one that is none.
    """

    find_fault: Callable[[ChampionRow], str | None]
    find_version: Callable[[str, str], int | None]


@dataclass(frozen=True)
class Champions:
    """The table of champions, the packages of its models below `home`, and what the registry says of them."""

    catalog: Catalog
    home: Path
    registry: RegistryLook
    tasks: tuple[str, ...] = TASK_NAMES

    def read(self) -> list[ChampionRow]:
        """The champions of the tasks that are served, by task."""
        where = is_in("task", self.tasks)
        rows: list[ChampionRow] = (
            self.catalog.read_latest("champions", where=where)
            .sort_by("task")
            .to_pylist()
        )
        return rows

    def open(self, row: ChampionRow) -> Version:
        """The champion with its package on this machine, proven. Raises ValueError, with the remedy."""
        fault = self.registry.find_fault(row)
        if fault:
            raise Refusal(fault)
        return self._open(
            row["task"],
            row["model_sha256"],
            row["model_name"],
            row["model_version"],
            row["release_id"],
        )

    def open_shadow(self, beginning: str) -> Version:
        """A model of the tables by the beginning of its id. Raises ValueError."""
        model_sha256 = complete_id(self.catalog, "models", beginning)
        where = is_in("model_sha256", [model_sha256])
        (row,) = self.catalog.read_latest("models", where=where).to_pylist()
        if row["task"] not in self.tasks:
            raise ValueError(
                f"model {model_sha256[:16]} is of {row['task']}, and served are {', '.join(self.tasks)}"
            )
        version = self.registry.find_version(row["task"], model_sha256)
        if version is None:
            raise ValueError(
                f"model {model_sha256[:16]} is no version in MLflow: one that `daguerre train` registered can be asked"
            )
        name = f"daguerre-{row['task']}"
        return self._open(row["task"], model_sha256, name, version, row["release_id"])

    def _open(
        self,
        task: str,
        model_sha256: str,
        model_name: str,
        model_version: int,
        release_id: str,
    ) -> Version:
        rows = self.catalog.read_latest(
            "models", where=is_in("model_sha256", [model_sha256])
        ).to_pylist()
        if not rows:
            raise Refusal(
                f"champion {model_name} v{model_version} has no row in the table models: run `daguerre verify`"
            )
        open_copy(self.catalog.blobs, self.home, rows[0])  # every file is hashed
        folder = bring_copy(self.catalog.blobs, self.home, rows[0])
        return Version(
            task, model_name, model_version, model_sha256, release_id, folder
        )


async def begin(
    service: Service,
    champions: Champions,
    rules: CanaryRules,
    shadow: Version | None = None,
    shadow_share: float = 0.0,
) -> None:
    """Load all champions that there are. What keeps one from answering stands in `service.faults`."""
    for row in await asyncio.to_thread(champions.read):
        try:
            version = await asyncio.to_thread(champions.open, row)
            is_shadowed = shadow is not None and shadow.task == version.task
            lineup = Lineup(
                version,
                rules,
                shadow if is_shadowed else None,
                shadow_share if is_shadowed else 0.0,
            )
            await service.take_champion(lineup)
        except (ValueError, OSError) as error:
            service.faults[row["task"]] = str(error)
            _log.warning(f"{row['task']} is not answered: {error}")


async def follow(
    service: Service,
    champions: Champions,
    rules: CanaryRules,
    pause_s: float = FOLLOW_S,
) -> None:
    """Until cancelled: a champion that is new in the table answers here from then on."""
    while True:
        await asyncio.sleep(pause_s)
        await look_once(service, champions, rules)


async def look_once(service: Service, champions: Champions, rules: CanaryRules) -> None:
    """Take up what is new in the table. What cannot be taken is told once, and the version before goes on answering."""
    try:
        rows = await asyncio.to_thread(champions.read)
    except Exception as error:  # a store that is away: what answers goes on
        _log.warning(f"the champions cannot be read: {error}")
        return
    for row in rows:
        try:
            await _take_up(service, champions, rules, row)
            service.faults.pop(row["task"], None)
        except (ValueError, OSError) as error:
            if service.faults.get(row["task"]) != str(error):
                service.faults[row["task"]] = str(error)
                _log.warning(f"the champion of {row['task']} is not taken: {error}")


async def _take_up(
    service: Service, champions: Champions, rules: CanaryRules, row: ChampionRow
) -> None:
    lineup = service.lineups.get(row["task"])
    if lineup is None:
        version = await asyncio.to_thread(champions.open, row)
        await service.take_champion(Lineup(version, rules))
    elif row["model_sha256"] == lineup.champion.model_sha256:
        service.take_back(lineup)
        fault = await asyncio.to_thread(champions.registry.find_fault, row)
        if fault:
            raise Refusal(f"{fault}; it goes on answering here until the server ends")
    elif not lineup.knows(row["model_sha256"]):
        await service.follow(await asyncio.to_thread(champions.open, row))


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
