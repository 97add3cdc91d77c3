"""Forget what a person names: a session, files of it, or the session of a place. Rows go, bytes and old releases stay.

The word is kept in the ledger, with who, when and why; intake leaves out what it covers until it is taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from assets.capture.intake import Intake
from assets.capture.retraction import Retraction, Sight
from assets.exclusions import WHOLE, Exclusion, index_coverings, list_wider
from assets.formats.observations import outer_path
from assets.landing import LandingZone
from assets.ledger import Ledger
from assets.storage import Folder
from assets.tables.catalog import Catalog, session_is


@dataclass(frozen=True)
class Target:
    """What a person named: a session, and the path of a file or folder in it; WHOLE: all of it."""

    session: str
    path: str

    def __str__(self) -> str:
        return f"{self.session}/{self.path}" if self.path else f"session {self.session}"


@dataclass(frozen=True)
class Holdings:
    """What the tables hold of something. `releases` keep it, whatever is forgotten. `calibrations` of cameras rest on
    pictures of it."""

    files: int
    frames: int
    labels: int
    calibrations: int
    releases: tuple[str, ...]


@dataclass(frozen=True)
class Contents:
    """What the ledger and the tables know of one session, read once for all that is asked of it."""

    paths: frozenset[str]
    # rows with frame_id and source_path
    frames: Sequence[dict[str, str]]
    labels: Sequence[dict[str, str]]
    released: Sequence[dict[str, str]]  # rows with release_id and frame_id
    board_frames: frozenset[str]  # ids of those that a calibration rests on
    num_calibrated: int  # cameras

    def count(self, exclusions: Sequence[Exclusion]) -> Holdings:
        """What the exclusions of the session cover together."""

        covering = index_coverings(exclusions)

        def covers(row: dict[str, str]) -> bool:
            return covering(outer_path(row["source_path"])) is not None

        frames = {row["frame_id"] for row in self.frames if covers(row)}
        labels = [r for r in self.labels if r["frame_id"] in frames or covers(r)]
        is_whole = any(exclusion.path == WHOLE for exclusion in exclusions)
        releases = {
            row["release_id"]
            for row in self.released
            if is_whole or row["frame_id"] in frames
        }
        num_files = sum(covering(path) is not None for path in self.paths)
        is_calibrated = bool(self.board_frames & frames)
        return Holdings(
            num_files,
            len(frames),
            len(labels),
            self.num_calibrated if is_calibrated else 0,
            tuple(sorted(releases)),
        )


def find_targets(zone: LandingZone, names: Iterable[str]) -> list[Target]:
    """What a person means by each `SESSION`, `SESSION/PATH`, path or URI, once each; not what lies in another of them.

    Raises ValueError that tells every name of which nothing was ever taken in, and that lies in no place of this home.
    """
    places, sessions = _list_places(zone)

    @cache
    def list_known(session: str) -> frozenset[str]:
        paths = {o.path for o in zone.ledger.outcomes(session).values()}
        paths |= {e.path for e in zone.ledger.exclusions(session)}
        return frozenset(wider for path in paths for wider in list_wider(path))

    found: dict[Target, None] = {}
    faults = []
    for named in dict.fromkeys(names):
        try:
            target = _find_target(named, places, sessions)
            _require_path(target, list_known)
            found[target] = None
        except ValueError as error:
            faults.append(str(error))
    if faults:
        raise ValueError("; ".join(faults))
    return [target for target in found if not found.keys() & _list_wider(target)]


def read_contents(catalog: Catalog, ledger: Ledger, session: str) -> Contents:
    """What is known of a session now."""
    mine = session_is(session)
    columns = ["frame_id", "source_path"]
    frames, labels = (
        catalog.read_latest(name, columns, mine).to_pylist()
        for name in ("frames", "labels")
    )
    held = ["release_id", "frame_id"]
    released = catalog.read_latest("release_frames", held, mine).to_pylist()
    known = ledger.outcomes(session).items()
    paths = frozenset(path for (path, _), o in known if o.outcome != "gone")
    views = catalog.read_latest("board_views", ["frame_id"], mine)
    cameras = catalog.read_latest("rig_calibrations", ["sensor"], mine)
    board_frames = frozenset(views["frame_id"].to_pylist())
    return Contents(paths, frames, labels, released, board_frames, len(cameras))


def forget(intake: Intake, exclusions: Sequence[Exclusion]) -> Retraction:
    """Leave out what the exclusions of one session cover from now on, and take its rows out in one go, but for those
    that are kept.

    Killed in between, it is made good by forgetting again.
    """
    (session,) = {exclusion.session for exclusion in exclusions}
    intake.ledger.exclude(exclusions)
    going = [exclusion for exclusion in exclusions if not exclusion.keeps_rows]
    if not going:
        return Retraction()
    covering = index_coverings(going)
    known = [
        o
        for o in intake.ledger.outcomes(session).values()
        if o.outcome != "gone" and covering(o.path)
    ]
    retractor = intake.retractor(session, _look_nowhere(going))
    done = retractor.take_out(known)
    if not known:
        retractor.drop_derived()
    return done


def _look_nowhere(exclusions: Sequence[Exclusion]) -> Callable[[], Sight]:
    """What is to be forgotten is not looked for: its place may be away."""
    return lambda: Sight((), True, exclusions)


def _list_places(zone: LandingZone) -> tuple[dict[str, str], set[str]]:
    """Where each session lies, by name, and the names of all that were ever heard of."""
    around = zone.look_around()
    said = zone.ledger.exclusions()
    places = {session: folder.uri for session, folder in around.sessions.items()}
    places |= {session: folder.uri for session, folder in around.departed.items()}
    places |= zone.ledger.sources()
    return places, {*places, *zone.ledger.sessions(), *(e.session for e in said)}


def _find_target(named: str, places: dict[str, str], sessions: set[str]) -> Target:
    """Raises ValueError for what is neither below a session's name nor below its place."""
    session, _, path = named.partition("/")
    if named in sessions:
        return Target(named, WHOLE)
    if session in sessions and path.rstrip("/"):
        return Target(session, path.rstrip("/"))
    uri = Folder(named).uri
    for session, place in sorted(places.items(), key=lambda item: -len(item[1])):
        if uri == place:
            return Target(session, WHOLE)
        if uri.startswith(f"{place}/"):
            return Target(session, uri.removeprefix(f"{place}/"))
    raise ValueError(
        f"'{named}' is no session, no file of one and no place of one: `daguerre status` lists the sessions"
    )


def _require_path(target: Target, list_known: Callable[[str], frozenset[str]]) -> None:
    """Raises ValueError where the session never had such a file or folder."""
    session, path = target.session, target.path
    if path != WHOLE and path not in list_known(session):
        raise ValueError(
            f"session '{session}' never had '{path}': "
            f"`daguerre query \"select path from files where session = '{session}'\"` lists its files"
        )


def _list_wider(target: Target) -> set[Target]:
    """The folders of its session that a target lies in, and all of the session."""
    return {Target(target.session, path) for path in list_wider(target.path)} - {target}
