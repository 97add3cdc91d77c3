"""What is known in words beside the tables: of runs and claims by Dagster, of intake by the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from assets.search.document import Document
from assets.search.intake_records import IntakeRecords
from assets.search.run_records import RunRecords


class Records(Protocol):
    """Something that tells documents."""

    def list_documents(self) -> Iterator[Document]:
        """All of them. Changes nothing."""
        ...


@dataclass(frozen=True)
class HomeRecords:
    """Both."""

    runs: RunRecords
    intake: IntakeRecords

    def list_documents(self) -> Iterator[Document]:
        """All of them. Changes nothing."""
        yield from self.runs.list_documents()
        yield from self.intake.list_documents()
