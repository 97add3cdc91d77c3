"""What the ledger says of files refused whole, of sessions of which nothing was taken in, and of what waits.

What the table `quarantine` names stands there with its place in the file, and is told from there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from assets.addresses import hide
from assets.formats.observations import outer_path
from assets.ledger import FileOutcome, Ledger
from assets.search.document import Document, join_names, shorten
from assets.search.stored import read_stored
from assets.tables.catalog import Catalog

_MOST_REASONS = 5  # of a session


@dataclass(frozen=True)
class IntakeRecords:
    """The ledger beside the tables."""

    catalog: Catalog
    ledger: Ledger

    def list_documents(self) -> Iterator[Document]:
        """Changes nothing."""
        refused = self.ledger.list_refused()
        yield from _list_files(refused, self._list_told())
        yield from self._list_empty_sessions(refused)
        for pause in self.ledger.pauses():
            of = pause.session or "the landing zone"
            told = f"{hide(pause.reason)}\nfailed {pause.num_failures} times in a row; it is tried again"
            title = f"{pause.what} of {of} failed"
            yield Document(
                "quarantine",
                of,
                pause.session or None,
                title,
                shorten(told),
                pause.what,
            )

    def _list_told(self) -> set[tuple[str, str]]:
        rows = read_stored(self.catalog, "quarantine", ["session", "source_path"])
        return {(r["session"], outer_path(r["source_path"])) for r in rows.to_pylist()}

    def _list_empty_sessions(
        self, refused: Sequence[FileOutcome]
    ) -> Iterator[Document]:
        captures = read_stored(self.catalog, "captures", ["session"])["session"]
        reasons: dict[str, Counter[str]] = defaultdict(Counter)
        for outcome in refused:
            reasons[outcome.session][outcome.reason] += 1
        for session in reasons.keys() - {*_list_unique(captures)}:
            told = reasons[session].most_common(_MOST_REASONS)
            lines = [f"{count} files: {reason}" for reason, count in told]
            yield Document(
                "session",
                session,
                session,
                f"session {session}, of which nothing was taken in",
                shorten("\n".join(lines)),
            )


def _list_files(
    refused: Sequence[FileOutcome], told: set[tuple[str, str]]
) -> Iterator[Document]:
    """One a session and cause, by the first file that it befell."""
    causes: dict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for o in refused:
        if (o.session, o.path) not in told:
            causes[o.session, o.reader, o.reason, o.remedy].append(o.path)
    for (session, reader, reason, remedy), paths in causes.items():
        read_by = f", read by {reader}" if reader else ""
        lines = [
            reason,
            f"what helps: {remedy}" if remedy else "",
            f"{len(paths)} files refused whole{read_by}: {join_names(paths)}",
        ]
        yield Document(
            "quarantine",
            f"{session}/{paths[0]}",
            session,
            f"refused of {session}: {paths[0]}",
            shorten("\n".join(filter(None, lines))),
            part=f"whole {reader} {reason}",
        )


def _list_unique(column: pa.ChunkedArray) -> list[str]:
    names: list[str] = column.unique().to_pylist()
    return names
