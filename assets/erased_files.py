"""Files of a place that were erased before: found by their content, whatever they are called by now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assets.ledger.erased import digest_of
from assets.storage import Folder, SessionFile, hash_stream

if TYPE_CHECKING:
    from assets.ledger import Ledger

LIFT = "`daguerre forget PATH --undo` lets one in again"


def find_erased_files(
    ledger: Ledger, source: Folder, files: Sequence[SessionFile]
) -> frozenset[str]:
    """Paths of those that are left out. Read are only files that have the size of one that was erased."""
    sizes = ledger.erased_sizes(file.size_bytes for file in files)
    if not sizes:
        return frozenset()
    digests = {
        file.path: digest_of(_hash(source, file))
        for file in files
        if file.size_bytes in sizes
    }
    known = ledger.find_erased(sorted(set(digests.values())))
    return frozenset(path for path, digest in digests.items() if digest in known)


def _hash(source: Folder, file: SessionFile) -> str:
    with source.open(file) as stream:
        return hash_stream(stream)
