"""What leaves by an export, on the command line and through a server: written down, with consents that have ended.

Belongs here: of which sessions it is, and the context in which it leaves. Does not: what is written, and to where.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from assets.departures import EXPORT, Departure, leaving
from assets.foreign_text import for_line
from assets.tables.catalog import Catalog, is_in
from assets.tables.rows import FrameRow
from assets.terms.ending import list_ended
from orchestration.log_lines import tell


def leave(
    catalog: Catalog,
    what: str,
    place: str,
    sessions: Sequence[str] = (),
    num_frames: int | None = None,
    release_id: str | None = None,
    model_sha256: str | None = None,
    sent_by: str = "",
) -> AbstractContextManager[Departure]:
    """Write down that something leaves while the context lasts; consents that have ended are told."""
    for line in list_ended(catalog, sessions):
        tell(for_line(f"WARNING: {line}"))
    departure = Departure(
        *(EXPORT, what, place),
        sessions=sessions,
        num_frames=num_frames,
        release_id=release_id,
        model_sha256=model_sha256,
        sent_by=sent_by,
    )
    return leaving(catalog, departure)


def list_released(catalog: Catalog, release_id: str) -> list[str]:
    """The sessions of a release."""
    where = is_in("release_id", [release_id])
    (row,) = catalog.read_latest("releases", ["sessions"], where).to_pylist()
    return list(row["sessions"])


def list_sessions(frames: Sequence[FrameRow]) -> list[str]:
    """Those of frames."""
    return sorted({frame["session"] for frame in frames})
