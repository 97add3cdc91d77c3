"""Frames of stored videos: what the frames table holds as a place becomes pixels, decoded in the sandbox."""

from __future__ import annotations

from collections.abc import Sequence

from assets.formats.messages.containers import read_packets
from assets.images import Payload
from assets.sandbox.video_frames import Videos, decode_places
from assets.sandbox.video_places import VideoPlace, is_place
from assets.tables.catalog import Catalog


def unpack(
    catalog: Catalog, payloads: Sequence[bytes], videos: Videos | None = None
) -> list[Payload]:
    """What `assets.images` decodes, in the same order: encoded images as they are, the pixels of a video's frames.

    Videos are those of the blob store, unless others are given. All are in memory at once. Raises ValueError for a
    frame that is not what was taken in, FileNotFoundError for a video that is gone from the store.
    """
    places = {
        at: VideoPlace.unpack(payload)
        for at, payload in enumerate(payloads)
        if is_place(payload)
    }
    if not places:
        return list(payloads)
    pixels = decode_places(list(places.values()), videos or catalog.blobs, read_packets)
    return [
        pixels[places[at]] if at in places else payload
        for at, payload in enumerate(payloads)
    ]
