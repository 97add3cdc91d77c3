"""Take back what files said of pictures that are still there, when the files themselves are not.

A label file that was taken away, or replaced by one of another name, says nothing any more; neither does a folder of a
class that a picture was moved out of. Pictures themselves are never taken back: they stay when their files go, and so
does all that was said of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from assets.capture.rows import outer_path
from assets.ledger import Claim, FileOutcome, Ledger
from assets.storage import Folder
from assets.tables.catalog import Catalog, is_in, session_is
from assets.tables.fencing import FencedWriter
from assets.tables.schemas import TABLES

STATEMENTS = ("labels", "annotated_frames")
# capture id -> its claim, as long as the context lasts
Claiming = Callable[[str], AbstractContextManager[Claim]]


@dataclass(frozen=True)
class _Statement:
    table: str
    key: str
    capture_id: str
    frame_id: str
    path: str


@dataclass(frozen=True)
class _Picture:
    frame_id: str
    path: str
    sha256: str


@dataclass(frozen=True)
class Retraction:
    """What was taken back."""

    num_labels: int = 0
    folders: frozenset[str] = frozenset()  # ids of the captures that the files were of


def retract(
    catalog: Catalog,
    ledger: Ledger,
    source: Folder,
    session: str,
    gone: Sequence[FileOutcome],
    claiming: Claiming,
) -> Retraction:
    """Delete the labels and annotations that files of a session made which are `gone`.

    A file that comes back is taken in anew: the ledger forgets those that nothing in the tables is from.
    """
    folders = _list_folders(catalog, session) if gone else set()
    gone = [o for o in gone if o.capture_id in folders]
    if not gone:
        return Retraction()
    paths = {o.path for o in gone}
    statements = [s for s in _read_statements(catalog, session) if s.path in paths]
    pictures = _read_pictures(catalog, session)
    shown = _list_shown(pictures, paths)
    obsolete = [s for s in statements if s.frame_id in shown]
    for capture_id in sorted({s.capture_id for s in obsolete}):
        with claiming(capture_id) as claim:
            # another worker may have taken them in since
            back = {f.path for f in source.files()}
            writer = FencedWriter(catalog, partial(ledger.renew, claim))
            _delete(
                writer,
                [
                    s
                    for s in obsolete
                    if s.capture_id == capture_id and s.path not in back
                ],
            )
    held = {s.path for s in statements if s.frame_id not in shown}
    held |= {p.path for p in pictures}
    for table in ("signals", "calibrations"):
        held |= _list_paths(catalog, table, session)
    ledger.forget([o for o in gone if o.path not in held])
    num_labels = sum(s.table == "labels" for s in obsolete)
    return Retraction(num_labels, frozenset(o.capture_id for o in gone if o.capture_id))


def _list_folders(catalog: Catalog, session: str) -> set[str]:
    """Ids of the session's captures that are folders of loose files."""
    rows = catalog.read_latest(
        "captures", ["capture_id"], f"{session_is(session)} AND sha256 IS NULL"
    )
    return set(rows["capture_id"].to_pylist())


def _read_pictures(catalog: Catalog, session: str) -> list[_Picture]:
    columns = ["frame_id", "source_path", "sha256"]
    rows = catalog.read_latest("frames", columns, session_is(session))
    return [
        _Picture(*row)
        for row in zip(*(rows[name].to_pylist() for name in columns), strict=True)
    ]


def _list_shown(pictures: Sequence[_Picture], gone: set[str]) -> set[str]:
    """Ids of the pictures whose file is there, and of those that were moved: a file that is there has their bytes."""
    loose = [p for p in pictures if outer_path(p.path) == p.path]
    hashes = {p.sha256 for p in loose if p.path not in gone}
    return {p.frame_id for p in loose if p.sha256 in hashes}


def _read_statements(catalog: Catalog, session: str) -> Iterator[_Statement]:
    for table in STATEMENTS:
        columns = [TABLES[table].key, "capture_id", "frame_id", "source_path"]
        rows = catalog.read_latest(table, columns, session_is(session))
        for row in zip(*(rows[name].to_pylist() for name in columns), strict=True):
            yield _Statement(table, *row)


def _list_paths(catalog: Catalog, table: str, session: str) -> set[str]:
    rows = catalog.read_latest(table, ["source_path"], session_is(session))
    return set(rows["source_path"].unique().to_pylist())


def _delete(writer: FencedWriter, statements: list[_Statement]) -> None:
    for table in STATEMENTS:
        keys = [s.key for s in statements if s.table == table]
        if keys:
            writer.delete(table, is_in(TABLES[table].key, keys))
