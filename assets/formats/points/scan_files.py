"""Read files of laser scans: PCD, KITTI's `velodyne*/*.bin` and nuScenes' `*.pcd.bin`, one scan a file.

One capture is one folder. The sensor is what the file of nuScenes, or the folder, is called. A time is only in names of
nuScenes' files, in microseconds; PCD and KITTI's scans without their `timestamps.txt` have none.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from assets.formats.layout import (
    folder_of,
    is_hidden,
    is_plain_folder,
    is_recording_folder,
    name_of,
    order_naturally,
    suffix_of,
)
from assets.formats.observations import Observation, Problem, ScanObservation
from assets.formats.points.clouds import measure_cloud
from assets.formats.points.encodings import decode_scan
from assets.formats.points.pcd import is_pcd
from assets.formats.protocol import (
    CapturePlan,
    Opener,
    UnreadableBytes,
    explain_pointer,
    read_bytes,
    read_head,
    whole_file,
)
from assets.storage import SessionFile

DEFAULT_SENSOR = "lidar"
_REMEDY = "copy it again, or export the scan again"
_VELODYNE = re.compile(r"(^|/)velodyne\w*/", re.IGNORECASE)
_NUSCENES = re.compile(r".+__([A-Z]+(?:_[A-Z]+)*)__(\d{16})\.pcd(\.bin)?")
_PLAIN = re.compile(
    r"^(pcds?|points?|point_?clouds?|scans?|clouds?|bin)$", re.IGNORECASE
)


class ScanFilesReader:
    name = "scan_files"

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        groups: dict[str, list[SessionFile]] = defaultdict(list)
        for file in files:
            if not is_hidden(file.path) and _find_encoding(file, opener):
                groups[folder_of(file.path)].append(file)
        return [
            CapturePlan(
                self.name, root, tuple(order_naturally(mine)), is_container=False
            )
            for root, mine in sorted(groups.items())
        ]

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        numbers = Counter[str]()
        for file in plan.files:
            sensor, t_ns = _name_sensor(file.path)
            encoding = _encoding_of(file.path)
            # also for what cannot be read, so that repairing it renumbers nothing
            number = numbers[sensor]
            numbers[sensor] += 1
            yield read_scan_file(
                file, opener, self.name, sensor, encoding, t_ns=t_ns, sequence=number
            )


def read_scan_file(
    file: SessionFile,
    opener: Opener,
    reader: str,
    sensor: str,
    encoding: str,
    *,
    t_ns: int | None = None,
    sequence: int = 0,
    frame: str | None = None,
) -> ScanObservation | Problem:
    """One file as a scan."""
    source = whole_file(file)
    try:
        data = read_bytes(file, opener)
    except UnreadableBytes as error:
        return Problem(source, reader, error.reason, error.remedy, sensor)
    pointer = explain_pointer(data[:64])
    if pointer:
        return Problem(source, reader, *pointer, sensor)
    try:
        facts = measure_cloud(decode_scan(encoding, data).points)
    except (ValueError, MemoryError) as error:
        reason = f"scan does not decode: {str(error)[:300] or 'not enough memory'}"
        return Problem(source, reader, reason, _REMEDY, sensor)
    return ScanObservation(
        sensor,
        source,
        encoding,
        facts,
        hashlib.sha256(data).hexdigest(),
        len(data),
        data,
        t_ns,
        sequence,
        frame,
    )


def _encoding_of(path: str) -> str:
    if suffix_of(path) == ".pcd":
        return "pcd"
    return "nuscenes_bin" if path.lower().endswith(".pcd.bin") else "kitti_bin"


def _find_encoding(file: SessionFile, opener: Opener) -> bool:
    """Whether a file is a scan, by its name; a PCD by its first bytes too."""
    path = file.path
    if suffix_of(path) == ".pcd":
        try:
            head = read_head(file, opener)
        except UnreadableBytes:
            return True
        return is_pcd(head) or explain_pointer(head) is not None
    return path.lower().endswith(".pcd.bin") or (
        suffix_of(path) == ".bin" and bool(_VELODYNE.search(path))
    )


def _name_sensor(path: str) -> tuple[str, int | None]:
    """The sensor, and the time in ns where the name of the file has it."""
    said = _NUSCENES.fullmatch(name_of(path))
    if said:
        return said[1].lower(), int(said[2]) * 1000
    for folder in reversed(folder_of(path).split("/")):
        is_named = not (is_plain_folder(folder) or is_recording_folder(folder))
        if folder and is_named and not _PLAIN.match(folder):
            return folder.lower(), None
    return DEFAULT_SENSOR, None
