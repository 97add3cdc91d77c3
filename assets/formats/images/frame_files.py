"""Turn loose image files into frame observations, for every reader of folders."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from assets.formats.images.image_headers import find_encoding, is_depth_png
from assets.formats.layout import order_naturally, sensor_of, split_of_path
from assets.formats.observations import FrameObservation, Problem
from assets.formats.protocol import (
    HEAD_BYTES,
    Opener,
    UnreadableBytes,
    explain_pointer,
    read_bytes,
    whole_file,
)
from assets.storage import SessionFile

_DEPTH_WORD = re.compile(
    r"(?<![A-Za-z])[Dd](epth|isparit|isp(?![a-z]))|(?<=[a-z])D(epth|isparit)|DEPTH|DISP"
)

_WEB_PAGE = re.compile(rb"\s*(<!doctype html|<html)", re.IGNORECASE)
_TEXT = re.compile(rb"[\t\n\r\x20-\x7e]{8,}")


class FrameFiles:
    """Reads images in natural order of their paths and numbers them per sensor: `sensor`, or what their paths name."""

    def __init__(
        self, reader: str, root: str, opener: Opener, sensor: str | None = None
    ) -> None:
        self._reader = reader
        self._root = root
        self._opener = opener
        self._sensor = sensor
        self._next: Counter[str] = Counter()

    def read(
        self,
        files: Iterable[SessionFile],
        find_split: Callable[[SessionFile], str | None] | None = None,
    ) -> Iterator[FrameObservation | Problem]:
        """One frame a file, or one problem. The split comes from `find_split`, else from the folder names."""
        for file in order_naturally(files):
            split = (
                find_split(file) if find_split else split_of_path(file.path, self._root)
            )
            yield self.read_one(file, split)

    def read_one(
        self, file: SessionFile, split: str | None
    ) -> FrameObservation | Problem:
        """The next frame of its sensor, or the problem with its file."""
        sensor = self._sensor or sensor_of(file.path, self._root)
        sequence = self._next[sensor]
        # also for what cannot be read, so that repairing it renumbers nothing
        self._next[sensor] += 1
        return read_frame_file(
            file, self._opener, self._reader, sensor, sequence=sequence, split=split
        )


def read_frame_file(
    file: SessionFile,
    opener: Opener,
    reader: str,
    sensor: str,
    *,
    t_ns: int | None = None,
    sequence: int = 0,
    split: str | None = None,
    depth_m_per_unit: float | None = None,
) -> FrameObservation | Problem:
    """One image file as a frame. Where a depth unit is given the file must be depth, or it is a problem.

    Otherwise it is depth where it could be and its name says so: 16 bits alone are what thermal, medical and satellite
    cameras write as well.
    """
    try:
        payload = read_bytes(file, opener)
    except UnreadableBytes as error:
        return Problem(whole_file(file), reader, error.reason, error.remedy, sensor)
    encoding = find_encoding(payload)
    if encoding is None:
        reason, remedy = explain_pointer(payload[:64]) or _explain_no_picture(payload)
        return Problem(whole_file(file), reader, reason, remedy, sensor)
    says_depth = depth_m_per_unit is not None or names_depth(file.path)
    kind = "depth" if says_depth and is_depth_png(payload) else "color"
    if depth_m_per_unit is not None and kind != "depth":
        reason = f"stands where depth belongs, and is no 16-bit PNG of one channel but {encoding}"
        return Problem(
            whole_file(file), reader, reason, "export depth as 16-bit PNG", sensor
        )
    return FrameObservation(
        sensor,
        payload,
        encoding,
        whole_file(file),
        kind,
        t_ns,
        sequence,
        split,
        depth_m_per_unit,
    )


def _explain_no_picture(payload: bytes) -> tuple[str, str]:
    """(reason, remedy) for bytes of which no format of images is known."""
    head = payload[:HEAD_BYTES]
    if _WEB_PAGE.match(head):
        return (
            "a web page and no picture: what a server answers in place of a file",
            "download it again",
        )
    if _TEXT.fullmatch(head):
        begins = head.decode(errors="replace").strip()[:40]
        return (
            f"text and no picture: it begins with {begins!r}",
            "copy the picture again from where it comes from, or name the text by its own ending",
        )
    return (
        f"no known image format: the file begins with {payload[:8]!r}",
        "export it again as JPEG or PNG",
    )


def names_depth(path: str) -> bool:
    """Whether a folder or the file name has the word: `depth/1.png`, `a.depth.png`, `DepthMaps/`, `disp_occ_0/`."""
    return bool(_DEPTH_WORD.search(path))
