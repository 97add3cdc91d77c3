"""Pointers of one run: what it made itself, whatever others of the same task make meanwhile.

Stages meet in the table of pointers (`model/detection`), where the last writer counts. Beside those each run has its
own, and goes by them; a run that begins at a later stage has none, and goes by what was made last.
"""

from __future__ import annotations

from assets.tables.catalog import Catalog


def point_in_run(catalog: Catalog, pointer: str, target: str, run_id: str) -> None:
    """Make `target` what the pointer names, in this run (if it is of one) and for all who come later."""
    if run_id:
        catalog.point(_of_run(pointer, run_id), target)
    catalog.point(pointer, target)


def pointed_in_run(catalog: Catalog, pointer: str, run_id: str) -> str | None:
    """What the run itself pointed at, else what the pointer names; None before the first time."""
    return made_in_run(catalog, pointer, run_id) or catalog.pointed(pointer)


def made_in_run(catalog: Catalog, pointer: str, run_id: str) -> str | None:
    """What the run itself pointed at; None where it did not."""
    return catalog.pointed(_of_run(pointer, run_id)) if run_id else None


def _of_run(pointer: str, run_id: str) -> str:
    return f"{pointer}@{run_id}"
