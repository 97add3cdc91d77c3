"""Which members of an archive may be read, and how much they may expand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol, Self


@dataclass(frozen=True)
class ArchiveLimits:
    """How much is taken from one archive."""

    expanded_bytes: int = 4 << 30  # of all members together
    ratio: int = 200  # expanded to stored
    free_bytes: int = 64 << 20  # small archives may expand to this at any ratio
    num_members: int = 100_000
    directory_bytes: int = 32 << 20  # of a zip
    name_header_bytes: int = 64 << 10  # of one extended header of a tar
    xz_memory_bytes: int = 256 << 20  # of the decoder

    def limit_expansion(self, archive_bytes: int) -> int:
        """How many bytes an archive may expand to in all."""
        by_ratio = self.ratio * archive_bytes
        return min(self.expanded_bytes, max(self.free_bytes, by_ratio))


@dataclass(frozen=True)
class Member:
    """A plain file in an archive."""

    name: str
    size_bytes: int  # expanded
    offset: int  # of its stored bytes, in the archive file
    stored_bytes: int
    is_stored: bool  # as it is: not compressed
    inner_offset: int = 0  # of its first byte in what expands from the stored bytes
    crc32: int | None = None
    method: str = "stored"


@dataclass(frozen=True)
class Refused:
    """A member that is not read; the whole archive when `name` is empty."""

    name: str
    reason: str
    remedy: str


class MemberStore(Protocol):
    """An open archive."""

    def members(self) -> Iterator[Member | Refused]:
        """Every file in the order of the archive, or why it is not taken."""

    def open(self, member: Member) -> BinaryIO:
        """The expanded bytes, seekable. Raises UnreadableBytes when they are damaged."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


def screen_members(
    items: Iterable[Member | Refused], archive_bytes: int, limits: ArchiveLimits
) -> Iterator[Member | Refused]:
    """Members with names that are safe and used once, together within the expansion limit; the others refused."""
    listed = list(items)
    members = [item for item in listed if isinstance(item, Member)]
    limit = limits.limit_expansion(archive_bytes)
    total = sum(m.size_bytes for m in members)
    if total > limit or len(listed) > limits.num_members:
        allowed = f"{limit} bytes and {limits.num_members} members are allowed"
        what = f"{len(listed)} members expand to {total} bytes: {allowed}"
        yield Refused(
            "",
            f"{what} for an archive of {archive_bytes} bytes",
            "unpack it, check what it holds, and drop the files",
        )
        return
    counts = Counter(m.name for m in members)
    for item in listed:
        if isinstance(item, Refused):
            yield item
        elif reason := explain_unsafe(item.name):
            yield Refused(
                show_name(item.name),
                reason,
                "repack the archive with plain relative names",
            )
        elif counts[item.name] > 1:
            yield Refused(
                item.name,
                f"{counts[item.name]} members have this name",
                "repack the archive with each name once",
            )
        else:
            yield item


def explain_unsafe(name: str) -> str | None:
    """Why a member name may not be used, None when it may."""
    parts = name.split("/")
    if name.startswith("/") or (len(name) > 1 and name[1] == ":"):
        return "absolute path"
    if ".." in parts:
        return "path that leaves the archive"
    if (
        "\\" in name
        or "!/" in name
        or any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) < 0xE000 for c in name)
    ):
        return "name with characters that are not allowed"
    if "" in parts or "." in parts or len(name) > 1024:
        return "name that is not a plain relative path"
    return None


def normalise_name(name: str) -> str:
    """Without the leading `./` that tar writes."""
    while name.startswith("./"):
        name = name[2:]
    return name


def show_name(name: str) -> str:
    """A member name made fit to be shown and stored."""
    return name.encode("unicode_escape", "replace").decode("ascii", "replace")[:200]
