"""Two sessions with two captures of two frames each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa
import pytest

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from assets.terms.statements import Statement, Subject, state
from assets.terms.terms import Terms
from bench.synthetic_home import plain_row

PATHS = ("a.mcap", "b.mcap")


@dataclass
class Stored:
    """The tables, and the clock of what is stated."""

    catalog: Catalog
    now_ns: int = field(default=0)

    @property
    def frames(self) -> pa.Table:
        """Rows as a release has them."""
        rows = [
            {"session": session, "capture_id": content_id(session, path)}
            for session in ("monday", "tuesday")
            for path in PATHS
            for _ in range(2)
        ]
        return pa.Table.from_pylist(rows)

    def say(
        self,
        session: str,
        licence: str | None = "CC-BY-4.0",
        purposes: tuple[str, ...] = ("research",),
        until: date | None = None,
        path: str = "",
    ) -> str:
        """State terms, of licence None the end of the consent; the id."""
        self.now_ns += 1
        terms = Terms(licence, purposes, until) if licence else None
        said = Statement(Subject(session, path), terms, "anna", "she signed")
        return state(self.catalog, said, self.now_ns)


@pytest.fixture
def stored(tmp_path) -> Stored:
    catalog = Catalog(str(tmp_path / "tables"))
    rows = [
        plain_row(
            "captures",
            {"session": session, "path": path, "capture_id": content_id(session, path)},
        )
        for session in ("monday", "tuesday")
        for path in PATHS
    ]
    catalog.merge("captures", to_table(TABLES["captures"], rows))
    return Stored(catalog)
