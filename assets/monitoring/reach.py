"""Which sessions a retraining could see: the choice of the champion's data can take frames in, and they have labels."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase

from assets.choice import Choice
from assets.kinds import find_kind
from assets.label_versions import IS_COUNTED
from assets.tables.catalog import Catalog, is_in
from assets.tables.sql import find_frames

UNLABELLED = (
    "nobody has labelled all that is asked of it, so a retraining would see nothing new"
)
OUTSIDE = "not in the choice of the champion's data, so a retraining would see nothing new of it"


def can_take_in(catalog: Catalog, choice: Choice, session: str) -> bool:
    """Whether a release by this choice may hold frames of the session."""
    return not find_outside(catalog, choice, [session])


def find_outside(
    catalog: Catalog, choice: Choice, sessions: Collection[str]
) -> set[str]:
    """Those of the sessions of which no release by this choice may hold a frame: their names, their frames and the
    labels of these decide.

    A condition that cannot be asked any more holds back nothing: the run that makes the release says what is wrong.
    """
    named = {
        session
        for session in sessions
        if not choice.sessions or any(fnmatchcase(session, p) for p in choice.sessions)
    }
    if not named or not (choice.where or choice.classes):
        return set(sessions) - named
    return set(sessions) - _keep_fitting(catalog, choice, named)


def _keep_fitting(catalog: Catalog, choice: Choice, sessions: set[str]) -> set[str]:
    """Those with a frame for which the condition and the classes hold."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = ["frame_id", "session"]
    frames = catalog.read_published_of(
        "frames", columns, "session", sorted(sessions), "kind = 'color'"
    )
    if choice.where:
        try:
            found = pa.array(find_frames(catalog, choice.where), pa.string())
        except ValueError:
            return sessions
        frames = frames.filter(pc.is_in(frames["frame_id"], value_set=found))
    if choice.classes:
        named = is_in("class_name", choice.classes)
        labelled = catalog.read("labels", ["frame_id"], named)["frame_id"]
        frames = frames.filter(pc.is_in(frames["frame_id"], value_set=labelled))
    return set(pc.unique(frames["session"]).to_pylist())


def find_unlabelled(catalog: Catalog, task: str, sessions: Collection[str]) -> set[str]:
    """Those of the sessions of which nobody, no file and no person, has said anything for the task yet: a retraining
    would see nothing new of them."""
    if not sessions:
        return set()
    mine = is_in("task", find_kind(task).label_tasks)
    said = [
        catalog.read_published_of(name, ["session"], "session", sorted(sessions), mine)
        for name in ("labels", "annotated_frames")
    ]
    versions = f"{mine} AND {is_in('session', sorted(sessions))} AND {IS_COUNTED}"
    said.append(catalog.read_latest("label_versions", ["session"], versions))
    return set(sessions).difference(*(rows["session"].to_pylist() for rows in said))
