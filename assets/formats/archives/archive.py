"""Read archives (zip, tar, tar.gz and kin): their members are planned again, as a session of their own.

A member's path is `outer.zip!/inner/a.jpg`, its source the place of its bytes in the archive itself. Nothing is
unpacked to names that the archive chooses; an archive inside an archive is not opened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

from assets.formats.archives.archive_members import (
    ArchiveLimits,
    Member,
    MemberStore,
    Refused,
)
from assets.formats.archives.tar_members import is_tar_name, open_tar
from assets.formats.archives.zip_members import open_zip
from assets.formats.layout import is_hidden, suffix_of
from assets.formats.observations import CapturePlan, Observation, Problem, Source
from assets.formats.protocol import (
    HEAD_BYTES,
    Opener,
    Reader,
    UnreadableBytes,
    explain_pointer,
    open_checked,
    whole_file,
)
from assets.storage import SessionFile

_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
_SEPARATOR = "!/"
_VERSION = "2"
READ_AS = "read as"  # in the notes: the readers of what is inside


class ArchiveReader:
    name = "archive"
    carries = frozenset({"video"})

    def __init__(
        self, readers: Sequence[Reader], limits: ArchiveLimits | None = None
    ) -> None:
        self._readers = tuple(readers)
        self._limits = limits or ArchiveLimits()

    @property
    def version(self) -> str:
        """Changes with that of any reader of members."""
        inner = " ".join(f"{reader.name}={reader.version}" for reader in self._readers)
        return f"{_VERSION}-{hashlib.sha256(inner.encode()).hexdigest()[:8]}"

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        return [
            CapturePlan(self.name, f.path, (f,), is_container=True)
            for f in files
            if _is_archive(f)
        ]

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        file = plan.files[0]
        with ExitStack() as stack:
            try:
                stream = stack.enter_context(open_checked(file, opener))
                pointer = explain_pointer(stream.read(HEAD_BYTES))
                if pointer:
                    raise UnreadableBytes(*pointer)
                opened: MemberStore = (
                    open_tar(stream, file, self._limits)
                    if is_tar_name(file.path)
                    else open_zip(stream, file, self._limits)
                )
                store = stack.enter_context(opened)
            except UnreadableBytes as error:
                yield Problem(whole_file(file), self.name, error.reason, error.remedy)
                return
            yield from self._read_members(plan, file, store)

    def _read_members(
        self, plan: CapturePlan, file: SessionFile, store: MemberStore
    ) -> Iterator[Observation]:
        members: dict[str, Member] = {}
        for item in store.members():
            if isinstance(item, Refused):
                source = Source(
                    file.path + _SEPARATOR + item.name if item.name else file.path,
                    0,
                    file.size_bytes,
                )
                yield Problem(source, self.name, item.reason, item.remedy)
            else:
                members[file.path + _SEPARATOR + item.name] = item
        inner = [
            SessionFile(
                path, f"{file.uri}{_SEPARATOR}{m.name}", m.size_bytes, file.version
            )
            for path, m in members.items()
        ]
        open_member: Opener = lambda member: store.open(members[member.path])  # noqa: E731
        yield from self._read_inner(plan, inner, open_member, members)

    def _read_inner(
        self,
        plan: CapturePlan,
        inner: Sequence[SessionFile],
        opener: Opener,
        members: dict[str, Member],
    ) -> Iterator[Observation]:
        from assets.formats import plan_session

        plans, leftovers = plan_session(inner, opener, self._readers)
        for left in leftovers:
            if left.is_document:
                plan.notes[f"not read: {left.file.path}"] = left.reason
            else:
                is_nested = _is_archive(left.file)
                reason = (
                    "an archive inside an archive is not opened"
                    if is_nested
                    else left.reason
                )
                remedy = "unpack it beside the others" if is_nested else left.remedy
                yield Problem(
                    _place(whole_file(left.file), members), self.name, reason, remedy
                )
        if plans:
            plan.notes[READ_AS] = ", ".join(
                sorted({inner_plan.reader for inner_plan in plans})
            )
        for number, inner_plan in enumerate(plans):
            reader = next(r for r in self._readers if r.name == inner_plan.reader)
            if str(plan.video):
                inner_plan = replace(inner_plan, video=plan.video)
            for observation in reader.read(inner_plan, opener):
                yield replace(observation, source=_place(observation.source, members))
            for key, note in inner_plan.notes.items():
                plan.notes[f"{inner_plan.root or number}: {key}"] = note


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
