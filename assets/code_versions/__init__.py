"""The version of code that makes rows, by what the code does.

Every maker that a stage declares has a fingerprint. `versions.json` says which fingerprints make the rows of which
version; a fingerprint that is not listed there is a version of its own, so that rows go stale by themselves.

    python -m assets.code_versions                                       what is not listed
    python -m assets.code_versions --accept MAKER                        it makes other rows: a new version
    python -m assets.code_versions --same MAKER --because "a reason"     it makes the rows that the code before made
"""

from __future__ import annotations

from assets.code_versions.makers import (
    Version,
    list_versions,
    read_listed,
    version_of,
)

__all__ = ["Version", "list_versions", "read_listed", "version_of"]
