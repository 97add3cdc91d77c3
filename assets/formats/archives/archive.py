"""Read archives (zip, tar, tar.gz and kin): their members are planned again, as a session of their own.

A member's path is `outer.zip!/inner/a.jpg`, its source the place of its bytes in the archive itself. Nothing is
unpacked to names that the archive chooses; an archive inside an archive is not opened.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Self

from assets.formats.archives.archive_members import (
    ArchiveLimits,
    Member,
    MemberStore,
    Refused,
)
from assets.formats.archives.tar_members import is_tar_name, open_tar
from assets.formats.archives.zip_members import open_zip
from assets.formats.images.video import VideoReader
from assets.formats.layout import is_hidden, list_paths, suffix_of
from assets.formats.observations import Observation, Problem, Source
from assets.formats.protocol import (
    HEAD_BYTES,
    NO_DATA,
    NOT_READ,
    CapturePlan,
    Home,
    Leftover,
    Opener,
    Reader,
    Shares,
    UnreadableBytes,
    explain_pointer,
    open_checked,
    whole_file,
)
from assets.formats.sharing import share_out
from assets.storage import SessionFile

_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
_SEPARATOR = "!/"
READ_AS = "read as"  # in the notes: the readers of what is inside


class ArchiveReader:
    name = "archive"
    carries = frozenset({"video"})

    def __init__(
        self, readers: Sequence[Reader], limits: ArchiveLimits | None = None
    ) -> None:
        self._readers = tuple(readers)
        self._limits = limits or ArchiveLimits()

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        return [
            CapturePlan(self.name, f.path, (f,), is_container=True)
            for f in files
            if _is_archive(f)
        ]

    def foresee(self, plan: CapturePlan, opener: Opener) -> dict[str, str]:
        """What members would be read as, and which are not read, of the directory and the beginnings of members."""
        file = plan.files[0]
        try:
            with self._open(file, opener) as store:
                return self._foresee_members(plan.home, _List.of(file, store), store)
        except UnreadableBytes as error:
            return {NOT_READ: f"{error.reason}. {error.remedy}"}

    def _share_out(
        self, home: Home | None, files: Sequence[SessionFile], opener: Opener
    ) -> Shares:
        """Plans of the members; with the stored frames that labels name, where there is a home."""
        if home is not None:
            return home.share_out(files, opener, self._readers)
        return Shares(*share_out(files, opener, self._readers), opener)

    def _foresee_members(
        self, home: Home | None, found: _List, store: MemberStore
    ) -> dict[str, str]:
        shares = self._share_out(home, found.files, found.opener_of(store))
        plans = shares.plans
        notes = dict[str, str]()
        for name in dict.fromkeys(p.reader for p in plans):
            mine = [p for p in plans if p.reader == name]
            num_files = sum(f.path in found.members for p in mine for f in p.files)
            roots = _name_paths([p.root for p in mine])
            notes[f"{READ_AS} {name}"] = f"{num_files} members, in {roots}"
        alike: dict[tuple[str, str], list[str]] = defaultdict(list)
        for refused in found.refused:
            path = _name_member(found.path, refused)
            alike[refused.reason, refused.remedy].append(path)
        for left in shares.leftovers:
            if left.is_document:
                alike[left.reason, NO_DATA].append(left.file.path)
            else:
                alike[_explain_left(left)].append(left.file.path)
        for (reason, remedy), paths in alike.items():
            what = NO_DATA if remedy == NO_DATA else NOT_READ
            helps = f". {remedy}" * (remedy != NO_DATA)
            notes[f"{what}: {_name_paths(paths)}"] = f"{reason}{helps}"
        for number, inner_plan in enumerate(plans):
            reader = next(r for r in self._readers if r.name == inner_plan.reader)
            look = getattr(reader, "foresee", None)
            told = look(inner_plan, shares.opener) if look else {}
            if stored := home.tell(inner_plan) if home else "":
                told = {**told, "labels of stored frames": stored}
            for key, note in {**inner_plan.notes, **told}.items():
                notes[f"{inner_plan.root or number}: {key}"] = note
        return notes

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        file = plan.files[0]
        with ExitStack() as stack:
            try:
                store = stack.enter_context(self._open(file, opener))
            except UnreadableBytes as error:
                yield Problem(whole_file(file), self.name, error.reason, error.remedy)
                return
            yield from self._read_members(plan, file, store)

    @contextmanager
    def _open(self, file: SessionFile, opener: Opener) -> Iterator[MemberStore]:
        """Raises UnreadableBytes for what is no archive, or expands to more than is taken."""
        with ExitStack() as stack:
            stream = stack.enter_context(open_checked(file, opener))
            pointer = explain_pointer(stream.read(HEAD_BYTES))
            if pointer:
                raise UnreadableBytes(*pointer)
            opened: MemberStore = (
                open_tar(stream, file, self._limits)
                if is_tar_name(file.path)
                else open_zip(stream, file, self._limits)
            )
            yield stack.enter_context(opened)

    def _read_members(
        self, plan: CapturePlan, file: SessionFile, store: MemberStore
    ) -> Iterator[Observation]:
        found = _List.of(file, store)
        for refused in found.refused:
            source = Source(_name_member(file.path, refused), 0, file.size_bytes)
            yield Problem(source, self.name, refused.reason, refused.remedy)
        opener = found.opener_of(store)
        yield from self._read_inner(plan, found.files, opener, found.members)

    def _read_inner(
        self,
        plan: CapturePlan,
        inner: Sequence[SessionFile],
        opener: Opener,
        members: dict[str, Member],
    ) -> Iterator[Observation]:
        shares = self._share_out(plan.home, inner, opener)
        plans = shares.plans
        for left in shares.leftovers:
            if left.is_document:
                plan.notes[f"not read: {left.file.path}"] = left.reason
            else:
                source = _place(whole_file(left.file), members)
                yield Problem(source, self.name, *_explain_left(left))
        if plans:
            plan.notes[READ_AS] = ", ".join(
                sorted({inner_plan.reader for inner_plan in plans})
            )
        for number, inner_plan in enumerate(plans):
            reader = next(r for r in self._readers if r.name == inner_plan.reader)
            if str(plan.video):
                inner_plan = replace(inner_plan, video=plan.video)
            inner_plan, open_inner = _keep(inner_plan, plan.home, shares.opener)
            for observation in reader.read(inner_plan, open_inner):
                yield replace(observation, source=_place(observation.source, members))
            for key, note in inner_plan.notes.items():
                plan.notes[f"{inner_plan.root or number}: {key}"] = note


@dataclass(frozen=True)
class _List:
    """What an archive holds: its members by their paths, and what of it is not read."""

    path: str  # of the archive
    members: dict[str, Member]
    refused: list[Refused]
    files: list[SessionFile]  # the members, as a session lists its files

    @classmethod
    def of(cls, file: SessionFile, store: MemberStore) -> Self:
        """The list of an open archive."""
        items = list(store.members())
        members = {
            file.path + _SEPARATOR + item.name: item
            for item in items
            if isinstance(item, Member)
        }
        files = [
            SessionFile(
                path, f"{file.uri}{_SEPARATOR}{m.name}", m.size_bytes, file.version
            )
            for path, m in members.items()
        ]
        refused = [item for item in items if isinstance(item, Refused)]
        return cls(file.path, members, refused, files)

    def opener_of(self, store: MemberStore) -> Opener:
        """Opens members by their paths."""
        return lambda member: store.open(self.members[member.path])


def _keep(
    plan: CapturePlan, home: Home | None, opener: Opener
) -> tuple[CapturePlan, Opener]:
    """A video is kept in the home, and read from there; other members are read from the archive."""
    if home is None or plan.reader != VideoReader.name:
        return plan, opener
    try:
        with opener(plan.files[0]) as stream:
            sha256 = home.keep(stream)
    except UnreadableBytes:
        return plan, opener  # its reader says so
    return replace(plan, sha256=sha256), lambda _file: home.open(sha256)


def _name_member(archive: str, refused: Refused) -> str:
    """The path of a member that is not read; the archive itself where all of it is refused."""
    return f"{archive}{_SEPARATOR}{refused.name}" if refused.name else archive


def _name_paths(paths: Sequence[str]) -> str:
    """The one path, or how many there are and the first few."""
    return paths[0] if len(paths) == 1 else list_paths(paths)


def _explain_left(left: Leftover) -> tuple[str, str]:
    """Reason and remedy for a member that nobody reads."""
    if _is_archive(left.file):
        return (
            "an archive inside an archive is not opened",
            "unpack it beside the others",
        )
    return left.reason, left.remedy


def _is_archive(file: SessionFile) -> bool:
    return not is_hidden(file.path) and (
        suffix_of(file.path) == ".zip" or is_tar_name(file.path)
    )


def _place(source: Source, members: dict[str, Member]) -> Source:
    """A source inside a member, as a source in the archive.

    Where both the member and a chunk inside it are compressed, the path names the chunk: `a.zip!/b.mcap!/chunk@4096`.
    """
    member = members.get(source.path)
    if member is None:
        return source
    if member.is_stored:
        length = (
            member.size_bytes - source.offset
            if source.length is None
            else source.length
        )
        return Source(
            source.path, member.offset + source.offset, length, source.inner_offset
        )
    if source.inner_offset is None:
        return Source(
            source.path,
            member.offset,
            member.stored_bytes,
            member.inner_offset + source.offset,
        )
    path = f"{source.path}{_SEPARATOR}chunk@{source.offset}"
    return Source(path, member.offset, member.stored_bytes, source.inner_offset)
