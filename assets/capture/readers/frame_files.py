"""Turn loose image files into frame observations, for every reader of folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from assets.capture.observations import FrameObservation, Problem
from assets.capture.readers.image_headers import find_encoding, is_depth_png
from assets.capture.readers.layout import order_naturally, sensor_of, split_of_path
from assets.capture.readers.protocol import Opener, UnreadableBytes, explain_pointer, read_bytes, whole_file
from assets.storage import SessionFile


class FrameFiles:
    """Reads images in natural order of their paths and numbers them per sensor."""

    def __init__(self, reader: str, root: str, opener: Opener) -> None:
        self._reader, self._root, self._opener = reader, root, opener
        self._next: Counter[str] = Counter()

    def read(
        self, files: Iterable[SessionFile], find_split: Callable[[SessionFile], str | None] | None = None
    ) -> Iterator[FrameObservation | Problem]:
        """One frame a file, or one problem. The split comes from `find_split`, else from the folder names."""
        for file in order_naturally(files):
            split = find_split(file) if find_split else split_of_path(file.path, self._root)
            yield self.read_one(file, split)

    def read_one(self, file: SessionFile, split: str | None) -> FrameObservation | Problem:
        sensor = sensor_of(file.path, self._root)
        sequence = self._next[sensor]
        self._next[sensor] += 1  # also for what cannot be read, so that repairing it renumbers nothing
        try:
            payload = read_bytes(file, self._opener)
        except UnreadableBytes as error:
            return Problem(whole_file(file), self._reader, error.reason, error.remedy, sensor)
        encoding = find_encoding(payload)
        if encoding is None:
            reason, remedy = explain_pointer(payload[:64]) or (
                f"no known image format: the file begins with {payload[:8]!r}",
                "export it again as JPEG or PNG",
            )
            return Problem(whole_file(file), self._reader, reason, remedy, sensor)
        kind = "depth" if is_depth_png(payload) else "color"
        return FrameObservation(sensor, payload, encoding, whole_file(file), kind, None, sequence, split)
