"""Sessions that were copied with their home: the same files at the same paths, with other times, so other versions.

A copy is known by content. Who only looks compares a sample; who records compares all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from assets.ledger import MOVED, FileOutcome, Ledger
from assets.storage import Folder, SessionFile, hash_stream

# of who only looks: files of a session that are compared, of so many bytes, and of the smallest where all are larger
_MAX_COMPARED = 8
_MAX_COMPARED_BYTES = 16 << 20
_MAX_SMALLEST_BYTES = 1 << 30


@dataclass(frozen=True)
class Pair:
    """A file as it lies there, and what became of a file of its path and size that had another version."""

    file: SessionFile
    before: FileOutcome

    @property
    def now(self) -> FileOutcome:
        """The same of the version that lies there."""
        return replace(self.before, version=self.file.version)


def pair_copies(
    files: Sequence[SessionFile], outcomes: Iterable[FileOutcome]
) -> list[Pair]:
    """What may be copies; none where any file lies there as it was taken in, since a copy changes the times of all."""
    # one that was read last, where a path had several versions; a session that was moved is read again anyway
    known = sorted(
        (
            o
            for o in outcomes
            if o.outcome != "gone" and not o.version.startswith(MOVED)
        ),
        key=lambda o: o.outcome == "ingested",
    )
    here = {(f.path, f.version) for f in files}
    if any((o.path, o.version) in here for o in known):
        return []
    by_place = {(o.path, o.size_bytes): o for o in known}
    return [
        Pair(file, by_place[file.path, file.size_bytes])
        for file in files
        if file.fault is None and (file.path, file.size_bytes) in by_place
    ]


def recall_copies(
    folder: Folder, files: Sequence[SessionFile], outcomes: Iterable[FileOutcome]
) -> list[FileOutcome]:
    """What became of copied files, by the versions that lie there; none where a sample differs. Changes nothing."""
    pairs = pair_copies(files, outcomes)
    sample = _choose_sample(pairs)
    if not sample or not all(_is_equal(folder, pair) for pair in sample):
        return []
    return [pair.now for pair in pairs]


@dataclass(frozen=True)
class Adoption:
    """How many files the ledger knows anew, and whether that is all that it knew, and all there is."""

    num_files: int
    is_whole: bool


def adopt_copies(
    ledger: Ledger,
    folder: Folder,
    files: Sequence[SessionFile],
    outcomes: Iterable[FileOutcome],
    max_bytes: float = float("inf"),
) -> Adoption:
    """Let the ledger know copied files of a session by the versions that lie there.

    Each file is read. What could not be read when it was taken in has no hash: it is what it was where all others are.
    Nothing is read, and nothing adopted, where it were more than `max_bytes`.
    """
    known = [o for o in outcomes if o.outcome != "gone"]
    pairs = pair_copies(files, known)
    if sum(pair.file.size_bytes for pair in pairs) > max_bytes:
        return Adoption(0, False)
    hashed = [pair for pair in pairs if pair.before.sha256 is not None]
    equal = [pair for pair in hashed if _is_equal(folder, pair)]
    are_all_equal = bool(hashed) and len(equal) == len(hashed)
    kept = pairs if are_all_equal else equal
    if kept:
        ledger.renew_versions({pair.before: pair.now for pair in kept})
    is_whole = are_all_equal and len(pairs) == len(files) == len(known)
    return Adoption(len(kept), is_whole)


def _choose_sample(pairs: Sequence[Pair]) -> list[Pair]:
    hashed = [pair for pair in pairs if pair.before.sha256 is not None]
    small = [p for p in hashed if p.file.size_bytes <= _MAX_COMPARED_BYTES]
    if small:
        return small[:: max(1, -(-len(small) // _MAX_COMPARED))]
    smallest = min(hashed, key=lambda pair: pair.file.size_bytes, default=None)
    is_fit = smallest is not None and smallest.file.size_bytes <= _MAX_SMALLEST_BYTES
    return [smallest] if smallest is not None and is_fit else []


def _is_equal(folder: Folder, pair: Pair) -> bool:
    try:
        with folder.open(pair.file) as stream:
            return hash_stream(stream) == pair.before.sha256
    except OSError:
        return False
