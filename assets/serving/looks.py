"""What a look at the champions gives, between the process that looks and the one that answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from assets.serving.protocol import Message
from assets.serving.versions import Version


@dataclass(frozen=True)
class Look:
    """A champion of the table; `version` where it was not known and can answer, `fault` where not, or no more.

    `is_taken_back`: a person made it champion again, because of the one that was.
    """

    task: str
    model_sha256: str
    version: Version | None = None
    fault: str | None = None
    is_taken_back: bool = False


# all champions; those of the given sha256 are known, and not opened again
Looks = Callable[[Collection[str]], Awaitable[list[Look]]]


def pack_look(look: Look) -> Message:
    """As JSON."""
    version = None if look.version is None else pack_version(look.version)
    return {**asdict(look), "version": version}


def read_look(message: Message) -> Look:
    """What `pack_look` packed."""
    version = message["version"]
    return Look(**{**message, "version": version and read_version(version)})


def pack_version(version: Version) -> Message:
    """As JSON."""
    return {**asdict(version), "folder": str(version.folder)}


def read_version(message: Message) -> Version:
    """What `pack_version` packed."""
    folder, names = Path(message["folder"]), tuple(message["class_names"])
    return Version(**{**message, "folder": folder, "class_names": names})
