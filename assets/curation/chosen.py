"""Which frames and classes a choice means, among the published ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

import pyarrow as pa
import pyarrow.compute as pc

from assets.choice import Choice
from assets.curation.pictures import ChosenClasses
from assets.kinds import Kind
from assets.kinds.kind import Statement
from assets.tables.catalog import Catalog, is_in, session_is
from assets.tables.sql import find_frames

_COLUMNS = (
    "frame_id",
    "capture_id",
    "session",
    "sensor",
    "sha256",
    "width_px",
    "height_px",
)
_MOST_NAMES = 40  # in an error


def choose_frames(catalog: Catalog, choice: Choice) -> pa.Table:
    """The published colour frames of the choice, with what a release needs of them.

    Raises ValueError for a session that has none, a condition that is none, and one that no frame meets.
    """
    colour = "kind = 'color'"
    if choice.sessions:
        colour += f" AND {is_in('session', _match_sessions(catalog, choice))}"
    rows = catalog.read("frames", _COLUMNS, colour)
    if choice.where:
        met = pa.array(find_frames(catalog, choice.where), pa.string())
        kept = rows.filter(pc.is_in(rows["frame_id"], value_set=met))
        if len(rows) and not len(kept):
            raise ValueError(
                f"where = {choice.where!r} holds for none of {len(rows)} published colour frames: "
                'look at them with `daguerre query "select * exclude (payload) from frames"`'
            )
        rows = kept
    return rows


def choose_classes(
    kind: Kind, choice: Choice, said: Iterable[tuple[str, Statement]]
) -> ChosenClasses | None:
    """The classes of the choice; None where it names none. `said`: the session of a frame, and what is said of it.

    Raises ValueError for a class that no label of these frames has, and for a kind that learns none.
    """
    if not choice.classes:
        return None
    if not kind.needs_labels:
        raise ValueError(
            f"classes = {', '.join(choice.classes)}: {kind.name} learns no class; choose by sessions or where"
        )
    names = frozenset(choice.classes)
    named_in: dict[str, set[str]] = {}
    for session, statement in said:
        for label in statement.labels:
            named_in.setdefault(label["class_name"], set()).add(session)
    unknown = sorted(names - named_in.keys())
    if unknown:
        raise ValueError(
            f"no {kind.name} label is of class {_list(unknown)}: the classes are {_list(sorted(named_in))}"
        )
    where_named = {session for name in names for session in named_in[name]}
    return ChosenClasses(names, frozenset(where_named))


def require_classes(
    choice: Choice, class_names: Sequence[str], excluded: Mapping[str, int]
) -> None:
    """Raises ValueError where nothing is left of a chosen class."""
    lost = sorted(set(choice.classes) - set(class_names))
    if lost:
        raise ValueError(
            f"no picture with class {_list(lost)} is left ({list_reasons(excluded)}): choose without it, or label more"
        )


def _match_sessions(catalog: Catalog, choice: Choice) -> list[str]:
    found = catalog.read("frames", ["session"], "kind = 'color'")["session"]
    there = sorted(found.unique().to_pylist())
    matches = {
        pattern: [s for s in there if fnmatchcase(s, pattern)]
        for pattern in choice.sessions
    }
    unknown = [pattern for pattern, sessions in matches.items() if not sessions]
    if unknown:
        raise ValueError(
            f"no published session with colour frames is called {_list(unknown)}: there are {_list(there)}"
            + "".join(_name_frames_of(catalog, name) for name in unknown)
        )
    return sorted({s for sessions in matches.values() for s in sessions})


def _name_frames_of(catalog: Catalog, session: str) -> str:
    """Where the frames are that a session of labels alone speaks of: there its labels are learnt from."""
    said = catalog.read("labels", ["frame_id"], session_is(session))[
        "frame_id"
    ].unique()
    if not len(said):
        return ""
    frames = catalog.read("frames", ["session"], is_in("frame_id", said.to_pylist()))
    homes = _list(sorted(frames["session"].unique().to_pylist()))
    return f"; the labels of {session} are of frames of {homes}: choose those"


def list_reasons(excluded: Mapping[str, int]) -> str:
    """Why frames or labels were left out, with how many."""
    return ", ".join(f"{reason}: {count}" for reason, count in excluded.items())


def _list(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    shown = ", ".join(names[:_MOST_NAMES]) or "none"
    return f"{shown} and {more} more" if more > 0 else shown
