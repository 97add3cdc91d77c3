"""Whether a retraining could see a session: whether the choice of the champion's data can take its frames in."""

from __future__ import annotations

from fnmatch import fnmatchcase

from assets.choice import Choice
from assets.tables.catalog import Catalog, is_in, session_is
from assets.tables.sql import find_frames

OUTSIDE = "not in the choice of the champion's data, so a retraining would see nothing new of it"


def can_take_in(catalog: Catalog, choice: Choice, session: str) -> bool:
    """Whether a release by this choice may hold frames of the session: its name, its frames and their labels decide.

    A condition that cannot be asked any more holds back nothing: the run that makes the release says what is wrong.
    """
    if choice.sessions and not any(fnmatchcase(session, p) for p in choice.sessions):
        return False
    if not choice.where and not choice.classes:
        return True
    colour = f"{session_is(session)} AND kind = 'color'"
    found = set(catalog.read("frames", ["frame_id"], colour)["frame_id"].to_pylist())
    if choice.where:
        try:
            found &= find_frames(catalog, choice.where)
        except ValueError:
            return True
    if choice.classes:
        named = is_in("class_name", choice.classes)
        labels = catalog.read("labels", ["frame_id"], named)
        found &= set(labels["frame_id"].to_pylist())
    return bool(found)
