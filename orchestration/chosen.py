"""The data that a training is to learn from: how a choice reaches the graph, and what it comes to before anything runs.

Belongs here: a choice as config of the dataset's asset, and the look ahead. Does not: making a release.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assets.choice import Choice
from assets.tables.catalog import Catalog, repr_sql
from assets.terms.judging import Part, judge_terms, list_refused, warn_of
from models.known_tasks import dataset_of
from orchestration.profiles import Settings
from orchestration.resources import build_catalog
from orchestration.session import find_due

if TYPE_CHECKING:
    from assets.curation.release import Draft


@dataclass(frozen=True)
class Preview:
    """What a training would learn from. `waiting`: session -> what it lacks, which training makes first."""

    draft: "Draft"
    waiting: Mapping[str, str]
    parts: Sequence[Part] = ()  # under which terms its frames are

    @property
    def facts(self) -> dict[str, Any]:
        """As JSON has it."""
        facts = self.draft.facts
        return {
            **facts,
            "warnings": [*facts["warnings"], *warn_of(self.parts)],
            "refused": list_refused(self.parts),
            "waiting": dict(self.waiting),
        }


def configure_dataset(task: str, choice: Choice | None) -> dict[str, Any]:
    """The config of the run that makes the dataset of a task. None: chosen as the task's champion was."""
    config: dict[str, Any] = {"task": task}
    if choice is not None:
        config |= {
            "sessions": list(choice.sessions),
            "where": choice.where,
            "classes": list(choice.classes),
            "everything": choice.is_everything,
        }
    return {f"curation__{dataset_of(task)}_dataset": {"config": config}}


def find_release(
    home: Settings, release_id: str | None, choice: Choice | None
) -> str | None:
    """The id of the release that is named by a beginning of it; None where none is.

    Raises ValueError for a release beside a choice, as a release has its own, for a beginning that names none, and for
    one that may not be used by the terms of its sessions.
    """
    from assets.tables.ids import complete_id

    if release_id is None:
        return None
    if choice is not None:
        raise ValueError(
            f"--release {release_id} and {choice.summary}: a release is what it was chosen to be, give one of the two"
        )
    catalog = build_catalog(home)
    found = complete_id(catalog, "releases", release_id)
    _require_usable(home, catalog, found)
    return found


def _require_usable(home: Settings, catalog: Catalog, release_id: str) -> None:
    """Raises ValueError with what stands against a release as of today: consents end after it was made."""
    where = f"release_id = {repr_sql(release_id)}"
    columns = ["session", "capture_id"]
    frames = catalog.read_latest("release_frames", columns, where)
    refused = list_refused(judge_terms(catalog, frames, home.workspace.policy))
    if refused:
        raise ValueError(
            f"release {release_id[:16]} may not be used: {'; '.join(refused)}: make one without, by --sessions"
        )


def preview_dataset(
    home: Settings, task: str, release_id: str | None, choice: Choice | None
) -> Preview:
    """The release that a training of `task` would learn from. Starts nothing and writes nothing.

    Raises ValueError for a choice that cannot be made, where there is nothing to release, and as `find_release` does.
    """
    from assets.curation.clusters import plan_sides
    from assets.curation.release import draft_release
    from assets.tables.champions import read_champions_choice

    release_id = find_release(home, release_id, choice)
    dataset = dataset_of(task)
    catalog = build_catalog(home)
    if release_id is not None:
        return Preview(_read_draft(home, release_id), {})
    chosen = read_champions_choice(catalog, task) if choice is None else choice
    waiting = {
        session: " and ".join(step.doing for step in steps)
        for session, steps in find_due(home).items()
    }
    draft = draft_release(catalog, dataset, chosen, plan_sides(catalog))
    parts = judge_terms(catalog, draft.frames, home.workspace.policy)
    return Preview(draft, waiting, parts)


def _read_draft(home: Settings, release_id: str) -> "Draft":
    """A release that there is."""
    from assets.curation.release import Draft
    from assets.tables.catalog import is_in
    from assets.tables.releases import open_release

    catalog = build_catalog(home)
    release = open_release(catalog, release_id)
    where = is_in("release_id", [release_id])
    row = catalog.read_latest("releases", where=where).to_pylist()[0]
    return Draft(row, release.frames)
