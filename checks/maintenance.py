"""What must hold when a home was tidied: nothing is gone that a seal, a release or a publication needs."""

from __future__ import annotations

from assets.tables.catalog import Catalog
from assets.tables.seals import find_missing
from checks.gate import Gate
from checks.verdicts import Verdict, judge_share

GATES: tuple[Gate, ...] = ()
KEY = ("maintenance", "home")


def needed_files_are_there(catalog: Catalog) -> Verdict:
    """Every file of every sealed version is there: of releases, of what is published, of the newest rows."""
    found = list(find_missing(catalog))
    return judge_share(
        "needed_files_are_there",
        num_checked=len(found),
        offenders=[path for path, is_missing in found if is_missing],
        of="files",
        fault="are gone: restore them from a backup; `daguerre verify` names what needs them",
        empty_reason="no version is sealed yet",
    )
