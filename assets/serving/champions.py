"""Which champions there are: by the table, not by what was moved by hand elsewhere; their packages, brought here.

Read in a process of its own (`assets.serving.follower`): the stores' libraries are large.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from assets.inference.model_store import bring_copy, open_copy
from assets.inference.package import Refusal
from assets.serving.looks import Look
from assets.serving.versions import Version
from assets.tables.catalog import Catalog, is_in
from assets.tables.ids import complete_id
from assets.tables.rows import ChampionRow
from assets.tables.schemas.registry import ROLLED_BACK
from models.task_names import TASK_NAMES


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

    def look(self, known: Collection[str]) -> list[Look]:
        """Each champion: opened where it is not among the `known`, by sha256; or why it cannot be, or is gone since."""
        return [self._look_at(row, row["model_sha256"] in known) for row in self.read()]

    def _look_at(self, row: ChampionRow, is_known: bool) -> Look:
        task, model_sha256 = row["task"], row["model_sha256"]
        try:
            if is_known:
                return Look(task, model_sha256, fault=self.registry.find_fault(row))
            version = self.open(row)
            return Look(
                task, model_sha256, version, is_taken_back=self._is_taken_back(row)
            )
        except (ValueError, OSError) as error:
            return Look(task, model_sha256, fault=str(error))

    def _is_taken_back(self, row: ChampionRow) -> bool:
        """Whether a rollback made it champion."""
        if row["promotion_id"] is None:
            return False
        where = is_in("promotion_id", [row["promotion_id"]])
        acts = self.catalog.read_latest("promotions", ["act"], where)["act"]
        return acts.to_pylist() == [ROLLED_BACK]

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
        # every file is hashed
        package = open_copy(self.catalog.blobs, self.home, rows[0])
        folder = bring_copy(self.catalog.blobs, self.home, rows[0])
        return Version(
            task,
            model_name,
            model_version,
            model_sha256,
            release_id,
            folder,
            tuple(package.facts.class_names),
        )
