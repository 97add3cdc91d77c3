"""Find sessions: folders below the landing zone, and places that were registered by name."""

from __future__ import annotations

import hashlib
import time
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from assets.addresses import hide
from assets.exclusions import WHOLE
from assets.ledger import FileOutcome, Ledger
from assets.storage import (
    Folder,
    GoneFolder,
    SessionFile,
    hash_stream,
    is_utf8,
    session_key,
    unspelt_key,
)

# of a session that may be another under a new name: files that are compared by content, each of so many bytes at most
_MAX_COMPARED = 32
_MAX_COMPARED_BYTES = 64 << 20
MAX_READY = 50  # sessions of one look; the others follow at the next


@dataclass(frozen=True)
class Surroundings:
    """What there is to look at."""

    sessions: dict[str, Folder]
    # names of folders that cannot be a session: nothing usable in the name, or a key that is another place's
    unusable: list[str]
    # that are not in the landing zone any more, while others that were seen there are
    departed: dict[str, Folder] = field(default_factory=dict)
    fault: str = ""  # why the landing zone itself cannot be listed; `sessions` are the registered ones then


@dataclass(frozen=True)
class LandingZone:
    """Where producers drop sessions, one folder each."""

    folder: Folder
    ledger: Ledger
    partial_wait_s: float = 900.0  # for the end of a file that does not grow any more

    def sessions(self) -> dict[str, Folder]:
        """session key -> its folder, without the folders that are unusable. Raises OSError when none can be listed."""
        return self._sort_out(self.folder.folders()).sessions

    def look_around(self) -> Surroundings:
        """All sessions and unusable folders; a landing zone that cannot be listed does not hide registered places."""
        try:
            return self._sort_out(self.folder.folders())
        except OSError as error:
            return Surroundings(
                self._registered(), [], fault=explain(self.folder, error)
            )

    def note(self, around: Surroundings) -> None:
        """Remember which sessions lie in the landing zone: those that are not there later are missed."""
        here = {s for s, f in around.sessions.items() if self._is_below(f)}
        landed = self.ledger.landed().keys()
        self.ledger.note_landed(here - landed, without=landed - here)

    def name_session(self, name: str, folder: Folder) -> str:
        """The key of the session `name` in `folder`: the one that it has, where it was named before by fewer letters.

        Raises ValueError for a name that gives no key.
        """
        key, former = session_key(name), unspelt_key(name)
        if former in {"", key}:
            return key
        place = self.ledger.sources().get(former)
        if place is None and folder.uri == f"{self.folder.uri}/{folder.name}":
            return self._name_landed(self.folder.folders()).get(name) or key
        return former if place == folder.uri else key

    def register(self, session: str, folder: Folder) -> None:
        """Remember a place outside the landing zone; one inside is found there, wherever its home is moved.

        Raises ValueError when the session's name is another place's.
        """
        if not is_utf8(folder.uri):
            raise ValueError(f"{folder.uri!r} is not UTF-8: rename it")
        landed = self.sessions().get(session)
        if landed is not None and landed.uri != folder.uri:
            raise ValueError(
                f"session '{session}' is already {landed.uri}: rename {folder.uri}, or give it another name"
            )
        if landed is None or session in self.ledger.sources():
            self.ledger.register_source(session, folder.uri)

    def take_up(self, session: str, folder: Folder) -> bool:
        """Look at a session again that was left out with its rows kept, perhaps in another place: whether it is.

        Raises ValueError for one that was forgotten.
        """
        said = self.ledger.exclusion(session, WHOLE)
        if said is None:
            return False
        if not said.keeps_rows:
            raise ValueError(
                f"session '{session}' was forgotten {said.story}: `daguerre forget --undo {session}` takes that back"
            )
        self.ledger.include(session, WHOLE)
        if self.ledger.sources().get(session) not in {None, folder.uri}:
            self.ledger.move_session(session, folder.uri)
            return True
        return False

    def locate(self, session: str) -> Folder:
        """The session's folder. Raises FileNotFoundError when nothing was landed under that name.

        Raises ValueError for a session that a person told to forget.
        """
        if session in self._list_excluded():
            raise ValueError(
                f"session '{session}' is forgotten: `daguerre forget --undo {session}` takes that back"
            )
        folder = self._registered().get(session)
        if folder is None or self._is_below(folder):
            around = self._sort_out(self.folder.folders())
            folder = around.departed.get(session) or around.sessions.get(session)
        if folder is None:
            raise FileNotFoundError(
                f"there is no session '{session}': `daguerre status` lists those there are"
            )
        return folder

    def recognise(self, session: str, folder: Folder) -> str | None:
        """The name of the session that lies in `folder` under a new name, whose place that is from now on; else None.

        It is one whose own place is no more, and of whose files more than half lie in the new folder: by path and size,
        and by content as far as a sample tells. All are read again, so that a wrong guess costs time and no truth.
        """
        if self.ledger.holds_files(session):
            return None
        there = set(self._name_landed(self.folder.folders()).values())
        files = {f.path: f for f in folder.files() if f.fault is None}
        spread = sorted(files)[:: max(1, -(-len(files) // _MAX_COMPARED))]
        places = self.ledger.sources()
        for former in self.ledger.sessions():
            if former in {session, *there} and former not in places:
                continue
            if not self.ledger.knows_any(former, spread) or (
                former in places and not self._is_missing(places[former])
            ):
                continue
            if _is_the_same(self.ledger.outcomes(former).values(), files, folder):
                self.ledger.move_session(former, folder.uri)
                return former
        return None

    def find_twins(self, session: str) -> dict[str, int]:
        """Other sessions in places of their own that hold the same loose files, and how many: those that share paths
        with it are compared by content. Recordings are captures once, whatever session they lie in."""
        mine = self._list_taken(session)
        paths = sorted({o.path for o in mine})
        spread = paths[:: max(1, -(-len(paths) // _MAX_COMPARED))]
        hashes = {(o.path, o.sha256) for o in mine}
        captures = {o.capture_id for o in mine}
        found = {}
        for other in self.ledger.sessions() if spread else ():
            if other == session or not self.ledger.knows_any(other, spread):
                continue
            theirs = {
                (o.path, o.sha256)
                for o in self._list_taken(other)
                if o.capture_id not in captures
            }
            if hashes & theirs:
                found[other] = len(hashes & theirs)
        return found

    def _list_taken(self, session: str) -> list[FileOutcome]:
        """The session's files in captures that were taken in and are not gone since."""
        outcomes = self.ledger.outcomes(session).values()
        return [o for o in outcomes if o.outcome == "ingested" and o.capture_id]

    def _is_below(self, folder: Folder) -> bool:
        return folder.uri.startswith(f"{self.folder.uri}/")

    def _is_missing(self, uri: str) -> bool:
        try:
            return not Folder(uri, self.folder.options).exists()
        except OSError:
            return False

    def _registered(self) -> dict[str, Folder]:
        excluded = self._list_excluded()
        return {
            session: Folder(uri, self.folder.options)
            for session, uri in self.ledger.sources().items()
            if session not in excluded
        }

    def _list_excluded(self) -> set[str]:
        return {e.session for e in self.ledger.exclusions() if e.path == WHOLE}

    def _sort_out(self, names: Sequence[str]) -> Surroundings:
        found = self._registered()
        owners = {uri: session for session, uri in self.ledger.sources().items()}
        excluded = self._list_excluded()
        unusable = []
        keys = self._name_landed(names)
        folders = {name: self.folder.below(name) for name in names if "\\" not in name}
        for name in names:
            # a folder of another name may be a session's place
            folder = folders.get(name)
            key = owners.get(folder.uri) if folder else None
            key = key or keys[name]
            if key is None or folder is None:
                unusable.append(name)
            elif key in excluded:
                continue
            elif found.setdefault(key, folder).uri != folder.uri:
                unusable.append(name)
        uris = {folder.uri for folder in folders.values()}
        departed = self._list_departed(uris, found, excluded)
        there = {s: folder for s, folder in found.items() if s not in departed}
        return Surroundings(there, unusable, departed)

    def _name_landed(self, names: Sequence[str]) -> dict[str, str | None]:
        """Folder -> session, None where its name gives no key. A session that was named by fewer letters stays it,
        unless a folder of that very name is there."""
        keys = {name: _key_or_none(name) for name in names}
        for name, key in keys.items():
            former = unspelt_key(name)
            if key is None or former in {"", key} or former in names:
                continue
            if self._is_known(former) and not self._is_known(key):
                keys[name] = former
        return keys

    def _is_known(self, session: str) -> bool:
        return (
            self.ledger.holds_files(session)
            or self.ledger.exclusion(session, WHOLE) is not None
        )

    def _list_departed(
        self, uris: set[str], found: Mapping[str, Folder], excluded: set[str]
    ) -> dict[str, Folder]:
        """Sessions whose folder in the landing zone is no more.

        Another session that was seen there beside them has to be left, with files: a landing zone without one is not
        mounted, or is another one.
        """
        moved = {
            session
            for session, folder in found.items()
            if self._is_below(folder) and folder.uri not in uris
        }
        landed = self.ledger.landed()
        missed = (landed.keys() - found.keys() - excluded) | moved
        if not missed:
            return {}
        with_files = self.ledger.sessions_with_files()
        witnesses = [
            landed[w] for w in landed.keys() & found.keys() & with_files - moved
        ]
        missed = {
            m
            for m in missed & with_files
            if any(m not in without for without in witnesses)
        }
        places = {s: found.get(s, self.folder.below(s)) for s in sorted(missed)}
        return {
            session: GoneFolder(place.uri, place.options)
            for session, place in places.items()
        }


def _is_the_same(
    outcomes: Iterable[FileOutcome], files: Mapping[str, SessionFile], folder: Folder
) -> bool:
    """Whether more than half of what was taken in lies there, as far as a sample of it tells."""
    # what is gone stands for a path where nothing else does
    by_path = {
        o.path: o
        for o in sorted(outcomes, key=lambda o: o.outcome != "gone")
        if o.sha256 is not None
    }
    alike = [
        o
        for path, o in sorted(by_path.items())
        if path in files and files[path].size_bytes == o.size_bytes
    ]
    small = [o for o in alike if o.size_bytes <= _MAX_COMPARED_BYTES]
    sample = small[:: max(1, -(-len(small) // _MAX_COMPARED))]
    if 2 * len(alike) <= len(by_path) or not sample:
        return False
    return all(_has_bytes(folder, files[o.path], o.sha256) for o in sample)


def _has_bytes(folder: Folder, file: SessionFile, sha256: str | None) -> bool:
    try:
        with folder.open(file) as stream:
            return hash_stream(stream) == sha256
    except OSError:
        return False


def open_place(source: str, options: dict[str, Any]) -> Folder:
    """The folder, file or bucket prefix that somebody named. Raises ValueError and FileNotFoundError for none."""
    if not source.strip():
        raise ValueError(
            "no place is named: give a folder, a file or s3://bucket/prefix"
        )
    folder = Folder(source, options)
    if not folder.exists():
        raise FileNotFoundError(
            f"{folder.uri} does not exist: check the path or the bucket"
        )
    return folder


def explain(folder: Folder, error: OSError) -> str:
    """One line on a place that cannot be listed, with what helps."""
    if isinstance(error, FileNotFoundError):
        remedy = (
            "bring it back; a place outside of the landing zone is given up by `daguerre forget SESSION --keep-rows`, "
            "and its rows too without that option"
        )
    elif isinstance(error, PermissionError):
        remedy = "let this user, or these credentials, list it"
    else:
        remedy = "look after the disk, or the address of the object store and the credentials"
    reason = hide(error.strerror or str(error).splitlines()[0])
    return f"{folder.uri} cannot be listed ({reason}): {remedy}"


@dataclass
class Listing:
    """The files of a session listed so far. Its fingerprint changes when one is added, removed or rewritten."""

    session: str
    after: str = ""  # the last path that was listed
    digest: int = 0  # sum of a hash of every file: it can be continued, and the order does not matter
    num_files: int = 0

    def add(self, files: Sequence[SessionFile]) -> None:
        """Take files, in the order of their paths."""
        for file in files:
            digest = hashlib.sha256(
                repr((file.path, file.size_bytes, file.version)).encode()
            ).digest()
            self.digest = (self.digest + int.from_bytes(digest[:16], "big")) % (
                1 << 128
            )
        self.num_files += len(files)
        self.after = files[-1].path if files else self.after

    @property
    def fingerprint(self) -> str:
        """The same for the same paths, sizes and versions, in whatever order."""
        return f"{self.digest:032x}-{self.num_files}"


def fingerprint(folder: Folder) -> str:
    """The fingerprint of all files below, in one go."""
    listing = Listing("")
    for page in folder.pages():
        listing.add(page)
    return listing.fingerprint


@dataclass
class Look:
    """What one look at sessions found."""

    ready: list[str] = field(default_factory=list)
    listed: list[str] = field(
        default_factory=list
    )  # to their last file, the ready ones too
    failed: dict[str, str] = field(
        default_factory=dict
    )  # session -> why it cannot be listed, and what helps


@dataclass
class Watch:
    """What has been seen of a landing zone, from look to look. A look takes about `budget_s`, however much lies there.

    Sessions that are new or changed since the last look come first, then the others in turn; the listing of a large one
    goes on where the last look left it.
    """

    # session -> fingerprints: seen last, last called ready
    seen: dict[str, list[str]] = field(default_factory=dict)
    turn: str = ""  # the session that was looked at last
    # of the session whose listing is not finished
    listing: dict[str, Any] | None = None
    # session -> seconds since 1970 from which it is put off
    since: dict[str, float] = field(default_factory=dict)
    failed_s: float = 0.0  # runs that failed until then are known; seconds since 1970
    code: str = ""  # of the readers that took in what is there
    # session -> how often it was asked for: files that go and come back make a session look as it did before
    asks: dict[str, int] = field(default_factory=dict)

    def look(self, sessions: Mapping[str, Folder], budget_s: float = 1.0) -> Look:
        """Which sessions changed since they were last ready and look as they did at the look before."""
        end = time.monotonic() + budget_s
        found = Look()
        for session in self._order(list(sessions)):
            try:
                now = self._continue(session, sessions[session], end)
            except OSError as error:
                found.failed[session] = explain(sessions[session], error)
            else:
                if now is None:
                    break
                found.listed.append(session)
                if self._compare(session, now):
                    found.ready.append(session)
            self.turn = session
            if time.monotonic() > end or len(found.ready) == MAX_READY:
                break
        return found

    def _compare(self, session: str, now: str) -> bool:
        """Whether the session is ready; remembers how it looks now."""
        before, asked = self.seen.get(session, ["", ""])
        is_ready = now == before != asked
        self.seen[session] = [now, now if is_ready else asked]
        return is_ready

    def follow_code(self, code: str) -> None:
        """Make every session ready again where other readers than those of today took it in."""
        if code != self.code:
            for seen in self.seen.values():
                seen[1] = ""
        self.code = code

    def put_off(self, session: str, now_s: float) -> float:
        """Make a session that was ready be so at the next look too; for how many seconds that has gone on."""
        self.seen[session][1] = ""
        return now_s - self.since.setdefault(session, now_s)

    def ask_again(self, session: str) -> None:
        """Make the session ready at the next look but one, however it looks."""
        self.seen.pop(session, None)

    def go_on(self, session: str) -> None:
        """The session is asked for after all: it is ready again when it changes."""
        self.seen[session][1] = self.seen[session][0]
        self.since.pop(session, None)

    def is_bare(self, session: str) -> bool:
        """Whether no file lay there at the last look."""
        now, _ = self.seen.get(session, ["", ""])
        return now == Listing(session).fingerprint

    def is_asked(self, session: str) -> bool:
        """Whether the session was asked for as it looks now."""
        now, asked = self.seen.get(session, ["", ""])
        return now == asked != ""

    def unsettled(self) -> list[str]:
        """The sessions that changed between the last two looks at them."""
        return [session for session, (now, asked) in self.seen.items() if now != asked]

    def _order(self, sessions: list[str]) -> list[str]:
        first = (
            [self.listing["session"]]
            if self.listing and self.listing["session"] in sessions
            else []
        )
        there = set(sessions)
        urgent = [s for s in sessions if s not in self.seen] + [
            s for s in self.unsettled() if s in there
        ]
        start = bisect_right(others := sorted(sessions), self.turn)
        return list(dict.fromkeys([*first, *urgent, *others[start:], *others[:start]]))

    def _continue(self, session: str, folder: Folder, end: float) -> str | None:
        """The session's fingerprint; None when the time was over before the last of its files was listed."""
        listing = Listing(session)
        if self.listing and self.listing["session"] == session:
            listing = Listing(**self.listing)
        self.listing = None
        for number, page in enumerate(folder.pages(listing.after)):
            if number and time.monotonic() > end:
                self.listing = asdict(listing)
                return None
            listing.add(page)
        return listing.fingerprint


def _key_or_none(name: str) -> str | None:
    try:
        return session_key(name)
    except ValueError:
        return None
