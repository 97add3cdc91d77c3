"""The versions of what makes the rows of captures: of row building and of each reader."""

from __future__ import annotations

import hashlib

from assets.code_versions import list_versions, version_of
from assets.formats.leftovers import FRAME_LABELLERS
from assets.formats.protocol import CapturePlan
from assets.privacy.positions import describe
from assets.tables.schemas import content_id

_ARCHIVE = "archive"


def name_capture(plan: CapturePlan) -> str:
    """What made the rows of a plan: the code versions of row building and reader, and what the session's owner set."""
    version = name_code(plan.reader)
    if plan.no_clock:
        version += f" without the clock of {', '.join(plan.no_clock)}"
    if plan.read_by:
        version += f" by {plan.read_by}"
    if str(plan.video):
        version += f" with frames of videos by {plan.video}"
    if plan.is_looked_at and plan.reader in {*FRAME_LABELLERS, _ARCHIVE}:
        version += " with all pictures looked at"
    if plan.is_sealed:
        version += " sealed whole"
    if plan.position != "keep":
        version += f" with {describe(plan.position)}"
    if plan.are_scans_held:
        version += " with scans held"
    return version


def name_code(reader: str) -> str:
    """The code versions of row building and of a reader, as they begin the version of a capture."""
    return f"{version_of('captures')}.{name_reader(reader)}"


def name_reader(reader: str) -> str:
    """The code version of a reader, by its name; that of the archive changes with those of all that read members."""
    own = version_of(f"reader {reader}")
    if reader != _ARCHIVE:
        return own
    inner = " ".join(
        f"{name}={name_reader(name)}" for name in _list_readers() if name != _ARCHIVE
    )
    return f"{own}-{hashlib.sha256(inner.encode()).hexdigest()[:8]}"


def stamp_readers() -> str:
    """Changes when any reader makes something else of its files."""
    return content_id(
        "readers",
        version_of("captures"),
        *(f"{name} {name_reader(name)}" for name in _list_readers()),
    )[:12]


def _list_readers() -> list[str]:
    """The names of all readers, in their order."""
    return [
        maker.removeprefix("reader ")
        for maker in list_versions()
        if maker.startswith("reader ")
    ]
