"""Images that the stores have already: a frame by its id, a blob by its hash, an object of the landing zone's bucket.

No other address is followed: what a request names is looked for below the places of the settings, or not at all.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from typing import Any

from assets.serving.refusals import Refused, too_large
from assets.storage import BlobStore
from assets.tables.catalog import Catalog, is_in

_BLOB = re.compile(r"blob:([0-9a-f]{64})")
_REMEDY = "give blob:<sha256>, or an s3:// address below the landing zone or the blobs of the settings"


@dataclass(frozen=True)
class Sources:
    """Where images of the stores are read. `landing_uri` and options as in the settings."""

    catalog: Catalog
    landing_uri: str
    blobs_uri: str
    options: dict[str, Any] = field(default_factory=dict)
    most_bytes: int = 16 << 20

    def read_frame(self, frame_id: str) -> bytes:
        """The image of a published frame, as JPEG or PNG. Raises Refused (404, 413)."""
        where = is_in("frame_id", [frame_id])
        rows = self.catalog.read("frames", ["payload", "kind"], where).to_pylist()
        if not rows:
            raise Refused(
                404,
                f"no published frame has the id {frame_id}",
                "`daguerre query` on frames lists ids",
            )
        if rows[0]["kind"] != "color":
            raise Refused(
                422, f"frame {frame_id} is no colour image", "ask about another"
            )
        return self._require_small(_encode(self.catalog, rows[0]["payload"]))

    def read_url(self, url: str) -> bytes:
        """The bytes at an address of the stores. Raises Refused (400, 404, 413) for one elsewhere, or nothing there."""
        blob = _BLOB.fullmatch(url)
        try:
            if blob:
                return self._read_blob(blob[1])
            if self._is_ours(url):
                return self._read_object(url)
        except FileNotFoundError:
            raise Refused(404, f"there is nothing at {url}", _REMEDY) from None
        raise Refused(400, f"{url!r} is no address of the stores", _REMEDY)

    def _is_ours(self, url: str) -> bool:
        """Whether it lies below a bucket of the settings, also where it climbs."""
        scheme, _, path = url.partition("://")
        is_plain = posixpath.normpath(path) == path and not re.search(r"[?#*\[]", path)
        roots = [
            root.rstrip("/")
            for root in (self.landing_uri, self.blobs_uri)
            if root.startswith("s3://")
        ]
        return (
            scheme == "s3"
            and is_plain
            and any(url.startswith(f"{root}/") for root in roots)
        )

    def _read_blob(self, sha256: str) -> bytes:
        blobs = BlobStore(self.blobs_uri, self.options)
        with blobs.open(sha256) as stream:
            content = stream.read(self.most_bytes + 1)
        return self._require_small(content)

    def _read_object(self, url: str) -> bytes:
        import fsspec

        fs, path = fsspec.core.url_to_fs(url, **self.options)
        with fs.open(path, "rb") as stream:
            return self._require_small(stream.read(self.most_bytes + 1))

    def _require_small(self, content: bytes) -> bytes:
        if len(content) > self.most_bytes:
            raise too_large(self.most_bytes)
        return content


def _encode(catalog: Catalog, payload: bytes) -> bytes:
    """The stored bytes where they are JPEG or PNG; else their pixels as PNG."""
    from assets.images import decode_rgb
    from assets.video_frames import unpack

    (stored,) = unpack(catalog, [payload])
    if isinstance(stored, bytes) and stored[:4] in (b"\x89PNG", *_JPEGS):
        return stored
    import cv2

    pixels = cv2.cvtColor(decode_rgb(stored), cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".png", pixels)[1])


_JPEGS = tuple(b"\xff\xd8\xff" + bytes([last]) for last in range(256))
