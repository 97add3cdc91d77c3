"""What a stage of the graph is, and which there are: every folder of `assets/` with a `stage.py` declares one.

Nothing is imported for it but those files, which name modules and functions and import none that are heavy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from assets.tables.schemas.order import sort_by_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from assets.tables.schemas import Table

AssetKey = tuple[str, str]  # stage and noun
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Maker:
    """What makes rows of a table, from whose code the version of the rows comes (`assets.code_versions`).

    `entries` ("module:name") are functions and classes; what they use of the project is followed. `each_of` names a
    tuple of things made of classes, such as readers: then each of them is a maker of its own, called "<name> <its
    name>".
    """

    name: str
    table: str
    entries: tuple[str, ...] = ()
    each_of: str = ""


@dataclass(frozen=True)
class SessionStep:
    """What every session needs: assets that are made in one go, by one plain function that asset and command call.

    `make` ("module:function") takes what it needs by name: `session`, its `folder`, `on_progress(done, total)`, and
    resources such as `catalog`. `find_due` takes resources and returns the sessions whose rows are missing or stale;
    there is none where only the files that land can tell.
    """

    keys: tuple[AssetKey, ...]
    # what it reads; a gate of these that holds the session keeps the step from running
    after: tuple[AssetKey, ...]
    make: str
    find_due: str | None
    doing: str  # what a person sees meanwhile, before the session's name: "measuring"
    unit: str  # of progress: "frames"

    def load(self) -> Callable[..., Any]:
        """The function that makes the rows."""
        function: Callable[..., Any] = resolve_name(self.make)
        return function

    def load_find_due(self) -> Callable[..., set[str]] | None:
        """The function that finds the sessions with something to do; None where only landed files tell."""
        return None if self.find_due is None else resolve_name(self.find_due)


@dataclass(frozen=True)
class Stage:
    """One stage: its place in the graph, its tables, its assets and gates by module, and what runs of it together.

    `assets` names the module with its Dagster definitions, `gates` the one of `checks` with the gates of its tables.
    `task_assets` are the nouns that a training of a task runs through, in order, with {task} and {dataset} in them.
    `makers` are those of its tables whose rows have a code version.
    """

    name: str
    after: tuple[str, ...]
    tables: tuple[Table, ...]
    assets: str
    gates: str
    session_steps: tuple[SessionStep, ...] = ()
    task_assets: tuple[str, ...] = ()
    makers: tuple[Maker, ...] = ()

    @property
    def session_assets(self) -> tuple[AssetKey, ...]:
        """The keys that one session needs of the stage, in order."""
        return tuple(key for step in self.session_steps for key in step.keys)

    def step_of(self, noun: str) -> SessionStep:
        """The step that makes one of the stage's assets of sessions."""
        return next(
            step for step in self.session_steps if (self.name, noun) in step.keys
        )

    def list_task_assets(self, task: str, dataset: str) -> list[AssetKey]:
        """The keys that a training of `task` runs through."""
        return [
            (self.name, noun.format(task=task, dataset=dataset))
            for noun in self.task_assets
        ]


@cache
def all_stages() -> tuple[Stage, ...]:
    """Every declared stage, each behind those that it comes after.

    Raises ValueError for one that is not named like its folder, or comes after a stage that there is not.
    """
    found: dict[str, Stage] = {}
    for file in sorted(_FOLDER.glob("*/stage.py")):
        folder = file.parent.name
        stage: Stage = import_module(f"assets.{folder}.stage").STAGE
        if stage.name != folder:
            raise ValueError(
                f"assets/{folder}/stage.py declares the stage {stage.name!r}: name it like its folder"
            )
        found[folder] = stage
    return tuple(
        found[name]
        for name in sort_by_after({name: stage.after for name, stage in found.items()})
    )


def list_session_steps() -> tuple[SessionStep, ...]:
    """Everything that a session needs, in order."""
    return tuple(step for stage in all_stages() for step in stage.session_steps)
