"""Recordings (videos, MCAP files, archives) of sessions under a privacy policy: sealed as a whole among the blobs.

A sealed recording is a blob of its own, whose row says what it was: `verify`, backups and erasures see bytes by their
hash, as of any blob, and need no key. Rows of frames and captures go on to name a recording by the hash that it came
with; who has the keys opens it by that.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from assets.privacy.keys import SealKeys
from assets.privacy.pieces import SealedPieces, open_pieces
from assets.privacy.sealing import DataKey, require_cryptography, unwrap
from assets.storage import NotAsListed, hash_stream
from assets.tables.catalog import Catalog, is_in, repr_sql
from assets.tables.schemas import TABLES, content_id, to_table

TABLE = "sealed_recordings"
Row = dict[str, Any]


@dataclass(frozen=True)
class OpenedRecordings:
    """The blobs of a home for the step that covers frames, and for who gave a reason: sealed recordings are opened."""

    catalog: Catalog
    keys: SealKeys
    _rows: dict[str, Row] = field(default_factory=dict, repr=False)  # that are known

    @property
    def uri(self) -> str:
        """Another than that of the blobs: decoders that keep streams open keep these apart."""
        return f"opened {self.catalog.blobs.uri}"

    def open(self, sha256: str) -> BinaryIO:
        """The bytes as they came, to be read from any place.

        Raises FileNotFoundError for a blob that is gone, SealKeyMissing without the key, ValueError for changed bytes.
        """
        row = self._rows.get(sha256) or find_sealed(self.catalog, sha256)
        if row is None:
            return self.catalog.blobs.open(sha256)
        self.note(row)
        secret = unwrap(self.keys, row)
        if secret is None:
            raise ValueError(
                f"the key of recording {sha256[:12]}… is not as it was: restore `{TABLE}` from a backup"
            )
        sealed = self.catalog.blobs.open(row["sealed_sha256"])
        return open_pieces(sealed, secret, sha256)

    def note(self, row: Row) -> None:
        """Take the row of a recording as known: it is not looked up again."""
        self._rows[row["original_sha256"]] = row


@dataclass(frozen=True)
class SealedRecordings:
    """Where intake keeps the recordings of a session under a policy, in the place of a `BlobStore`.

    Members of an archive are kept for the archive's capture, `capture_id`; a recording is a capture by itself.
    """

    opened: OpenedRecordings
    session: str
    capture_id: str | None = None

    def put(self, stream: BinaryIO) -> str:
        """Seal the stream's bytes, once, and return the sha256 that they have.

        The blob is written before its row: who is killed between leaves a blob that no row names. Raises NotAsListed
        for bytes that change meanwhile.
        """
        stream.seek(0)
        sha256 = hash_stream(stream)
        capture_id = self.capture_id or name_container(sha256)
        recording_id = content_id("recording", capture_id, sha256)
        catalog = self.opened.catalog
        mine = f"recording_id = {repr_sql(recording_id)}"
        row = find_sealed(catalog, sha256, mine)
        if row is None or not catalog.blobs.exists(row["sealed_sha256"]):
            row = {
                "recording_id": recording_id,
                "capture_id": capture_id,
                "session": self.session,
                "original_sha256": sha256,
                **self._seal(stream, sha256),
            }
            catalog.upsert(TABLE, to_table(TABLES[TABLE], [row]))
            catalog.sync([TABLE])
        self.opened.note(row)
        return sha256

    def open(self, sha256: str) -> BinaryIO:
        """What was put, as `OpenedRecordings.open` gives it."""
        return self.opened.open(sha256)

    def _seal(self, stream: BinaryIO, sha256: str) -> Row:
        """The columns that say where the sealed bytes are, and what opens them."""
        require_cryptography()
        key = DataKey.make(self.opened.keys.open_or_make())
        pieces = SealedPieces(stream, key.secret, sha256)
        sealed_sha256 = self.opened.catalog.blobs.put(cast(BinaryIO, pieces))
        if pieces.sha256 != sha256:
            raise NotAsListed(sha256, "changed while it was read")
        return {
            "size_bytes": stream.seek(0, os.SEEK_END),
            "sealed_sha256": sealed_sha256,
            **key.columns,
        }


def name_container(sha256: str) -> str:
    """The id of the capture that a container with these bytes is."""
    return content_id("container", sha256)


def find_sealed(catalog: Catalog, sha256: str, where: str = "true") -> Row | None:
    """The row of a recording that came with this hash; None where none is sealed."""
    condition = f"original_sha256 = {repr_sql(sha256)} AND {where}"
    rows = catalog.read_latest(TABLE, where=condition).to_pylist()
    return rows[0] if rows else None


def list_sizes(catalog: Catalog) -> frozenset[int]:
    """Bytes that sealed recordings came with: a file of another size is none of them."""
    return frozenset(
        catalog.read_latest(TABLE, ["size_bytes"])["size_bytes"].to_pylist()
    )


def list_sealed(catalog: Catalog, sessions: list[str]) -> list[tuple[str, str]]:
    """Session, and the sha256 that it came with, of each sealed recording of these sessions."""
    columns = ["session", "original_sha256"]
    rows = catalog.read_latest(TABLE, columns, is_in("session", sessions)).to_pylist()
    return [(row["session"], row["original_sha256"]) for row in rows]
