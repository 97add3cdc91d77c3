"""What one session needs of capture: its files taken in, and its clocks compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from assets.capture.intake import Intake, Progress
from assets.capture.outcomes import IntakeReport
from assets.code_versions import version_of
from assets.storage import Folder
from assets.tables.catalog import Catalog
from assets.tracing import span

if TYPE_CHECKING:
    from assets.privacy.session import Anonymised

OnProgress = Callable[[int, int], None]


def take_in(
    session: str, folder: Folder, intake: Intake, on_progress: Progress | None = None
) -> IntakeReport:
    """Take in every file of the session's folder exactly once; quarantine what cannot be read."""
    with span("intake", session=session):
        return intake.ingest(folder, session, on_progress)


def anonymise(
    session: str, intake: Intake, on_progress: OnProgress | None = None
) -> Anonymised:
    """Cover what the session's privacy policy names; nothing where it is under none."""
    from assets.privacy.session import anonymise_session

    return anonymise_session(
        intake.catalog, session, intake.keys, intake.claiming, on_progress
    )


def find_unreported(catalog: Catalog) -> set[str]:
    """Sessions of published frames without published clock reports, and those whose reports older code made."""
    rows = catalog.read("clock_reports", ["session", "code_version"]).to_pylist()
    stale = {
        row["session"]
        for row in rows
        if row["code_version"] != version_of("clock_reports")
    }
    return stale | (
        _list_admitted(catalog, "frames") - _list_admitted(catalog, "clock_reports")
    )


def _list_admitted(catalog: Catalog, table: str) -> set[str]:
    return {
        decision["session"]
        for decision in catalog.publications(table)
        if not decision["is_held"]
    }
