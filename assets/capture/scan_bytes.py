"""Where the bytes of a capture's scans lie: in its recording, or, where that is sealed, by themselves."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from assets.formats.observations import ScanObservation
from assets.storage import BlobStore


@dataclass(frozen=True)
class ScanBytes:
    """Of one capture; `open_sealed` opens its recording, None where it lies there as it came."""

    blobs: BlobStore
    recording_sha256: str | None
    open_sealed: Callable[[], BinaryIO] | None

    def store(self, scan: ScanObservation) -> str:
        """The sha256 of the blob that holds the scan."""
        if scan.payload is not None:
            return self.blobs.put(io.BytesIO(scan.payload))
        if self.open_sealed is None:
            assert self.recording_sha256 is not None
            return self.recording_sha256
        with self.open_sealed() as stream:
            return self.blobs.put(io.BytesIO(_read(scan, stream)))


def _read(scan: ScanObservation, stream: BinaryIO) -> bytes:
    from assets.formats.messages.containers import read_message

    place = scan.source
    return read_message(stream, place.offset, place.inner_offset, scan.size_bytes)
