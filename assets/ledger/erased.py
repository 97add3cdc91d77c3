"""Files that were erased, known by a hash of their hash and by their size: intake leaves out what lands again.

Nobody can tell from a row what the file was. A person lifts one with the file at hand; who did it, when and why stays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TypeVar

from assets.ledger.database import Database
from assets.ledger.seals import list_values, seal_row, with_seal

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")
_AT_ONCE = 10_000  # rows of a statement
_ASKED = 500  # values that a condition names


@dataclass(frozen=True)
class ErasedFile:
    """A file that is left out wherever it lands, until somebody lifts that."""

    digest: str
    size_bytes: int
    erasure_id: str
    lifted: str = ""  # by whom, when and why


def digest_of(sha256: str) -> str:
    """By what an erased file is known: it names no blob and no frame."""
    return hashlib.sha256(f"erased {sha256}".encode()).hexdigest()


class ErasedFiles(Database):
    """Those in a ledger."""

    def ban(self, files: Iterable[ErasedFile]) -> None:
        """Leave these out from now on, also where one was lifted before."""
        insert = self._insert(self._erased_files)
        values = {
            c.name: insert.excluded[c.name]
            for c in self._erased_files.columns
            if not c.primary_key
        }
        upsert = insert.on_conflict_do_update(index_elements=["digest"], set_=values)

        def write(connection: Connection) -> None:
            for some in _share_out(files_listed, _AT_ONCE):
                connection.execute(upsert, [with_seal(asdict(file)) for file in some])

        files_listed = sorted(set(files), key=lambda file: file.digest)
        if files_listed:
            self._run(write)

    def lift(self, digest: str, by: str) -> bool:
        """Let a file be taken in again; whether it was left out."""
        table = self._erased_files
        update = table.update().filter_by(digest=digest, lifted="").values(lifted=by)

        def lift(connection: Connection) -> bool:
            is_done = connection.execute(update).rowcount == 1
            seal_row(connection, table, digest=digest)
            return is_done

        return self._run(lift)

    def erased_sizes(self, sizes: Iterable[int]) -> set[int]:
        """Those of these sizes that a file has which is left out: others need not be read to be told apart."""
        column = self._erased_files.c.size_bytes
        query = self._sa.select(column).filter_by(lifted="").distinct()
        asked = sorted(set(sizes))
        return {
            row["size_bytes"]
            for some in _share_out(asked, _ASKED)
            for row in self._fetch(query.where(column.in_(some)))
        }

    def find_erased(self, digests: Sequence[str]) -> dict[str, ErasedFile]:
        """Digest -> what is known, of those of these that are left out."""
        table = self._erased_files
        query = self._sa.select(*list_values(table)).filter_by(lifted="")
        return {
            row["digest"]: ErasedFile(**row)
            for some in _share_out(digests, _ASKED)
            for row in self._fetch(query.where(table.c.digest.in_(some)))
        }

    def list_erasures(self) -> list[str]:
        """The erasures that files are left out by, or were."""
        query = self._sa.select(self._erased_files.c.erasure_id).distinct()
        return sorted(row["erasure_id"] for row in self._fetch(query))

    def list_lifted(self) -> Iterator[ErasedFile]:
        """Those that were let in again."""
        query = self._sa.select(*list_values(self._erased_files))
        for row in self._fetch(query.where(self._erased_files.c.lifted != "")):
            yield ErasedFile(**row)

    def count_erased(self) -> int:
        """How many are left out."""
        sa = self._sa
        count = sa.select(sa.func.count().label("n")).select_from(self._erased_files)
        return int(self._fetch(count.filter_by(lifted=""))[0]["n"])


def _share_out(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
