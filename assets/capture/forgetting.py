"""Forget what a person names: a session, files of it, or the session of a place. Rows go, bytes and old releases stay.

The word is kept in the ledger, with who, when and why; intake leaves out what it covers until it is taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from assets.capture.intake import Intake
from assets.capture.retraction import Retraction, Sight
from assets.capture.rows import outer_path
from assets.exclusions import WHOLE, Exclusion
from assets.landing import LandingZone
from assets.storage import Folder
from assets.tables.catalog import Catalog, session_is


@dataclass(frozen=True)
class Holdings:
    """What the tables hold of something. `releases` keep it, whatever is forgotten."""

    files: int
    frames: int
    labels: int
    releases: tuple[str, ...]


def find_target(zone: LandingZone, named: str) -> tuple[str, str]:
    """The session and the path in it that a person means by `SESSION`, `SESSION/PATH`, a path or a URI; WHOLE: all.

    Raises ValueError where nothing of that name was ever taken in, or lies in a place of this home.
    """
    around = zone.look_around()
    ledger = zone.ledger
    said = ledger.exclusions()
    places = {session: folder.uri for session, folder in around.sessions.items()}
    places |= {session: folder.uri for session, folder in around.departed.items()}
    places |= ledger.sources()
    sessions = {*places, *ledger.sessions(), *(e.session for e in said)}
    if named in sessions:
        return named, WHOLE
    session, _, path = named.partition("/")
    if session in sessions and path:
        return _require_path(zone, session, path.rstrip("/"))
    uri = Folder(named).uri
    for session, place in sorted(places.items(), key=lambda item: -len(item[1])):
        if uri == place:
            return session, WHOLE
        if uri.startswith(f"{place}/"):
            return _require_path(zone, session, uri.removeprefix(f"{place}/"))
    raise ValueError(
        f"'{named}' is no session, no file of one and no place of one: `daguerre status` lists the sessions"
    )


def measure(catalog: Catalog, paths: Iterable[str], exclusion: Exclusion) -> Holdings:
    """What the tables hold of what an exclusion covers; `paths` are those that the ledger knows of the session."""
    mine = session_is(exclusion.session)

    def covers(row: dict[str, str]) -> bool:
        return exclusion.covers(outer_path(row["source_path"]))

    columns = ["frame_id", "source_path"]
    frames = {
        row["frame_id"]
        for row in catalog.read_latest("frames", columns, mine).to_pylist()
        if covers(row)
    }
    labels = [
        row
        for row in catalog.read_latest("labels", columns, mine).to_pylist()
        if row["frame_id"] in frames or covers(row)
    ]
    released = catalog.read_latest(
        "release_frames", ["release_id", "frame_id"], mine
    ).to_pylist()
    holding = {
        row["release_id"]
        for row in released
        if exclusion.path == WHOLE or row["frame_id"] in frames
    }
    num_files = len({path for path in paths if exclusion.covers(path)})
    return Holdings(num_files, len(frames), len(labels), tuple(sorted(holding)))


def forget(intake: Intake, exclusion: Exclusion) -> Retraction:
    """Leave out what the exclusion covers from now on, and take its rows out, but for one that keeps them.

    Killed in between, it is made good by forgetting again.
    """
    intake.ledger.exclude(exclusion)
    if exclusion.keeps_rows:
        return Retraction()
    known = [
        o
        for o in intake.ledger.outcomes(exclusion.session).values()
        if o.outcome != "gone" and exclusion.covers(o.path)
    ]
    see = _look_nowhere(exclusion)
    return intake.retractor(exclusion.session, see).take_out(known)


def _look_nowhere(exclusion: Exclusion) -> Callable[[], Sight]:
    """What is to be forgotten is not looked for: its place may be away."""
    return lambda: Sight((), True, (exclusion,))


def _require_path(zone: LandingZone, session: str, path: str) -> tuple[str, str]:
    """Raises ValueError where the session never had such a file or folder."""
    known = {o.path for o in zone.ledger.outcomes(session).values()}
    known |= {e.path for e in zone.ledger.exclusions(session)}
    if path in known or any(name.startswith(f"{path}/") for name in known):
        return session, path
    raise ValueError(
        f"session '{session}' never had '{path}': "
        f"`daguerre query \"select path from files where session = '{session}'\"` lists its files"
    )
